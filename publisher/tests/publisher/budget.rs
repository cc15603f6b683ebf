//! The request budget of publishing: requests to the bus and to the tables.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use engine::probe::RequestRecorder;
use event_store::{DynamoParking, DynamoReceipts, parking, receipts, table};
use proptest::prelude::*;
use publisher::bus::{BusError, EntryOutcome};
use publisher::{Bus, BusEntry, MemoryBus, Publisher, PublisherPorts, RetryPolicy};
use schema::{ProductEvent, StoredCommit, event::ProductRenamed, fixtures};
use tokio::time::{Instant, sleep};

use crate::world::{MINUTE, World, address, batch, clock, key};

async fn lives(world: &World, lengths: &[usize]) -> Vec<StoredCommit> {
    let mut commits = Vec::new();
    for (n, length) in lengths.iter().enumerate() {
        commits.extend(world.life(&format!("p{n}"), *length).await);
    }
    commits
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn n_events_take_the_fewest_requests_that_ten_entries_and_one_event_per_product_allow(
        lengths in prop::collection::vec(1_usize..12, 1..60),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let world = World::default();
            let commits = lives(&world, &lengths).await;
            world.publish(&commits).await;
            let requests = world.bus.requests();
            for request in &requests {
                let products: HashSet<_> = request.iter().map(|entry| key(entry).0).collect();
                assert_eq!(products.len(), request.len(), "one event of each product in a request");
                assert!(request.len() <= 10);
            }
            let longest = *lengths.iter().max().unwrap();
            assert_eq!(requests.len(), commits.len().div_ceil(10).max(longest));
            let accepted = world.accepted();
            for (n, length) in lengths.iter().enumerate() {
                let of_product = accepted.iter().filter(|(product, _)| *product == format!("p{n}"));
                assert!(of_product.map(|(_, sequence)| *sequence).eq(1..=*length as u64));
            }
        });
    }
}

#[tokio::test]
async fn receipts_are_batched_by_products_and_each_product_costs_one_read() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = RequestRecorder::record(&engine.sdk_config());
    let client = event_store::metering::client(&config);
    table::create(&client, "receipts", receipts::TABLE).await.unwrap();
    table::create(&client, "parking", parking::TABLE).await.unwrap();
    let world = World::default();
    let ports = PublisherPorts {
        journal: world.journal.clone(),
        receipts: Arc::new(DynamoReceipts::new(client.clone(), "receipts")),
        parking: Arc::new(DynamoParking::new(client, "parking")),
        bus: world.bus.clone(),
        clock: clock(),
    };
    let publisher = Publisher::new(ports, address(), RetryPolicy::default());
    let commits = lives(&world, &[7; 30]).await;
    let counts = |recorder: &RequestRecorder| {
        let operations = recorder.take_operations();
        ["Query", "BatchWriteItem", "UpdateItem", "PutItem"]
            .map(|name| operations.iter().filter(|of| *of == name).count())
    };
    recorder.clear();
    publisher.publish(batch(&commits), MINUTE).await;
    assert_eq!(world.bus.requests().len(), 21);
    // Four rounds of the bus at a time are recorded; a request holds at most one receipt of a product.
    let [reads, batches, updates, puts] = counts(&recorder);
    assert_eq!((reads, updates, puts), (30, 0, 0));
    assert!((210_usize.div_ceil(25)..=15).contains(&batches), "{batches}");

    publisher.publish(batch(&commits), MINUTE).await;
    assert_eq!(world.bus.requests().len(), 21, "a repeated batch needs no PutEvents");
    assert_eq!(recorder.take_operations(), vec!["Query"; 30]);
}

#[tokio::test(start_paused = true)]
async fn large_entries_go_in_smaller_requests() {
    let world = World::default();
    let mut commits = Vec::new();
    for n in 0..10 {
        let product = format!("p{n}");
        world.commit(&product, vec![fixtures::helmet_created()]).await;
        let renamed = ProductEvent::ProductRenamed(ProductRenamed {
            name: "n".repeat(150_000),
            previous_name: "Sport-100 Helmet, Red".into(),
        });
        commits.push(world.commit(&product, vec![renamed]).await);
    }
    world.publish(&commits).await;
    // 300 KB each, so three at most fit below 1 MB: 1 request for the small ones, 4 for the large ones.
    assert_eq!(world.bus.requests().len(), 5);
    assert_eq!(world.bus.len(), 20);
}

/// A product whose first event has a name of this length.
async fn named(world: &World, product: &str, bytes: usize) -> StoredCommit {
    let mut created = fixtures::helmet_created();
    if let ProductEvent::ProductCreated(created) = &mut created {
        created.name = "n".repeat(bytes);
    }
    world.commit(product, vec![created]).await
}

#[tokio::test(start_paused = true)]
async fn requests_that_large_entries_began_are_filled_with_small_ones() {
    let world = World::default();
    // The entries of the first four have 300 KB each, so a request of less than 1 MB has room for three of them.
    let mut commits = Vec::new();
    for n in 0..19 {
        commits.push(named(&world, &format!("p{n:02}"), if n < 4 { 150_000 } else { 10 }).await);
    }
    world.publish(&commits).await;
    let sizes: Vec<usize> = world.bus.requests().iter().map(Vec::len).collect();
    assert_eq!(sizes, [10, 9]);
}

/// A bus that takes a second for each request and counts how many requests it has at the same time.
#[derive(Default)]
struct SlowBus {
    bus: MemoryBus,
    requests: AtomicUsize,
    most: AtomicUsize,
}

#[async_trait]
impl Bus for SlowBus {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        let requests = self.requests.fetch_add(1, Ordering::Relaxed) + 1;
        self.most.fetch_max(requests, Ordering::Relaxed);
        sleep(Duration::from_secs(1)).await;
        self.requests.fetch_sub(1, Ordering::Relaxed);
        self.bus.put(entries).await
    }
}

#[tokio::test(start_paused = true)]
async fn full_requests_are_sent_at_the_same_time_up_to_the_limit_of_requests() {
    // Events of each of 100 products, the limit of products; the most requests at a time, seconds in total.
    for (events, products, most, seconds) in [(1, 8, 1, 10), (1, 16, 2, 5), (1, 32, 4, 3), (2, 32, 4, 5)] {
        let world = World::default();
        let commits = lives(&world, &[events; 100]).await;
        let bus = Arc::<SlowBus>::default();
        let publisher = world.restarted(world.receipts.clone(), bus.clone()).at_once(products);
        let start = Instant::now();
        publisher.publish(batch(&commits), MINUTE).await;
        let case = format!("{events} events, {products} products at once");
        assert_eq!(bus.most.load(Ordering::Relaxed), most, "{case}");
        assert_eq!(start.elapsed().as_secs(), seconds, "{case}");
        assert_eq!(bus.bus.requests().len(), events * 10, "{case}");
    }
}
