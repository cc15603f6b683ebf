//! Which records arrive, when, and in which order.

use aws_lambda_events::event::dynamodb::StreamViewType;

use crate::{Log, World, create_table, done, id, mapping};

#[tokio::test]
async fn records_arrive_in_order_in_bounded_batches_old_ones_first() {
    let world = World::new().await;
    world.put(["a", "b", "c"]).await;
    let log = Log::default();
    let running = world.run(mapping("reader").batch_size(2), &log, |_| done());
    log.until_seen("c").await;
    world.put(["d"]).await;
    assert_eq!(log.until_seen("d").await, [vec!["a", "b"], vec!["c"], vec!["d"]]);
    running.stop().await;
}

#[tokio::test]
async fn a_record_is_the_one_a_lambda_gets() {
    let world = World::new().await;
    let log = Log::default();
    let running = world.run(mapping("reader"), &log, |_| done());
    world.put(["a"]).await;
    log.until_seen("a").await;
    running.stop().await;

    let record = log.calls.lock().unwrap()[0][0].clone();
    assert_eq!(id(&record), "a");
    assert_eq!(record.event_name, "INSERT");
    assert_eq!(record.event_source.as_deref(), Some("aws:dynamodb"));
    assert!(record.event_source_arn.unwrap().contains(":table/things/stream/"));
    assert!(!record.event_id.is_empty());
    assert_eq!(record.change.new_image.get("id"), record.change.keys.get("id"));
    assert!(record.change.old_image.is_empty());
    assert_eq!(record.change.stream_view_type, Some(StreamViewType::NewAndOldImages));
    assert!(record.change.sequence_number.unwrap().len() >= 21);
    assert!(record.change.size_bytes > 0);
    assert!(record.change.approximate_creation_date_time.timestamp() > 0);
}

#[tokio::test]
async fn a_table_that_comes_later_is_followed_too() {
    let world = World::on(engine::Engine::in_memory().unwrap()).await;
    let log = Log::default();
    let running = world.run(mapping("reader"), &log, |_| done());
    create_table(&world.client).await;
    world.put(["a"]).await;
    log.until_seen("a").await;
    running.stop().await;
}

#[tokio::test]
async fn consumers_do_not_wait_for_each_other() {
    let world = World::new().await;
    let (stuck, free) = (Log::default(), Log::default());
    let patient = server::mapping::RedeliveryPolicy {
        most_retries: u32::MAX,
        ..server::mapping::RedeliveryPolicy::default()
    };
    let failing = world.run(mapping("stuck").redelivery(patient), &stuck, |_| Err("not today".to_owned()));
    let working = world.run(mapping("free"), &free, |_| done());
    world.put(["a", "b"]).await;
    free.until_seen("b").await;
    assert!(stuck.until_seen("a").await.iter().flatten().all(|id| id == "a" || id == "b"));
    failing.stop().await;
    working.stop().await;
}
