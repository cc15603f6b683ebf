//! Runs that end in their time although a store does not answer: what is not done is handed back.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use event_store::{Parked, Parking, ParkingCause, StoreError};
use publisher::bus::BusRefusal;
use publisher::{Publisher, PublisherPorts, RetryPolicy};
use schema::{ProductId, fixtures};
use tokio::time::{Instant, timeout};

use crate::broken::{At, Broken, How};
use crate::world::{MINUTE, World, address, batch, clock, failures, sequence_number};

/// Of a run without an end; the clock is paused, so it passes at once.
async fn ended<T>(run: impl Future<Output = T>) -> T {
    timeout(10 * MINUTE, run).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_product_whose_receipts_are_silent_is_handed_back_and_the_others_are_published() {
    let world = World::default();
    let commits = [world.life("a", 2).await, world.life("b", 2).await].concat();
    let silent = Broken::in_front_of(world.receipts.clone());
    let silent = silent.breaks_for(&fixtures::id("a"), At::Position, How::Hangs);
    let begun = Instant::now();
    let publisher = world.restarted(silent, world.bus.clone());
    let response = ended(publisher.publish(batch(&commits), MINUTE)).await;
    assert!(begun.elapsed() < MINUTE / 2, "half of the time is for the others: {:?}", begun.elapsed());
    assert_eq!(failures(&response), [sequence_number(1)]);
    assert_eq!((world.accepted_of("a"), world.accepted_of("b")), (vec![], vec![1, 2]));
    let response = world.publish(&commits).await;
    assert_eq!((failures(&response), world.accepted_of("b")), (vec![], vec![1, 2]));
}

#[tokio::test(start_paused = true)]
async fn receipts_that_cannot_be_written_end_the_run_before_its_time_and_everything_is_handed_back() {
    let world = World::default();
    let commits = [world.life("a", 1).await, world.life("b", 1).await].concat();
    let silent = Broken::in_front_of(world.receipts.clone()).breaks(At::Record, How::Hangs);
    let begun = Instant::now();
    let publisher = world.restarted(silent, world.bus.clone());
    let response = ended(publisher.publish(batch(&commits), MINUTE)).await;
    assert_eq!(begun.elapsed() + Duration::from_secs(1), MINUTE);
    assert_eq!(failures(&response), [sequence_number(1), sequence_number(2)]);
    let response = world.publish(&commits).await;
    assert_eq!(
        (failures(&response), world.accepted_of("a")),
        (vec![], vec![1, 1]),
        "sent again, then recorded"
    );
    assert_eq!(failures(&world.publish(&commits).await), Vec::<String>::new());
    assert_eq!(world.accepted_of("a"), [1, 1], "what has a receipt is not sent again");
}

/// Parks nothing and never answers.
struct SilentParking;

#[async_trait]
impl Parking for SilentParking {
    async fn park(&self, _: &str, _: &ProductId, _: &ParkingCause) -> Result<(), StoreError> {
        pending().await
    }

    async fn release(&self, _: &Parked) -> Result<bool, StoreError> {
        pending().await
    }

    async fn of(&self, _: &str, _: &ProductId) -> Result<Option<Parked>, StoreError> {
        Ok(None)
    }

    async fn list(&self, _: &str, _: Option<&ProductId>, _: usize) -> Result<Vec<Parked>, StoreError> {
        pending().await
    }
}

#[tokio::test(start_paused = true)]
async fn a_product_that_cannot_be_parked_is_handed_back_in_time_and_the_others_are_published() {
    let world = World::default();
    let commits = [world.life("a", 1).await, world.life("b", 1).await].concat();
    world.bus.refuse_entries(|entry| {
        (entry.resources == ["a"]).then(|| BusRefusal::new("MalformedDetail", "refused on purpose"))
    });
    let ports = PublisherPorts {
        journal: world.journal.clone(),
        receipts: world.receipts.clone(),
        parking: Arc::new(SilentParking),
        bus: world.bus.clone(),
        clock: clock(),
    };
    let publisher = Publisher::new(ports, address(), RetryPolicy::default());
    let begun = Instant::now();
    let response = ended(publisher.publish(batch(&commits), MINUTE)).await;
    assert_eq!(begun.elapsed() + Duration::from_secs(1), MINUTE);
    assert_eq!((failures(&response), world.accepted_of("b")), (vec![sequence_number(1)], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_run_and_an_operators_one_end_in_time_too() {
    let world = World::default();
    let commits = world.life("a", 1).await;
    world.publisher.publish(batch(&commits), Duration::ZERO).await;
    let silent = Broken::in_front_of(world.receipts.clone()).breaks(At::Position, How::Hangs);
    let publisher = world.restarted(silent, world.bus.clone());
    let begun = Instant::now();
    assert_eq!(ended(publisher.retry_parked(MINUTE)).await.unwrap().unavailable, 1);
    assert!(ended(publisher.publish_product(&fixtures::id("a"), MINUTE)).await.is_err());
    assert!(begun.elapsed() < 2 * MINUTE, "{:?}", begun.elapsed());
    assert_eq!(world.publisher.retry_parked(MINUTE).await.unwrap().released, 1);
}
