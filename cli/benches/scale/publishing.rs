//! Messages a second that the publisher publishes on a bus that accepts at once, including receipts, cursors and the
//! order of each product.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use event_store::{CheckpointStore, SqliteJournal, SqliteParking, SqliteReceipts};
use publisher::{
    Acceptance, Address, Bus, BusEntry, BusError, EntryOutcome, Publisher, PublisherPorts, RetryPolicy,
};
use schema::message::MessageSource;
use sqlite::Access;
use web::ClockAndIds;

use crate::results::{Results, real};
use crate::world::{Stories, World};

const COMMAND: &str = "cargo bench -p cli --bench scale -- publishing";
const RECORDS: usize = 1_000;
const BATCHES: usize = 3;
/// Products handed over at once, as the program has it on files of its own.
const AT_ONCE: usize = 256;
const LIMIT: Duration = Duration::from_mins(1);

/// Accepts everything in no time.
#[derive(Default)]
struct InstantBus {
    entries: AtomicUsize,
    requests: AtomicUsize,
}

#[async_trait]
impl Bus for InstantBus {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        self.entries.fetch_add(entries.len(), Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(entries.iter().map(|_| EntryOutcome::Accepted(Acceptance::unnumbered("accepted"))).collect())
    }
}

pub fn measure() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut rates = Results::new(
        "publisher",
        "Publisher against an instant bus, batches of 1,000 records",
        "messages/s",
        "products in the batch",
    );
    for products in [1, 10, 100, 1_000] {
        let (spent, requests) = runtime.block_on(published(products));
        rates.point("messages", real(products), real(RECORDS * BATCHES) / spent.as_secs_f64());
        rates.note(&format!("PutEvents per batch, {products} products"), requests / BATCHES);
    }
    rates.tell(COMMAND);
}

async fn published(products: usize) -> (Duration, usize) {
    let world = World::new().await;
    let directory = world.system.directory.as_ref().unwrap();
    let joined = || Access::Joined(directory.publishing.clone());
    let bus = Arc::new(InstantBus::default());
    let ports = PublisherPorts {
        journal: Arc::new(SqliteJournal::new(directory.ledger.clone())),
        receipts: Arc::new(SqliteReceipts::new(joined())),
        parking: Arc::new(SqliteParking::new(joined())),
        bus: bus.clone(),
        clock: ClockAndIds::system().clock,
    };
    let source = MessageSource { name: "bench".to_owned(), log_origin: None };
    let address = Address { source, bus: "instant".to_owned(), xray: false };
    let publisher = Publisher::new(ports, address, RetryPolicy::default()).at_once(AT_ONCE);
    let [_, progress] = directory.progress();
    let mut stories = Stories::of(products);
    let mut spent = Duration::ZERO;
    for _ in 0..BATCHES {
        let batch = stories.batch(RECORDS);
        let started = Instant::now();
        progress.begin();
        let failed = publisher.follow(batch, LIMIT).await;
        progress.end().await.unwrap();
        spent += started.elapsed();
        assert_eq!(failed, Vec::<String>::new());
    }
    assert_eq!(bus.entries.load(Ordering::Relaxed), RECORDS * BATCHES);
    (spent, bus.requests.load(Ordering::Relaxed))
}
