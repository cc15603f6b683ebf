//! The whole publisher on tables with the local bus: receipts, positions and parking rows are as with any other bus.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use engine::Engine;
use engine::probe::{Faults, InjectedFault, Matching};
use event_store::{
    Backoff, DynamoJournal, DynamoParking, DynamoReceipts, Journal, Parking, Receipts, parking, receipts,
    table,
};
use publisher::{Address, DynamoBus, LocalBus, Publisher, PublisherPorts, RetryPolicy};
use schema::{PublicationRecord, StoredCommit, fixtures};
use serde_json::Value;

use crate::local_bus::bus_on;
use crate::world::{MINUTE, World, address, batch, clock, failures, sequence_number};

struct Embedded {
    publisher: Publisher,
    bus: Arc<DynamoBus>,
    receipts: DynamoReceipts,
    parking: DynamoParking,
    commits: Vec<StoredCommit>,
}

/// Three products of four events, on tables with these AWS settings.
async fn embedded(config: &SdkConfig) -> Embedded {
    let client = event_store::metering::client(config);
    for (name, shape) in
        [("events", event_store::TABLE), ("receipts", receipts::TABLE), ("parking", parking::TABLE)]
    {
        table::create(&client, name, shape).await.unwrap();
    }
    let journal = DynamoJournal::new(client.clone(), "events");
    let receipts = DynamoReceipts::new(client.clone(), "receipts");
    let parking = DynamoParking::new(client.clone(), "parking");
    let world = World::default();
    let mut commits = Vec::new();
    for product in ["a", "b", "c"] {
        commits.extend(world.life(product, 4).await);
    }
    for commit in &commits {
        journal.append(commit).await.unwrap();
    }
    let bus = Arc::new(bus_on(config).await);
    let ports = PublisherPorts {
        journal: Arc::new(journal),
        receipts: Arc::new(receipts.clone()),
        parking: Arc::new(parking.clone()),
        bus: bus.clone(),
        clock: clock(),
    };
    let backoff = Backoff { first: Duration::from_millis(1), longest: Duration::from_secs(5) };
    let retry_policy = RetryPolicy { backoff, total: Duration::from_millis(50) };
    let publisher = Publisher::new(ports, Address { bus: "local".into(), ..address() }, retry_policy);
    Embedded { publisher, bus, receipts, parking, commits }
}

/// Product, sequence and event id of the entries that the bus retains.
async fn retained(bus: &DynamoBus) -> Vec<(String, u64, String)> {
    let retained = bus.after("local", 0, 1_000).await.unwrap();
    let metadata = retained.iter().map(|retained| {
        let entry: Value = serde_json::from_str(&retained.entry).unwrap();
        entry["detail"]["metadata"].clone()
    });
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    metadata
        .map(|metadata| {
            (
                text(&metadata["product_id"]),
                metadata["sequence"].as_u64().unwrap(),
                text(&metadata["event_id"]),
            )
        })
        .collect()
}

#[tokio::test]
async fn receipts_carry_the_ids_of_the_local_bus() {
    let engine = Engine::in_memory().unwrap();
    let embedded = embedded(&engine.sdk_config()).await;
    for _ in 0..2 {
        let response = embedded.publisher.publish(batch(&embedded.commits), MINUTE).await;
        assert_eq!(failures(&response), Vec::<String>::new());
        assert_eq!(retained(&embedded.bus).await.len(), 12);
    }
    for product in ["a", "b", "c"] {
        let product = fixtures::id(product);
        assert_eq!(embedded.receipts.position(&product).await.unwrap().published, 4);
        for (sequence, record) in embedded.receipts.of(&product, 1, 4).await.unwrap() {
            let PublicationRecord::Receipt(receipt) = record else { panic!("{record:?}") };
            let entries = embedded.bus.after("local", 0, 1_000).await.unwrap();
            let mut entries =
                entries.iter().map(|retained| serde_json::from_str::<Value>(&retained.entry).unwrap());
            let entry = entries.find(|entry| entry["id"] == receipt.receipt_id.as_str()).unwrap();
            let metadata = &entry["detail"]["metadata"];
            let of = (&metadata["product_id"], &metadata["sequence"], &metadata["event_id"]);
            let receipt_of = (product.as_str().into(), sequence.into(), receipt.event_id.into());
            assert_eq!(of, (&receipt_of.0, &receipt_of.1, &receipt_of.2));
            assert_eq!((receipt.bus.as_str(), receipt.attempts), ("local", 1));
        }
    }
}

#[tokio::test]
async fn while_tables_are_down_the_batch_is_redelivered_and_in_the_end_every_event_has_a_receipt() {
    let engine = Engine::in_memory().unwrap();
    let once = engine.sdk_config().to_builder().retry_config(RetryConfig::disabled()).build();
    let (config, faults) = Faults::inject(&once);
    let embedded = embedded(&config).await;
    for operation in ["Query", "BatchWriteItem"] {
        faults.add(Matching::operation(operation).always(), InjectedFault::throttled());
        let response = embedded.publisher.publish(batch(&embedded.commits), MINUTE).await;
        let first_of_each = [1, 5, 9].map(sequence_number);
        assert_eq!(failures(&response), first_of_each, "{operation}");
        faults.clear();
    }
    let response = embedded.publisher.publish(batch(&embedded.commits), MINUTE).await;
    assert_eq!(failures(&response), Vec::<String>::new());
    let sent = retained(&embedded.bus).await;
    // Each event was sent once while receipts could not be written and once more after that, but not again.
    assert_eq!(sent.len(), 24);
    assert_eq!(sent.iter().collect::<std::collections::HashSet<_>>().len(), 12, "with the same event ids");
    assert_eq!(embedded.receipts.position(&fixtures::id("a")).await.unwrap().published, 4);
}

#[tokio::test]
async fn a_local_bus_that_is_down_parks_products_and_the_schedule_publishes_them() {
    let engine = Engine::in_memory().unwrap();
    let once = engine.sdk_config().to_builder().retry_config(RetryConfig::disabled()).build();
    let (config, faults) = Faults::inject(&once);
    let embedded = embedded(&config).await;
    faults.add(Matching::operation("TransactWriteItems").always(), InjectedFault::FailBefore);
    let response = embedded.publisher.publish(batch(&embedded.commits), MINUTE).await;
    assert_eq!(failures(&response), Vec::<String>::new());
    assert_eq!(embedded.parking.list("publisher", None, 10).await.unwrap().len(), 3);
    faults.clear();
    assert_eq!(embedded.publisher.retry_parked(MINUTE).await.unwrap().released, 3);
    assert_eq!(embedded.parking.list("publisher", None, 10).await.unwrap(), []);
    let sent = retained(&embedded.bus).await;
    for product in ["a", "b", "c"] {
        let of_product = sent.iter().filter(|(of, _, _)| of == product);
        assert!(of_product.map(|(_, sequence, _)| *sequence).eq(1..=4), "{product}");
    }
}
