//! A slice is a part of the feed in either direction, of all products or of one.

use event_store::feed_reader::{FilteredTime, PageLimits};
use event_store::{CommitFilter, FeedPage, FeedQuery, FeedReader, FeedSlice};
use schema::{StoredCommit, fixtures};
use serde_json::json;

use super::{Feeds, append_all, positions};
use crate::given::commits::{made, made_with, run};
use crate::given::for_all;

cases! { dyn crate::feed::Followed, [memory sqlite dynamodb];
    a_slice_has_the_positions_between_its_bounds_in_its_direction
    a_slice_of_a_product_has_its_commits_alone
    a_slice_is_filled_up_to_its_limit
    a_slice_of_nothing_is_empty
    any_slice_is_a_part_of_the_feed
    a_page_has_what_the_filter_selects_and_where_the_next_one_begins
    a_walk_with_blocks_is_the_same_as_without
    a_reader_that_asks_again_from_the_newest_position_misses_nothing
}

fn slice(first: u64, last: u64, product: Option<&str>, newest_first: bool, limit: usize) -> FeedSlice {
    FeedSlice { first, last, product: product.map(fixtures::id), newest_first, limit }
}

async fn sliced(feed: &Feeds, wanted: FeedSlice) -> Vec<u64> {
    positions(&feed.slice(&wanted).await.unwrap())
}

async fn a_slice_has_the_positions_between_its_bounds_in_its_direction(feed: &Feeds) {
    append_all(feed, &run("p", 6)).await;
    assert_eq!(sliced(feed, slice(1, 4, None, false, 100)).await, [1, 2, 3, 4]);
    assert_eq!(sliced(feed, slice(1, 4, None, true, 100)).await, [4, 3, 2, 1]);
    assert_eq!(sliced(feed, slice(4, u64::MAX, None, false, 100)).await, [4, 5]);
}

async fn a_slice_of_a_product_has_its_commits_alone(feed: &Feeds) {
    for sequence in 1..=4 {
        append_all(feed, &["p", "pp", "p1"].map(|id| made(id, sequence))).await;
    }
    assert_eq!(sliced(feed, slice(0, 99, Some("p"), false, 100)).await, [0, 3, 6, 9]);
    assert_eq!(sliced(feed, slice(1, 8, Some("p"), true, 100)).await, [6, 3]);
    assert_eq!(sliced(feed, slice(0, 99, Some("q"), false, 100)).await, [0; 0]);
    let entries = feed.slice(&slice(4, 4, Some("pp"), false, 1)).await.unwrap();
    assert_eq!(super::commits(entries), [made("pp", 2)]);
}

async fn a_slice_is_filled_up_to_its_limit(feed: &Feeds) {
    append_all(feed, &[run("p", 3), run("q", 3)].concat()).await;
    assert_eq!(sliced(feed, slice(0, 9, None, false, 2)).await, [0, 1]);
    assert_eq!(sliced(feed, slice(0, 9, None, true, 2)).await, [5, 4]);
    assert_eq!(sliced(feed, slice(0, 9, Some("q"), false, 2)).await, [3, 4]);
    assert_eq!(sliced(feed, slice(0, 9, Some("p"), true, 2)).await, [2, 1]);
}

async fn a_slice_of_nothing_is_empty(feed: &Feeds) {
    assert_eq!(sliced(feed, slice(0, u64::MAX, None, true, 10)).await, [0; 0]);
    append_all(feed, &run("p", 3)).await;
    for (first, last, limit) in [(3, 9, 10), (2, 1, 10), (0, 2, 0), (u64::MAX, u64::MAX, 10)] {
        for product in [None, Some("p")] {
            assert_eq!(sliced(feed, slice(first, last, product, false, limit)).await, [0; 0]);
        }
    }
}

async fn any_slice_is_a_part_of_the_feed(feed: &Feeds) {
    let appends = proptest::collection::vec((0..4_u8, 1..9_u64), 1..40);
    let bounds = (0..40_u64, 0..40_u64, 0..9_usize, proptest::option::of(0..4_u8), proptest::bool::ANY);
    for_all(12, (appends, bounds), async |(appends, (first, last, limit, product, newest_first))| {
        let feed = feed.another(()).await;
        for (product, sequence) in appends {
            let _ = feed.append(&made(&format!("p{product}"), sequence)).await;
        }
        let product = product.map(|product| format!("p{product}"));
        let of_product = |commit: &StoredCommit| {
            product.as_deref().is_none_or(|product| commit.text("product_id").ok() == Some(product))
        };
        let everything = super::everything(&feed).await;
        let mut expected: Vec<u64> = positions(&everything)
            .into_iter()
            .zip(super::commits(everything))
            .filter(|(position, commit)| (first..=last).contains(position) && of_product(commit))
            .map(|(position, _)| position)
            .collect();
        if newest_first {
            expected.reverse();
        }
        expected.truncate(limit);
        let wanted = slice(first, last, product.as_deref(), newest_first, limit);
        assert_eq!(sliced(&feed, wanted).await, expected);
    });
}

/// Commits of many days, products and actors.
async fn fill(feed: &Feeds, commits: u64) {
    for n in 0..commits {
        let metadata = json!({"actor": format!("a{}", n % 3), "occurred_at": "2026-01-01T00:00:00.000Z"});
        let mut commit = made_with(&format!("p{}", n % 5), n / 5 + 1, &metadata);
        commit.0["recorded_at"] = format!("2026-{:02}-{:02}T00:00:00.000Z", n / 28 + 1, n % 28 + 1).into();
        feed.append(&commit).await.unwrap();
    }
}

fn reader(feed: &Feeds, block: usize) -> FeedReader {
    FeedReader::with_blocks_of(feed.shared(), block)
}

/// Those of the actor `a1` in February and March.
fn query(entries: usize) -> FeedQuery {
    let filter = CommitFilter {
        actor: Some("a1".to_owned()),
        from: Some(fixtures::at("2026-02-01T00:00:00Z")),
        to: Some(fixtures::at("2026-04-01T00:00:00Z")),
        by: FilteredTime::Recorded,
        ..CommitFilter::default()
    };
    FeedQuery { filter, limits: PageLimits { entries, ..PageLimits::default() }, ..FeedQuery::default() }
}

fn selected() -> Vec<u64> {
    (28..84).filter(|n| n % 3 == 1).collect()
}

fn met(page: &FeedPage) -> Vec<u64> {
    page.entries.iter().map(|entry| entry.position).collect()
}

async fn a_page_has_what_the_filter_selects_and_where_the_next_one_begins(feed: &Feeds) {
    fill(feed, 100).await;
    let page = reader(feed, 1_000).page(&query(5)).await.unwrap();
    assert_eq!((met(&page), page.next, page.newest), (selected()[..5].to_vec(), Some(40), Some(99)));
    let rest = FeedQuery { after: page.next, ..query(50) };
    let page = reader(feed, 1_000).page(&rest).await.unwrap();
    assert_eq!((met(&page), page.next), (selected()[5..].to_vec(), None));
}

async fn a_walk_with_blocks_is_the_same_as_without(feed: &Feeds) {
    fill(feed, 100).await;
    let reader = reader(feed, 7);
    while reader.summarise().await.unwrap() {}
    for newest_first in [false, true] {
        let (mut walked, mut rows) = (Vec::new(), 0);
        let mut wanted = FeedQuery { newest_first, ..query(4) };
        loop {
            let page = reader.page(&wanted).await.unwrap();
            walked.extend(met(&page));
            rows += page.rows;
            match page.next {
                Some(next) if newest_first => wanted.before = Some(next),
                Some(next) => wanted.after = Some(next),
                None => break,
            }
        }
        walked.sort_unstable();
        assert_eq!(walked, selected());
        assert!(rows < 100, "{rows} commits were read");
    }
}

async fn a_reader_that_asks_again_from_the_newest_position_misses_nothing(feed: &Feeds) {
    let (mut walked, mut after) = (Vec::new(), None);
    let reader = reader(feed, 3);
    for commit in run("p", 20) {
        feed.append(&commit).await.unwrap();
        reader.summarise().await.unwrap();
        let page = reader.page(&FeedQuery { after, ..FeedQuery::default() }).await.unwrap();
        walked.extend(met(&page));
        after = page.newest;
        assert_eq!(page.next, None);
    }
    assert_eq!(walked, (0..20).collect::<Vec<_>>());
}
