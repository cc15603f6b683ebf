//! What survives a stop and a restart.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lambda_events::event::streams::DynamoDbEventResponse;
use engine::probe::{Faults, InjectedFault, Matching};
use event_store::backoff::Backoff;
use server::mapping::{ShardPosition, StreamEndpoint};
use tokio::sync::{Notify, watch};

use crate::{Log, NEVER, World, done, failed_at, mapping};

#[tokio::test]
async fn a_restart_continues_after_the_checkpoint() {
    let world = World::new().await;
    world.put(["a", "b"]).await;
    let log = Log::default();
    let running = world.run(mapping("reader"), &log, |_| done());
    log.until_seen("b").await;
    running.stop().await;
    world.put(["c"]).await;

    let running = world.run(mapping("reader"), &log, |_| done());
    assert_eq!(log.until_seen("c").await, [vec!["a", "b"], vec!["c"]]);
    running.stop().await;
    let other = Log::default();
    let running = world.run(mapping("new"), &other, |_| done());
    assert_eq!(other.until_seen("c").await, [["a", "b", "c"]]);
    running.stop().await;
}

#[tokio::test]
async fn a_stop_between_failures_keeps_what_was_done_before_them() {
    let world = World::new().await;
    world.put(["a", "b"]).await;
    let log = Log::default();
    let numbers = log.clone();
    let failing = mapping("reader").redelivery(server::mapping::RedeliveryPolicy {
        backoff: Backoff { first: NEVER, longest: NEVER },
        ..Default::default()
    });
    let running = world.run(failing, &log, move |_| failed_at([numbers.number(1)]));
    log.until_seen("b").await;
    running.stop().await;
    let running = world.run(mapping("reader"), &log, |_| done());
    assert_eq!(log.until(|calls| calls.len() == 2).await, [vec!["a", "b"], vec!["b"]]);
    running.stop().await;
}

#[tokio::test]
async fn a_stop_waits_for_the_batch_in_hand_and_keeps_its_checkpoint() {
    let world = World::new().await;
    world.put(["a"]).await;
    let (entered, go_on) = (Notify::new(), Notify::new());
    let (stop, stopped) = watch::channel(false);
    let (source, reader) = (StreamEndpoint::new(&world.engine.sdk_config()), mapping("reader"));
    let run = reader.run(
        &source,
        &world.checkpoints,
        |_| async {
            entered.notify_one();
            go_on.notified().await;
            Ok::<_, String>(DynamoDbEventResponse::default())
        },
        stopped,
    );
    let stopping = async {
        entered.notified().await;
        stop.send_replace(true);
        go_on.notify_one();
    };
    tokio::time::timeout(Duration::from_secs(10), async { tokio::join!(run, stopping) }).await.unwrap();
    assert!(matches!(position(&world, "reader").await, ShardPosition::After(_)));
}

#[tokio::test]
async fn a_checkpoint_of_another_stream_of_the_table_does_not_count() {
    let world = World::new().await;
    world.put(["a"]).await;
    let log = Log::default();
    let running = world.run(mapping("reader"), &log, |_| done());
    log.until_seen("a").await;
    running.stop().await;
    let checkpoints = &world.checkpoints;
    let shard = format!("shardId-00000001-{}", crate::TABLE);
    let position = checkpoints.position("reader", "another stream", &shard).await.unwrap();
    assert_eq!(position, ShardPosition::Unreadable);
}

/// The stream keeps a record for a day.
#[tokio::test]
async fn before_trimmed_records_are_skipped_the_consumer_catches_up_without_the_stream() {
    let world = World::new().await;
    world.put(["a"]).await;
    let log = Log::default();
    let running = world.run(mapping("reader"), &log, |_| done());
    log.until_seen("a").await;
    running.stop().await;
    let (config, faults) = Faults::inject(&world.engine.sdk_config());
    let trimmed = InjectedFault::Answer { status: 400, code: "TrimmedDataAccessException".to_owned() };
    faults.add(Matching::operation("GetShardIterator"), trimmed);
    let (again, tried) = (Log::default(), Arc::new(AtomicUsize::new(0)));
    let (attempts, seen) = (tried.clone(), again.clone());
    let reader = mapping("reader").on_missed(move || {
        assert_eq!(seen.calls().len(), 0, "a record was handled before");
        let failed = attempts.fetch_add(1, Ordering::Relaxed) == 0;
        std::future::ready(if failed { Err("not yet".to_owned()) } else { Ok(()) })
    });
    let running = world.run_from(StreamEndpoint::new(&config), reader, &again, |_| done());
    assert_eq!(again.until_seen("a").await, [["a"]]);
    assert_eq!(tried.load(Ordering::Relaxed), 2, "it is tried until it succeeds");
    running.stop().await;
}

async fn stream(world: &World) -> (aws_sdk_dynamodbstreams::Client, String, String) {
    let streams = aws_sdk_dynamodbstreams::Client::new(&world.engine.sdk_config());
    let arn = streams.list_streams().send().await.unwrap().streams()[0].stream_arn().unwrap().to_owned();
    let described =
        streams.describe_stream().stream_arn(&arn).send().await.unwrap().stream_description.unwrap();
    let shard = described.shards()[0].shard_id().unwrap().to_owned();
    (streams, arn, shard)
}

async fn position(world: &World, consumer: &str) -> ShardPosition {
    let (_, arn, shard) = stream(world).await;
    world.checkpoints.position(consumer, &arn, &shard).await.unwrap()
}
