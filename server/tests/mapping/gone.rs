//! Shards that split, close and go while a consumer reads, stops and comes back: nothing is missed, and nobody waits for what
//! does not come.

use std::time::Duration;

use schema::Timestamp;
use tokio::sync::Notify;

use crate::sharded::{CaughtUp, Sharded, numbers};
use crate::{Log, PATIENCE, Running, done, mapping};

/// Waits until the consumer has caught up this many times.
async fn until_caught_up(caught_up: &CaughtUp, times: usize) {
    let waiting = async {
        while caught_up.times() < times {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap();
    assert_eq!(caught_up.times(), times);
}

/// A consumer that has handled `a` and caught up once, because it was new.
async fn reading(sharded: &Sharded) -> (Running, Log, CaughtUp) {
    let (log, caught_up) = (Log::default(), CaughtUp::default());
    sharded.put(["a"]).await;
    let running = sharded.run(&log, &caught_up);
    log.until_seen("a").await;
    assert_eq!(caught_up.times(), 1);
    (running, log, caught_up)
}

async fn only_open(sharded: &Sharded) -> String {
    let [shard] = &sharded.streams.open().await[..] else { panic!("one shard") };
    shard.clone()
}

#[tokio::test]
async fn a_consumer_without_a_checkpoint_catches_up_once_and_a_restart_goes_on() {
    let sharded = Sharded::new().await;
    sharded.put(["old"]).await;
    sharded.streams.trim(&only_open(&sharded).await).await;
    let (running, _, caught_up) = reading(&sharded).await;
    assert!(caught_up.ids().contains("old"), "the stream no longer has it");
    running.stop().await;
    let log = Log::default();
    let running = sharded.run(&log, &caught_up);
    sharded.put(["b"]).await;
    assert_eq!(log.until_seen("b").await, [["b"]]);
    assert_eq!(caught_up.times(), 1);
    running.stop().await;
}

#[tokio::test]
async fn catching_up_that_was_cut_short_begins_again() {
    let sharded = Sharded::new().await;
    sharded.put(["a"]).await;
    let (log, entered) = (Log::default(), std::sync::Arc::new(Notify::new()));
    let begun = entered.clone();
    let stuck = mapping("reader").on_missed(move || {
        begun.notify_one();
        std::future::pending()
    });
    let running = sharded.run_as(stuck, &log, |_| done());
    entered.notified().await;
    running.stop().await;
    assert_eq!((log.calls().len(), sharded.kept().await.len()), (0, 0), "nothing was read before");

    let caught_up = CaughtUp::default();
    let running = sharded.run(&log, &caught_up);
    log.until_seen("a").await;
    assert_eq!(caught_up.times(), 1);
    running.stop().await;
}

#[tokio::test]
async fn shards_that_split_and_roll_are_read_in_order_page_by_page_and_without_catching_up() {
    let sharded = Sharded::new().await;
    sharded.streams.page(1).await;
    let (running, log, caught_up) = reading(&sharded).await;
    let ids: Vec<String> = (0..20).map(|number| format!("item-{number}")).collect();
    for _ in 0..3 {
        sharded.put(ids.iter().map(String::as_str)).await;
        for shard in sharded.streams.open().await {
            sharded.streams.split(&shard).await;
        }
        sharded.put(ids.iter().map(String::as_str)).await;
        sharded.streams.expire_iterators().await;
        for shard in sharded.streams.open().await {
            sharded.streams.roll(&shard).await;
        }
    }
    let complete = |calls: &[Vec<String>]| calls.iter().map(Vec::len).sum::<usize>() > ids.len() * 6;
    log.until(complete).await;
    running.stop().await;
    for (id, numbers) in numbers(&log) {
        let expected = if id == "a" { 1 } else { 6 };
        assert!(numbers.len() == expected && numbers.is_sorted(), "{id}: {numbers:?}");
    }
    assert_eq!(caught_up.times(), 1, "only because it was new");
}

#[tokio::test]
async fn a_shard_that_goes_before_a_restart_is_caught_up_for() {
    let sharded = Sharded::new().await;
    let (running, log, caught_up) = reading(&sharded).await;
    running.stop().await;
    sharded.put(["missed"]).await;
    let parent = only_open(&sharded).await;
    let child = sharded.streams.roll(&parent).await;
    sharded.put(["b"]).await;
    sharded.streams.vanish(&parent).await;

    let running = sharded.run(&log, &caught_up);
    log.until_seen("b").await;
    assert_eq!(caught_up.times(), 2);
    assert!(caught_up.ids().contains("missed") && log.calls().concat() == ["a", "b"]);
    running.stop().await;
    assert_eq!(sharded.kept().await, [child], "what is gone is forgotten");
    let running = sharded.run(&log, &caught_up);
    sharded.put(["c"]).await;
    log.until_seen("c").await;
    assert_eq!(caught_up.times(), 2, "it is settled");
    running.stop().await;
}

#[tokio::test]
async fn a_whole_generation_of_shards_that_goes_is_caught_up_for() {
    let sharded = Sharded::new().await;
    let (running, log, caught_up) = reading(&sharded).await;
    running.stop().await;
    let parent = only_open(&sharded).await;
    let child = sharded.streams.roll(&parent).await;
    sharded.put(["missed"]).await;
    sharded.streams.roll(&child).await;
    for gone in [parent, child] {
        sharded.streams.vanish(&gone).await;
    }
    sharded.put(["b"]).await;
    let running = sharded.run(&log, &caught_up);
    log.until_seen("b").await;
    assert!(caught_up.times() == 2 && caught_up.ids().contains("missed"));
    running.stop().await;
}

#[tokio::test]
async fn a_shard_that_goes_while_it_is_read_is_caught_up_for() {
    let sharded = Sharded::new().await;
    let (running, log, caught_up) = reading(&sharded).await;
    sharded.streams.hold().await;
    sharded.put(["missed"]).await;
    let parent = only_open(&sharded).await;
    sharded.streams.roll(&parent).await;
    sharded.streams.vanish(&parent).await;
    sharded.put(["b"]).await;
    sharded.streams.release().await;
    log.until_seen("b").await;
    assert!(caught_up.times() == 2 && caught_up.ids().contains("missed"));
    running.stop().await;
}

#[tokio::test]
async fn a_parent_that_is_listed_but_not_found_does_not_block_its_children() {
    let sharded = Sharded::new().await;
    let (running, log, caught_up) = reading(&sharded).await;
    running.stop().await;
    sharded.put(["missed"]).await;
    let parent = only_open(&sharded).await;
    for child in sharded.streams.split(&parent).await {
        sharded.streams.roll(&child).await;
    }
    sharded.put(["b"]).await;
    sharded.streams.forget(&parent).await;
    let running = sharded.run(&log, &caught_up);
    log.until_seen("b").await;
    assert!(caught_up.times() == 2 && caught_up.ids().contains("missed"));
    running.stop().await;
    let running = sharded.run(&log, &caught_up);
    sharded.put(["c"]).await;
    log.until_seen("c").await;
    assert_eq!(caught_up.times(), 2, "the parent counts as read");
    running.stop().await;
}

#[tokio::test]
async fn a_shard_of_which_even_the_oldest_record_is_refused_is_caught_up_for_at_once() {
    let sharded = Sharded::new().await;
    let (running, log, caught_up) = reading(&sharded).await;
    sharded.streams.hold().await;
    sharded.put(["missed"]).await;
    let shard = only_open(&sharded).await;
    sharded.streams.lose(&shard).await;
    sharded.streams.roll(&shard).await;
    sharded.put(["b"]).await;
    sharded.streams.release().await;
    log.until_seen("b").await;
    assert!(caught_up.ids().contains("missed"));
    // Once for the record after the checkpoint, once for the oldest.
    assert!((2..=3).contains(&caught_up.times()), "{}", caught_up.times());
    running.stop().await;
}

#[tokio::test]
async fn an_open_shard_that_is_not_found_for_a_moment_is_read_on() {
    let sharded = Sharded::new().await;
    let (running, log, caught_up) = reading(&sharded).await;
    let shard = only_open(&sharded).await;
    sharded.streams.forget(&shard).await;
    sharded.put(["b"]).await;
    sharded.streams.expire_iterators().await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(log.calls().concat(), ["a"]);
    sharded.streams.remember(&shard).await;
    log.until_seen("b").await;
    assert_eq!((log.calls().concat(), caught_up.times()), (vec!["a".to_owned(), "b".to_owned()], 1));
    running.stop().await;
}

#[tokio::test]
async fn an_open_shard_that_is_not_found_for_long_is_caught_up_for_and_read_on() {
    let sharded = Sharded::new().await;
    let (log, caught_up) = (Log::default(), CaughtUp::default());
    let impatient = mapping("reader").gone_after(Duration::from_millis(50));
    let running = sharded.run_as(sharded.catching_up(impatient, &caught_up), &log, |_| done());
    sharded.put(["a"]).await;
    log.until_seen("a").await;
    let shard = only_open(&sharded).await;
    sharded.streams.forget(&shard).await;
    sharded.put(["b"]).await;
    until_caught_up(&caught_up, 2).await;
    assert!(caught_up.ids().contains("b"));
    sharded.streams.remember(&shard).await;
    sharded.put(["c"]).await;
    log.until_seen("c").await;
    assert_eq!(log.calls().concat(), ["a", "b", "c"], "nothing is left out after that");
    running.stop().await;
}

#[tokio::test]
async fn a_shard_that_is_no_longer_listed_is_read_to_its_end() {
    let sharded = Sharded::new().await;
    let (running, log, caught_up) = reading(&sharded).await;
    let parent = only_open(&sharded).await;
    sharded.streams.hide(&parent).await;
    sharded.put(["b"]).await;
    log.until_seen("b").await;
    sharded.streams.roll(&parent).await;
    sharded.put(["c"]).await;
    log.until_seen("c").await;
    assert_eq!(log.calls().concat().len(), 3);
    // Where the child is listed before the end of its parent is read, its parent is unknown: it is caught up for once more.
    assert!((1..=2).contains(&caught_up.times()), "{}", caught_up.times());
    running.stop().await;
}

#[tokio::test]
async fn another_stream_is_followed_and_what_was_recorded_between_them_is_caught_up_for() {
    let sharded = Sharded::new().await;
    let (running, log, caught_up) = reading(&sharded).await;
    sharded.streams.hold().await;
    sharded.put(["unread"]).await;
    sharded.streams.disable().await;
    sharded.put(["between"]).await;
    sharded.streams.enable().await;
    sharded.put(["b"]).await;
    sharded.streams.release().await;
    // While it runs, the end of the old stream leads to the new one.
    log.until_seen("b").await;
    assert!(caught_up.times() == 2 && caught_up.ids().contains("between"));
    running.stop().await;
    assert_eq!(sharded.kept().await, sharded.streams.open().await);

    sharded.streams.disable().await;
    sharded.put(["again"]).await;
    sharded.streams.enable().await;
    sharded.put(["c"]).await;
    let running = sharded.run(&log, &caught_up);
    log.until_seen("c").await;
    assert!(caught_up.times() == 3 && caught_up.ids().contains("again"), "after a restart too");
    running.stop().await;
}

#[tokio::test]
async fn checkpoints_of_shards_that_are_gone_do_not_pile_up() {
    let sharded = Sharded::new().await;
    let (running, log, caught_up) = reading(&sharded).await;
    for day in 0..8 {
        let shard = only_open(&sharded).await;
        sharded.streams.roll(&shard).await;
        let id = format!("day-{day}");
        sharded.put([id.as_str()]).await;
        log.until_seen(&id).await;
        sharded.streams.vanish(&shard).await;
    }
    running.stop().await;
    let running = sharded.run(&log, &caught_up);
    sharded.put(["b"]).await;
    log.until_seen("b").await;
    running.stop().await;
    assert!(sharded.kept().await.len() <= 2, "{:?}", sharded.kept().await);
    assert_eq!(caught_up.times(), 1);
}

fn at(hour: u32) -> schema::Clock {
    let time =
        Timestamp::parse(&format!("2030-01-{:02}T{:02}:00:00.000Z", 1 + hour / 24, hour % 24)).unwrap();
    std::sync::Arc::new(move || time)
}

/// The stream says nothing of records that it dropped from the beginning of a shard.
#[tokio::test]
async fn a_shard_of_which_nothing_was_read_for_a_day_is_caught_up_for_before_its_oldest_record() {
    let sharded = Sharded::new().await;
    let (log, caught_up) = (Log::default(), CaughtUp::default());
    let as_of = |hour| sharded.catching_up(mapping("reader").clock(at(hour)), &caught_up);
    let running = sharded.run_as(as_of(0), &log, |_| done());
    until_caught_up(&caught_up, 1).await;
    while sharded.kept().await.is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    running.stop().await;
    sharded.put(["missed"]).await;
    sharded.streams.trim(&only_open(&sharded).await).await;
    sharded.put(["b"]).await;
    let running = sharded.run_as(as_of(25), &log, |_| done());
    log.until_seen("b").await;
    assert!(caught_up.times() == 2 && caught_up.ids().contains("missed"));
    running.stop().await;
}
