//! The contract of the local bus, run on every adapter.

mod order;
mod retention;
mod sending;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::{sqlite as files, table};
use publisher::bus::local::{self, RetainedEntry};
use publisher::{BusEntry, DynamoBus, EntryOutcome, LocalBus, MemoryLocalBus, SqliteBus};
use schema::{Clock, fixtures};
use serde_json::Value;
use sqlite::{Access, Schema};

use crate::given::{Given, Port, Way};

type Buses = Given<dyn LocalBus>;

impl Port for dyn LocalBus {
    /// How many entries of a bus are retained, if not the default.
    type Setting = Option<u64>;
    const SCHEMA: Schema = files::PUBLISHING;
    const WAYS: &[Way] = &[Way::Joined];

    async fn memory(retained: Option<u64>) -> Arc<Self> {
        let bus = MemoryLocalBus::new(clock());
        Arc::new(bus.retaining(retained.unwrap_or(local::RETAINED)))
    }

    async fn sqlite(access: Access, retained: Option<u64>) -> Arc<Self> {
        let (Access::Committed(database) | Access::Joined(database)) = access;
        Arc::new(SqliteBus::new(database, clock()).retaining(retained.unwrap_or(local::RETAINED)))
    }

    async fn dynamodb(client: Client, new: bool, retained: Option<u64>) -> Arc<Self> {
        if new {
            table::create(&client, "bus", local::TABLE).await.unwrap();
        }
        Arc::new(DynamoBus::new(client, "bus", clock()).retaining(retained.unwrap_or(local::RETAINED)))
    }
}

fn clock() -> Clock {
    Arc::new(|| fixtures::at("2026-11-23T05:20:00.000Z"))
}

fn entry(bus: &str, n: u64) -> BusEntry {
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

fn entries(bus: &str, numbers: std::ops::Range<u64>) -> Vec<BusEntry> {
    numbers.map(|n| entry(bus, n)).collect()
}

/// Sends entries ten at a time.
async fn put_all(bus: &dyn LocalBus, name: &str, numbers: std::ops::Range<u64>) {
    for together in entries(name, numbers).chunks(10) {
        bus.put(together).await.unwrap();
    }
}

/// The receipt ids of entries that were all accepted.
fn ids(answers: Vec<EntryOutcome>) -> Vec<String> {
    let id = |answer| match answer {
        EntryOutcome::Accepted(acceptance) => acceptance.receipt_id,
        EntryOutcome::Refused(refusal) => panic!("{refusal}"),
    };
    answers.into_iter().map(id).collect()
}

async fn everything(bus: &dyn LocalBus, name: &str) -> Vec<RetainedEntry> {
    bus.after(name, 0, u16::MAX).await.unwrap()
}

fn positions(retained: &[RetainedEntry]) -> Vec<u64> {
    retained.iter().map(|retained| retained.position).collect()
}

/// The number in the detail of an entry.
fn number(retained: &RetainedEntry) -> u64 {
    serde_json::from_str::<Value>(&retained.entry).unwrap()["detail"]["n"].as_u64().unwrap()
}

fn numbers(retained: &[RetainedEntry]) -> Vec<u64> {
    retained.iter().map(number).collect()
}
