//! Runs that end in their time although a store does not answer: what is not done is handed back or left to the next run.

use std::sync::Arc;
use std::time::Duration;

use event_store::{MemoryJournal, MemoryParking, Parking, ParkingCause};
use projections::Views;
use projections::project::ProjectionRetries;
use projections::views::Generation;
use schema::Timestamp;
use tokio::time::{Instant, timeout};

use crate::given::doubles::Moody;
use crate::given::{Life, MINUTE, batch, projector};

/// What is kept of a run for its answer.
const ANSWER: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_product_whose_write_is_not_answered_is_handed_back_in_time_and_the_others_are_shown() {
    let lives: Vec<Life> = ["a", "b", "c"].map(|id| Life::of(id, &[])).into();
    let views = Arc::new(Moody { silent: Some(lives[1].id.clone()), ..Moody::default() });
    let projector = projector(views.clone(), Arc::new(MemoryJournal::default()), Arc::default());
    let records: Vec<_> = lives.iter().map(|life| life.record(0)).collect();
    let number = records[1].change.sequence_number.clone();
    let begun = Instant::now();
    let answer =
        timeout(10 * MINUTE, projector.project_within(batch(records), MINUTE)).await.expect("it ends");
    assert_eq!(begun.elapsed() + ANSWER, MINUTE);
    let failed: Vec<_> = answer.batch_item_failures.into_iter().map(|one| one.item_identifier).collect();
    assert_eq!(failed, [number]);
    for (life, shown) in lives.iter().zip([true, false, true]) {
        assert_eq!(views.kept.get(Generation(1), &life.id).await.unwrap().is_some(), shown, "{}", life.id);
    }
}

#[tokio::test(start_paused = true)]
async fn a_scheduled_run_ends_in_time_with_what_it_repaired() {
    let lives: Vec<Life> = ["a", "b", "c"].map(|id| Life::of(id, &[])).into();
    let (journal, parking) = (Arc::<MemoryJournal>::default(), Arc::<MemoryParking>::default());
    let views = Arc::new(Moody { silent: Some(lives[1].id.clone()), ..Moody::default() });
    for life in &lives {
        life.recorded_in(&*journal).await;
        let (reason, at) = ("out".to_owned(), Timestamp::EPOCH);
        let cause = ParkingCause { from_sequence: 1, reason, retryable: true, at };
        parking.park("products", &life.id, &cause).await.unwrap();
    }
    let projector = projector(views, journal, parking.clone());
    let begun = Instant::now();
    let retried = timeout(10 * MINUTE, projector.retry_parked(MINUTE)).await.expect("it ends").unwrap();
    assert_eq!(begun.elapsed() + ANSWER, MINUTE);
    assert_eq!(retried, ProjectionRetries { repaired: 2, still_parked: 0 });
    let left = parking.list("products", None, 10).await.unwrap();
    assert_eq!(left.into_iter().map(|row| row.product_id).collect::<Vec<_>>(), [lives[1].id.clone()]);
}
