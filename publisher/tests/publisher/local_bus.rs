//! The promises of the local bus on `DynamoDB` beyond the contract in `tests/contract`: two processes can share a table, and
//! an outage is retryable.

use aws_sdk_dynamodb::types::AttributeValue;
use engine::Engine;
use engine::probe::{Faults, InjectedFault, Matching};
use event_store::table;
use publisher::bus::{Remedy, local};
use publisher::{Bus, BusEntry, DynamoBus, LocalBus};

use crate::world::clock;

pub fn entry(bus: &str, n: u64) -> BusEntry {
    BusEntry {
        source: "product-ledger.products".into(),
        detail_type: "PRODUCT_DELETED".into(),
        bus: bus.into(),
        resources: vec!["p".into()],
        deduplication_id: "e".into(),
        detail: format!("{{\"n\":{n}, \"metadata\":{{\"event_id\":\"event-{n}\"}}, \"text\":\"\\u00e9\"}}"),
        trace_header: None,
    }
}

pub async fn bus_on(config: &aws_config::SdkConfig) -> DynamoBus {
    let client = event_store::metering::client(config);
    table::create(&client, "bus", local::TABLE).await.unwrap();
    DynamoBus::new(client, "bus", clock())
}

#[tokio::test]
async fn another_process_on_the_same_table_continues_where_the_first_ended() {
    let engine = Engine::in_memory().unwrap();
    let first = bus_on(&engine.sdk_config()).await;
    first.put(&[entry("local", 1)]).await.unwrap();
    let second = DynamoBus::new(event_store::metering::client(&engine.sdk_config()), "bus", clock());
    second.put(&[entry("local", 2)]).await.unwrap();
    // The first bus does not know the second's entry: it finds its position taken and reads the newest one again.
    first.put(&[entry("local", 3)]).await.unwrap();
    let retained = first.after("local", 0, 10).await.unwrap();
    assert!(retained.iter().map(|retained| retained.position).eq(1..=3));
}

#[tokio::test]
async fn a_store_that_does_not_answer_is_retryable() {
    let engine = Engine::in_memory().unwrap();
    let (config, faults) = Faults::inject(&engine.sdk_config());
    let bus = bus_on(&config).await;
    faults.add(Matching::operation("TransactWriteItems").always(), InjectedFault::throttled());
    let error = bus.put(&[entry("local", 1)]).await.unwrap_err();
    assert_eq!(error.remedy, Remedy::SendAgain);
    faults.clear();
    bus.put(&[entry("local", 1)]).await.unwrap();
    assert_eq!(bus.newest("local").await.unwrap(), 1);
}

#[tokio::test]
async fn an_entry_that_cannot_be_read_is_named_by_its_key() {
    let config = Engine::in_memory().unwrap().sdk_config();
    let bus = bus_on(&config).await;
    let client = event_store::metering::client(&config);
    let item = client.put_item().table_name("bus").item("bus", AttributeValue::S("local".into()));
    item.item("position", AttributeValue::N("7".into())).send().await.unwrap();
    let error = bus.after("local", 0, 10).await.unwrap_err();
    let named = "the bus table: the row \"local\", 7 cannot be read: ";
    assert!(error.is_unreadable() && error.to_string().starts_with(named), "{error}");
}
