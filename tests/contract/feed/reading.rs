//! A follower reads from any position, is notified of new commits, and misses none.

use std::time::Duration;

use schema::{StoredCommit, fixtures};
use serde_json::json;
use tokio::time::timeout;

use super::{Feeds, append_all, commits, everything, positions};
use crate::given::commits::{commit, made, made_with, run};

cases! { dyn crate::feed::Followed, [memory sqlite dynamodb];
    an_empty_feed_has_no_position
    the_newest_position_counts_from_zero
    reading_begins_after_the_position_it_is_given
    a_page_of_the_feed_is_filled_up_to_its_limit
    a_page_of_no_commits_is_empty
    a_page_without_a_limit_is_everything
    nothing_is_after_the_newest_position
    nothing_is_after_the_greatest_position
    a_hash_is_found_at_each_position
    no_hash_is_found_beyond_the_newest_position
    the_position_of_a_commit_is_found_by_its_product_and_sequence
    the_hash_beside_a_commit_is_its_own
    a_commit_is_followed_field_for_field
    large_commits_are_followed_whole
    walking_page_by_page_meets_each_commit_once
    a_follower_meets_every_commit_once_while_others_write
    a_commit_can_be_followed_as_soon_as_it_is_appended
    news_come_after_an_append
    a_follower_that_waits_is_woken
    news_come_no_sooner_than_the_commit
    every_receiver_of_news_is_told
}

const SOON: Duration = Duration::from_secs(20);

async fn an_empty_feed_has_no_position(feed: &Feeds) {
    assert_eq!(feed.newest_position().await.unwrap(), None);
    assert_eq!(feed.hash_at(0).await.unwrap(), None);
    assert!(everything(feed).await.is_empty());
    assert!(feed.after(Some(0), 10).await.unwrap().is_empty());
}

async fn the_newest_position_counts_from_zero(feed: &Feeds) {
    for (position, commit) in (0..).zip(run("p", 9)) {
        feed.append(&commit).await.unwrap();
        assert_eq!(feed.newest_position().await.unwrap(), Some(position));
    }
}

async fn reading_begins_after_the_position_it_is_given(feed: &Feeds) {
    append_all(feed, &run("p", 6)).await;
    assert_eq!(positions(&feed.after(None, 100).await.unwrap()), [0, 1, 2, 3, 4, 5]);
    for position in 0..6 {
        let read = feed.after(Some(position), 100).await.unwrap();
        assert_eq!(positions(&read), (position + 1..6).collect::<Vec<_>>(), "after {position}");
    }
}

async fn a_page_of_the_feed_is_filled_up_to_its_limit(feed: &Feeds) {
    append_all(feed, &run("p", 6)).await;
    for limit in 1..=6 {
        assert_eq!(positions(&feed.after(None, limit).await.unwrap()), (0..limit as u64).collect::<Vec<_>>());
    }
    assert_eq!(positions(&feed.after(Some(2), 2).await.unwrap()), [3, 4]);
    assert_eq!(positions(&feed.after(Some(3), 2).await.unwrap()), [4, 5]);
    assert_eq!(positions(&feed.after(Some(4), 2).await.unwrap()), [5]);
}

async fn a_page_of_no_commits_is_empty(feed: &Feeds) {
    append_all(feed, &run("p", 3)).await;
    assert!(feed.after(None, 0).await.unwrap().is_empty());
    assert!(feed.after(Some(0), 0).await.unwrap().is_empty());
}

async fn a_page_without_a_limit_is_everything(feed: &Feeds) {
    append_all(feed, &run("p", 5)).await;
    assert_eq!(commits(feed.after(None, usize::MAX).await.unwrap()), run("p", 5));
}

async fn nothing_is_after_the_newest_position(feed: &Feeds) {
    append_all(feed, &run("p", 3)).await;
    for position in [2, 3, 4, 1_000] {
        assert!(feed.after(Some(position), 10).await.unwrap().is_empty(), "{position}");
    }
}

async fn nothing_is_after_the_greatest_position(feed: &Feeds) {
    append_all(feed, &run("p", 3)).await;
    for position in [u64::MAX >> 1, (u64::MAX >> 1) + 1, u64::MAX - 1, u64::MAX] {
        assert!(feed.after(Some(position), 10).await.unwrap().is_empty(), "{position}");
    }
}

async fn a_hash_is_found_at_each_position(feed: &Feeds) {
    append_all(feed, &[run("z", 2), run("a", 2)].concat()).await;
    for (position, commit) in (0..).zip([run("z", 2), run("a", 2)].concat()) {
        let hash = feed.hash_at(position).await.unwrap();
        assert_eq!(hash.as_deref(), Some(commit.text("hash").unwrap()), "{position}");
    }
}

async fn no_hash_is_found_beyond_the_newest_position(feed: &Feeds) {
    append_all(feed, &run("p", 2)).await;
    for position in [2, 3, 1 << 40, u64::MAX >> 1, u64::MAX] {
        assert_eq!(feed.hash_at(position).await.unwrap(), None, "{position}");
    }
}

async fn the_position_of_a_commit_is_found_by_its_product_and_sequence(feed: &Feeds) {
    append_all(feed, &[run("p", 3), run("q", 2)].concat()).await;
    for (position, commit) in (0..).zip(commits(everything(feed).await)) {
        let product = fixtures::id(commit.text("product_id").unwrap());
        let sequence = commit.sequence().unwrap();
        assert_eq!(feed.position_of(&product, sequence).await.unwrap(), Some(position));
    }
    for (product, sequence) in [("p", 0), ("p", 99), ("p", u64::MAX), ("nosuch", 1)] {
        assert_eq!(
            feed.position_of(&fixtures::id(product), sequence).await.unwrap(),
            None,
            "{product} {sequence}"
        );
    }
}

async fn the_hash_beside_a_commit_is_its_own(feed: &Feeds) {
    append_all(feed, &[run("p", 3), run("q", 3)].concat()).await;
    let read = everything(feed).await;
    let beside: Vec<_> = read.iter().map(|recorded| recorded.hash.clone()).collect();
    let own: Vec<_> = commits(read).iter().map(|commit| commit.text("hash").unwrap().to_owned()).collect();
    assert_eq!(beside, own);
}

async fn a_commit_is_followed_field_for_field(feed: &Feeds) {
    let (_, mut stored) = commit(None, &fixtures::id("p"), fixtures::helmet_story());
    stored.0.insert("of_a_later_build".into(), json!({"é\u{0}": [null, 0.1, "🚲", {}]}));
    feed.append(&stored).await.unwrap();
    assert_eq!(commits(everything(feed).await), [stored]);
}

async fn large_commits_are_followed_whole(feed: &Feeds) {
    let large = json!({"text": "é".repeat(170_000)});
    let stored: Vec<StoredCommit> = (1..=5).map(|sequence| made_with("p", sequence, &large)).collect();
    append_all(feed, &stored).await;
    assert!(commits(everything(feed).await) == stored);
}

async fn walking_page_by_page_meets_each_commit_once(feed: &Feeds) {
    append_all(feed, &run("p", 23)).await;
    for limit in [1, 2, 5, 22, 23, 24] {
        let (mut met, mut position) = (Vec::new(), None);
        loop {
            let page = feed.after(position, limit).await.unwrap();
            let Some(last) = page.last() else { break };
            position = Some(last.position);
            met.extend(commits(page));
            assert!(met.len() <= 23, "the walk does not end");
        }
        assert_eq!(met, run("p", 23), "pages of {limit}");
    }
}

async fn a_follower_meets_every_commit_once_while_others_write(feed: &Feeds) {
    let writers = (0..4).map(|writer| {
        let feed = feed.shared();
        tokio::spawn(async move {
            for commit in run(&format!("p{writer}"), 25) {
                feed.append(&commit).await.unwrap();
            }
        })
    });
    let writers: Vec<_> = writers.collect();
    let (mut met, mut position, mut news) = (Vec::new(), None, feed.appended());
    while met.len() < 100 {
        let page = feed.after(position, 7).await.unwrap();
        match page.last() {
            Some(last) => position = Some(last.position),
            None => timeout(SOON, news.changed()).await.unwrap().unwrap(),
        }
        met.extend(positions(&page));
    }
    assert_eq!(met, (0..100).collect::<Vec<_>>());
    for writer in writers {
        writer.await.unwrap();
    }
}

async fn a_commit_can_be_followed_as_soon_as_it_is_appended(feed: &Feeds) {
    for (position, commit) in (0..).zip(run("p", 20)) {
        feed.append(&commit).await.unwrap();
        let after = u64::checked_sub(position, 1);
        assert_eq!(commits(feed.after(after, 10).await.unwrap()), [commit]);
    }
}

async fn news_come_after_an_append(feed: &Feeds) {
    let mut news = feed.appended();
    news.mark_unchanged();
    for commit in run("p", 3) {
        feed.append(&commit).await.unwrap();
        timeout(SOON, news.changed()).await.unwrap().unwrap();
    }
}

async fn a_follower_that_waits_is_woken(feed: &Feeds) {
    let mut news = feed.appended();
    news.mark_unchanged();
    let waiting = tokio::spawn(async move { timeout(SOON, news.changed()).await.unwrap().unwrap() });
    tokio::task::yield_now().await;
    feed.append(&made("p", 1)).await.unwrap();
    waiting.await.unwrap();
}

async fn news_come_no_sooner_than_the_commit(feed: &Feeds) {
    let (mut news, writer) = (feed.appended(), feed.shared());
    news.mark_unchanged();
    for (position, commit) in (0..).zip(run("p", 20)) {
        let writer = writer.clone();
        let appended = tokio::spawn(async move { writer.append(&commit).await.unwrap() });
        timeout(SOON, news.changed()).await.unwrap().unwrap();
        assert_eq!(feed.newest_position().await.unwrap(), Some(position));
        appended.await.unwrap();
        news.mark_unchanged();
    }
}

async fn every_receiver_of_news_is_told(feed: &Feeds) {
    let mut receivers: Vec<_> = (0..5).map(|_| feed.appended()).collect();
    receivers.iter_mut().for_each(tokio::sync::watch::Receiver::mark_unchanged);
    feed.append(&made("p", 1)).await.unwrap();
    for mut news in receivers {
        timeout(SOON, news.changed()).await.unwrap().unwrap();
    }
}
