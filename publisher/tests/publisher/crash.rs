//! Wherever the publisher is killed, nothing is lost: an event without a receipt is sent again with the same id, one with a
//! receipt is not.

use std::time::Duration;

use event_store::Receipts;
use schema::fixtures;

use crate::broken::{At, Broken, How};
use crate::world::{MINUTE, World, batch, failures, sequence_number};

/// Publishes two products of three events with receipts that hang at `at`, and kills the publisher there.
async fn killed(at: At) -> (World, Vec<schema::StoredCommit>) {
    let world = World::default();
    let mut commits = world.life("a", 3).await;
    commits.extend(world.life("b", 3).await);
    let hanging = Broken::in_front_of(world.receipts.clone()).breaks(at, How::Hangs);
    let publisher = world.restarted(hanging, world.bus.clone());
    let ended =
        tokio::time::timeout(Duration::from_secs(1), publisher.publish(batch(&commits), MINUTE)).await;
    assert!(ended.is_err(), "the publisher was not killed");
    (world, commits)
}

#[tokio::test(start_paused = true)]
async fn killed_between_the_bus_and_the_receipts_an_event_is_sent_again_with_the_same_id() {
    let (world, commits) = killed(At::Record).await;
    let before: Vec<_> = world.bus.accepted();
    assert_eq!(before.len(), 6);
    assert_eq!(world.receipts.of(&fixtures::id("a"), 1, 9).await.unwrap(), []);

    assert_eq!(failures(&world.publish(&commits).await), Vec::<String>::new());
    let again = &world.bus.accepted()[6..];
    let details = |sent: &[(String, publisher::BusEntry)]| -> Vec<String> {
        sent.iter().map(|(_, entry)| entry.detail.clone()).collect()
    };
    assert_eq!(details(again), details(&before), "the messages are the same, ids included");
    for product in ["a", "b"] {
        let position = world.receipts.position(&fixtures::id(product)).await.unwrap();
        assert_eq!((position.published, position.failure), (3, None), "{product}");
    }
}

#[tokio::test(start_paused = true)]
async fn killed_after_the_receipts_nothing_is_sent_again() {
    let world = World::default();
    let commits = world.life("a", 3).await;
    world.publish(&commits).await;
    let (sent, requests) = (world.bus.len(), world.bus.requests().len());
    let publisher = world.restarted(world.receipts.clone(), world.bus.clone());
    assert_eq!(failures(&publisher.publish(batch(&commits), MINUTE).await), Vec::<String>::new());
    assert_eq!((world.bus.len(), world.bus.requests().len()), (sent, requests));
}

/// The store fails in the middle of a batch: the first receipts are written, and only the later events are sent again.
#[tokio::test(start_paused = true)]
async fn publishing_continues_after_partly_written_receipts() {
    let world = World::default();
    let commits = world.life("a", 5).await;
    world.publish(&commits).await;
    let a = fixtures::id("a");
    let kept = event_store::MemoryReceipts::default();
    for (sequence, outcome) in world.receipts.of(&a, 1, 2).await.unwrap() {
        kept.record(&[event_store::receipts::EventPublication { product: a.clone(), sequence, outcome }])
            .await
            .unwrap();
    }
    let sent = world.bus.len();
    let publisher = world.restarted(std::sync::Arc::new(kept), world.bus.clone());
    publisher.publish(batch(&commits), MINUTE).await;
    let again: Vec<_> = (3..=5).map(|sequence| ("a".to_owned(), sequence)).collect();
    assert_eq!(world.accepted()[sent..], again);
}

/// Events that a restore marked are not published as long as the ledger has the commit that the mark names.
#[tokio::test(start_paused = true)]
async fn a_mark_that_fits_takes_the_place_of_receipts_and_one_that_does_not_takes_none() {
    for fits in [true, false] {
        let world = World::default();
        let commits = world.life("a", 4).await;
        let marked = commits[2].decode().unwrap();
        let hash = if fits { marked.hash.clone() } else { schema::Hash::genesis() };
        let mark = event_store::receipts::RestoreMark { sequence: marked.last_sequence(), hash };
        world.receipts.mark(fixtures::id("a"), mark);
        let behind = world.publisher.behind(&fixtures::id("a"), 4).await.unwrap();
        assert_eq!(behind, Some(if fits { 3 } else { 0 }));
        world.publish(&commits).await;
        let first = if fits { 4 } else { 1 };
        assert_eq!(world.accepted_of("a"), (first..=4).collect::<Vec<u64>>());
        assert_eq!(world.publisher.behind(&fixtures::id("a"), 4).await.unwrap(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn when_receipts_cannot_be_written_the_records_are_redelivered() {
    let world = World::default();
    let commits = world.life("a", 2).await;
    for at in [At::Position, At::Record] {
        let failing = Broken::in_front_of(world.receipts.clone()).breaks(at, How::Fails);
        let publisher = world.restarted(failing, world.bus.clone());
        let response = publisher.publish(batch(&commits), MINUTE).await;
        assert_eq!(failures(&response), [sequence_number(1)], "{at:?}");
    }
}
