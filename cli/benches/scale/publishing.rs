//! Messages that the publisher gets rid of in a second when the bus accepts at once: receipts, cursors and the order of each
//! product included.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use event_store::{DynamoJournal, DynamoParking, DynamoReceipts, metering};
use publisher::{Address, Answer, Bus, BusError, Entry, Patience, Ports, Publisher};
use schema::http::Edge;

use crate::results::{Results, real};
use crate::world::{Stories, World};

const COMMAND: &str = "cargo bench -p cli --bench scale -- publishing";
const RECORDS: usize = 1_000;
const BATCHES: usize = 3;
const LIMIT: Duration = Duration::from_mins(1);

/// Accepts everything in no time.
#[derive(Default)]
struct InstantBus {
    entries: AtomicUsize,
    requests: AtomicUsize,
}

#[async_trait]
impl Bus for InstantBus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<Answer>, BusError> {
        self.entries.fetch_add(entries.len(), Ordering::Relaxed);
        self.requests.fetch_add(1, Ordering::Relaxed);
        Ok(entries.iter().map(|_| Answer::Accepted { receipt_id: "accepted".to_owned() }).collect())
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
        let (spent, requests, writes) = runtime.block_on(published(products));
        rates.point("messages", real(products), real(RECORDS * BATCHES) / spent.as_secs_f64());
        rates.note(&format!("PutEvents per batch, {products} products"), requests / BATCHES);
        rates.note(&format!("items written per batch, {products} products"), writes / BATCHES);
    }
    rates.tell(COMMAND);
}

async fn published(products: usize) -> (Duration, usize, usize) {
    let world = World::new().await;
    let client = metering::client(&world.reach.following);
    let tables = &world.settings.tables;
    let bus = Arc::new(InstantBus::default());
    let ports = Ports {
        journal: Arc::new(DynamoJournal::new(client.clone(), &tables.events)),
        receipts: Arc::new(DynamoReceipts::new(client.clone(), &tables.receipts)),
        parking: Arc::new(DynamoParking::new(client, &tables.parking)),
        bus: bus.clone(),
        clock: Edge::system().clock,
    };
    let address = Address { source: "bench".to_owned(), bus: "instant".to_owned(), xray: false };
    let publisher = Publisher::new(ports, address, Patience::default());
    let mut stories = Stories::of(products);
    let (mut spent, mut writes) = (Duration::ZERO, 0);
    world.wire.clear();
    for _ in 0..BATCHES {
        let batch = stories.batch(RECORDS);
        let started = Instant::now();
        let answer = publisher.publish(batch, LIMIT).await;
        spent += started.elapsed();
        assert!(answer.batch_item_failures.is_empty());
        writes += world.writes().1;
    }
    assert_eq!(bus.entries.load(Ordering::Relaxed), RECORDS * BATCHES);
    (spent, bus.requests.load(Ordering::Relaxed), writes)
}
