//! Items that are put past the proxy are those the libraries write themselves, and a product made of them can be loaded
//! and commanded.

use bench::dynamo_es::DynamoEs;
use bench::event_store_adapter::Adapter;
use bench::measure::Store;
use bench::ours::Ledger;
use bench::product::{self, Work};
use bench::tables::{Item, partition};

use ::dynamo_es::DynamoEventRepository;
use aws_sdk_dynamodb::types::AttributeValue;
use cqrs_es::event_sink::EventSink;
use cqrs_es::persist::PersistedEventStore;
use cqrs_es::{Aggregate, CqrsFramework};
use schema::ProductEvent;
use serde::{Deserialize, Serialize};

use super::given::{Given, given};

const EVENTS: u64 = 3;

/// Writes one product through the library and one past it; both have to be the same but for their id.
async fn compare(given: &Given, store: &dyn Store, key: &str, prefix: &str, tables: &[&str]) {
    let (written, put) = (product::id("written", "", Work::Price, 0), product::id("put", "", Work::Price, 0));
    store.create(&written).await.unwrap();
    for next in 2..=EVENTS {
        store.command(&written, next).await.unwrap();
    }
    store.prefill(&put, EVENTS).await.unwrap();
    for table in tables {
        let of = async |id: &str| {
            let items = partition(&given.past, table, key, &format!("{prefix}{id}")).await.unwrap();
            assert!(!items.is_empty(), "{table}");
            let anonymous =
                |item: Item| item.into_iter().map(|(name, value)| (name, without(value, id))).collect();
            items.into_iter().map(anonymous).collect::<Vec<Item>>()
        };
        assert_eq!(of(&written).await, of(&put).await, "{table}");
    }
    for id in [&written, &put] {
        assert_eq!(store.load(id).await.unwrap(), EVENTS);
        store.command(id, EVENTS + 1).await.unwrap();
        assert_eq!(store.load(id).await.unwrap(), EVENTS + 1);
    }
}

fn without(value: AttributeValue, id: &str) -> AttributeValue {
    match value {
        AttributeValue::S(text) => AttributeValue::S(text.replace(id, "ID")),
        other => other,
    }
}

#[tokio::test]
async fn dynamo_es() {
    let given = given().await;
    let store = DynamoEs::new(given.client.clone(), given.past.clone(), false, Work::Price);
    compare(&given, &store, "AggregateTypeAndId", "product:", &["Events"]).await;
}

#[tokio::test]
async fn dynamo_es_with_its_aggregate_store() {
    let given = given().await;
    let store = DynamoEs::new(given.client.clone(), given.past.clone(), true, Work::Price);
    compare(&given, &store, "AggregateTypeAndId", "product:", &["Events", "Snapshots"]).await;
}

#[tokio::test]
async fn event_store_adapter() {
    let given = given().await;
    let store = Adapter::open(given.client.clone(), given.past.clone(), false, Work::Price).await.unwrap();
    compare(&given, &store, "aid", "product-", &["journal", "head"]).await;
}

#[tokio::test]
async fn event_store_adapter_with_snapshots() {
    let given = given().await;
    let store = Adapter::open(given.client.clone(), given.past.clone(), true, Work::Price).await.unwrap();
    compare(&given, &store, "aid", "product-", &["journal", "head", "snapshot"]).await;
}

/// Why the aggregate that dynamo-es stores has to take every event twice.
#[tokio::test]
async fn cqrs_es_applies_an_event_twice_to_an_aggregate_it_stores() {
    let given = given().await;
    let store =
        PersistedEventStore::<_, Counted>::new_aggregate_store(DynamoEventRepository::new(given.client));
    CqrsFramework::new(store, vec![], ()).execute("a", ()).await.unwrap();
    let items = partition(&given.past, "Snapshots", "AggregateTypeAndId", "counted:a").await.unwrap();
    let payload = items[0]["Payload"].as_b().unwrap();
    assert_eq!(payload.as_ref(), b"2", "one event was written");
}

/// How many events were applied.
#[derive(Debug, Default, Serialize, Deserialize)]
struct Counted(u64);

impl Aggregate for Counted {
    const TYPE: &'static str = "counted";
    type Command = ();
    type Event = ProductEvent;
    type Error = std::convert::Infallible;
    type Services = ();

    async fn handle(&mut self, (): (), (): &(), sink: &EventSink<Self>) -> Result<(), Self::Error> {
        let event = product::event(None, &Work::Price.command(1).unwrap()).unwrap();
        sink.write(event, self).await;
        Ok(())
    }

    fn apply(&mut self, _: ProductEvent) {
        self.0 += 1;
    }
}

/// Ours is put by the executor itself; ids, times and hashes differ from one product to the next.
#[tokio::test]
async fn ours() {
    for keys in [false, true] {
        let given = given().await;
        let store = Ledger::new(given.client.clone(), given.past.clone(), keys, Work::Price);
        compare(&given, &store, "product_id", "", &[]).await;
    }
}
