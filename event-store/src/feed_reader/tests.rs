//! Pages of a feed that may have gaps, commits that cannot be read, and commits of earlier builds.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use schema::{ProductId, fixtures};
use serde_json::{Value, json};

use super::*;

/// A feed in memory that counts the commits that are read, and whose positions are chosen.
#[derive(Default)]
struct GivenFeed {
    entries: Mutex<Vec<(u64, Option<StoredCommit>)>>,
    read: AtomicUsize,
}

impl GivenFeed {
    fn of(entries: impl IntoIterator<Item = (u64, Option<StoredCommit>)>) -> Arc<Self> {
        Arc::new(Self { entries: Mutex::new(entries.into_iter().collect()), read: AtomicUsize::new(0) })
    }

    /// Commits at the positions from 0.
    fn from_zero(commits: impl IntoIterator<Item = StoredCommit>) -> Arc<Self> {
        Self::of((0..).zip(commits.into_iter().map(Some)))
    }

    fn read(&self) -> usize {
        self.read.swap(0, Ordering::Relaxed)
    }

    fn entry((position, commit): &(u64, Option<StoredCommit>)) -> FeedEntry {
        let change = match commit {
            Some(commit) => Change::Committed(Box::new(commit.clone())),
            None => Change::Unreadable { product: Some(fixtures::id("p")), reason: "no JSON".into() },
        };
        FeedEntry { position: *position, hash: String::new(), change }
    }
}

#[async_trait]
impl Feed for GivenFeed {
    async fn after(&self, position: Option<u64>, limit: usize) -> Result<Vec<FeedEntry>, StoreError> {
        let first = position.map_or(0, |position| position + 1);
        self.slice(&FeedSlice { first, last: u64::MAX, product: None, newest_first: false, limit }).await
    }

    async fn slice(&self, slice: &FeedSlice) -> Result<Vec<FeedEntry>, StoreError> {
        let entries = self.entries.lock().unwrap();
        let product = slice.product.as_ref().map(|product| Value::from(product.as_str()));
        let wanted = |(position, commit): &&(u64, Option<StoredCommit>)| {
            let is_of_product = match (&product, commit) {
                (Some(product), Some(commit)) => commit.0["product_id"] == *product,
                (_, _) => true,
            };
            is_of_product && (slice.first..=slice.last).contains(position)
        };
        let begin = entries.partition_point(|(position, _)| *position < slice.first);
        let end = entries.partition_point(|(position, _)| *position <= slice.last).max(begin);
        let part = &entries[begin..end];
        let wanted: Vec<FeedEntry> = if slice.newest_first {
            part.iter().rev().filter(wanted).take(slice.limit).map(Self::entry).collect()
        } else {
            part.iter().filter(wanted).take(slice.limit).map(Self::entry).collect()
        };
        self.read.fetch_add(wanted.len(), Ordering::Relaxed);
        Ok(wanted)
    }

    async fn hash_at(&self, _: u64) -> Result<Option<String>, StoreError> {
        Ok(None)
    }

    async fn position_of(&self, product: &ProductId, sequence: u64) -> Result<Option<u64>, StoreError> {
        let is_it = |commit: &StoredCommit| {
            commit.0["product_id"] == product.as_str()
                && commit.sequences().is_ok_and(|of| of.contains(&sequence))
        };
        let entries = self.entries.lock().unwrap();
        let found = entries.iter().find(|(_, commit)| commit.as_ref().is_some_and(is_it));
        Ok(found.map(|(position, _)| *position))
    }

    async fn newest_position(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.entries.lock().unwrap().last().map(|(position, _)| *position))
    }

    fn appended(&self) -> watch::Receiver<u64> {
        watch::channel(0).1
    }
}

/// The n-th commit of a ledger: hours apart, of one of seven products and three actors, renamed but for each eleventh.
fn nth(n: u64) -> StoredCommit {
    let hours = |n: u64| {
        let millis = 1_760_000_000_000 + n * 3_600_000;
        let moment = chrono::DateTime::from_timestamp_millis(i64::try_from(millis).unwrap()).unwrap();
        schema::Timestamp::new(moment).unwrap().to_string()
    };
    let name = if n % 11 == 10 { "ProductDeleted" } else { "ProductRenamed" };
    let ulid =
        |salt: u64| ulid::Ulid::from_parts(1_760_000_000_000 + n * 3_600_000, u128::from(salt)).to_string();
    let commit = json!({
        "product_id": format!("p{}", n % 7), "sequence": n / 7 + 1, "commit_id": ulid(1), "recorded_at": hours(n),
        "events": [{"event_id": ulid(2), "type": name, "schema_version": 1, "data": {}}], "state": {},
        "metadata": {"actor": format!("a{}", n % 3), "correlation_id": format!("c{}", n / 2),
                     "occurred_at": hours(n / 2)},
    });
    StoredCommit(commit.as_object().unwrap().clone())
}

fn ledger(commits: u64) -> Arc<GivenFeed> {
    GivenFeed::from_zero((0..commits).map(nth))
}

async fn summarised(feed: &Arc<GivenFeed>, size: usize) -> FeedReader {
    let reader = FeedReader::with_blocks_of(feed.clone(), size);
    while reader.summarise().await.unwrap() {}
    reader
}

/// Walks to the end of the feed: the positions that were met, and how many pages it took.
async fn walked(reader: &FeedReader, mut query: FeedQuery) -> (Vec<u64>, usize) {
    let (mut met, mut pages) = (Vec::new(), 0);
    loop {
        let page = reader.page(&query).await.unwrap();
        pages += 1;
        assert!(page.entries.len() <= query.limits.entries, "{page:?}");
        assert!(pages < 10_000, "the walk does not end");
        met.extend(page.entries.iter().map(|entry| entry.position));
        match page.next {
            Some(next) if query.newest_first => query.before = Some(next),
            Some(next) => query.after = Some(next),
            None => return (met, pages),
        }
    }
}

fn limits(entries: usize) -> PageLimits {
    PageLimits { entries, ..PageLimits::default() }
}

/// Whether the n-th commit is selected.
type Selects = fn(u64) -> bool;

/// Filters of every kind, each with the commits that it selects.
fn filters() -> Vec<(CommitFilter, Selects)> {
    let base = CommitFilter::default;
    let text = |n: u64, name: &'static str| nth(n).text(name).unwrap().to_owned();
    let moment = |n: u64| Some(fixtures::at(&text(n, "recorded_at")));
    let event_id = nth(83).0["events"][0]["event_id"].as_str().unwrap().to_owned();
    vec![
        (base(), |_| true),
        (CommitFilter { product: Some(fixtures::id("p3")), ..base() }, |n| n % 7 == 3),
        (CommitFilter { product: Some(fixtures::id("none")), ..base() }, |_| false),
        (CommitFilter { actor: Some("a1".into()), ..base() }, |n| n % 3 == 1),
        (CommitFilter { types: vec!["ProductDeleted"], ..base() }, |n| n % 11 == 10),
        (CommitFilter { types: vec!["ProductDeleted", "ProductRenamed"], ..base() }, |_| true),
        (CommitFilter { correlation_id: Some("c20".into()), ..base() }, |n| n / 2 == 20),
        (CommitFilter { commit_id: Some(text(57, "commit_id")), ..base() }, |n| n == 57),
        (CommitFilter { event_id: Some(event_id), ..base() }, |n| n == 83),
        (CommitFilter { retroactive: true, ..base() }, |_| false),
        (CommitFilter { from: moment(40), to: moment(60), ..base() }, |n| (40..60).contains(&n)),
        (CommitFilter { from: moment(40), to: moment(60), by: FilteredTime::Happened, ..base() }, |n| {
            (40..60).contains(&(n / 2))
        }),
        (CommitFilter { from: moment(90), product: Some(fixtures::id("p3")), ..base() }, |n| {
            n >= 90 && n % 7 == 3
        }),
        (CommitFilter { to: moment(30), actor: Some("a2".into()), ..base() }, |n| n < 30 && n % 3 == 2),
    ]
}

#[tokio::test]
async fn a_walk_meets_every_selected_commit_once_and_in_order() {
    let feed = ledger(123);
    for size in [1, 7, 16, 1_000] {
        for (filter, selects) in filters() {
            let readers = [FeedReader::with_blocks_of(feed.clone(), size), summarised(&feed, size).await];
            let expected: Vec<u64> = (0..123).filter(|n| selects(*n)).collect();
            for (reader, entries) in
                readers.iter().flat_map(|reader| [(reader, 1), (reader, 5), (reader, 100)])
            {
                let limits = PageLimits { rows: 30, ..limits(entries) };
                let query = FeedQuery { filter: filter.clone(), limits, ..FeedQuery::default() };
                let (met, _) = walked(reader, query.clone()).await;
                assert_eq!(met, expected, "blocks of {size}, pages of {entries}: {filter:?}");
                let (mut met, _) = walked(reader, FeedQuery { newest_first: true, ..query.clone() }).await;
                met.reverse();
                assert_eq!(met, expected, "backwards, blocks of {size}, pages of {entries}: {filter:?}");
                let (met, _) = walked(reader, FeedQuery { after: Some(30), before: Some(95), ..query }).await;
                let inside: Vec<u64> = expected.iter().copied().filter(|n| (31..95).contains(n)).collect();
                assert_eq!(met, inside, "in part, blocks of {size}, pages of {entries}: {filter:?}");
            }
        }
    }
}

/// How many commits `a_month_costs_at_most_a_tenth_more_than_its_own_commits` looks through, in blocks of how many.
fn measured() -> (u64, usize) {
    // A million takes minutes and gigabytes: `just month-of-a-million`.
    std::env::var("LEDGER_FEED_COMMITS").map_or((20_000, 16), |commits| (commits.parse().unwrap(), 1_024))
}

#[tokio::test]
async fn a_month_costs_at_most_a_tenth_more_than_its_own_commits() {
    let (commits, block) = measured();
    let feed = ledger(commits);
    let reader = summarised(&feed, block).await;
    feed.read();
    let at = |n: u64| Some(fixtures::at(nth(n).text("recorded_at").unwrap()));
    // A month of 27 or 28, and one of the time when it happened, to which twice as many belong.
    let (from, month) = (commits * 7 / 20 + 5, usize::try_from(commits * 9 / 250).unwrap());
    for (by, own) in [(FilteredTime::Recorded, month), (FilteredTime::Happened, 2 * month)] {
        let filter =
            CommitFilter { from: at(from), to: at(from + month as u64), by, ..CommitFilter::default() };
        for newest_first in [false, true] {
            let query = FeedQuery {
                filter: filter.clone(),
                newest_first,
                limits: limits(100),
                ..FeedQuery::default()
            };
            let (met, _) = walked(&reader, query).await;
            let read = feed.read();
            println!("{read} of {commits} commits were read for the {own} of a month, {by:?}");
            assert_eq!(met.len(), own, "{by:?}");
            assert!(read * 10 <= own * 11, "{read} commits were read for {own}");
        }
    }
}

#[tokio::test]
async fn ids_and_names_read_no_block_that_lacks_them() {
    let feed = ledger(2_000);
    let reader = summarised(&feed, 100).await;
    feed.read();
    for (filter, found) in [
        (
            CommitFilter {
                commit_id: Some(nth(57).text("commit_id").unwrap().into()),
                ..CommitFilter::default()
            },
            1,
        ),
        (CommitFilter { actor: Some("nobody".into()), ..CommitFilter::default() }, 0),
        (CommitFilter { types: vec!["ProductCreated"], ..CommitFilter::default() }, 0),
        (CommitFilter { retroactive: true, ..CommitFilter::default() }, 0),
    ] {
        let query = FeedQuery { filter: filter.clone(), ..FeedQuery::default() };
        let (met, pages) = walked(&reader, query).await;
        let read = feed.read();
        assert_eq!((met.len(), pages), (found, 1), "{filter:?}");
        assert!(read <= 100 * found, "{read} commits were read: {filter:?}");
    }
}

#[tokio::test]
async fn a_page_reads_no_more_than_its_rows_and_says_where_it_was() {
    let feed = ledger(5_000);
    let reader = FeedReader::new(feed.clone());
    let filter = CommitFilter { commit_id: Some("none".into()), ..CommitFilter::default() };
    let page = reader.page(&FeedQuery { filter, ..FeedQuery::default() }).await.unwrap();
    assert_eq!((page.entries.len(), page.next, page.newest, page.rows), (0, Some(999), Some(4_999), 1_000));
    assert_eq!(feed.read(), 1_000);
    // Without a filter nothing is read that is not on the page.
    let query = FeedQuery { after: Some(10), limits: limits(7), ..FeedQuery::default() };
    let page = reader.page(&query).await.unwrap();
    assert_eq!((page.entries.len(), page.next, feed.read()), (7, Some(17), 7));
}

#[tokio::test]
async fn more_than_64_names_rule_nothing_out() {
    let commits = (0..200).map(|n| {
        let mut commit = nth(n);
        commit.0["metadata"]["actor"] = format!("actor {n}").into();
        commit
    });
    let reader = summarised(&GivenFeed::from_zero(commits), 100).await;
    for n in [0, 63, 64, 99, 199] {
        let filter = CommitFilter { actor: Some(format!("actor {n}")), ..CommitFilter::default() };
        assert_eq!(walked(&reader, FeedQuery { filter, ..FeedQuery::default() }).await.0, [n]);
    }
}

#[tokio::test]
async fn the_end_of_the_feed_is_told_and_what_lies_beyond_is_refused() {
    let (empty, feed) = (FeedReader::new(ledger(0)), FeedReader::new(ledger(3)));
    let after = |after| FeedQuery { after, ..FeedQuery::default() };
    let page = empty.page(&after(None)).await.unwrap();
    assert_eq!((page.entries.len(), page.next, page.newest), (0, None, None));
    assert!(matches!(empty.page(&after(Some(0))).await, Err(FeedError::NotReached { newest: None })));
    let page = feed.page(&after(Some(2))).await.unwrap();
    assert_eq!((page.entries.len(), page.next, page.newest), (0, None, Some(2)));
    for beyond in [3, u64::MAX] {
        assert!(matches!(
            feed.page(&after(Some(beyond))).await,
            Err(FeedError::NotReached { newest: Some(2) })
        ));
    }
    let before = FeedQuery { before: Some(0), newest_first: true, ..FeedQuery::default() };
    assert_eq!(feed.page(&before).await.unwrap().next, None);
    let before = FeedQuery { before: Some(u64::MAX), newest_first: true, ..FeedQuery::default() };
    assert_eq!(walked(&feed, before).await.0, [2, 1, 0]);
}

#[tokio::test]
async fn positions_without_a_commit_are_shown_unless_a_filter_asks_for_something() {
    let places = [2, 3, 7, 1 << 50];
    let feed = GivenFeed::of(places.into_iter().zip((0..).map(|n| Some(nth(n)))));
    let reader = summarised(&feed, 2).await;
    let query = FeedQuery { before: Some(10), limits: limits(3), ..FeedQuery::default() };
    let (met, _) = walked(&reader, FeedQuery { newest_first: true, ..query.clone() }).await;
    assert_eq!(met, [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]);
    let query = FeedQuery { after: Some(0), ..query };
    let (met, _) = walked(&reader, query.clone()).await;
    assert_eq!(met, [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    let page = reader.page(&query).await.unwrap();
    let gone: Vec<bool> = page.entries.iter().map(|entry| entry.commit.is_none()).collect();
    assert_eq!(gone, [true, false, false]);
    let filter = CommitFilter { types: vec!["ProductRenamed"], ..CommitFilter::default() };
    for newest_first in [false, true] {
        let query = FeedQuery { filter: filter.clone(), newest_first, ..FeedQuery::default() };
        let (mut met, _) = walked(&reader, query).await;
        met.sort_unstable();
        assert_eq!(met, places);
    }
}

#[tokio::test]
async fn a_page_ends_before_a_commit_that_cannot_be_read_and_the_next_one_names_it() {
    let commits = (0..9).map(|n| (n, (n != 4).then(|| nth(n))));
    let reader = summarised(&GivenFeed::of(commits), 3).await;
    let filter = CommitFilter { actor: Some("a1".into()), ..CommitFilter::default() };
    for (filter, met) in [(CommitFilter::default(), vec![0, 1, 2, 3]), (filter, vec![1])] {
        let query = FeedQuery { filter, ..FeedQuery::default() };
        let page = reader.page(&query).await.unwrap();
        assert_eq!(page.entries.iter().map(|entry| entry.position).collect::<Vec<_>>(), met);
        assert_eq!(page.next, Some(3));
        let next = reader.page(&FeedQuery { after: page.next, ..query.clone() }).await;
        assert!(matches!(next, Err(FeedError::Unreadable { position: 4, .. })), "{next:?}");
        assert!(reader.page(&FeedQuery { after: Some(4), ..query }).await.is_ok());
    }
}

#[tokio::test]
async fn a_page_is_cut_by_the_size_of_its_commits_but_has_one() {
    let mut large = nth(0);
    large.0.insert("text".into(), "x".repeat(1_000).into());
    let reader = FeedReader::new(GivenFeed::from_zero([nth(0), large.clone(), nth(2), large]));
    let limits = PageLimits { bytes: 1_000, ..PageLimits::default() };
    let (met, pages) = walked(&reader, FeedQuery { limits, ..FeedQuery::default() }).await;
    assert_eq!((met, pages), (vec![0, 1, 2, 3], 4));
}

/// A commit that states a price of a time; `known` is the time of the price in force, which earlier builds did not store.
fn priced(product: &str, sequence: u64, name: &str, time: &str, known: Option<&str>) -> StoredCommit {
    let time = format!("2026-{time}T00:00:00.000Z");
    let mut commit = json!({
        "product_id": product, "sequence": sequence, "commit_id": "c", "recorded_at": time,
        "events": [{"event_id": "e", "type": name, "schema_version": 1, "data": {"from": time}}],
        "state": {}, "metadata": {"actor": "a", "occurred_at": time},
    });
    if let Some(known) = known {
        commit["state"]["price_occurred_at"] = format!("2026-{known}T00:00:00.000Z").into();
    }
    StoredCommit(commit.as_object().unwrap().clone())
}

#[tokio::test]
async fn a_price_of_the_past_is_retroactive_by_its_state_or_by_the_earlier_commits() {
    let (created, changed, recorded) = ("ProductCreated", "ProductPriceChanged", "ProductPriceRecorded");
    let commits = [
        (priced("new", 1, created, "03-01", Some("03-01")), false),
        (priced("new", 2, recorded, "02-01", Some("03-01")), true),
        (priced("new", 3, recorded, "04-01", Some("04-01")), false),
        (priced("old", 1, created, "03-01", None), false),
        (priced("other", 1, created, "09-01", None), false),
        (priced("old", 2, changed, "02-01", None), true),
        (priced("old", 3, "ProductRenamed", "01-01", None), false),
        (priced("old", 4, changed, "05-01", None), false),
        (priced("old", 5, changed, "04-01", None), true),
        (priced("old", 6, changed, "05-01", None), false),
    ];
    let feed = GivenFeed::from_zero(commits.iter().map(|(commit, _)| commit.clone()));
    let reader = summarised(&feed, 3).await;
    feed.read();
    // The earlier commits of its product count as read by the page.
    let query = FeedQuery { after: Some(7), limits: limits(1), ..FeedQuery::default() };
    assert_eq!((reader.page(&query).await.unwrap().rows, feed.read()), (5, 5));
    let expected: Vec<u64> = (0..).zip(&commits).filter(|(_, (_, late))| *late).map(|(n, _)| n).collect();
    for newest_first in [false, true] {
        let page = reader.page(&FeedQuery { newest_first, ..FeedQuery::default() }).await.unwrap();
        for entry in page.entries {
            let (_, late) = &commits[usize::try_from(entry.position).unwrap()];
            assert_eq!(entry.commit.unwrap().retroactive, *late, "{}", entry.position);
        }
        let filter = CommitFilter { retroactive: true, ..CommitFilter::default() };
        for entries in [1, 50] {
            let limits = PageLimits { rows: 2, ..limits(entries) };
            let query = FeedQuery { filter: filter.clone(), newest_first, limits, ..FeedQuery::default() };
            let (mut met, _) = walked(&reader, query).await;
            met.sort_unstable();
            assert_eq!(met, expected);
        }
    }
}

#[tokio::test]
async fn blocks_are_summarised_once_each_and_only_when_they_are_whole() {
    let feed = ledger(10);
    let reader = FeedReader::with_blocks_of(feed.clone(), 4);
    let mut summarised = Vec::new();
    for _ in 0..4 {
        summarised.push((reader.summarise().await.unwrap(), feed.read()));
    }
    assert_eq!(summarised, [(true, 4), (true, 4), (false, 0), (false, 0)]);
    feed.entries.lock().unwrap().extend((10..13).map(|n| (n, Some(nth(n)))));
    assert!(reader.summarise().await.unwrap());
    assert_eq!(feed.read(), 4);
}

#[tokio::test]
async fn where_positions_are_missing_a_block_waits_for_as_many_further_commits() {
    let feed = GivenFeed::of([(0, Some(nth(0))), (9, Some(nth(1)))]);
    let reader = FeedReader::with_blocks_of(feed.clone(), 4);
    assert!(!reader.summarise().await.unwrap());
    feed.read();
    for n in [10, 11] {
        assert!(!reader.summarise().await.unwrap());
        assert_eq!(feed.read(), 0, "{n}: it cannot be whole yet");
        feed.entries.lock().unwrap().push((n, Some(nth(n))));
    }
    assert!(reader.summarise().await.unwrap());
}

#[tokio::test]
async fn the_days_of_commits_are_counted_from_the_blocks_and_what_follows_them() {
    let commits = (0..30).map(|n: u64| {
        let mut commit = nth(n);
        commit.0["recorded_at"] = format!("2026-03-{:02}T23:59:59.999Z", 1 + n / 10).into();
        commit.0["metadata"]["occurred_at"] = format!("2025-01-{:02}T00:00:00.000Z", 31 - n % 2).into();
        commit
    });
    let places = (0..30).zip(commits.map(Some)).chain([(30, None)]);
    let feed = GivenFeed::of(places);
    let reader = FeedReader::with_blocks_of(feed.clone(), 8);
    let counts = |days: &[(&str, u64)]| {
        Some(days.iter().map(|(day, commits)| ((*day).to_owned(), *commits)).collect::<DayCounts>())
    };
    assert_eq!(reader.days(FilteredTime::Recorded).await.unwrap(), None, "too much is not summarised");
    while reader.summarise().await.unwrap() {}
    feed.read();
    let recorded = counts(&[("2026-03-01", 10), ("2026-03-02", 10), ("2026-03-03", 10)]);
    assert_eq!(reader.days(FilteredTime::Recorded).await.unwrap(), recorded);
    assert_eq!(feed.read(), 7, "only what is in no block is read");
    let occurred = counts(&[("2025-01-30", 15), ("2025-01-31", 15)]);
    assert_eq!(reader.days(FilteredTime::Happened).await.unwrap(), occurred);
    let empty = FeedReader::new(ledger(0));
    assert_eq!(empty.days(FilteredTime::Recorded).await.unwrap(), counts(&[]));
}
