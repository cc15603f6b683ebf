//! Commits changed by hand: the file rejects it, and the server detects what was written without it.

use std::time::Duration;

use crate::scenario::{Ledger, PATIENCE, printed};
use crate::store::{LEDGER, PUBLISHING, by_hand, texts};
use crate::whole::until_caught_up;

async fn ledger_of_three() -> Ledger {
    let ledger = Ledger::start();
    for n in 1..=3 {
        ledger.send("PUT", "/products/p", &format!(r#"{{"name":"{n}","price":"1"}}"#)).await;
    }
    until_caught_up(&ledger).await;
    ledger
}

async fn counted(ledger: &Ledger) -> bool {
    let metrics = ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap();
    let name = "ledger_tampering_total{consumer=\"ledger\",operation=\"other\"} ";
    metrics
        .text()
        .await
        .unwrap()
        .lines()
        .any(|line| line.strip_prefix(name).is_some_and(|times| times != "0"))
}

fn said(ledger: &Ledger, message: &str) -> bool {
    ledger.log().iter().any(|line| line["message"].as_str().is_some_and(|text| text.contains(message)))
}

async fn until(wanted: impl AsyncFn() -> bool) {
    let waiting = async {
        while !wanted().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
}

#[tokio::test]
async fn the_file_refuses_to_change_or_remove_a_commit() {
    let ledger = ledger_of_three().await;
    let somebody = by_hand(&ledger.data, LEDGER);
    for (statement, refusal) in [
        ("UPDATE commits SET line = '{}' WHERE position = 1", "a commit is never changed"),
        ("UPDATE commits SET position = position + 10", "a commit is never changed"),
        ("DELETE FROM commits WHERE position = 2", "a commit is never removed"),
        ("DELETE FROM commits", "a commit is never removed"),
    ] {
        let refused = somebody.execute(statement, []).unwrap_err().to_string();
        assert!(refused.contains(refusal), "{statement}: {refused}");
    }
    let verify = ledger.operate(&["verify", "--receipts", "--views"]);
    assert_eq!(verify.status.code(), Some(0), "{}", printed(&verify));
}

#[tokio::test]
async fn a_commit_that_another_process_inserts_is_noticed_after_the_next_write() {
    let ledger = ledger_of_three().await;
    assert!(!counted(&ledger).await, "the server's own writes are no tampering");
    by_hand(&ledger.data, LEDGER)
        .execute(
            "INSERT INTO commits SELECT 1 + max(position), 4, 'p', commit_id, recorded_at, hash, \
             replace(line, '\"name\":\"3\"', '\"name\":\"x\"') FROM commits",
            [],
        )
        .unwrap();
    ledger.send("PUT", "/products/q", r#"{"name":"n","price":"1"}"#).await;
    until(async || counted(&ledger).await).await;
    for message in [
        "the ledger was tampered with: another process has changed the file",
        "a commit does not have the hash it carries",
    ] {
        until(async || said(&ledger, message)).await;
    }
    let verify = ledger.operate(&["verify"]);
    assert_eq!(verify.status.code(), Some(1), "{}", printed(&verify));
    // The other products are not affected.
    ledger.until("/products/q", |status, _| status == 200).await;
}

/// Even before the server has written anything itself.
#[tokio::test]
async fn a_change_before_the_first_write_of_a_server_is_noticed_with_that_write() {
    let mut ledger = ledger_of_three().await;
    assert_eq!(ledger.terminate(), Some(0));
    ledger.restart();
    let copy = "INSERT INTO commits SELECT 1 + max(position), 4, 'p', commit_id, recorded_at, hash, line FROM commits";
    by_hand(&ledger.data, LEDGER).execute(copy, []).unwrap();
    ledger.send("PUT", "/products/q", r#"{"name":"n","price":"1"}"#).await;
    until(async || counted(&ledger).await).await;
}

/// SQLite fires no delete trigger for a row that `REPLACE` overwrites.
#[tokio::test]
async fn a_commit_cannot_be_replaced_either() {
    let mut ledger = ledger_of_three().await;
    assert_eq!(ledger.terminate(), Some(0));
    let somebody = by_hand(&ledger.data, LEDGER);
    for key in ["position, sequence", "position + 9, sequence", "position, sequence + 9"] {
        let replace = format!(
            "INSERT OR REPLACE INTO commits SELECT {key}, product_id, commit_id, recorded_at, hash, 'x' \
             FROM commits WHERE position = 1"
        );
        let refused = somebody.execute(&replace, []).unwrap_err().to_string();
        assert!(refused.contains("a commit is never replaced"), "{key}: {refused}");
    }
}

#[tokio::test]
async fn a_file_that_is_taken_away_under_a_server_ends_it_with_a_word() {
    for file in [LEDGER, PUBLISHING] {
        let mut ledger = ledger_of_three().await;
        std::fs::rename(ledger.data.join(file), ledger.data.join("elsewhere")).unwrap();
        assert_eq!(ledger.ended(), Some(2), "{file}");
        let reasons = ledger.log().into_iter().filter_map(|line| Some(line["reason"].as_str()?.to_owned()));
        let expected = format!("{file} was moved, removed or replaced while in use");
        assert!(reasons.into_iter().any(|reason| reason.starts_with(&expected)), "{file}");
    }
}

/// Dropping and restoring a trigger leaves no trace in the schema, but the chain shows the change.
#[tokio::test]
async fn a_commit_that_was_changed_with_the_trigger_away_is_named_by_verify() {
    let mut ledger = ledger_of_three().await;
    assert_eq!(ledger.terminate(), Some(0));
    let trigger =
        texts(&ledger.data, LEDGER, "SELECT sql FROM sqlite_schema WHERE name = 'commits_are_not_changed'");
    let somebody = by_hand(&ledger.data, LEDGER);
    let change =
        "UPDATE commits SET line = replace(line, '\"name\":\"2\"', '\"name\":\"x\"') WHERE position = 1";
    let statements = ["DROP TRIGGER commits_are_not_changed", change, &trigger[0]];
    somebody.execute_batch(&statements.join(";")).unwrap();
    drop(somebody);
    ledger.restart();
    let verify = ledger.operate(&["verify"]);
    assert_eq!(verify.status.code(), Some(1), "{}", printed(&verify));
    assert!(printed(&verify).contains('p'), "{}", printed(&verify));
}
