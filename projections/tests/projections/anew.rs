//! The price history of a product whose commits were removed from the event table, and other ones recorded in their places: it
//! becomes that of the event table again, and an error names the event from which on it does not.

use std::sync::Arc;

use event_store::{Journal, MemoryJournal, MemoryParking};
use futures::FutureExt;
use lambda::Emf;
use projections::prices::{FoldedCommit, PriceHistory, PriceLog};
use projections::projection::{Difference, Projection, ProjectionError};
use projections::views::Generation;
use projections::{MemoryPriceLog, Prices};
use proptest::prelude::*;
use schema::Timestamp;
use serde_json::Value;
use telemetry::meters::TAMPERING;

use crate::given::doubles::{NoPages, Unchanged};
use crate::given::{Deed, Life, batch, price_projector, record};

const FIRST: Generation = Generation(1);

fn repriced(price: u32) -> Deed {
    Deed::Reprice(price.to_string(), "USD")
}

/// A product with a commit for each price.
fn priced(prices: &[u32]) -> Life {
    Life::of("p", &prices.iter().copied().map(repriced).collect::<Vec<_>>())
}

async fn journal_of(life: &Life) -> Arc<MemoryJournal> {
    let journal = Arc::<MemoryJournal>::default();
    life.recorded_in(&*journal).await;
    journal
}

/// A log in which these commits are folded.
async fn log_of(life: &Life) -> MemoryPriceLog {
    let log = MemoryPriceLog::default();
    let commits: Vec<FoldedCommit> =
        life.commits.iter().map(|(commit, _)| FoldedCommit::of(commit)).collect();
    log.fold(FIRST, &life.id, &commits).await.unwrap();
    log
}

async fn history(log: &dyn PriceLog, life: &Life) -> PriceHistory {
    log.history(FIRST, &life.id).await.unwrap()
}

async fn caught_up(
    log: Arc<dyn PriceLog>,
    journal: Arc<dyn Journal>,
    life: &Life,
) -> Result<(), ProjectionError> {
    Prices::new(log, journal).catch_up(FIRST, &life.id).await
}

fn deed() -> impl Strategy<Value = Deed> {
    prop_oneof![
        "[a-c]{1,3}".prop_map(Deed::Rename),
        (1..500_u32).prop_map(repriced),
        Just(Deed::DeleteOrRestore),
        ("[a-c]{1,3}", 1..500_u32).prop_map(|(name, price)| Deed::RenameAndReprice(name, price.to_string())),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_recorded_before_the_history_becomes_that_of_the_event_table(
        before in prop::collection::vec(deed(), 0..6),
        same: prop::sample::Index,
        anew in prop::collection::vec(deed(), 1..6),
        news: prop::sample::Index,
        late in any::<bool>(),
    ) {
        // Everything here is in memory and never waits.
        let folded = async {
            let removed = Life::of("p", &before);
            let same = 1 + same.index(removed.commits.len());
            let recorded = removed.anew(same, &anew);
            let log = Arc::new(log_of(&removed).await);
            let projector = price_projector(log.clone(), journal_of(&recorded).await, Arc::<MemoryParking>::default());
            let news = &recorded.commits[same + news.index(anew.len())..];
            let mut records: Vec<_> = news.iter().map(|(_, stored)| record(stored)).collect();
            if late {
                records.extend(removed.commits.iter().map(|(_, stored)| record(stored)));
            }
            let answer = projector.project(batch(records)).await;
            assert!(answer.batch_item_failures.is_empty());
            (history(&*log, &recorded).await, history(&log_of(&recorded).await, &recorded).await)
        };
        let (folded, expected) = folded.now_or_never().unwrap();
        prop_assert_eq!(folded, expected);
    }
}

#[tokio::test]
async fn what_was_removed_and_not_recorded_anew_stays_in_the_history() {
    let life = priced(&[1, 2, 3]);
    let log = Arc::new(log_of(&life).await);
    caught_up(log.clone(), journal_of(&life.anew(2, &[])).await, &life).await.unwrap();
    assert_eq!(history(&*log, &life).await, history(&log_of(&life).await, &life).await);
}

#[tokio::test]
async fn nothing_stays_in_the_history_below_a_commit_that_does_not_follow_it() {
    let removed = priced(&[1, 2, 3]);
    let mut recorded = removed.anew(1, &[repriced(8), repriced(9)]);
    recorded.commits.remove(1);
    let log = Arc::new(log_of(&removed).await);
    let error = caught_up(log.clone(), journal_of(&recorded).await, &removed).await.unwrap_err();
    assert_eq!((error.from_sequence, error.retryable), (2, false));
    assert_eq!(error.reason, "event 2 is missing from the event table although later events exist");
    assert_eq!(history(&*log, &removed).await.folded, 1);
}

/// How many times tampering was counted.
fn tampering(emf: &Emf) -> f64 {
    let lines = emf.lines(Timestamp::EPOCH);
    let lines = lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lines.filter_map(|line| line[TAMPERING.name].as_f64()).sum()
}

#[tokio::test]
async fn a_history_that_had_to_be_corrected_is_counted_as_tampering() {
    let life = priced(&[1, 2, 3]);
    let mut other = Life::begins("p", "Hat", "5");
    for price in [6, 7, 8] {
        other.goes_on(&repriced(price));
    }
    for (recorded, times) in
        [(life.clone(), 0.0), (life.anew(3, &[]), 0.0), (life.anew(2, &[repriced(9)]), 1.0), (other, 1.0)]
    {
        let emf = Emf::new("test", "test");
        let _recording = metrics::set_default_local_recorder(&emf);
        caught_up(Arc::new(log_of(&life).await), journal_of(&recorded).await, &life).await.unwrap();
        assert!((tampering(&emf) - times).abs() < f64::EPSILON, "{recorded:?}");
    }
}

#[tokio::test]
async fn a_commit_that_cannot_be_taken_back_is_tried_again_later() {
    let removed = priced(&[1, 2, 3]);
    let recorded = removed.anew(1, &[repriced(8), repriced(9)]);
    let log = Arc::new(Unchanged(log_of(&removed).await));
    let error = caught_up(log, journal_of(&recorded).await, &removed).await.unwrap_err();
    assert_eq!((error.from_sequence, error.retryable), (4, true));
    assert_eq!(error.reason, "the price history of the product kept changing concurrently");
}

#[tokio::test]
async fn an_error_of_a_store_names_the_first_event_that_is_not_folded() {
    let life = priced(&[1, 2, 3]);
    let begun = life.anew(2, &[]);
    let log = Arc::new(log_of(&begun).await);
    let journal = NoPages::default();
    life.recorded_in(&journal).await;
    let error = caught_up(log, Arc::new(journal), &life).await.unwrap_err();
    assert_eq!((error.from_sequence, error.retryable), (3, true));
    let log = Arc::new(Unchanged(log_of(&begun).await));
    let error = caught_up(log, journal_of(&life).await, &life).await.unwrap_err();
    assert_eq!((error.from_sequence, error.retryable), (3, true));
}

#[tokio::test]
async fn a_history_is_compared_with_the_event_table() {
    let life = priced(&[1, 2, 3]);
    let first = |commits| life.anew(commits, &[]);
    let other = life.anew(2, &[repriced(9)]);
    let behind = |seen, newest| Some(Difference::Behind { seen, newest });
    for (folded, recorded, expected) in [
        (first(0), first(0), None),
        (first(0), first(2), Some(Difference::Missing)),
        (first(1), first(2), behind(1, 2)),
        (first(1), first(4), behind(1, 4)),
        (first(3), first(3), None),
        (first(3), other, Some(Difference::Content { seen: 3 })),
        (first(3), first(2), Some(Difference::Other { seen: 3 })),
        (first(1), first(0), Some(Difference::Unknown)),
    ] {
        let prices = Prices::new(Arc::new(log_of(&folded).await), journal_of(&recorded).await);
        let (folded, recorded) = (folded.commits.len(), recorded.commits.len());
        assert_eq!(prices.compare(FIRST, &life.id).await.unwrap(), expected, "{folded} {recorded}");
    }
}
