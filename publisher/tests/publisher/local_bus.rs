//! The local bus keeps what it was sent, in order, in the form EventBridge delivers, and lets go of the oldest.

use std::sync::Arc;

use engine::Engine;
use engine::probe::{Fault, Faults, Matching};
use event_store::table;
use publisher::bus::{Remedy, local};
use publisher::{Answer, Bus, DynamoBus, Entry, LocalBus};
use serde_json::{Value, json};

use crate::world::clock;

pub fn entry(bus: &str, n: u64) -> Entry {
    Entry {
        source: "product-ledger.products".into(),
        detail_type: "PRODUCT_DELETED".into(),
        bus: bus.into(),
        resources: vec!["p".into()],
        detail: format!("{{\"n\":{n}, \"metadata\":{{\"event_id\":\"event-{n}\"}}, \"text\":\"\\u00e9\"}}"),
        trace_header: None,
    }
}

pub async fn bus_on(config: &aws_config::SdkConfig) -> DynamoBus {
    let client = aws_sdk_dynamodb::Client::new(config);
    table::create(&client, "bus", local::TABLE).await.unwrap();
    DynamoBus::new(client, "bus", clock())
}

fn ids(answers: Vec<Answer>) -> Vec<String> {
    let id = |answer| match answer {
        Answer::Accepted { receipt_id } => receipt_id,
        Answer::Refused(refusal) => panic!("{refusal}"),
    };
    answers.into_iter().map(id).collect()
}

#[tokio::test]
async fn an_entry_is_kept_as_eventbridge_delivers_it() {
    let engine = Engine::in_memory().unwrap();
    let bus = bus_on(&engine.sdk_config()).await;
    let receipts = ids(bus.put(&[entry("local", 1)]).await.unwrap());
    let kept = bus.after("local", 0, 10).await.unwrap().remove(0);
    assert_eq!(
        (kept.position, kept.event_id.as_str(), kept.detail_type.as_str()),
        (1, "event-1", "PRODUCT_DELETED")
    );
    let delivered: Value = serde_json::from_str(&kept.entry).unwrap();
    let expected = json!({"version": "0", "id": receipts[0], "detail-type": "PRODUCT_DELETED",
        "source": "product-ledger.products", "account": "000000000000", "time": "2026-11-23T05:20:00.000Z",
        "region": "local", "resources": ["p"], "detail": {"n": 1, "metadata": {"event_id": "event-1"}, "text": "é"}});
    assert_eq!(delivered, expected);
    assert!(
        kept.entry.contains("{\"n\":1, \"metadata\"") && kept.entry.contains("\\u00e9"),
        "the detail is kept as it was sent"
    );
    let form: Vec<usize> = receipts[0].split('-').map(str::len).collect();
    assert_eq!(form, [8, 4, 4, 4, 12], "{}", receipts[0]);
    assert_eq!(&receipts[0][14..15], "4");
}

#[tokio::test]
async fn entries_stand_in_the_order_of_their_sending_and_each_bus_by_itself() {
    let engine = Engine::in_memory().unwrap();
    let bus = Arc::new(bus_on(&engine.sdk_config()).await);
    let puts = (0..30_u64).map(|n| {
        let bus = bus.clone();
        tokio::spawn(async move {
            bus.put(&[entry("local", n), entry("other", n), entry("local", n + 100)]).await
        })
    });
    let mut receipts = std::collections::HashSet::new();
    for put in puts.collect::<Vec<_>>() {
        receipts.extend(ids(put.await.unwrap().unwrap()));
    }
    assert_eq!(receipts.len(), 90, "ids are unique over all buses");
    for (name, entries) in [("local", 60), ("other", 30)] {
        let kept = bus.after(name, 0, 100).await.unwrap();
        assert!(kept.iter().map(|kept| kept.position).eq(1..=entries), "{name}");
        assert_eq!(bus.newest(name).await.unwrap(), entries);
    }
    let local = bus.after("local", 0, 100).await.unwrap();
    let number =
        |at: usize| serde_json::from_str::<Value>(&local[at].entry).unwrap()["detail"]["n"].as_u64().unwrap();
    assert!((0..30).all(|pair| number(2 * pair) + 100 == number(2 * pair + 1)), "a request stays together");
}

#[tokio::test]
async fn another_process_on_the_same_table_goes_on_where_the_first_ended() {
    let engine = Engine::in_memory().unwrap();
    let first = bus_on(&engine.sdk_config()).await;
    first.put(&[entry("local", 1)]).await.unwrap();
    let second = DynamoBus::new(aws_sdk_dynamodb::Client::new(&engine.sdk_config()), "bus", clock());
    second.put(&[entry("local", 2)]).await.unwrap();
    // The first does not know of the second's entry: it finds its position taken and looks again.
    first.put(&[entry("local", 3)]).await.unwrap();
    let kept = first.after("local", 0, 10).await.unwrap();
    assert!(kept.iter().map(|kept| kept.position).eq(1..=3));
}

#[tokio::test]
async fn only_the_newest_entries_are_kept() {
    let engine = Engine::in_memory().unwrap();
    let bus = bus_on(&engine.sdk_config()).await.keeping(50);
    for n in 0..20 {
        let entries: Vec<Entry> = (0..10).map(|m| entry("local", 10 * n + m)).collect();
        bus.put(&entries).await.unwrap();
    }
    let kept = bus.after("local", 0, 1_000).await.unwrap();
    assert!((50..75).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept.last().unwrap().position, 200);
    assert_eq!(bus.position_of("local", "event-0").await.unwrap(), None);
    let reopened =
        DynamoBus::new(aws_sdk_dynamodb::Client::new(&engine.sdk_config()), "bus", clock()).keeping(10);
    reopened.put(&[entry("local", 0)]).await.unwrap();
    assert!(
        reopened.after("local", 0, 1_000).await.unwrap().len() < 10 + 25,
        "what is left over is dropped later"
    );
}

#[tokio::test]
async fn an_event_leads_back_to_its_oldest_entry_on_its_bus() {
    let engine = Engine::in_memory().unwrap();
    let bus = bus_on(&engine.sdk_config()).await;
    bus.put(&[entry("local", 1), entry("local", 2)]).await.unwrap();
    // As a replay does.
    bus.put(&[entry("local", 2)]).await.unwrap();
    assert_eq!(bus.position_of("local", "event-2").await.unwrap(), Some(2));
    for unknown in ["", "7", "event-3", "2"] {
        assert_eq!(bus.position_of("local", unknown).await.unwrap(), None, "{unknown}");
    }
    assert_eq!(bus.position_of("other", "event-2").await.unwrap(), None);
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_worth_another_try() {
    let engine = Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let bus = bus_on(&config).await;
    faults.add(Matching::operation("TransactWriteItems").always(), Fault::throttled());
    let error = bus.put(&[entry("local", 1)]).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::SendAgain);
    faults.clear();
    bus.put(&[entry("local", 1)]).await.unwrap();
    assert_eq!(bus.newest("local").await.unwrap(), 1);
}

#[tokio::test]
async fn requests_eventbridge_would_refuse_are_refused_here_too() {
    let engine = Engine::in_memory().unwrap();
    let bus = bus_on(&engine.sdk_config()).await;
    let eleven: Vec<Entry> = (0..11).map(|n| entry("local", n)).collect();
    assert_eq!(bus.put(&eleven).await.unwrap_err().remedy, Remedy::Split);
    let mut large = entry("local", 1);
    large.detail = format!("\"{}\"", "x".repeat(1024 * 1024));
    assert_eq!(bus.put(&[large.clone()]).await.unwrap_err().remedy, Remedy::Split);
    large.detail = format!("\"{}\"", "x".repeat(500_000));
    let answers = bus.put(&[entry("local", 1), large, entry("local", 2)]).await.unwrap();
    assert!(matches!(&answers[1], Answer::Refused(refusal) if !refusal.is_retryable()), "{answers:?}");
    assert_eq!(bus.newest("local").await.unwrap(), 2, "its neighbours are kept");
}
