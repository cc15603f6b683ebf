//! The contract of the price log, on every adapter.

use std::sync::Arc;

use projections::prices::{Entry, History, Place, What};
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

#[tokio::test]
async fn entries_come_in_the_order_of_their_places_and_each_once() {
    let id = fixtures::id("p");
    for (adapter, log) in adapters().await {
        let mut shuffled = entries();
        shuffled.reverse();
        log.write(FIRST, &id, &shuffled).await.unwrap();
        log.write(FIRST, &id, &shuffled[1..3]).await.unwrap();
        log.write(FIRST, &id, &[]).await.unwrap();
        let history = log.history(FIRST, &id, None).await.unwrap();
        assert_eq!(history.entries, entries(), "{adapter}");
        let until = log.history(FIRST, &id, Some(fixtures::at("2026-01-01T00:00:00Z"))).await.unwrap();
        assert_eq!(until.entries, entries()[..3], "{adapter}");
    }
}

#[tokio::test]
async fn a_cursor_moves_only_from_where_it_was_seen() {
    let id = fixtures::id("p");
    for (adapter, log) in adapters().await {
        assert_eq!(log.folded(FIRST, &id).await.unwrap(), 0, "{adapter}");
        for (seen, to, moves, folded) in
            [(1, 2, false, 0), (0, 3, true, 3), (0, 5, false, 3), (2, 5, false, 3), (3, 5, true, 5)]
        {
            assert_eq!(log.advance(FIRST, &id, seen, to).await.unwrap(), moves, "{adapter} {seen} {to}");
            assert_eq!(log.folded(FIRST, &id).await.unwrap(), folded, "{adapter} {seen} {to}");
            assert_eq!(log.history(FIRST, &id, None).await.unwrap().folded, folded, "{adapter}");
        }
    }
}

#[tokio::test]
async fn a_history_longer_than_a_request_comes_whole() {
    let id = fixtures::id("p");
    let long: Vec<Entry> = (1..=2_100).map(|n| entry("2026-01-01T00:00:00Z", n, What::Deleted)).collect();
    for (adapter, log) in adapters().await {
        log.write(FIRST, &id, &long).await.unwrap();
        log.advance(FIRST, &id, 0, 2_100).await.unwrap();
        let history = log.history(FIRST, &id, None).await.unwrap();
        assert_eq!(history.folded, 2_100, "{adapter}");
        assert_eq!(history.entries, long, "{adapter}");
    }
}

#[tokio::test]
async fn generations_and_products_do_not_see_each_other() {
    let (p, q) = (fixtures::id("p"), fixtures::id("p2"));
    for (adapter, log) in adapters().await {
        for generation in [FIRST, Generation(2), Generation(12)] {
            log.write(generation, &p, &entries()[..2]).await.unwrap();
            log.advance(generation, &p, 0, u64::from(generation.0)).await.unwrap();
        }
        assert_eq!(log.history(FIRST, &q, None).await.unwrap(), History::default(), "{adapter}");
        assert!(log.drop_generation(Generation(2)).await.unwrap() > 0, "{adapter}");
        assert_eq!(log.history(Generation(2), &p, None).await.unwrap(), History::default(), "{adapter}");
        for generation in [FIRST, Generation(12)] {
            let kept = log.history(generation, &p, None).await.unwrap();
            assert_eq!((kept.folded, kept.entries.len()), (u64::from(generation.0), 2), "{adapter}");
        }
    }
}
