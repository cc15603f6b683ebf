//! What a stop and a restart keep, and what may be trimmed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_lambda_events::event::streams::DynamoDbEventResponse;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodbstreams::types::ShardIteratorType;
use cli::mapping::{Position, Source, Trimming};
use engine::Engine;
use tokio::sync::{Notify, watch};

use crate::{Log, NEVER, World, create_table, done, failed_at, mapping};

#[tokio::test]
async fn a_restart_continues_after_the_checkpoint() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::on(Engine::open(directory.path()).unwrap()).await;
    create_table(&world.client).await;
    world.put(["a", "b"]).await;
    let log = Log::default();
    let running = world.run(mapping("reader"), &log, |_| done());
    log.until_seen("b").await;
    running.stop().await;
    world.put(["c"]).await;
    world.engine.close().await;

    let world = World::on(Engine::open(directory.path()).unwrap()).await;
    let running = world.run(mapping("reader"), &log, |_| done());
    assert_eq!(log.until_seen("c").await, [vec!["a", "b"], vec!["c"]]);
    running.stop().await;
    let other = Log::default();
    let running = world.run(mapping("new"), &other, |_| done());
    assert_eq!(other.until_seen("c").await, [["a", "b", "c"]]);
    running.stop().await;
    world.engine.close().await;
}

#[tokio::test]
async fn a_stop_between_failures_keeps_what_was_done_before_them() {
    let world = World::new().await;
    world.put(["a", "b"]).await;
    let log = Log::default();
    let numbers = log.clone();
    let failing = mapping("reader").retry(cli::mapping::Retry {
        first_delay: NEVER,
        longest_delay: NEVER,
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
    let (source, reader) = (Source::embedded(&world.engine), mapping("reader"));
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
    assert!(matches!(position(&world, "reader").await, Position::After(_)));
}

#[tokio::test]
async fn the_stream_is_trimmed_up_to_where_the_slowest_consumer_has_come() {
    let world = World::new().await;
    world.put(["a", "b", "c"]).await;
    let (fast, slow) = (Log::default(), Log::default());
    let running = world.run(mapping("fast").batch_size(1), &fast, |_| done());
    fast.until_seen("c").await;
    running.stop().await;

    trim_while(&world, tokio::time::sleep(Duration::from_millis(50))).await;
    assert_eq!(records(&world).await, 3, "a consumer that has not begun holds everything");

    let running = world.run(mapping("slow").batch_size(1), &slow, |ids| {
        if ids == ["c"] { Err("not today".to_owned()) } else { done() }
    });
    slow.until_seen("c").await;
    running.stop().await;
    let what_is_open = async {
        while records(&world).await > 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    let trimming = Box::pin(trim_while(&world, what_is_open));
    tokio::time::timeout(Duration::from_secs(10), trimming).await.unwrap();
    // The one of its checkpoint, and the newest, which the slow consumer has not passed.
    assert_eq!(records(&world).await, 2);
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
    assert_eq!(position, Position::Unreadable);
}

/// A record that was kept until its checkpoint moved on cannot be missing.
#[tokio::test]
async fn before_a_checkpoint_without_a_record_is_passed_over_its_consumer_catches_up_otherwise() {
    let world = World::new().await;
    world.put(["a", "b"]).await;
    let log = Log::default();
    let running = world.run(mapping("reader"), &log, |_| done());
    log.until_seen("b").await;
    running.stop().await;
    world.engine.trim_stream(crate::TABLE, &log.number(1)).await.unwrap();
    let (_, arn, shard) = stream(&world).await;
    let first = checkpoint(&arn, &shard, &log.number(0));
    world.client.put_item().table_name("checkpoints").set_item(Some(first)).send().await.unwrap();
    let (again, tried) = (Log::default(), Arc::new(AtomicUsize::new(0)));
    let (attempts, seen) = (tried.clone(), again.clone());
    let reader = mapping("reader").on_missed(move || {
        assert_eq!(seen.calls().len(), 0, "a record was handled before");
        let failed = attempts.fetch_add(1, Ordering::Relaxed) == 0;
        std::future::ready(if failed { Err("not yet".to_owned()) } else { Ok(()) })
    });
    let running = world.run(reader, &again, |_| done());
    assert_eq!(again.until_seen("b").await, [["b"]]);
    assert_eq!(tried.load(Ordering::Relaxed), 2, "it is tried until it succeeds");
    running.stop().await;
}

fn checkpoint(arn: &str, shard: &str, after: &str) -> HashMap<String, AttributeValue> {
    let texts = [("id", &*format!("reader#{shard}")), ("stream", arn), ("after", after)];
    texts.into_iter().map(|(name, text)| (name.to_owned(), AttributeValue::S(text.to_owned()))).collect()
}

/// Trims again and again while `until` waits.
async fn trim_while(world: &World, until: impl Future<Output = ()>) {
    let (stop, stopped) = watch::channel(false);
    let trimming = Trimming::new(crate::TABLE, ["fast", "slow"]).every(Duration::from_millis(1));
    tokio::join!(trimming.run(&world.engine, &world.checkpoints, stopped), async {
        until.await;
        stop.send_replace(true);
    });
}

async fn stream(world: &World) -> (aws_sdk_dynamodbstreams::Client, String, String) {
    let streams = aws_sdk_dynamodbstreams::Client::new(&world.engine.sdk_config());
    let arn = streams.list_streams().send().await.unwrap().streams()[0].stream_arn().unwrap().to_owned();
    let described =
        streams.describe_stream().stream_arn(&arn).send().await.unwrap().stream_description.unwrap();
    let shard = described.shards()[0].shard_id().unwrap().to_owned();
    (streams, arn, shard)
}

async fn position(world: &World, consumer: &str) -> Position {
    let (_, arn, shard) = stream(world).await;
    world.checkpoints.position(consumer, &arn, &shard).await.unwrap()
}

async fn records(world: &World) -> usize {
    let (streams, arn, shard) = stream(world).await;
    let from = streams.get_shard_iterator().stream_arn(arn).shard_id(shard);
    let iterator =
        from.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap().shard_iterator;
    streams.get_records().set_shard_iterator(iterator).limit(1000).send().await.unwrap().records().len()
}
