//! After a failed function: which records are redelivered, which are not, and which are given up.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use engine::probe::{Faults, InjectedFault, Matching};
use server::mapping::StreamEndpoint;

use crate::{Log, World, done, failed_at, id, mapping};

#[tokio::test]
async fn after_a_reported_failure_everything_from_the_lowest_on_is_redelivered() {
    let world = World::new().await;
    world.put(["a", "b", "c", "d"]).await;
    let log = Log::default();
    let numbers = log.clone();
    let calls = AtomicUsize::new(0);
    let running = world.run(mapping("reader"), &log, move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => failed_at([numbers.number(3), numbers.number(1)]),
        _ => done(),
    });
    let calls = log.until(|calls| calls.len() == 2).await;
    assert_eq!(calls, [vec!["a", "b", "c", "d"], vec!["b", "c", "d"]]);
    running.stop().await;
}

#[tokio::test]
async fn a_function_that_fails_or_panics_is_called_again() {
    let world = World::new().await;
    world.put(["a"]).await;
    let log = Log::default();
    let calls = AtomicUsize::new(0);
    let running = world.run(mapping("reader"), &log, move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => Err("not yet".to_owned()),
        1 => panic!("on purpose"),
        _ => done(),
    });
    log.until(|calls| calls.len() == 3).await;
    world.put(["b"]).await;
    assert_eq!(log.until_seen("b").await, [["a"], ["a"], ["a"], ["b"]]);
    running.stop().await;
}

#[tokio::test]
async fn bisecting_finds_the_poison_and_gives_up_nothing_else() {
    let world = World::new().await;
    let ids: Vec<String> = (0..50).map(|number| format!("{number:02}")).collect();
    world.put(ids.iter().map(String::as_str)).await;
    let (log, handled, given_up) = (Log::default(), Arc::new(Mutex::new(Vec::new())), Log::default());
    let (hook, successes) = (given_up.clone(), handled.clone());
    let skipping = mapping("reader").on_skipped(move |skipped| {
        assert_eq!((skipped.consumer.as_str(), skipped.reason.as_str()), ("reader", "poison"));
        let mut event = aws_lambda_events::event::dynamodb::Event::default();
        event.records = vec![skipped.record.clone()];
        hook.write(event);
    });
    let running = world.run(skipping, &log, move |ids| {
        if ids.iter().any(|id| id == "17" || id == "42") {
            return Err("poison".to_owned());
        }
        successes.lock().unwrap().extend_from_slice(ids);
        done()
    });
    given_up.until(|calls| calls.len() == 2).await;
    world.put(["last"]).await;
    log.until(|calls| calls.last().is_some_and(|ids| ids == &["last"])).await;
    running.stop().await;

    assert_eq!(given_up.calls(), [["17"], ["42"]]);
    let expected: Vec<_> =
        ids.into_iter().filter(|id| id != "17" && id != "42").chain(["last".to_owned()]).collect();
    assert_eq!(*handled.lock().unwrap(), expected);
}

#[tokio::test]
async fn a_broken_stream_and_a_broken_checkpoint_are_tried_again() {
    let world = World::new().await;
    world.put(["a"]).await;
    let (config, faults) = Faults::inject(&world.engine.sdk_config());
    let expired = InjectedFault::Answer { status: 400, code: "ExpiredIteratorException".to_owned() };
    let failing = InjectedFault::Answer { status: 400, code: "SomethingElse".to_owned() };
    faults.add(Matching::operation("GetRecords"), expired);
    faults.add(Matching::operation("GetRecords"), failing.clone());
    faults.add(Matching::operation("GetItem"), failing.clone());
    faults.add(Matching::operation("PutItem").times(2), failing);
    let broken = World {
        checkpoints: server::mapping::CheckpointTable::new(
            aws_sdk_dynamodb::Client::new(&config),
            "checkpoints",
        ),
        client: world.client.clone(),
        engine: world.engine.clone(),
    };
    let log = Log::default();
    let running = broken.run_from(StreamEndpoint::new(&config), mapping("reader"), &log, |_| done());
    log.until_seen("a").await;
    world.put(["b"]).await;
    // The checkpoint of "a" was kept in the end, or "b" would not have been read.
    assert_eq!(log.until_seen("b").await, [["a"], ["b"]]);
    assert_eq!(faults.applied(), 5);
    running.stop().await;
}

#[tokio::test]
async fn when_the_next_record_is_no_longer_kept_the_oldest_comes_next() {
    let world = World::new().await;
    world.put(["a"]).await;
    let log = Log::default();
    let running = world.run(mapping("reader"), &log, |_| done());
    log.until_seen("a").await;
    running.stop().await;

    world.put(["b"]).await;
    let (config, faults) = Faults::inject(&world.engine.sdk_config());
    let trimmed = InjectedFault::Answer { status: 400, code: "TrimmedDataAccessException".to_owned() };
    faults.add(Matching::operation("GetShardIterator"), trimmed);
    let running = world.run_from(StreamEndpoint::new(&config), mapping("reader"), &log, |_| done());
    assert_eq!(log.until_seen("b").await, [vec!["a"], vec!["a", "b"]]);
    assert_eq!(id(&log.calls.lock().unwrap()[1][1]), "b");
    running.stop().await;
}
