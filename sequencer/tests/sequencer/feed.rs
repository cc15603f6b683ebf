//! The feed over the log table and the event table: what is at a position is what was logged there, or nothing.

use std::sync::Arc;
use std::time::Duration;

use event_store::{CommitFilter, Feed, FeedQuery, FeedReader, Journal, MemoryJournal};
use schema::{ProductId, fixtures};
use sequencer::{LogFeed, LogTable};

use crate::given::{Given, Plan, WAITS};

async fn logged() -> Given {
    let given = Given::default().begun().await;
    let sequencer = given.sequencer();
    for round in 0..4 {
        let (a, b) = (given.commit("a", 2).await, given.commit("b", 1 + round).await);
        sequencer.log(&[a, b], None).await.unwrap();
    }
    given
}

fn feed(given: &Given) -> LogFeed {
    LogFeed::new(given.journal.clone(), given.table.clone())
}

/// All positions that a reader meets, page by page.
async fn walked(reader: &FeedReader, product: Option<&ProductId>, newest_first: bool) -> Vec<u64> {
    let filter = CommitFilter { product: product.cloned(), ..CommitFilter::default() };
    let mut query = FeedQuery { filter, newest_first, ..FeedQuery::default() };
    query.limits.entries = 3;
    let mut met = Vec::new();
    loop {
        let page = reader.page(&query).await.unwrap();
        met.extend(page.entries.iter().map(|entry| entry.position));
        match page.next {
            None => return met,
            Some(next) if newest_first => query.before = Some(next),
            Some(next) => query.after = Some(next),
        }
    }
}

#[tokio::test]
async fn a_reader_meets_the_log_in_both_directions_and_by_product() {
    let given = logged().await;
    let log = given.all_is_logged().await;
    let reader = FeedReader::new(Arc::new(feed(&given)));
    for product in [None, Some(fixtures::id("a")), Some(fixtures::id("b"))] {
        let of = |commit: &sequencer::BatchedCommit| product.as_ref().is_none_or(|id| *id == commit.product);
        let expected: Vec<u64> =
            (0..).zip(&log).filter(|(_, commit)| of(commit)).map(|(index, _)| index).collect();
        assert_eq!(walked(&reader, product.as_ref(), false).await, expected);
        let backwards: Vec<u64> = expected.into_iter().rev().collect();
        assert_eq!(walked(&reader, product.as_ref(), true).await, backwards);
    }
}

#[tokio::test]
async fn a_commit_that_is_gone_or_was_written_again_is_none_at_its_position() {
    let given = logged().await;
    let journal = MemoryJournal::default();
    for commit in given.journal.scan(None, 1_000).await.unwrap().commits {
        let is_second = commit.text("product_id").unwrap() == "a" && commit.sequence().unwrap() == 2;
        let mut commit = commit;
        if is_second {
            commit.0["hash"] = serde_json::json!("0".repeat(64));
        }
        let is_third = commit.text("product_id").unwrap() == "a" && commit.sequence().unwrap() == 3;
        if !is_third {
            journal.append(&commit).await.unwrap();
        }
    }
    let feed = LogFeed::new(Arc::new(journal), given.table.clone());
    let log = given.log().await;
    let left = feed.after(None, 1_000).await.unwrap();
    assert_eq!(left.len(), log.len() - 2);
    for sequence in [2, 3] {
        let position = feed.position_of(&fixtures::id("a"), sequence).await.unwrap().unwrap();
        assert!(left.iter().all(|entry| entry.position != position));
        assert!(feed.hash_at(position).await.unwrap().is_some(), "the log knows what was there");
    }
}

/// Between a batch and its index, at every step: what is visible is visible by product too.
#[tokio::test]
async fn a_commit_is_found_by_its_product_as_soon_as_it_has_a_position() {
    for call in 1.. {
        let given = logged().await;
        let plan = Plan::of([(call, WAITS[1])]);
        let (a, c) = (given.commit("a", 3).await, given.commit("c", 2).await);
        let sequencer = given.planned(&plan);
        let (reader, feed) = (FeedReader::new(Arc::new(feed(&given))), feed(&given));
        let announced = [a, c];
        tokio::select! {
            run = sequencer.log(&announced, None) => {
                run.unwrap();
                assert!(call > 8, "{call} calls");
                return;
            }
            () = plan.waiting.notified() => {}
        }
        let all = feed.after(None, 1_000).await.unwrap();
        for product in ["a", "b", "c"].map(fixtures::id) {
            let is_of = |entry: &&event_store::FeedEntry| match &entry.change {
                event_store::Change::Committed(commit) => {
                    commit.text("product_id").unwrap() == product.as_str()
                }
                other => panic!("{other:?}"),
            };
            let expected: Vec<u64> = all.iter().filter(is_of).map(|entry| entry.position).collect();
            assert_eq!(walked(&reader, Some(&product), false).await, expected, "{product} at call {call}");
            assert_eq!(walked(&reader, Some(&product), true).await.len(), expected.len());
        }
        for entry in &all {
            let event_store::Change::Committed(commit) = &entry.change else { panic!("{entry:?}") };
            let product = fixtures::id(commit.text("product_id").unwrap());
            let found = feed.position_of(&product, commit.sequence().unwrap()).await.unwrap();
            assert_eq!(found, Some(entry.position));
        }
    }
}

#[tokio::test]
async fn who_waits_is_told_of_a_batch_and_nobody_is_asked_when_nobody_waits() {
    let given = logged().await;
    let plan = Plan::of([]);
    let table: Arc<dyn LogTable> = Arc::new(crate::given::Planned(given.table.clone(), plan.clone()));
    let feed = LogFeed::new(given.journal.clone(), table).polled_every(Duration::from_millis(1));
    for _ in 0..2 {
        feed.newest_position().await.unwrap();
        let mut news = feed.appended();
        news.mark_unchanged();
        let more = given.commit("a", 1).await;
        given.sequencer().log(&[more], None).await.unwrap();
        news.changed().await.unwrap();
        drop(news);
        tokio::time::sleep(Duration::from_millis(50)).await;
        let calls = plan.calls();
        tokio::time::sleep(Duration::from_millis(50)).await;
        assert_eq!(plan.calls(), calls);
    }
}

/// Commits that a filter selects, and how many were read for them.
async fn selected(reader: &FeedReader, filter: CommitFilter) -> (Vec<u64>, usize) {
    let (mut query, mut met, mut rows) = (FeedQuery { filter, ..FeedQuery::default() }, Vec::new(), 0);
    loop {
        let page = reader.page(&query).await.unwrap();
        met.extend(page.entries.iter().map(|entry| entry.position));
        rows += page.rows;
        query.after = page.next;
        if page.next.is_none() {
            return (met, rows);
        }
    }
}

#[tokio::test]
async fn a_filter_reads_only_blocks_that_are_not_ruled_out_and_finds_what_it_finds_without_them() {
    let given = Given::default().begun().await;
    let sequencer = given.sequencer();
    // Batches of 700, which no block has as its own.
    for _ in 0..5 {
        let announced = given.commit("a", 700).await;
        sequencer.log(&[announced], None).await.unwrap();
    }
    let feed = Arc::new(feed(&given));
    let (with, without) =
        (FeedReader::with_kept_summaries(feed.clone(), feed.clone()), FeedReader::new(feed));
    let recorded = |position: i64| {
        let first = fixtures::at("2025-11-13T02:13:21Z").millis();
        fixtures::at(&chrono_text(first + position * 1_000))
    };
    // Of the blocks of 1,024 positions the last ones are whole, and behind them nothing is ruled out.
    for (from, to, most) in [(0, 100, 1_900), (1_500, 1_501, 1_900), (3_000, 3_400, 2_300), (0, 3_500, 3_600)]
    {
        let filter =
            CommitFilter { from: Some(recorded(from)), to: Some(recorded(to)), ..CommitFilter::default() };
        let expected: Vec<u64> = (from..to).map(i64::unsigned_abs).collect();
        let (found, rows) = selected(&with, filter.clone()).await;
        assert_eq!(found, expected);
        assert!(rows <= most, "{rows} rows for {from} to {to}");
        let (found, rows) = selected(&without, filter).await;
        assert_eq!((found, rows), (expected, 3_500));
    }
    let stranger = CommitFilter { actor: Some("stranger".to_owned()), ..CommitFilter::default() };
    assert_eq!(selected(&with, stranger).await, (Vec::new(), 3_500 - 3 * 1_024));
    assert!(!with.summarise().await.unwrap(), "there is nothing to summarise");
}

/// A moment as text.
fn chrono_text(millis: i64) -> String {
    let seconds = millis / 1_000;
    let (day, rest) = (seconds / 86_400, seconds % 86_400);
    // 2025-11-13 is the 20,405th day.
    format!("2025-11-{:02}T{:02}:{:02}:{:02}Z", day - 20_405 + 13, rest / 3_600, rest % 3_600 / 60, rest % 60)
}

/// A process that is killed before it has summarised a block leaves that to the next batch.
#[tokio::test]
async fn blocks_have_no_gaps_whatever_is_killed() {
    let mut calls = None;
    // The index and the summary come last: the first run counts the calls, and each further one is killed behind one of them.
    for back in (0..5).rev() {
        let given = Given::default().begun().await;
        let announced = [given.commit("a", 1_030).await];
        let plan = Plan::of(calls.map(|calls: usize| (calls - back, WAITS[1])));
        let sequencer = given.planned(&plan);
        tokio::select! {
            _ = sequencer.log(&announced, None) => calls = Some(plan.calls()),
            () = plan.waiting.notified() => {}
        }
        given.sequencer().log(&[given.commit("a", 10).await], None).await.unwrap();
        let blocks = given.table.blocks(0, 10).await.unwrap();
        let places: Vec<_> = blocks.iter().map(|block| (block.first, block.last)).collect();
        assert_eq!(places, [(0, 1_023)]);
        given.all_is_logged().await;
    }
}
