//! The stream of the event table as it really behaves: shards that split and close, parents that go before, during and after
//! a restart, a stream that is replaced. Nothing is lost, and the log says what was caught up.

use std::time::Duration;

use aws_sdk_dynamodb::Client;
use event_store::{DynamoJournal, Journal, seal};
use loopback::StreamServer;
use schema::fixtures;
use serde_json::Value;

use crate::scenario::{Ledger, PATIENCE, arrivals, printed};

const CHECKPOINTS: &str = "ledger-checkpoints";

async fn put(ledger: &Ledger, product: &str, price: &str) {
    let body = format!(r#"{{"name":"{product}","price":"{price}"}}"#);
    let (status, answer) = ledger.send("PUT", &format!("/products/{product}"), &body).await;
    assert!(status == 200 || status == 201, "{answer}");
}

/// Every product is in the views with its newest version, and its events are on the bus in order, with receipts.
async fn is_complete(ledger: &Ledger, products: &[(&str, u64)]) {
    let events = products.iter().map(|(_, version)| usize::try_from(*version).unwrap()).sum();
    let entries = ledger.bus(|entries| arrivals(entries).1 >= events).await;
    let (sequences, _) = arrivals(&entries);
    for (product, version) in products {
        assert_eq!(sequences[*product], (1..=*version).collect::<Vec<_>>(), "{product}");
        ledger.until(&format!("/products/{product}"), |_, shown| shown["version"] == *version).await;
        let published = |_, page: &Value| {
            let commits = page["commits"].as_array().unwrap();
            commits.iter().all(|commit| commit["receipts"][0]["published_at"].is_string())
        };
        ledger.until(&format!("/products/{product}/history"), published).await;
    }
    let verify = ledger.operate(&["verify", "--receipts", "--views", "--wait", "60"]);
    assert_eq!(verify.status.code(), Some(0), "{}", printed(&verify));
}

fn said(ledger: &Ledger, message: &str) -> Vec<Value> {
    let has = |line: &Value| line["message"].as_str().is_some_and(|text| text.contains(message));
    ledger.log().into_iter().filter(has).collect()
}

/// Waits until the log says what each consumer caught up with: events and products that were missing.
async fn caught_up(ledger: &Ledger) -> [(u64, u64); 2] {
    let waiting = async {
        loop {
            let lines = said(ledger, "caught up from the event table");
            let counts = |consumer: &str| {
                let line =
                    lines.iter().find(|line| line["consumer"] == consumer && line["events"].is_u64())?;
                Some((line["events"].as_u64()?, line["behind"].as_u64()?))
            };
            if let (Some(projector), Some(publisher)) = (counts("projector"), counts("publisher")) {
                return [projector, publisher];
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{:?}", ledger.log()))
}

/// The reasons that the consumers gave, without that of their first start.
fn reasons(ledger: &Ledger) -> Vec<String> {
    let lines = said(ledger, "records of the stream may have been missed").into_iter();
    lines.map(|line| line["reason"].as_str().unwrap().to_owned()).collect()
}

/// An empty ledger whose consumers follow the stream.
async fn following() -> (Ledger, StreamServer) {
    let (ledger, streams) = Ledger::start_on_shards();
    let waiting = async {
        while said(&ledger, "caught up from the event table; nothing was missing").len() < 2 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    (ledger, streams)
}

/// A ledger whose consumers have handled `a`, and have not seen what was recorded of `a` and `b` since.
async fn with_unread_records() -> (Ledger, StreamServer, String) {
    let (ledger, streams) = following().await;
    put(&ledger, "a", "1").await;
    is_complete(&ledger, &[("a", 1)]).await;
    streams.hold().await;
    put(&ledger, "a", "2").await;
    put(&ledger, "b", "1").await;
    let shard = streams.open().await.remove(0);
    (ledger, streams, shard)
}

/// What was missed is there, the log says so, and the consumers follow the stream again.
async fn nothing_is_lost(ledger: &Ledger, reason: &str) {
    assert_eq!(caught_up(ledger).await, [(2, 2); 2]);
    let reasons = reasons(ledger);
    assert!(!reasons.is_empty() && reasons.iter().all(|said| said.contains(reason)), "{reasons:?}");
    put(ledger, "c", "1").await;
    is_complete(ledger, &[("a", 2), ("b", 1), ("c", 1)]).await;
}

#[tokio::test]
async fn a_parent_that_goes_before_a_restart_is_caught_up_for() {
    let (mut ledger, streams, parent) = with_unread_records().await;
    ledger.kill();
    streams.split(&parent).await;
    streams.vanish(&parent).await;
    streams.release().await;
    ledger.restart();
    nothing_is_lost(&ledger, "is no longer there and was not read to its end").await;
}

#[tokio::test]
async fn a_parent_that_goes_while_the_server_runs_is_caught_up_for() {
    let (ledger, streams, parent) = with_unread_records().await;
    streams.split(&parent).await;
    streams.vanish(&parent).await;
    streams.release().await;
    nothing_is_lost(&ledger, "is no longer there and was not read to its end").await;
}

#[tokio::test]
async fn a_parent_that_goes_after_a_restart_is_caught_up_for() {
    let (mut ledger, streams, parent) = with_unread_records().await;
    ledger.kill();
    streams.split(&parent).await;
    ledger.restart();
    assert_eq!(ledger.get("/products/a").await.1["version"], 1);
    streams.vanish(&parent).await;
    streams.release().await;
    nothing_is_lost(&ledger, "is no longer there and was not read to its end").await;
}

#[tokio::test]
async fn a_parent_that_is_listed_but_not_found_blocks_nothing() {
    let (ledger, streams, parent) = with_unread_records().await;
    streams.split(&parent).await;
    streams.forget(&parent).await;
    streams.release().await;
    nothing_is_lost(&ledger, "is listed, but gone, and was not read to its end").await;
}

#[tokio::test]
async fn records_that_the_stream_dropped_while_the_server_was_down_are_caught_up_for() {
    let (mut ledger, streams, shard) = with_unread_records().await;
    ledger.kill();
    streams.trim(&shard).await;
    streams.release().await;
    ledger.restart();
    nothing_is_lost(&ledger, "the stream has no record").await;
}

#[tokio::test]
async fn a_stream_that_is_replaced_is_followed_and_what_was_recorded_between_is_caught_up_for() {
    let (ledger, streams, _) = with_unread_records().await;
    streams.disable().await;
    put(&ledger, "between", "1").await;
    streams.enable().await;
    streams.release().await;
    // The rest of the old stream is read to its end; what is in neither is caught up for.
    for (events, products) in caught_up(&ledger).await {
        assert!((1..=3).contains(&events) && (1..=3).contains(&products), "{events} of {products}");
    }
    let reasons = reasons(&ledger);
    assert!(reasons.iter().all(|said| said.contains("the table has another stream")), "{reasons:?}");
    put(&ledger, "c", "1").await;
    is_complete(&ledger, &[("a", 2), ("b", 1), ("between", 1), ("c", 1)]).await;
}

#[tokio::test]
async fn a_first_start_on_an_older_table_projects_and_publishes_what_the_stream_no_longer_has() {
    let (mut ledger, streams, shard) = with_unread_records().await;
    ledger.kill();
    let client = Client::new(&ledger.dynamodb());
    let kept = client.scan().table_name(CHECKPOINTS).limit(100).send().await.unwrap();
    assert_eq!(kept.items().len(), 2);
    for checkpoint in kept.items() {
        let forget = client.delete_item().table_name(CHECKPOINTS).key("id", checkpoint["id"].clone());
        forget.send().await.unwrap();
    }
    streams.trim(&shard).await;
    streams.release().await;
    ledger.restart();
    nothing_is_lost_at_a_first_start(&ledger).await;
}

async fn nothing_is_lost_at_a_first_start(ledger: &Ledger) {
    assert_eq!(caught_up(ledger).await, [(2, 2); 2]);
    assert_eq!(reasons(ledger), [""; 0]);
    put(ledger, "c", "1").await;
    is_complete(ledger, &[("a", 2), ("b", 1), ("c", 1)]).await;
}

/// The results of the first complete round of each consumer: products, and those that were repaired.
async fn rounds(ledger: &Ledger) -> Vec<(String, u64, u64)> {
    let waiting = async {
        loop {
            let lines = said(ledger, "a round of the reconcile is complete");
            let count = |line: &Value, name: &str| line[name].as_u64().unwrap();
            let result = |line: &Value| {
                let consumer = line["consumer"].as_str().unwrap().to_owned();
                (consumer, count(line, "products"), count(line, "repaired"))
            };
            if lines.len() == 3 {
                let mut rounds: Vec<_> = lines.iter().map(result).collect();
                rounds.sort();
                return rounds;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{:?}", ledger.log()))
}

#[tokio::test]
async fn what_the_stream_never_had_is_found_by_the_reconcile() {
    let (mut ledger, streams) = following().await;
    put(&ledger, "a", "1").await;
    is_complete(&ledger, &[("a", 1)]).await;
    ledger.kill();
    streams.hold().await;
    // Recorded long ago, as what is new is still on its way.
    let created = vec![fixtures::helmet_created()];
    let (_, commit) = seal(fixtures::commit_after(None, &fixtures::id("helmet"), created)).unwrap();
    let events = DynamoJournal::new(Client::new(&ledger.dynamodb()), "ledger-events");
    events.append(&commit).await.unwrap();
    ledger.restart_with(&["--retry-parked-every", "1"]);
    let expected = ["prices", "products", "publisher"].map(|consumer| (consumer.to_owned(), 2, 1));
    assert_eq!(rounds(&ledger).await, expected);
    is_complete(&ledger, &[("a", 1), ("helmet", 1)]).await;
    assert_eq!(reasons(&ledger), [""; 0], "the stream gave no reason to catch up");
    let metrics =
        ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap().text().await.unwrap();
    let repaired = r#"ledger_reconciled_products_total{consumer="publisher",result="repaired"} 1"#;
    assert!(metrics.contains(repaired), "{metrics}");
}

#[tokio::test]
async fn shards_that_split_and_roll_keep_the_order_and_need_no_catching_up() {
    let (ledger, streams) = following().await;
    let products: Vec<String> = (0..8).map(|number| format!("p{number}")).collect();
    for round in 1..=6_usize {
        for product in &products {
            put(&ledger, product, &round.to_string()).await;
        }
        let open = streams.open().await;
        if round <= 2 {
            streams.split(&open[0]).await;
        } else {
            streams.roll(&open[round % open.len()]).await;
        }
        streams.expire_iterators().await;
    }
    let newest: Vec<(&str, u64)> = products.iter().map(|product| (product.as_str(), 6)).collect();
    is_complete(&ledger, &newest).await;
    assert_eq!(reasons(&ledger), [""; 0]);
}
