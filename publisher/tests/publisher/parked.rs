//! Parked products wait for the schedule or an operator, and no event committed meanwhile is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use event_store::{
    AppendError, Journal, MemoryParking, Parked, Parking, ParkingCause, Receipts, ScanPage, ScanPosition,
    StoreError,
};
use publisher::bus::BusRefusal;
use publisher::{
    Bus, BusEntry, BusError, BusPresence, CatchUpOutcome, EntryOutcome, MemoryBus, PublishRetryCounts,
    Publisher, PublisherPorts, RetryPolicy,
};
use schema::{ProductId, StoredCommit, fixtures};
use serde_json::json;

use crate::world::{MINUTE, World, address, batch, clock, failures, key, nth_event};

async fn row(world: &World, product: &str) -> Option<Parked> {
    world.parking.of("publisher", &fixtures::id(product)).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_bus_that_is_down_parks_products_and_the_schedule_publishes_them_when_it_is_up_again() {
    let world = World::default();
    let (a, b) = (world.life("a", 3).await, world.life("b", 1).await);
    world.bus.take_down();
    world.publish(&a).await;
    world.publish(&b).await;
    let parked = row(&world, "a").await.unwrap();
    assert_eq!((parked.from_sequence, parked.retryable, parked.attempts), (1, true, 1));
    assert!(parked.reason.starts_with("ThrottlingException"), "{}", parked.reason);

    let retried = world.publisher.retry_parked(MINUTE).await.unwrap();
    assert_eq!(retried, PublishRetryCounts { parked: 2, ..PublishRetryCounts::default() });
    assert_eq!(row(&world, "a").await.unwrap().attempts, 2);

    world.bus.heal();
    let retried = world.publisher.retry_parked(MINUTE).await.unwrap();
    assert_eq!(retried, PublishRetryCounts { released: 2, ..PublishRetryCounts::default() });
    assert_eq!((world.accepted_of("a"), world.accepted_of("b")), (vec![1, 2, 3], vec![1]));
    assert_eq!((row(&world, "a").await, row(&world, "b").await), (None, None));
}

#[tokio::test(start_paused = true)]
async fn events_that_there_is_no_time_for_are_parked_and_published_by_the_schedule() {
    let world = World::default();
    let commits = world.life("a", 3).await;
    let response = world.publisher.publish(batch(&commits), Duration::ZERO).await;
    assert_eq!(failures(&response), Vec::<String>::new());
    assert!(world.bus.is_empty());
    let parked = row(&world, "a").await.unwrap();
    assert_eq!((parked.from_sequence, parked.retryable), (1, true));
    assert!(parked.reason.starts_with("TimeOver"), "{}", parked.reason);
    assert_eq!(world.publisher.retry_parked(MINUTE).await.unwrap().released, 1);
    assert_eq!(world.accepted_of("a"), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn a_parked_product_is_not_tried_again_by_every_new_event() {
    let world = World::default();
    let commits = world.life("a", 3).await;
    world.bus.refuse_nth(1, "MalformedDetail");
    world.publish(&commits[..1]).await;
    world.bus.heal();
    assert_eq!(failures(&world.publish(&commits[1..]).await), Vec::<String>::new());
    assert!(world.bus.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_retryable_waits_for_an_operator() {
    let world = World::default();
    let commits = world.life("a", 3).await;
    world.bus.refuse_nth(2, "MalformedDetail");
    world.publish(&commits).await;
    world.bus.heal();
    assert_eq!(world.publisher.retry_parked(MINUTE).await.unwrap(), PublishRetryCounts::default());
    assert_eq!(world.accepted_of("a"), [1]);
    let end = world.publisher.publish_product(&fixtures::id("a"), MINUTE).await.unwrap();
    assert!(matches!(end, CatchUpOutcome::UpTo(3)), "{end:?}");
    assert_eq!(world.accepted_of("a"), [1, 2, 3]);
    assert_eq!(row(&world, "a").await, None);
}

#[tokio::test(start_paused = true)]
async fn what_somebody_has_to_repair_is_published_after_the_repair_and_is_never_parked_for_good() {
    for code in
        ["AccessDeniedException", "NotAuthorizedForSourceException", "KMSAccessDeniedException", "Unheard"]
    {
        let world = World::default();
        let commits = world.life("a", 3).await;
        world.bus.refuse_nth(2, code);
        world.publish(&commits).await;
        let parked = row(&world, "a").await.unwrap();
        assert_eq!((parked.from_sequence, parked.retryable), (2, true), "{code}");
        assert_eq!(
            world.bus.requests().len(),
            2,
            "{code}: it is not sent again before somebody may have repaired it"
        );
        world.bus.heal();
        assert_eq!(world.publisher.retry_parked(MINUTE).await.unwrap().released, 1, "{code}");
        assert_eq!(world.accepted_of("a"), [1, 2, 3], "{code}");
    }
}

/// A bus that does not exist, until it is created; it accepts entries all the same, as EventBridge does.
struct Absent {
    bus: Arc<MemoryBus>,
    exists: AtomicBool,
}

#[async_trait]
impl Bus for Absent {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        self.bus.put(entries).await
    }

    async fn presence(&self, _: &str) -> BusPresence {
        if self.exists.load(Ordering::Relaxed) { BusPresence::Exists } else { BusPresence::Missing }
    }
}

#[tokio::test(start_paused = true)]
async fn while_the_bus_does_not_exist_events_wait_without_receipts_and_are_published_when_it_does() {
    let world = World::default();
    let commits = world.life("a", 3).await;
    let absent = Arc::new(Absent { bus: world.bus.clone(), exists: AtomicBool::new(false) });
    let publisher = world.restarted(world.receipts.clone(), absent.clone());
    assert_eq!(failures(&publisher.publish(batch(&commits), MINUTE).await), Vec::<String>::new());
    assert!(world.bus.is_empty());
    let parked = row(&world, "a").await.unwrap();
    assert_eq!((parked.from_sequence, parked.retryable, parked.attempts), (1, true, 1));
    assert!(parked.reason.contains("there is no bus product-ledger"), "{}", parked.reason);
    assert_eq!(world.receipts.position(&fixtures::id("a")).await.unwrap().published, 0);

    assert_eq!(publisher.retry_parked(MINUTE).await.unwrap(), PublishRetryCounts::default());
    assert_eq!(row(&world, "a").await.unwrap().attempts, 1, "nothing is tried while there is no bus");

    absent.exists.store(true, Ordering::Relaxed);
    assert_eq!(publisher.retry_parked(MINUTE).await.unwrap().released, 1);
    assert_eq!(world.accepted_of("a"), [1, 2, 3]);
}

/// A bus that takes a second to answer.
struct Slow(Arc<MemoryBus>);

#[async_trait]
impl Bus for Slow {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.0.put(entries).await
    }
}

#[tokio::test(start_paused = true)]
async fn what_the_schedule_and_an_operator_retry_at_the_same_time_is_sent_once() {
    let world = World::default();
    let commits = world.life("a", 3).await;
    world.bus.take_down();
    world.publish(&commits).await;
    world.bus.heal();
    let a = fixtures::id("a");
    let slow = Arc::new(Slow(world.bus.clone()));
    let publisher = world.restarted(world.receipts.clone(), slow);
    let (scheduled, asked) =
        tokio::join!(publisher.retry_parked(MINUTE), publisher.publish_product(&a, MINUTE));
    assert_eq!(scheduled.unwrap(), PublishRetryCounts { released: 1, ..PublishRetryCounts::default() });
    assert!(matches!(asked.unwrap(), CatchUpOutcome::UpTo(3)));
    assert_eq!(world.accepted_of("a"), [1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn an_operator_learns_why_a_product_stays_parked() {
    let world = World::default();
    let commits = world.life("a", 1).await;
    world.bus.refuse_entries(|_| Some(BusRefusal::new("MalformedDetail", "still not")));
    world.publish(&commits).await;
    let end = world.publisher.publish_product(&fixtures::id("a"), MINUTE).await.unwrap();
    let CatchUpOutcome::Parked(trouble) = end else { panic!("{end:?}") };
    assert_eq!((trouble.reason.as_str(), trouble.retryable), ("MalformedDetail: still not", false));
    assert_eq!(row(&world, "a").await.unwrap().attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn at_the_deadline_the_rest_is_parked_and_the_schedule_continues_from_there() {
    let world = World::default();
    let commits = world.life("a", 2).await;
    world
        .bus
        .refuse_entries(|entry| (key(entry).1 == 2).then(|| BusRefusal::new("InternalFailure", "not yet")));
    let before = tokio::time::Instant::now();
    world.publisher.publish(crate::world::batch(&commits), Duration::from_secs(2)).await;
    // A quarter of the time is reserved for receipts and parking rows.
    assert!(before.elapsed() <= Duration::from_millis(1_500), "{:?}", before.elapsed());
    let parked = row(&world, "a").await.unwrap();
    assert_eq!((parked.from_sequence, parked.reason.as_str()), (2, "InternalFailure: not yet"));
    world.bus.heal();
    world.publisher.retry_parked(MINUTE).await.unwrap();
    assert_eq!(world.accepted_of("a"), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_commit_of_a_newer_build_waits_for_the_upgrade_and_its_neighbours_go_on() {
    let world = World::default();
    let mut commits = world.life("a", 1).await;
    let mut newer = world.commit_unseen("a", vec![nth_event(1)]);
    newer.0["events"][0]["schema_version"] = json!(99);
    event_store::Journal::append(&*world.journal, &newer).await.unwrap();
    commits.push(newer);
    commits.extend(world.life("b", 1).await);
    assert_eq!(failures(&world.publish(&commits).await), Vec::<String>::new());
    assert_eq!((world.accepted_of("a"), world.accepted_of("b")), (vec![1], vec![1]));
    let parked = row(&world, "a").await.unwrap();
    assert_eq!((parked.from_sequence, parked.retryable), (2, true));
    assert!(parked.reason.contains("version 99"), "{}", parked.reason);
}

#[tokio::test(start_paused = true)]
async fn a_product_whose_records_never_arrived_is_behind_until_it_is_published() {
    let world = World::default();
    let commits = world.life("a", 5).await;
    world.publish(&commits[..2]).await;
    let a = fixtures::id("a");
    assert_eq!(world.publisher.behind(&a, 5).await.unwrap(), Some(2));
    assert!(matches!(world.publisher.publish_product(&a, MINUTE).await.unwrap(), CatchUpOutcome::UpTo(5)));
    assert_eq!(world.publisher.behind(&a, 5).await.unwrap(), None);
    assert_eq!(world.accepted_of("a"), [1, 2, 3, 4, 5]);
    assert_eq!(world.receipts.position(&a).await.unwrap().published, 5);
}

/// An event table in which one more event is committed, and its record delivered, during the first read.
struct Racing {
    world: Arc<World>,
    raced: AtomicBool,
}

#[async_trait]
impl Journal for Racing {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        self.world.journal.append(commit).await
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        self.world.journal.newest(product, at_most).await
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let read = self.world.journal.page(product, after, limit).await;
        if !self.raced.swap(true, Ordering::Relaxed) {
            let late = self.world.commit("a", vec![nth_event(2)]).await;
            // A gap: the pass finds the parking row and leaves the event to the retry that releases the row.
            assert_eq!(failures(&self.world.publish(&[late]).await), Vec::<String>::new());
        }
        read
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.world.journal.scan(from, limit).await
    }
}

/// A parking table that loses the answer to each release.
struct LostReleases(Arc<MemoryParking>);

#[async_trait]
impl Parking for LostReleases {
    async fn park(
        &self,
        consumer: &str,
        product: &ProductId,
        trouble: &ParkingCause,
    ) -> Result<(), StoreError> {
        self.0.park(consumer, product, trouble).await
    }

    async fn release(&self, seen: &Parked) -> Result<bool, StoreError> {
        self.0.release(seen).await?;
        Err(StoreError::new("the answer was lost".into()))
    }

    async fn of(&self, consumer: &str, product: &ProductId) -> Result<Option<Parked>, StoreError> {
        self.0.of(consumer, product).await
    }

    async fn list(
        &self,
        consumer: &str,
        after: Option<&ProductId>,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        self.0.list(consumer, after, limit).await
    }
}

/// A world in which product `a` is parked at its first event, and a publisher whose retry races with a third event.
async fn racing(parking: impl FnOnce(Arc<MemoryParking>) -> Arc<dyn Parking>) -> (Arc<World>, Publisher) {
    let world = Arc::new(World::default());
    let commits = world.life("a", 2).await;
    world.bus.take_down();
    world.publish(&commits).await;
    world.bus.heal();
    let ports = PublisherPorts {
        journal: Arc::new(Racing { world: world.clone(), raced: AtomicBool::new(false) }),
        receipts: world.receipts.clone(),
        parking: parking(world.parking.clone()),
        bus: world.bus.clone(),
        clock: clock(),
    };
    (world, Publisher::new(ports, address(), RetryPolicy::default()))
}

#[tokio::test(start_paused = true)]
async fn an_event_that_arrives_while_its_row_is_being_released_is_published_too() {
    let (world, publisher) = racing(|parking| parking).await;
    publisher.retry_parked(MINUTE).await.unwrap();
    assert_eq!(world.accepted_of("a"), [1, 2, 3]);
    assert_eq!(row(&world, "a").await, None);
}

#[tokio::test(start_paused = true)]
async fn an_interrupted_release_loses_no_event() {
    let (world, publisher) = racing(|parking| Arc::new(LostReleases(parking))).await;
    assert_eq!(publisher.retry_parked(MINUTE).await.unwrap().unavailable, 1);
    assert_eq!(world.accepted_of("a"), [1, 2]);
    world.publisher.retry_parked(MINUTE).await.unwrap();
    assert_eq!(world.accepted_of("a"), [1, 2, 3]);
    assert_eq!(row(&world, "a").await, None);
}
