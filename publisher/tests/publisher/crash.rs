//! Killed anywhere, nothing is lost: what has no receipt is sent again with the same id, what has one is not.

use std::time::Duration;

use event_store::Receipts;
use schema::fixtures;

use crate::broken::{At, Broken, How};
use crate::world::{MINUTE, World, batch, failures, sequence_number};

/// Publishes two products of three events with receipts that hang at a point, and kills the publisher there.
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
    let details = |sent: &[(String, publisher::Entry)]| -> Vec<String> {
        sent.iter().map(|(_, entry)| entry.detail.clone()).collect()
    };
    assert_eq!(details(again), details(&before), "the messages are the same, ids included");
    for product in ["a", "b"] {
        let position = world.receipts.position(&fixtures::id(product)).await.unwrap();
        assert_eq!((position.published, position.above.len()), (3, 0), "{product}");
    }
}

#[tokio::test(start_paused = true)]
async fn killed_between_the_receipts_and_the_cursor_nothing_is_sent_again() {
    let (world, commits) = killed(At::Advance).await;
    let (sent, requests) = (world.bus.len(), world.bus.requests().len());
    assert_eq!(world.receipts.position(&fixtures::id("a")).await.unwrap().above.len(), 3);

    assert_eq!(failures(&world.publish(&commits).await), Vec::<String>::new());
    assert_eq!((world.bus.len(), world.bus.requests().len()), (sent, requests));
    assert_eq!(world.receipts.position(&fixtures::id("a")).await.unwrap().published, 3);
}

#[tokio::test(start_paused = true)]
async fn a_receipt_missing_in_the_middle_sends_that_event_alone_again() {
    let (world, commits) = killed(At::Record).await;
    let (a, before) = (fixtures::id("a"), world.bus.len());
    let kept = event_store::MemoryReceipts::default();
    world.publish(&commits).await;
    for (sequence, outcome) in world.receipts.of(&a, 1, 3).await.unwrap() {
        if sequence != 2 {
            let product = a.clone();
            kept.record(&[event_store::receipts::Record { product, sequence, outcome }]).await.unwrap();
        }
    }
    let sent = world.bus.len();
    assert_eq!(sent, before + 6);
    let publisher = world.restarted(std::sync::Arc::new(kept), world.bus.clone());
    publisher.publish(batch(&commits[..3]), MINUTE).await;
    assert_eq!(world.accepted()[sent..], [("a".to_owned(), 2)]);
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_another_publisher_moved_meanwhile_still_gets_to_the_end() {
    let world = World::default();
    let commits = world.life("a", 4).await;
    let overtaken = Broken::in_front_of(world.receipts.clone()).breaks(At::Advance, How::Overtaken);
    let publisher = world.restarted(overtaken, world.bus.clone());
    let response = publisher.publish(batch(&commits), MINUTE).await;
    assert_eq!(failures(&response), Vec::<String>::new());
    assert_eq!(world.receipts.position(&fixtures::id("a")).await.unwrap().published, 4);
}

#[tokio::test(start_paused = true)]
async fn when_receipts_cannot_be_written_the_records_come_again() {
    let world = World::default();
    let commits = world.life("a", 2).await;
    for at in [At::Position, At::Record, At::Advance] {
        let failing = Broken::in_front_of(world.receipts.clone()).breaks(at, How::Fails);
        let publisher = world.restarted(failing, world.bus.clone());
        let response = publisher.publish(batch(&commits), MINUTE).await;
        assert_eq!(failures(&response), [sequence_number(1)], "{at:?}");
    }
}
