//! The response to a batch, with records in the shapes that AWS documents: it names the right `SequenceNumber` and no record
//! that is finished; a changed or removed commit raises the tampering signal and is never published.

use std::io::Write;
use std::sync::{Arc, Mutex};

use aws_lambda_events::event::dynamodb::Event;
use event_store::{Parking, Receipts};
use schema::fixtures;

use crate::broken::{At, Broken, How};
use crate::world::{MINUTE, World, batch, failures, sequence_number};

fn recorded(file: &str) -> Event {
    let path = format!("{}/tests/data/{file}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// Runs a future and captures the log.
async fn logged<T>(future: impl Future<Output = T>) -> (T, String) {
    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);
    impl Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
    let guard = tracing::subscriber::set_default(subscriber);
    let result = future.await;
    drop(guard);
    let log = String::from_utf8(buffer.0.lock().unwrap().clone()).unwrap();
    (result, log)
}

#[tokio::test(start_paused = true)]
async fn changed_and_removed_commits_are_never_published_and_raise_the_tamper_signal() {
    let world = World::default();
    let records = recorded("insert-modify-remove");
    let (response, log) = logged(world.publisher.publish(records, MINUTE)).await;
    assert_eq!(failures(&response), Vec::<String>::new());
    assert_eq!(world.accepted_of("helmet"), [1, 2, 3]);
    assert_eq!(world.bus.len(), 3);
    assert!(world.bus.accepted().iter().all(|(_, entry)| !entry.detail.contains("Another name")));
    let signals: Vec<&str> = log.lines().filter(|line| line.contains("tampering=1")).collect();
    assert_eq!(signals.len(), 3, "{log}");
    assert!(signals[0].contains("ERROR") && signals[0].contains("operation=\"MODIFY\""), "{log}");
    assert!(signals[0].contains("product=\"helmet\"") && signals[0].contains("sequence=\"1\""), "{log}");
    assert!(signals[1].contains("operation=\"REMOVE\""), "{log}");
    assert!(signals[2].contains("product=\"expired\""), "a removal by the store itself counts too: {log}");
}

#[tokio::test(start_paused = true)]
async fn records_of_two_shards_are_answered_with_the_number_of_the_one_that_failed() {
    let world = World::default();
    let failing = Broken::in_front_of(world.receipts.clone());
    let failing = failing.breaks_for(&fixtures::id("shard-two"), At::Position, How::Fails);
    let publisher = world.restarted(failing, world.bus.clone());
    let response = publisher.publish(recorded("insert-two-shards"), MINUTE).await;
    assert_eq!(failures(&response), ["222200000000018211447091"]);
    assert_eq!(world.accepted_of("shard-one"), [1, 2, 3]);
    let response = world.publisher.publish(recorded("insert-two-shards"), MINUTE).await;
    assert_eq!(failures(&response), Vec::<String>::new());
    assert_eq!(world.accepted_of("shard-two"), [1, 2, 3]);
    assert_eq!(world.bus.len(), 6);
}

/// Waiting for a receipt that will never be readable would hold up all products of the shard.
#[tokio::test(start_paused = true)]
async fn a_product_whose_receipt_cannot_be_read_is_parked_and_its_records_count_as_finished() {
    let world = World::default();
    let unreadable = Broken::in_front_of(world.receipts.clone());
    let unreadable = unreadable.breaks_for(&fixtures::id("shard-two"), At::Position, How::IsUnreadable);
    let publisher = world.restarted(unreadable, world.bus.clone());
    let response = publisher.publish(recorded("insert-two-shards"), MINUTE).await;
    assert_eq!(failures(&response), Vec::<String>::new());
    assert_eq!((world.accepted_of("shard-one"), world.accepted_of("shard-two")), (vec![1, 2, 3], Vec::new()));
    let row = world.parking.of("publisher", &fixtures::id("shard-two")).await.unwrap().unwrap();
    assert_eq!((row.from_sequence, row.retryable), (1, true), "it goes on by itself once the row is mended");
    assert!(row.reason.contains("the row of event 1 is unreadable; run ledger verify --receipts shard-two"));
}

#[tokio::test(start_paused = true)]
async fn records_with_keys_alone_are_looked_up() {
    let world = World::default();
    world.life("keys-only", 2).await;
    let (response, log) = logged(world.publisher.publish(recorded("keys-only"), MINUTE)).await;
    assert_eq!(failures(&response), Vec::<String>::new());
    assert_eq!(world.accepted_of("keys-only"), [1, 2]);
    assert_eq!(log.matches("tampering=1").count(), 2, "{log}");
}

#[tokio::test(start_paused = true)]
async fn each_product_that_failed_is_named_once_by_its_first_unpublished_record() {
    let world = World::default();
    let a = world.life("a", 4).await;
    let b = world.life("b", 2).await;
    world.publish(&a[..2]).await;
    let mixed = [&a[0], &b[0], &a[1], &a[2], &b[1], &a[3]].map(Clone::clone);
    let failing = Broken::in_front_of(world.receipts.clone()).breaks(At::Record, How::Fails);
    let publisher = world.restarted(failing, world.bus.clone());
    let response = publisher.publish(batch(&mixed), MINUTE).await;
    assert_eq!(failures(&response), [sequence_number(2), sequence_number(4)]);
}

#[tokio::test(start_paused = true)]
async fn the_answer_is_what_lambda_reads() {
    let world = World::default();
    let commits = world.life("a", 1).await;
    let failing = Broken::in_front_of(world.receipts.clone()).breaks(At::Position, How::Fails);
    let publisher = world.restarted(failing, world.bus.clone());
    let response = publisher.publish(batch(&commits), MINUTE).await;
    let json = serde_json::to_value(response).unwrap();
    assert_eq!(json, serde_json::json!({"batchItemFailures": [{"itemIdentifier": "100000000000000000001"}]}));
    let all_well = serde_json::to_value(world.publish(&commits).await).unwrap();
    assert_eq!(all_well, serde_json::json!({"batchItemFailures": []}));
}

#[tokio::test(start_paused = true)]
async fn a_product_that_the_bus_refuses_is_parked_and_not_redelivered() {
    let world = World::default();
    let commits = world.life("a", 2).await;
    world.bus.take_down();
    assert_eq!(failures(&world.publish(&commits).await), Vec::<String>::new());
    assert_eq!(world.receipts.of(&fixtures::id("a"), 1, 2).await.unwrap().len(), 1);
}
