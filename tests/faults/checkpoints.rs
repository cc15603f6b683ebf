//! Invalid checkpoints of a consumer: the server reports tampering, compares every product, and publishes nothing out of
//! order.

use sqlite::rusqlite::params;

use crate::client::Told;
use crate::scenario::{Ledger, arrivals, printed};
use crate::store::{LEDGER, PUBLISHING, VIEWS, by_hand, texts};
use crate::whole::{assert_whole, until_caught_up};

/// The files with a checkpoint, and its consumer.
const CONSUMERS: [(&str, &str); 2] = [(VIEWS, "projector"), (PUBLISHING, "publisher")];
const COMMITS: usize = 5;
/// The positions recorded after the restart, without a gap.
const NEXT: i64 = 6;
/// A position beyond the end of the ledger.
const BEYOND: i64 = 1_000_000;

/// A ledger with `p`, which projector and publisher have handled, and `unseen`, which they have not; `damage` then changes
/// position and hash of the checkpoints. The server is running again when this returns.
async fn restarted(damage: impl Fn(i64, String) -> (i64, String)) -> Ledger {
    let mut ledger = Ledger::start();
    for n in 1..=COMMITS {
        ledger.send("PUT", "/products/p", &format!(r#"{{"name":"{n}","price":"1"}}"#)).await;
    }
    ledger.send("PUT", "/products/unseen", r#"{"name":"n","price":"1"}"#).await;
    until_caught_up(&ledger).await;
    assert_eq!(ledger.terminate(), Some(0));
    for statement in ["products WHERE id", "prices WHERE product_id"] {
        forget(&ledger, VIEWS, statement);
    }
    forget(&ledger, PUBLISHING, "receipts WHERE product_id");
    let bus = by_hand(&ledger.data, PUBLISHING);
    bus.execute("DELETE FROM bus WHERE entry LIKE '%unseen%'", []).unwrap();
    for (file, consumer) in CONSUMERS {
        let kept = by_hand(&ledger.data, file);
        let checkpoint = "SELECT position, hash FROM checkpoints WHERE consumer = ?1";
        let (position, hash) =
            kept.query_row(checkpoint, [consumer], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        let (position, hash) = damage(position, hash);
        let damaged = "UPDATE checkpoints SET position = ?2, hash = ?3 WHERE consumer = ?1";
        assert_eq!(kept.execute(damaged, params![consumer, position, hash]).unwrap(), 1);
    }
    ledger.restart();
    ledger
}

fn forget(ledger: &Ledger, file: &str, rows: &str) {
    let forgotten = by_hand(&ledger.data, file).execute(&format!("DELETE FROM {rows} = 'unseen'"), []);
    assert_eq!(forgotten.unwrap(), 1, "{rows}");
}

/// The server recovered by itself.
async fn nothing_is_lost_nor_out_of_order(ledger: &Ledger) {
    until_caught_up(ledger).await;
    let entries = ledger.bus(|entries| arrivals(entries).1 > COMMITS).await;
    let (sequences, _) = arrivals(&entries);
    for (product, newest) in [("p", COMMITS as u64), ("unseen", 1)] {
        assert_eq!(sequences[product], (1..=newest).collect::<Vec<_>>(), "{product}");
        assert_eq!(ledger.get(&format!("/products/{product}?min_version={newest}")).await.0, 200);
    }
    // The consumers follow the commits again.
    ledger.send("PUT", "/products/new", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| arrivals(entries).1 > COMMITS + 1).await;
    ledger.until("/products/new", |status, _| status == 200).await;
    let verify = ledger.operate(&["verify", "--receipts", "--views"]);
    assert_eq!(verify.status.code(), Some(0), "{}", printed(&verify));
}

fn said(ledger: &Ledger, message: &str) -> Vec<String> {
    let log = ledger.log();
    let has = log.iter().filter(|line| line["message"].as_str().is_some_and(|text| text.contains(message)));
    has.map(|line| line["consumer"].as_str().unwrap_or_default().to_owned()).collect()
}

async fn is_noticed_and_made_good(operation: &str, damage: impl Fn(i64, String) -> (i64, String)) -> Ledger {
    let ledger = restarted(damage).await;
    nothing_is_lost_nor_out_of_order(&ledger).await;
    let mut tampered = said(&ledger, "the ledger was tampered with: the commit at the checkpoint");
    tampered.sort();
    assert_eq!(tampered, ["projector", "publisher"], "{:?}", ledger.log());
    assert_eq!(said(&ledger, "caught up from the event table").len(), 2, "every product is compared");
    let metrics = ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap();
    let metrics = metrics.text().await.unwrap();
    for (_, consumer) in CONSUMERS {
        let counted =
            format!("ledger_tampering_total{{consumer=\"{consumer}\",operation=\"{operation}\"}} 1");
        assert!(metrics.contains(&counted), "{counted} in {metrics}");
    }
    ledger
}

/// The newest position; its commit was recorded after the restart.
fn newest(ledger: &Ledger) -> i64 {
    texts(&ledger.data, LEDGER, "SELECT CAST(max(position) AS TEXT) FROM commits")[0].parse().unwrap()
}

#[tokio::test]
async fn a_checkpoint_beyond_the_newest_commit_is_noticed_and_its_positions_are_never_given_again() {
    let ledger = is_noticed_and_made_good("REMOVE", |_, hash| (BEYOND, hash)).await;
    assert_eq!(newest(&ledger), BEYOND + 1);
}

#[tokio::test]
async fn a_checkpoint_with_another_hash_is_noticed_and_made_good() {
    is_noticed_and_made_good("MODIFY", |position, _| (position, "0".repeat(64))).await;
}

#[tokio::test]
async fn a_checkpoint_that_is_garbage_is_noticed_and_made_good() {
    is_noticed_and_made_good("REMOVE", |_, _| (i64::MIN, "\u{fffd}half a hash".to_owned())).await;
}

#[tokio::test]
async fn a_checkpoint_at_the_largest_position_is_noticed_and_leaves_no_position_out() {
    let ledger = is_noticed_and_made_good("REMOVE", |_, hash| (i64::MAX, hash)).await;
    assert_eq!(newest(&ledger), NEXT);
}

/// As if the consumer had handled less: commits are delivered again, and nothing is applied twice.
#[tokio::test]
async fn a_checkpoint_of_an_earlier_commit_is_gone_on_from() {
    let mut ledger = Ledger::start();
    for n in 1..=COMMITS {
        ledger.send("PUT", "/products/p", &format!(r#"{{"name":"{n}","price":"1"}}"#)).await;
    }
    until_caught_up(&ledger).await;
    assert_eq!(ledger.terminate(), Some(0));
    let first = texts(&ledger.data, LEDGER, "SELECT hash FROM commits WHERE position = 0");
    for (file, _) in CONSUMERS {
        let kept = by_hand(&ledger.data, file);
        kept.execute("UPDATE checkpoints SET position = 0, hash = ?1", [&first[0]]).unwrap();
    }
    ledger.restart();
    until_caught_up(&ledger).await;
    assert_whole(&ledger, &Told::default()).await;
    assert_eq!(said(&ledger, "tampered"), Vec::<String>::new());
}
