//! event-store-adapter-rs: by default a journal with a head, at best with a snapshot at every event.

use ::event_store_adapter_rs::{
    AggregateId, DynamoDbOptions, DynamoDbTables, EventEnvelope, EventStoreForDynamoDB, SnapshotEnvelope,
};
use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue::{B, L, M, N, S};
use chrono::{DateTime, Utc};
use schema::{Facts, ProductEvent};
use serde::{Deserialize, Serialize};

use crate::measure::Store;
use crate::product::{self, Metadata, Work};
use crate::tables::{Item, put_all};

/// The time of every event: 2026-11-23T11:48:27.120Z.
const MILLIS: i64 = 1_795_434_507_120;

/// The id of a product.
#[derive(Debug, Clone)]
struct Id(String);

impl AggregateId for Id {
    fn type_name(&self) -> String {
        "product".into()
    }

    fn value(&self) -> String {
        self.0.clone()
    }
}

/// The payload of an event, with the metadata, for which its envelope has no field.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Recorded {
    #[serde(flatten)]
    event: ProductEvent,
    #[serde(default, skip_serializing_if = "Metadata::is_empty")]
    metadata: Metadata,
}

/// event-store-adapter-rs with or without snapshots.
pub struct Adapter {
    store: EventStoreForDynamoDB<Id, Facts, Recorded>,
    past: Client,
    snapshots: bool,
    work: Work,
}

impl Adapter {
    /// Uses the proxy with `client`; items are written without it with `past`.
    ///
    /// # Errors
    /// Its tables do not exist.
    pub async fn open(client: Client, past: Client, snapshots: bool, work: Work) -> anyhow::Result<Self> {
        let tables = DynamoDbTables {
            journal_table_name: "journal".into(),
            snapshot_table_name: "snapshot".into(),
            head_table_name: "head".into(),
            snapshot_history_index_name: "snapshot-history".into(),
        };
        let store = EventStoreForDynamoDB::open(client, tables, DynamoDbOptions::default()).await?;
        Ok(Self { store, past, snapshots, work })
    }

    /// The state and the sequence of its newest event, as documented: the snapshot, then the events after it. The head tells
    /// whether there are any, so a snapshot of the newest event saves the second request.
    async fn replayed(&self, id: &Id) -> anyhow::Result<(u64, Option<Facts>)> {
        let Some(read) = self.store.get_latest_snapshot_by_id(id).await? else {
            return Ok((0, None));
        };
        let (snapshot, head) = read.into_parts();
        let (mut seen, mut facts) = match snapshot {
            Some(snapshot) => (snapshot.seq_nr(), Some(snapshot.into_aggregate())),
            None => (0, None),
        };
        if seen < head {
            for event in self.store.get_events_by_id_since_seq_nr(id, seen + 1).await? {
                seen = event.seq_nr();
                facts = Some(Facts::after(facts, &event.payload().event)?);
            }
        }
        Ok((seen, facts))
    }

    async fn persist(&self, id: Id, sequence: u64, event: ProductEvent, after: Facts) -> anyhow::Result<()> {
        let recorded = Recorded { event, metadata: self.work.metadata(sequence) };
        let event = EventEnvelope::new(id, sequence, happened(), recorded);
        if self.snapshots {
            let snapshot = SnapshotEnvelope::new(after, sequence);
            return Ok(self.store.persist_event_and_snapshot(event, snapshot).await?);
        }
        Ok(self.store.persist_event(event).await?)
    }
}

fn happened() -> DateTime<Utc> {
    DateTime::from_timestamp_millis(MILLIS).unwrap_or_default()
}

#[async_trait]
impl Store for Adapter {
    fn name(&self) -> (&'static str, &'static str) {
        ("event-store-adapter-rs", if self.snapshots { "a snapshot with every event" } else { "default" })
    }

    fn work(&self) -> Work {
        self.work
    }

    async fn prefill(&self, id: &str, events: u64) -> anyhow::Result<()> {
        let key = S(format!("product-{id}"));
        let (mut items, mut head) = (Vec::new(), Item::new());
        let mut facts = None;
        for step in self.work.story(events) {
            let (sequence, event, after) = step?;
            let recorded = Recorded { event, metadata: self.work.metadata(sequence) };
            let entry = Item::from([
                ("seq_nr".into(), N(sequence.to_string())),
                ("occurred_at".into(), N(format!("{MILLIS}000000"))),
                ("manifest".into(), S(String::new())),
                ("payload".into(), B(Blob::new(serde_json::to_vec(&recorded)?))),
            ]);
            head = Item::from([
                ("aid".into(), key.clone()),
                ("type_name".into(), S("product".into())),
                ("seq_nr".into(), N(sequence.to_string())),
                ("events".into(), L(vec![M(entry.clone())])),
            ]);
            items.push(entry.into_iter().chain([("aid".into(), key.clone())]).collect());
            facts = Some(after);
        }
        put_all(&self.past, "journal", items).await?;
        put_all(&self.past, "head", vec![head]).await?;
        if !self.snapshots {
            return Ok(());
        }
        let snapshot = Item::from([
            ("aid".into(), key),
            ("skey".into(), N("0".into())),
            ("seq_nr".into(), N(events.to_string())),
            ("manifest".into(), S(String::new())),
            ("payload".into(), B(Blob::new(serde_json::to_vec(&facts)?))),
            ("last_updated_at".into(), N(MILLIS.to_string())),
        ]);
        put_all(&self.past, "snapshot", vec![snapshot]).await
    }

    async fn create(&self, id: &str) -> anyhow::Result<()> {
        let event = product::event(None, &self.work.command(1)?)?;
        let after = Facts::after(None, &event)?;
        self.persist(Id(id.into()), 1, event, after).await
    }

    async fn load(&self, id: &str) -> anyhow::Result<u64> {
        Ok(self.replayed(&Id(id.into())).await?.0)
    }

    async fn command(&self, id: &str, next: u64) -> anyhow::Result<()> {
        let id = Id(id.into());
        let (seen, facts) = self.replayed(&id).await?;
        let event = product::event(facts.as_ref(), &self.work.command(next)?)?;
        let after = Facts::after(facts, &event)?;
        self.persist(id, seen + 1, event, after).await
    }
}
