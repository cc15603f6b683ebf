//! Positions begin at 0 and have no gaps; what was read once never changes; each commit has one position.

use std::collections::BTreeMap;

use event_store::{Feed, Journal, MemoryJournal};
use futures::future::join_all;
use schema::{StoredCommit, fixtures};
use serde_json::json;

use super::{Feeds, append_all, commits, everything, positions};
use crate::given::commits::{awkward_ids, made, made_with, run};
use crate::given::for_all;

cases! { dyn crate::feed::Followed, [memory sqlite dynamodb];
    positions_begin_at_zero_and_have_no_gaps
    commits_stand_in_the_order_of_their_recording
    an_earlier_sequence_that_comes_late_stands_last
    an_occupied_key_takes_no_position
    a_refused_commit_takes_no_position
    what_was_read_once_never_changes
    nothing_is_inserted_before_what_was_read
    many_writers_leave_no_gap
    many_writers_at_one_key_take_one_position
    a_products_commits_are_in_order_with_other_writers
    a_position_is_visible_only_with_all_before_it
    positions_go_on_when_the_store_is_opened_again
    positions_stay_when_the_store_is_opened_again
    the_feed_is_what_a_scan_meets
    the_feed_of_a_product_is_its_page
    any_appends_are_followed_as_in_memory
}

async fn positions_begin_at_zero_and_have_no_gaps(feed: &Feeds) {
    append_all(feed, &[run("p", 3), run("q", 4)].concat()).await;
    assert_eq!(positions(&everything(feed).await), [0, 1, 2, 3, 4, 5, 6]);
}

async fn commits_stand_in_the_order_of_their_recording(feed: &Feeds) {
    let order: Vec<_> = [("z", 1), ("a", 1), ("m", 1), ("a", 2), ("z", 2)].map(|(id, n)| made(id, n)).into();
    append_all(feed, &order).await;
    assert_eq!(commits(everything(feed).await), order);
}

async fn an_earlier_sequence_that_comes_late_stands_last(feed: &Feeds) {
    let order = [made("p", 1), made("p", 5), made("p", 3)];
    append_all(feed, &order).await;
    assert_eq!(commits(everything(feed).await), order);
}

async fn an_occupied_key_takes_no_position(feed: &Feeds) {
    feed.append(&made("p", 1)).await.unwrap();
    feed.append(&made("p", 1)).await.unwrap_err();
    feed.append(&made("p", 2)).await.unwrap();
    assert_eq!(feed.newest_position().await.unwrap(), Some(1));
    assert_eq!(commits(everything(feed).await), run("p", 2));
}

async fn a_refused_commit_takes_no_position(feed: &Feeds) {
    feed.append(&made("p", 0)).await.unwrap_err();
    assert_eq!(feed.newest_position().await.unwrap(), None);
    feed.append(&made("p", 1)).await.unwrap();
    assert_eq!(positions(&everything(feed).await), [0]);
}

async fn what_was_read_once_never_changes(feed: &Feeds) {
    let mut known: Vec<(u64, String, StoredCommit)> = Vec::new();
    for n in 1..=12 {
        feed.append(&made(&format!("p{}", 12 - n), 1)).await.unwrap();
        let read = everything(feed).await;
        let places: Vec<_> = read.iter().map(|recorded| (recorded.position, recorded.hash.clone())).collect();
        let read: Vec<_> = places
            .into_iter()
            .zip(commits(read))
            .map(|((position, hash), commit)| (position, hash, commit))
            .collect();
        assert_eq!(read[..known.len()], known);
        known = read;
    }
}

async fn nothing_is_inserted_before_what_was_read(feed: &Feeds) {
    append_all(feed, &run("m", 4)).await;
    let before = feed.after(Some(1), 1).await.unwrap();
    append_all(feed, &[run("a", 4), run("z", 4)].concat()).await;
    let again = feed.after(Some(1), 1).await.unwrap();
    assert_eq!((again[0].position, &again[0].hash), (before[0].position, &before[0].hash));
    let newer = feed.after(Some(3), 100).await.unwrap();
    assert_eq!(commits(newer), [run("a", 4), run("z", 4)].concat());
}

/// Each task appends commits to its own product.
async fn many_write(feed: &Feeds, writers: u64, last: u64) {
    let tasks = (0..writers).map(|writer| {
        let feed = feed.shared();
        tokio::spawn(async move {
            for commit in run(&format!("p{writer}"), last) {
                feed.append(&commit).await.unwrap();
            }
        })
    });
    join_all(tasks.collect::<Vec<_>>()).await.into_iter().for_each(Result::unwrap);
}

async fn many_writers_leave_no_gap(feed: &Feeds) {
    many_write(feed, 8, 10).await;
    let read = everything(feed).await;
    assert_eq!(positions(&read), (0..80).collect::<Vec<_>>());
    let mut keys: Vec<_> = commits(read).iter().map(|commit| commit.0["commit_id"].to_string()).collect();
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 80);
}

async fn many_writers_at_one_key_take_one_position(feed: &Feeds) {
    let tasks = (0..24).map(|n| {
        let feed = feed.shared();
        tokio::spawn(async move { feed.append(&made_with("p", 1, &json!({"writer": n}))).await.is_ok() })
    });
    let won =
        join_all(tasks.collect::<Vec<_>>()).await.into_iter().filter(|won| *won.as_ref().unwrap()).count();
    assert_eq!((won, everything(feed).await.len()), (1, 1));
}

async fn a_products_commits_are_in_order_with_other_writers(feed: &Feeds) {
    many_write(feed, 8, 10).await;
    let mut of_product: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for commit in commits(everything(feed).await) {
        let product = commit.text("product_id").unwrap().to_owned();
        of_product.entry(product).or_default().push(commit.sequence().unwrap());
    }
    assert!(of_product.values().all(|sequences| sequences.iter().copied().eq(1..=10)), "{of_product:?}");
}

async fn a_position_is_visible_only_with_all_before_it(feed: &Feeds) {
    let writing = many_write(feed, 6, 12);
    let reading = async {
        while feed.newest_position().await.unwrap() != Some(71) {
            if let Some(newest) = feed.newest_position().await.unwrap() {
                let read = everything(feed).await;
                assert!(read.len() as u64 > newest);
                assert!(positions(&read).into_iter().eq(0..read.len() as u64));
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::join!(writing, reading);
}

async fn positions_go_on_when_the_store_is_opened_again(feed: &Feeds) {
    append_all(feed, &run("p", 3)).await;
    let again = feed.opened_again(()).await;
    append_all(&again, &[made("p", 4), made("a", 1)]).await;
    let read = everything(&again).await;
    assert_eq!(positions(&read), [0, 1, 2, 3, 4]);
    assert_eq!(commits(read), [run("p", 4), run("a", 1)].concat());
}

async fn positions_stay_when_the_store_is_opened_again(feed: &Feeds) {
    append_all(feed, &[run("z", 2), run("a", 2)].concat()).await;
    let places = |read: &[event_store::FeedEntry]| -> Vec<(u64, String)> {
        read.iter().map(|recorded| (recorded.position, recorded.hash.clone())).collect()
    };
    let before = places(&everything(feed).await);
    let again = feed.opened_again(()).await;
    assert_eq!(places(&everything(&again).await), before);
}

async fn the_feed_is_what_a_scan_meets(feed: &Feeds) {
    for id in awkward_ids() {
        append_all(feed, &run(id.as_str(), 2)).await;
    }
    let key = |commit: &StoredCommit| commit.0["commit_id"].to_string();
    let mut scanned = feed.scan(None, 1_000).await.unwrap().commits;
    let mut followed = commits(everything(feed).await);
    scanned.sort_by_key(key);
    followed.sort_by_key(key);
    assert_eq!(followed, scanned);
}

async fn the_feed_of_a_product_is_its_page(feed: &Feeds) {
    for sequence in 1..=5 {
        append_all(feed, &["p", "q", "p1"].map(|id| made(id, sequence))).await;
    }
    let mut followed = commits(everything(feed).await);
    followed.retain(|commit| commit.0["product_id"] == "p");
    assert_eq!(followed, feed.page(&fixtures::id("p"), 0, 100).await.unwrap());
    assert_eq!(followed.last(), feed.newest(&fixtures::id("p"), 9).await.unwrap().as_ref());
}

async fn any_appends_are_followed_as_in_memory(feed: &Feeds) {
    let appends = proptest::collection::vec((0..4_u8, 0..9_u64), 1..40);
    for_all(12, (appends, 0..40_u64, 0..9_usize), async |(appends, from, limit)| {
        let (feed, model) = (feed.another(()).await, MemoryJournal::default());
        for (product, sequence) in appends {
            let commit = made(&format!("p{product}"), sequence);
            assert_eq!(feed.append(&commit).await.is_ok(), model.append(&commit).await.is_ok());
        }
        let (read, expected) = (feed.after(None, 100).await.unwrap(), model.after(None, 100).await.unwrap());
        assert_eq!(positions(&read), positions(&expected));
        assert_eq!(commits(read), commits(expected));
        let read = feed.after(Some(from), limit).await.unwrap();
        assert_eq!(positions(&read), positions(&model.after(Some(from), limit).await.unwrap()));
        assert_eq!(feed.hash_at(from).await.unwrap(), model.hash_at(from).await.unwrap());
        assert_eq!(feed.newest_position().await.unwrap(), model.newest_position().await.unwrap());
    });
}
