//! A checkpoint of a consumer that is not to be believed: the server says so, brings in from the event table what the stream
//! may not give any more, and publishes nothing out of order.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use engine::Engine;
use event_store::{DynamoJournal, Journal, seal};
use schema::fixtures;
use serde_json::Value;

use crate::scenario::{Ledger, arrivals, printed};
use crate::whole::until_caught_up;

const CHECKPOINTS: &str = "ledger-checkpoints";
const CONSUMERS: [&str; 2] = ["projector", "publisher"];

type Item = HashMap<String, AttributeValue>;

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// A ledger that is down, with `p` known everywhere and `unseen` in the event table and its stream only; then each
/// consumer's checkpoint becomes what `damage` makes of it. The server is up again when this returns.
async fn restarted(trim: bool, damage: impl Fn(&mut Item)) -> Ledger {
    let mut ledger = Ledger::start();
    for n in 1..=5 {
        ledger.send("PUT", "/products/p", &format!(r#"{{"name":"{n}","price":"1"}}"#)).await;
    }
    until_caught_up(&ledger).await;
    assert_eq!(ledger.terminate(), Some(0));
    let engine = Engine::open(&ledger.data).unwrap();
    let client = Client::new(&engine.sdk_config());
    append_unseen(&client).await;
    if trim {
        // All but the newest record.
        engine.trim_stream("ledger-events", &number(i64::MAX)).await.unwrap();
    }
    let kept = client.scan().table_name(CHECKPOINTS).limit(10).send().await.unwrap();
    assert_eq!(kept.items().len(), CONSUMERS.len());
    for item in kept.items() {
        let mut damaged = item.clone();
        damage(&mut damaged);
        let forget = client.delete_item().table_name(CHECKPOINTS).key("id", item["id"].clone());
        forget.send().await.unwrap();
        client.put_item().table_name(CHECKPOINTS).set_item(Some(damaged)).send().await.unwrap();
    }
    engine.close().await;
    ledger.restart();
    ledger
}

/// A product with a story of several commits.
async fn append_unseen(client: &Client) {
    let journal = DynamoJournal::new(client.clone(), "ledger-events");
    let (id, mut newest) = (fixtures::id("unseen"), None);
    for event in fixtures::helmet_story() {
        let (commit, stored) = seal(fixtures::commit_after(newest.as_ref(), &id, vec![event])).unwrap();
        journal.append(&stored).await.unwrap();
        newest = Some(commit);
    }
}

/// The sequence number of the stream that the engine keeps as `stored`.
fn number(stored: i64) -> String {
    (100_000_000_000_000_000_000 + i128::from(stored)).to_string()
}

/// Nobody had to help.
async fn nothing_is_lost_nor_out_of_order(ledger: &Ledger) {
    until_caught_up(ledger).await;
    let unseen = fixtures::helmet_story().len();
    let entries = ledger.bus(|entries| arrivals(entries).1 >= 5 + unseen).await;
    let (sequences, _) = arrivals(&entries);
    for (product, newest) in [("p", 5), ("unseen", unseen as u64)] {
        assert_eq!(sequences[product], (1..=newest).collect::<Vec<_>>(), "{product}");
        assert_eq!(ledger.get(&format!("/products/{product}?version={newest}")).await.0, 200);
    }
    let verify = ledger.operate(&["verify", "--receipts", "--views"]);
    assert_eq!(verify.status.code(), Some(0), "{}", printed(&verify));
    // The stream is followed again.
    ledger.send("PUT", "/products/new", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| arrivals(entries).1 > 5 + unseen).await;
    ledger.until("/products/new", |status, _| status == 200).await;
}

fn said(ledger: &Ledger, message: &str) -> usize {
    let has = |line: &&Value| line["message"].as_str().is_some_and(|text| text.starts_with(message));
    ledger.log().iter().filter(has).count()
}

async fn is_noticed_and_made_good(trim: bool, damage: impl Fn(&mut Item)) {
    let ledger = restarted(trim, damage).await;
    nothing_is_lost_nor_out_of_order(&ledger).await;
    assert_eq!(said(&ledger, "the checkpoint is wrong"), CONSUMERS.len(), "{:?}", ledger.log());
    assert_eq!(said(&ledger, "caught up from the event table"), CONSUMERS.len());
}

#[tokio::test]
async fn a_checkpoint_that_is_garbage_is_noticed_and_made_good() {
    is_noticed_and_made_good(false, |item| drop(item.insert("after".into(), text("\u{fffd}half a number"))))
        .await;
}

#[tokio::test]
async fn a_checkpoint_of_another_type_is_noticed_and_made_good() {
    is_noticed_and_made_good(false, |item| drop(item.insert("after".into(), AttributeValue::N("7".into()))))
        .await;
}

#[tokio::test]
async fn a_checkpoint_ahead_of_the_stream_is_noticed_and_made_good() {
    is_noticed_and_made_good(false, |item| drop(item.insert("after".into(), text(&number(i64::MAX))))).await;
}

#[tokio::test]
async fn a_checkpoint_behind_what_the_stream_keeps_is_noticed_and_made_good() {
    is_noticed_and_made_good(true, |item| drop(item.insert("after".into(), text(&number(1))))).await;
}

#[tokio::test]
async fn a_checkpoint_at_the_end_of_a_shard_without_end_is_noticed_and_made_good() {
    let ended = |item: &mut Item| {
        item.remove("after");
        item.insert("finished".into(), AttributeValue::Bool(true));
    };
    is_noticed_and_made_good(false, ended).await;
}

#[tokio::test]
async fn a_checkpoint_of_another_stream_is_noticed_and_made_good() {
    is_noticed_and_made_good(false, |item| drop(item.insert("stream".into(), text("another")))).await;
}

/// That is as if there were none: everything that is kept comes again.
#[tokio::test]
async fn a_checkpoint_of_another_shard_counts_for_nothing() {
    let elsewhere = |item: &mut Item| {
        let id = format!("{}-of-another", item["id"].as_s().unwrap());
        item.insert("id".into(), text(&id));
    };
    nothing_is_lost_nor_out_of_order(&restarted(false, elsewhere).await).await;
}
