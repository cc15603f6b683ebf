//! A ledger with a publisher in memory, and batches of stream records for its commits.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use event_store::{Journal, MemoryJournal, MemoryParking, MemoryReceipts, Receipts, seal};
use publisher::{Address, Bus, MemoryBus, Publisher, PublisherPorts, RetryPolicy};
use schema::{Clock, Commit, ProductEvent, ProductId, StoredCommit, Timestamp, fixtures};

pub const MINUTE: Duration = Duration::from_mins(1);

pub struct World {
    pub journal: Arc<MemoryJournal>,
    pub receipts: Arc<MemoryReceipts>,
    pub parking: Arc<MemoryParking>,
    pub bus: Arc<MemoryBus>,
    pub publisher: Publisher,
    heads: Mutex<HashMap<ProductId, Commit>>,
}

impl Default for World {
    fn default() -> Self {
        let receipts = Arc::new(MemoryReceipts::default());
        Self::with(receipts.clone(), receipts)
    }
}

impl World {
    /// A world whose publisher uses `seen` as its receipts, for example a faulty wrapper around `receipts`.
    pub fn with(receipts: Arc<MemoryReceipts>, seen: Arc<dyn Receipts>) -> Self {
        let (journal, parking) = (Arc::new(MemoryJournal::default()), Arc::new(MemoryParking::default()));
        let bus = Arc::new(MemoryBus::default());
        let ports = PublisherPorts {
            journal: journal.clone(),
            receipts: seen,
            parking: parking.clone(),
            bus: bus.clone(),
            clock: clock(),
        };
        Self {
            journal,
            receipts,
            parking,
            bus,
            publisher: Publisher::new(ports, address(), RetryPolicy::default()),
            heads: Mutex::default(),
        }
    }

    /// Another publisher on the same tables, with these receipts and this bus, as after a restart.
    pub fn restarted(&self, receipts: Arc<dyn Receipts>, bus: Arc<dyn Bus>) -> Publisher {
        let ports = PublisherPorts {
            journal: self.journal.clone(),
            receipts,
            parking: self.parking.clone(),
            bus,
            clock: clock(),
        };
        Publisher::new(ports, address(), RetryPolicy::default())
    }

    /// Commits events and appends them to the event table.
    pub async fn commit(&self, product: &str, events: Vec<ProductEvent>) -> StoredCommit {
        let stored = self.commit_unseen(product, events);
        self.journal.append(&stored).await.unwrap();
        stored
    }

    /// Seals a commit without appending it to the event table.
    pub fn commit_unseen(&self, product: &str, events: Vec<ProductEvent>) -> StoredCommit {
        let product = fixtures::id(product);
        let mut heads = self.heads.lock().unwrap();
        let (commit, stored) = seal(fixtures::commit_after(heads.get(&product), &product, events)).unwrap();
        heads.insert(product, commit);
        stored
    }

    /// Commits `events` events of a product, one per commit.
    pub async fn life(&self, product: &str, events: usize) -> Vec<StoredCommit> {
        let mut commits = Vec::new();
        for n in 0..events {
            commits.push(self.commit(product, vec![nth_event(n)]).await);
        }
        commits
    }

    /// Publishes commits as a batch of stream records, numbered from 1.
    pub async fn publish(&self, commits: &[StoredCommit]) -> DynamoDbEventResponse {
        self.publisher.publish(batch(commits), MINUTE).await
    }

    /// Product and sequence of every accepted entry, in order.
    pub fn accepted(&self) -> Vec<(String, u64)> {
        self.bus.accepted().iter().map(|(_, entry)| key(entry)).collect()
    }

    /// The accepted sequences of a product, in order.
    pub fn accepted_of(&self, product: &str) -> Vec<u64> {
        let all = self.accepted().into_iter();
        all.filter(|(of, _)| of == product).map(|(_, sequence)| sequence).collect()
    }
}

pub fn address() -> Address {
    Address { source: fixtures::message_source(), bus: "product-ledger".into(), xray: false }
}

/// A clock that advances by a millisecond at each reading.
pub fn clock() -> Clock {
    let millis = AtomicI64::new(fixtures::at("2026-11-23T05:20:00Z").millis());
    Arc::new(move || {
        let at = Duration::from_millis(millis.fetch_add(1, Ordering::Relaxed).cast_unsigned());
        Timestamp::new((std::time::UNIX_EPOCH + at).into()).unwrap()
    })
}

/// Event `n` of a life: created, then deleted and restored in turn.
pub fn nth_event(n: usize) -> ProductEvent {
    match n {
        0 => fixtures::helmet_created(),
        n if n % 2 == 1 => fixtures::helmet_deleted(),
        _ => fixtures::helmet_restored(),
    }
}

/// Stream records of inserted commits, with sequence numbers `100000000000000000001`, `…2` and so on.
pub fn batch(commits: &[StoredCommit]) -> Event {
    let mut event = Event::default();
    event.records = (1..).zip(commits).map(|(n, commit)| record(n, commit)).collect();
    event
}

pub fn sequence_number(n: usize) -> String {
    format!("1000000000000000000{n:02}")
}

fn record(n: usize, commit: &StoredCommit) -> EventRecord {
    let mut record = EventRecord::default();
    record.event_id = format!("event-id-{n}");
    record.event_name = "INSERT".into();
    record.change.sequence_number = Some(sequence_number(n));
    record.change.new_image = serde_dynamo::to_item(&commit.0).unwrap();
    let keys = |item: &serde_dynamo::Item, name: &str| (name.to_owned(), item[name].clone());
    let image = &record.change.new_image;
    record.change.keys = HashMap::from([keys(image, "product_id"), keys(image, "sequence")]).into();
    record
}

/// Product and sequence of an entry.
pub fn key(entry: &publisher::BusEntry) -> (String, u64) {
    let detail: serde_json::Value = serde_json::from_str(&entry.detail).unwrap();
    let metadata = &detail["metadata"];
    (metadata["product_id"].as_str().unwrap().to_owned(), metadata["sequence"].as_u64().unwrap())
}

/// The sequence numbers that the response names.
pub fn failures(response: &DynamoDbEventResponse) -> Vec<String> {
    let failures = response.batch_item_failures.iter();
    failures.map(|failure| failure.item_identifier.clone().unwrap()).collect()
}
