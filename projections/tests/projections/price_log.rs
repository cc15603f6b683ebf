//! The contract of the price log, on every adapter.

use std::sync::Arc;

use engine::probe::Recorder;
use projections::prices::{Entry, FoldedCommit, History, Place, What};
use projections::views::Generation;
use projections::{MemoryPriceLog, PriceLog};
use schema::fixtures;

use crate::given::{prices_of, tables};

const FIRST: Generation = Generation(1);

async fn adapters() -> Vec<(&'static str, Arc<dyn PriceLog>)> {
    vec![("memory", Arc::new(MemoryPriceLog::default())), ("dynamodb", Arc::new(prices_of(&tables().await)))]
}

fn entry(at: &str, sequence: u64, what: What) -> Entry {
    Entry { place: Place { at: fixtures::at(at), sequence }, what }
}

fn entries() -> Vec<Entry> {
    vec![
        entry("2024-01-01T00:00:00Z", 9, What::Priced(fixtures::money("0.0001", "USD"))),
        entry("2026-01-01T00:00:00Z", 2, What::Deleted),
        entry("2026-01-01T00:00:00Z", 10, What::Restored),
        entry("2026-01-01T00:00:00.001Z", 3, What::Priced(fixtures::money("10", "JPY"))),
    ]
}

/// A commit for each entry, in the order of the events.
fn commits(entries: &[Entry]) -> Vec<FoldedCommit> {
    let mut commits: Vec<FoldedCommit> =
        entries.iter().map(|entry| folded(entry.place.sequence, &[*entry])).collect();
    commits.sort_by_key(|commit| commit.last);
    commits
}

fn folded(last: u64, entries: &[Entry]) -> FoldedCommit {
    FoldedCommit { last, entries: entries.to_vec() }
}

#[tokio::test]
async fn entries_come_in_the_order_of_their_places_and_each_once() {
    let id = fixtures::id("p");
    for (adapter, log) in adapters().await {
        let commits = commits(&entries());
        log.fold(FIRST, &id, &commits).await.unwrap();
        log.fold(FIRST, &id, &commits[1..3]).await.unwrap();
        log.fold(FIRST, &id, &[]).await.unwrap();
        let history = log.history(FIRST, &id, None).await.unwrap();
        assert_eq!(history, History { folded: 10, entries: entries() }, "{adapter}");
        let until = log.history(FIRST, &id, Some(fixtures::at("2026-01-01T00:00:00Z"))).await.unwrap();
        assert_eq!(until, History { folded: 10, entries: entries()[..3].to_vec() }, "{adapter}");
    }
}

#[tokio::test]
async fn what_is_folded_is_the_newest_commit_with_a_price_or_without_and_never_goes_back() {
    let id = fixtures::id("p");
    let priced = |last| folded(last, &[entry("2026-01-01T00:00:00Z", last - 1, What::Deleted)]);
    let plain = |last| folded(last, &[]);
    for (adapter, log) in adapters().await {
        assert_eq!(log.folded(FIRST, &id).await.unwrap(), 0, "{adapter}");
        for (commits, expected) in [
            (vec![plain(1)], 1),
            (vec![priced(3)], 3),
            (vec![plain(4), plain(5)], 5),
            (vec![plain(2)], 5),
            (vec![priced(3)], 5),
            (vec![priced(7), plain(8), priced(10)], 10),
            (vec![plain(8)], 10),
            (vec![plain(11)], 11),
            (vec![], 11),
        ] {
            log.fold(FIRST, &id, &commits).await.unwrap();
            assert_eq!(log.folded(FIRST, &id).await.unwrap(), expected, "{adapter} {commits:?}");
            assert_eq!(log.history(FIRST, &id, None).await.unwrap().folded, expected, "{adapter}");
        }
        let history = log.history(FIRST, &id, None).await.unwrap();
        let sequences: Vec<u64> = history.entries.iter().map(|entry| entry.place.sequence).collect();
        assert_eq!(sequences, [2, 6, 9], "{adapter}");
    }
}

#[tokio::test]
async fn a_history_longer_than_a_request_comes_whole() {
    let id = fixtures::id("p");
    let long: Vec<Entry> = (1..=2_100).map(|n| entry("2026-01-01T00:00:00Z", n, What::Deleted)).collect();
    for (adapter, log) in adapters().await {
        log.fold(FIRST, &id, &commits(&long)).await.unwrap();
        let history = log.history(FIRST, &id, None).await.unwrap();
        assert_eq!(history, History { folded: 2_100, entries: long.clone() }, "{adapter}");
    }
}

#[tokio::test]
async fn generations_and_products_do_not_see_each_other() {
    let (p, q) = (fixtures::id("p"), fixtures::id("p2"));
    for (adapter, log) in adapters().await {
        for generation in [FIRST, Generation(2), Generation(12)] {
            let last = 20 + u64::from(generation.0);
            log.fold(generation, &p, &[folded(last, &entries()[..2]), folded(last + 1, &[])]).await.unwrap();
        }
        assert_eq!(log.history(FIRST, &q, None).await.unwrap(), History::default(), "{adapter}");
        assert!(log.drop_generation(Generation(2)).await.unwrap() > 0, "{adapter}");
        assert_eq!(log.history(Generation(2), &p, None).await.unwrap(), History::default(), "{adapter}");
        for generation in [FIRST, Generation(12)] {
            let kept = log.history(generation, &p, None).await.unwrap();
            assert_eq!((kept.folded, kept.entries.len()), (21 + u64::from(generation.0), 2), "{adapter}");
        }
    }
}

#[tokio::test]
async fn a_commit_is_one_unit_with_a_price_or_without_and_so_is_how_far_it_got() {
    let (config, recorder) = Recorder::record(&tables().await);
    let (log, id) = (prices_of(&config), fixtures::id("694215b7-08f7-4c0d-acb1-d734ba44c0c8"));
    let both = entries();
    for (commits, operation) in
        [(vec![folded(4, &both[..2])], "PutItem"), (vec![folded(5, &[]), folded(6, &[])], "UpdateItem")]
    {
        recorder.clear();
        log.fold(FIRST, &id, &commits).await.unwrap();
        log.folded(FIRST, &id).await.unwrap();
        let seen = recorder.take();
        let cost: Vec<_> =
            seen.iter().map(|seen| (seen.request.operation.as_str(), seen.capacity())).collect();
        assert_eq!(cost, [(operation, Some(1.0)), ("Query", Some(1.0))]);
    }
}
