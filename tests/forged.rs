//! A commit forged by somebody who can write the file: it is only appended, so nothing in the ledger, no earlier export
//! and, once it is published, no receipt distinguishes it from a genuine one. `docs/audit.md` says so.

use rusqlite::Connection;
use schema::event::ProductRenamed;
use schema::{ProductEvent, StoredCommit, fixtures};

use crate::scenario::{Ledger, printed, program};

/// Records that somebody else renamed the product, as the server would have written it.
fn forge(ledger: &Ledger, product: &str) {
    let connection = Connection::open(ledger.data.join("ledger.sqlite3")).unwrap();
    let newest = "SELECT line FROM commits WHERE product_id = ?1 ORDER BY sequence DESC LIMIT 1";
    let line: String = connection.query_row(newest, [product], |row| row.get(0)).unwrap();
    let before = serde_json::from_str::<StoredCommit>(&line).unwrap().decode().unwrap();
    let renamed = ProductRenamed { name: "Forged".into(), previous_name: before.state.facts.name.clone() };
    let renamed = vec![ProductEvent::ProductRenamed(renamed)];
    let mut unsealed = fixtures::commit_after(Some(&before), &before.product_id, renamed);
    unsealed.recorded_at = before.recorded_at;
    unsealed.state.updated_at = before.recorded_at;
    unsealed.metadata.actor = "the director".into();
    let (forged, stored) = event_store::seal(unsealed).unwrap();
    let line = String::from_utf8(event_store::export::line(&stored).unwrap()).unwrap();
    let (sequence, id) = (forged.sequence.to_string(), forged.commit_id.to_string());
    let recorded_at = forged.recorded_at.to_string();
    let row = [&sequence, product, &id, &recorded_at, forged.hash.as_str(), line.trim_end()];
    let insert = "INSERT INTO commits (position, sequence, product_id, commit_id, recorded_at, hash, line) \
                  SELECT 1 + max(position), CAST(?1 AS INTEGER), ?2, ?3, ?4, ?5, ?6 FROM commits";
    assert_eq!(connection.execute(insert, row).unwrap(), 1);
}

#[tokio::test]
async fn a_commit_that_was_forged_and_published_shows_nowhere_in_the_ledger() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| entries.len() == 1).await;
    let directory = tempfile::tempdir().unwrap();
    let earlier = directory.path().join("earlier.ndjson");
    let earlier = earlier.to_str().unwrap();
    let exported = ledger.operate(&["export", "-o", earlier]);
    assert!(exported.status.success(), "{}", printed(&exported));

    // Somebody keeps the checkpoint with the first commit.
    let whole = ledger.operate(&["verify", "--log", "--wait", "100"]);
    assert_eq!(whole.status.code(), Some(0), "{}", printed(&whole));
    let kept = directory.path().join("kept");
    let key = String::from_utf8(ledger.operate(&["log", "key"]).stdout).unwrap();
    let log_verify = |ledger: &Ledger| {
        let mut verify = program();
        verify
            .args(["log", "verify"])
            .arg(ledger.data.join("log"))
            .args(["--key", key.trim(), "--keep"])
            .arg(&kept);
        verify.output().unwrap()
    };
    assert!(log_verify(&ledger).status.success());

    assert_eq!(ledger.terminate(), Some(0));
    forge(&ledger, "p");
    let verify = ledger.operate(&["verify", "--against", earlier]);
    assert_eq!(verify.status.code(), Some(0), "before it is published: {}", printed(&verify));
    let verify = ledger.operate(&["verify", "--log", "--wait", "0"]);
    assert!(
        printed(&verify).contains("not logged yet: 1 commit;"),
        "before it is logged: {}",
        printed(&verify)
    );

    ledger.restart();
    let entries = ledger.bus(|entries| entries.len() == 2).await;
    assert_eq!(entries[1]["detail"]["metadata"]["actor"], "the director");
    ledger.until("/products/p", |_, product| product["name"] == "Forged").await;
    let verify = ledger.operate(&["verify", "--receipts", "--views", "--against", earlier]);
    assert_eq!(verify.status.code(), Some(0), "{}", printed(&verify));
    assert!(printed(&verify).contains("whole: 1 product, 2 commits, 2 events"), "{}", printed(&verify));
    // It is logged like any other, behind the checkpoint that was kept, although it carries the time of the commit before.
    let verify = ledger.operate(&["verify", "--log", "--wait", "100"]);
    assert_eq!(verify.status.code(), Some(0), "{}", printed(&verify));
    let verify = log_verify(&ledger);
    assert!(
        printed(&verify).contains("2 entries") && printed(&verify).contains("grown from 1"),
        "{}",
        printed(&verify)
    );
}
