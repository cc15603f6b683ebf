//! The publisher against a moto server whose rule delivers to SQS: the delivered messages are the events of the ledger, and
//! the receipts carry the ids of the bus.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use event_store::{Backoff, Parking, Receipts};
use publisher::bus::BusRefusal;
use publisher::replay::{ReplayError, ReplaySelection};
use publisher::{Bus, BusEntry, EntryOutcome, EventBridge, Publisher, PublisherPorts, RetryPolicy};
use schema::message::Replay;
use schema::{PublicationRecord, fixtures};
use serde_json::Value;

use crate::moto_server::Moto;
use crate::world::{MINUTE, World, address, batch, clock, failures};

const BUS: &str = "product-ledger";

/// Longer than a moto server takes on any machine: an answer that came too late would be sent again, and keep it busier still.
const PATIENCE: Duration = Duration::from_mins(10);

fn publisher_to(moto: &Moto, world: &World) -> Publisher {
    publisher_that_retries(moto, world, PATIENCE)
}

/// A publisher that parks a product after the bus has failed for `total`.
fn publisher_that_retries(moto: &Moto, world: &World, total: Duration) -> Publisher {
    let ports = PublisherPorts {
        journal: world.journal.clone(),
        receipts: world.receipts.clone(),
        parking: world.parking.clone(),
        bus: Arc::new(EventBridge::with_answer_timeout(&moto.config(), PATIENCE)),
        clock: clock(),
    };
    let backoff = Backoff { first: Duration::from_millis(10), longest: Duration::from_secs(5) };
    let retry_policy = RetryPolicy { backoff, total };
    Publisher::new(ports, address(), retry_policy)
}

/// Delivered messages by product, as sequence, delivery id and detail.
fn by_product(delivered: &[Value]) -> BTreeMap<String, Vec<(u64, String, Value)>> {
    let mut products: BTreeMap<String, Vec<_>> = BTreeMap::new();
    for entry in delivered {
        let metadata = &entry["detail"]["metadata"];
        let product = metadata["product_id"].as_str().unwrap().to_owned();
        let id = entry["id"].as_str().unwrap().to_owned();
        let message = (metadata["sequence"].as_u64().unwrap(), id, entry["detail"].clone());
        products.entry(product).or_default().push(message);
    }
    products
}

#[tokio::test]
async fn every_event_arrives_at_the_target_in_order_and_its_receipt_has_the_id_of_the_bus() {
    let Some(mut moto) = Moto::find() else { return };
    moto.start().await;
    moto.create_bus(BUS).await;
    let world = World::default();
    let mut commits = Vec::new();
    for n in 0..23_usize {
        commits.extend(world.life(&format!("p{n:02}"), n % 7 + 1).await);
    }
    let response = publisher_to(&moto, &world).publish(batch(&commits), PATIENCE).await;
    assert_eq!(failures(&response), Vec::<String>::new());

    let delivered = moto.delivered(BUS).await;
    // An event may arrive more than once where the server did not answer in time on a busy machine.
    let event = |entry: &Value| {
        let metadata = &entry["detail"]["metadata"];
        (metadata["product_id"].to_string(), metadata["sequence"].as_u64())
    };
    let events: BTreeSet<_> = delivered.iter().map(event).collect();
    assert_eq!(events.len(), commits.len());
    for entry in &delivered {
        let name = entry["detail-type"].as_str().unwrap();
        assert_eq!(entry["detail"]["metadata"]["event_name"], name);
        assert_eq!(entry["source"], "product-ledger.products");
        assert_eq!(entry["resources"][0], entry["detail"]["metadata"]["product_id"]);
    }
    for (product, messages) in by_product(&delivered) {
        let receipts = world.receipts.of(&fixtures::id(&product), 1, 99).await.unwrap();
        let first_of: BTreeMap<u64, usize> =
            messages.iter().enumerate().rev().map(|(place, message)| (message.0, place)).collect();
        assert!(first_of.values().is_sorted(), "{product}: out of order");
        assert_eq!(first_of.len(), receipts.len(), "{product}");
        for (sequence, record) in receipts {
            let PublicationRecord::Receipt(receipt) = record else { panic!("{record:?}") };
            let is_of_bus = messages.iter().any(|(of, id, _)| (*of, id) == (sequence, &receipt.receipt_id));
            assert!(is_of_bus, "{product} {sequence}: {receipt:?}");
        }
    }
}

#[tokio::test]
async fn while_the_bus_is_down_products_are_parked_and_the_schedule_publishes_them_when_it_is_up_again() {
    let Some(mut moto) = Moto::find() else { return };
    let world = World::default();
    let commits = world.life("a", 3).await;
    let hasty = publisher_that_retries(&moto, &world, Duration::from_millis(200));
    assert_eq!(failures(&hasty.publish(batch(&commits), MINUTE).await), Vec::<String>::new());
    let row = world.parking.of("publisher", &fixtures::id("a")).await.unwrap().unwrap();
    assert!(row.retryable && row.reason.starts_with("NoConnection"), "{}", row.reason);

    moto.start().await;
    moto.create_bus(BUS).await;
    assert_eq!(publisher_to(&moto, &world).retry_parked(PATIENCE).await.unwrap().released, 1);
    let sequences: Vec<u64> =
        by_product(&moto.delivered(BUS).await)["a"].iter().map(|message| message.0).collect();
    assert_eq!(sequences, [1, 2, 3]);
}

#[tokio::test]
async fn a_replay_reaches_the_bus_it_names_and_a_missing_bus_is_an_error() {
    let Some(mut moto) = Moto::find() else { return };
    moto.start().await;
    moto.create_bus("audit").await;
    let world = World::default();
    world.life("a", 2).await;
    let publisher = publisher_to(&moto, &world);
    let mark = Replay {
        id: "01K9XFT9EG0000000000004000".into(),
        requested_at: fixtures::at("2026-11-23T09:00:00Z"),
    };
    publisher.replay(&ReplaySelection::default(), Some("audit"), &mark, |_| ()).await.unwrap();
    let delivered = moto.delivered("audit").await;
    let marked = delivered.iter().filter(|entry| entry["detail"]["metadata"]["replay"]["id"] == mark.id);
    assert_eq!((delivered.len(), marked.count()), (2, 2));
    let nowhere = publisher.replay(&ReplaySelection::default(), Some("nowhere"), &mark, |_| ()).await;
    assert!(matches!(nowhere, Err(ReplayError::Refused(_))), "{nowhere:?}");
}

#[tokio::test]
async fn an_entry_that_the_bus_refuses_is_answered_by_itself() {
    let Some(mut moto) = Moto::find() else { return };
    moto.start().await;
    moto.create_bus(BUS).await;
    let entry = |detail: &str| BusEntry {
        source: "product-ledger.products".into(),
        detail_type: "PRODUCT_DELETED".into(),
        bus: BUS.into(),
        resources: vec!["p".into()],
        deduplication_id: "e".into(),
        detail: detail.into(),
        trace_header: None,
    };
    let bus = EventBridge::with_answer_timeout(&moto.config(), PATIENCE);
    let answers = bus.put(&[entry("{}"), entry("{broken"), entry("{\"n\":3}")]).await.unwrap();
    let [EntryOutcome::Accepted(_), EntryOutcome::Refused(refused), EntryOutcome::Accepted(_)] = &answers[..]
    else {
        panic!("{answers:?}")
    };
    assert_eq!(*refused, BusRefusal::new("MalformedDetail", "Detail is malformed."));
    assert_eq!(moto.delivered(BUS).await.len(), 2);
}
