//! What never reached the feed items is found by the scheduled reconcile, and what was parked is tried again.

use std::sync::Arc;

use event_store::announced::LOG_CONSUMER;
use event_store::{MemoryRounds, Parking, ParkingCause, Reconciler, Rounds};
use schema::{Clock, Timestamp, fixtures};
use sequencer::ROUNDS;

use crate::given::{Given, MINUTE, noon};

/// What a round found: agreed, repaired, parked, left.
async fn round(given: &Given, now: Timestamp) -> [u64; 4] {
    let clock: Clock = Arc::new(move || now);
    let rounds = Arc::new(MemoryRounds::default());
    let reconciler = Reconciler::new(ROUNDS, given.journal.clone(), rounds.clone(), clock);
    assert!(reconciler.run(&given.sequencer(), MINUTE).await.unwrap().complete);
    let (_, round) = rounds.load(ROUNDS).await.unwrap();
    let tally = round.last.unwrap().tally.consumers.remove(LOG_CONSUMER).unwrap();
    [tally.agrees, tally.repaired, tally.parked, tally.left]
}

#[tokio::test]
async fn a_product_that_was_never_announced_is_logged_by_the_reconcile() {
    let given = Given::default().begun().await;
    given.commit("a", 3).await;
    let b = given.commit("b", 1).await;
    given.sequencer().log(&[b], None).await.unwrap();
    assert_eq!(round(&given, noon()).await, [1, 1, 0, 0]);
    given.all_is_logged().await;
    assert_eq!(round(&given, noon()).await, [2, 0, 0, 0]);
}

#[tokio::test]
async fn what_was_recorded_just_now_is_still_on_its_way() {
    let given = Given::default().begun().await;
    given.commit("a", 1).await;
    let (_, stored) = given.next("b");
    let recorded_at = Timestamp::parse(stored.text("recorded_at").unwrap()).unwrap();
    assert_eq!(round(&given, recorded_at).await, [1, 0, 0, 0]);
    assert!(given.log().await.is_empty());
}

#[tokio::test]
async fn a_product_that_is_parked_is_left_to_its_schedule_which_logs_it() {
    let given = Given::default().begun().await;
    given.commit("a", 2).await;
    let cause = ParkingCause { from_sequence: 1, reason: "out".into(), retryable: true, at: noon() };
    given.parking.park(LOG_CONSUMER, &fixtures::id("a"), &cause).await.unwrap();
    assert_eq!(round(&given, noon()).await, [0, 0, 1, 0]);
    assert!(given.log().await.is_empty());
    assert_eq!(given.sequencer().retry_parked(MINUTE).await.unwrap().logged, 2);
    given.all_is_logged().await;
    assert_eq!(given.parked().await, []);
}

#[tokio::test]
async fn a_product_that_waits_for_an_operator_is_not_tried_again() {
    let given = Given::default().begun().await;
    given.commit("a", 2).await;
    let cause = ParkingCause { from_sequence: 1, reason: "rewritten".into(), retryable: false, at: noon() };
    given.parking.park(LOG_CONSUMER, &fixtures::id("a"), &cause).await.unwrap();
    given.sequencer().retry_parked(MINUTE).await.unwrap();
    assert!(given.log().await.is_empty());
    assert_eq!(given.parked().await, [("a".to_owned(), false)]);
}

#[tokio::test]
async fn a_product_whose_log_is_ahead_of_the_event_table_is_left_and_parked() {
    let given = Given::default().begun().await;
    given.commit("a", 2).await;
    given.sequencer().log(&[given.announced("a")], None).await.unwrap();
    // The event table is put back to a time when the product had one commit.
    let journal = Arc::new(event_store::MemoryJournal::default());
    let first = event_store::Journal::page(&*given.journal, &fixtures::id("a"), 0, 1).await.unwrap();
    event_store::Journal::append(&*journal, &first[0]).await.unwrap();
    let given = Given { journal, ..given };
    assert_eq!(round(&given, noon()).await, [0, 0, 0, 1]);
    assert_eq!(given.parked().await, [("a".to_owned(), false)]);
}
