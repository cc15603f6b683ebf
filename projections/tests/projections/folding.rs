//! The price history has every change once, whatever the stream loses, repeats or reorders; a product that cannot be folded
//! is parked and continues later where it stopped.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use engine::probe::{Faults, InjectedFault, Matching, SdkRequest};
use event_store::{MemoryJournal, MemoryParking, Parking};
use projections::prices::{PriceHistory, entries_of};
use projections::project::ProjectionRetries;
use projections::projection::Projection;
use projections::views::Generation;
use projections::{MemoryPriceLog, PriceLog, Prices};
use serde_json::json;

use crate::given::{
    Deed, InMemory, Life, MINUTE, batch, in_memory, price_projector, prices_of, record, tables,
};

const FIRST: Generation = Generation(1);

fn repriced(n: u32) -> Deed {
    Deed::Reprice(format!("{n}"), "USD")
}

/// A life in which all commits but one affect the price.
fn life() -> Life {
    Life::of(
        "p",
        &[
            repriced(1),
            Deed::Rename("Hat".into()),
            Deed::DeleteOrRestore,
            Deed::RenameAndReprice("Cap".into(), "2".into()),
            repriced(3),
        ],
    )
}

fn expected(life: &Life, commits: usize) -> PriceHistory {
    let entries = life.commits[..commits].iter().flat_map(|(commit, _)| entries_of(commit));
    PriceHistory { folded: life.commits[commits - 1].0.last_sequence(), entries: entries.collect() }
}

async fn history(given: &InMemory, life: &Life) -> PriceHistory {
    given.prices.history(FIRST, &life.id).await.unwrap()
}

#[tokio::test]
async fn commits_after_a_removed_one_are_not_folded_after_its_replacement() {
    let begun = Life::of("p", &[]);
    let (mut gone, mut kept) = (begun.clone(), begun);
    for price in [1, 2] {
        gone.goes_on(&repriced(price));
    }
    kept.goes_on(&repriced(9));
    let given = in_memory();
    kept.recorded_in(&*given.journal).await;
    let records = vec![kept.record(0), kept.record(1), gone.record(2)];
    given.projector.project(batch(records)).await;
    assert_eq!(history(&given, &kept).await, expected(&kept, 2));
}

#[tokio::test]
async fn what_is_missing_from_the_stream_is_read_from_the_event_table() {
    let life = life();
    let whole = expected(&life, life.commits.len());
    for brought in [vec![5], vec![0, 5], vec![0, 2, 4], vec![3, 1], vec![5, 0, 1, 2, 3, 4, 5]] {
        let given = in_memory();
        life.recorded_in(&*given.journal).await;
        for commit in &brought {
            given.projector.project(batch(vec![life.record(*commit)])).await;
        }
        let seen = history(&given, &life).await;
        if brought.contains(&5) {
            assert_eq!(seen, whole, "{brought:?}");
        }
        given.projector.project(batch(life.commits.iter().map(|(_, stored)| record(stored)).collect())).await;
        assert_eq!(history(&given, &life).await, whole, "{brought:?}");
        assert_eq!(given.parking.of("prices", &life.id).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_batch_with_a_gap_is_folded_completely() {
    let life = life();
    let given = in_memory();
    life.recorded_in(&*given.journal).await;
    given.projector.project(batch(vec![life.record(0), life.record(4), life.record(5)])).await;
    assert_eq!(history(&given, &life).await, expected(&life, 6));
}

#[tokio::test]
async fn a_history_of_many_pages_is_caught_up_with() {
    let deeds: Vec<Deed> = (0..450).map(|n| repriced(n + 50)).collect();
    let life = Life::of("p", &deeds);
    let given = in_memory();
    life.recorded_in(&*given.journal).await;
    given.projector.project(batch(vec![life.record(450)])).await;
    let seen = history(&given, &life).await;
    assert_eq!((seen.folded, seen.entries.len()), (451, 451));
}

#[tokio::test]
async fn a_commit_that_cannot_be_folded_stops_its_product_only() {
    let life = life();
    let neighbour = Life::of("q", &[repriced(1)]);
    let given = in_memory();
    let mut damaged = life.clone();
    damaged.commits[3].1.0["events"] = json!([{"event_id": "01K0000000000000000000000A", "type": "ProductRenamed",
        "schema_version": 1, "data": {}}]);
    damaged.recorded_in(&*given.journal).await;
    let records = damaged.commits.iter().chain(&neighbour.commits);
    let answer = given.projector.project(batch(records.map(|(_, stored)| record(stored)).collect())).await;
    assert!(answer.batch_item_failures.is_empty());
    let stopped = history(&given, &life).await;
    assert_eq!((stopped.folded, stopped.entries.len()), (3, 2));
    let parked = given.parking.of("prices", &life.id).await.unwrap().unwrap();
    assert_eq!((parked.from_sequence, parked.retryable), (4, false));
    assert_eq!(history(&given, &neighbour).await, expected(&neighbour, 2));
    // The catalogue needs no events and goes on.
    assert_eq!(given.parking.of("products", &life.id).await.unwrap(), None);

    let retried = given.projector.retry(&life.id).await.unwrap();
    assert_eq!(retried, ProjectionRetries { repaired: 1, still_parked: 1 });
    let parked = given.parking.of("prices", &life.id).await.unwrap().unwrap();
    assert_eq!((parked.from_sequence, parked.attempts), (4, 2));
}

#[tokio::test]
async fn a_commit_missing_in_the_event_table_itself_is_no_gap_to_skip() {
    let life = life();
    let given = in_memory();
    let mut torn = life.clone();
    torn.commits.remove(2);
    torn.recorded_in(&*given.journal).await;
    given.projector.project(batch(vec![life.record(5)])).await;
    let parked = given.parking.of("prices", &life.id).await.unwrap().unwrap();
    assert_eq!((parked.from_sequence, parked.retryable), (3, false));
    assert_eq!(history(&given, &life).await.folded, 2);
}

#[tokio::test]
async fn a_dropped_generation_has_no_history_any_more_and_the_others_keep_theirs() {
    let given = in_memory();
    let prices = Prices::new(given.prices.clone(), given.journal.clone());
    let lives = [life(), Life::of("q", &[])];
    for life in &lives {
        life.recorded_in(&*given.journal).await;
        for generation in [FIRST, Generation(2)] {
            prices.catch_up(generation, &life.id).await.unwrap();
        }
    }
    assert_eq!(prices.drop_generation(FIRST).await.unwrap(), 2);
    assert_eq!(prices.drop_generation(FIRST).await.unwrap(), 0);
    for life in &lives {
        assert_eq!(history(&given, life).await, PriceHistory::default());
        let kept = given.prices.history(Generation(2), &life.id).await.unwrap();
        assert_eq!(kept, expected(life, life.commits.len()));
    }
}

#[tokio::test]
async fn two_concurrent_projectors_fold_every_event_once() {
    let log = Arc::new(prices_of(&tables().await));
    let journal = Arc::<MemoryJournal>::default();
    let parking = Arc::<MemoryParking>::default();
    let deeds: Vec<Deed> = (0..60).map(|n| repriced(n + 50)).collect();
    let life = Life::of("p", &deeds);
    life.recorded_in(&*journal).await;
    let projector = || price_projector(log.clone(), journal.clone(), parking.clone());
    let (one, other) = (projector(), projector());
    for commit in (0..61).step_by(4) {
        let event = batch(vec![life.record(commit)]);
        tokio::join!(one.project(event.clone()), other.project(event));
    }
    one.project(batch(vec![life.record(60)])).await;
    let seen = log.history(FIRST, &life.id).await.unwrap();
    assert_eq!(seen, expected(&life, 61));
    assert_eq!(parking.of("prices", &life.id).await.unwrap(), None);
}

/// Every request of the projector fails once: before it is applied, and after.
#[tokio::test]
async fn a_projection_interrupted_anywhere_is_completed_by_the_schedule() {
    let life = life();
    for fault in [InjectedFault::FailBefore, InjectedFault::DropAnswer] {
        for nth in 1.. {
            let (config, faults) = Faults::inject(&tables().await);
            let config = config.to_builder().retry_config(RetryConfig::disabled()).build();
            let log = Arc::new(prices_of(&config));
            let journal = Arc::<MemoryJournal>::default();
            life.recorded_in(&*journal).await;
            let projector = price_projector(log.clone(), journal, Arc::default());
            faults.add(Matching::any().nth(nth), fault.clone());
            for commit in 0..life.commits.len() {
                let answer = projector.project(batch(vec![life.record(commit)])).await;
                assert!(answer.batch_item_failures.is_empty());
            }
            faults.clear();
            let retried = projector.retry_parked(MINUTE).await.unwrap();
            assert_eq!(retried.still_parked, 0);
            let seen = log.history(FIRST, &life.id).await.unwrap();
            assert_eq!(seen, expected(&life, life.commits.len()), "{nth}");
            if faults.applied() == 0 {
                // Two requests a commit: what is folded, and the commit.
                assert_eq!(nth, 13);
                break;
            }
        }
    }
}

/// A price history table that blocks one write until it is released.
struct Stopping {
    stopped: mpsc::Receiver<()>,
    go_on: mpsc::Sender<()>,
}

impl Stopping {
    /// Blocks before the nth write.
    fn at(nth: usize, faults: &Faults) -> Self {
        let (stops, stopped) = mpsc::channel();
        let (go_on, goes_on) = mpsc::channel();
        let (writes, goes_on) = (AtomicUsize::new(0), Mutex::new(goes_on));
        let stop = move |request: &SdkRequest| {
            let writes_now = ["PutItem", "UpdateItem"].contains(&request.operation.as_str());
            if writes_now && writes.fetch_add(1, Ordering::Relaxed) + 1 == nth {
                stops.send(()).unwrap();
                goes_on.lock().unwrap().recv().unwrap();
            }
            false
        };
        faults.add(Matching::any().when(stop).always(), InjectedFault::FailBefore);
        Self { stopped, go_on }
    }
}

/// One of two projectors is blocked between any two of its writes while the other folds everything: the history is complete
/// at every moment, and nothing is lost when the first one continues from its older read.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_of_two_projectors_may_be_blocked_between_any_two_writes() {
    let mut life = life();
    // A commit with a price event in its middle.
    life.goes_on(&Deed::RenameRepriceAndRename(["Fez", "Tam"], "4"));
    life.goes_on(&Deed::Rename("Beret".into()));
    let whole = expected(&life, life.commits.len());
    for nth in 1.. {
        let tables = tables().await;
        let (journal, log) = (Arc::<MemoryJournal>::default(), Arc::new(prices_of(&tables)));
        life.recorded_in(&*journal).await;
        let (config, faults) = Faults::inject(&tables);
        let stopping = Stopping::at(nth, &faults);
        let slow = price_projector(Arc::new(prices_of(&config)), journal.clone(), Arc::default());
        let fast = price_projector(log.clone(), journal, Arc::default());
        let records: Vec<_> = life.commits.iter().map(|(_, stored)| record(stored)).collect();
        let (first, rest) = (records[..4].to_vec(), records.clone());
        let projecting = tokio::spawn(async move {
            slow.project(batch(first)).await;
            slow.project(batch(rest)).await;
        });
        let stopped = tokio::task::spawn_blocking(move || {
            let stopped = stopping.stopped.recv_timeout(Duration::from_secs(20)).is_ok();
            (stopped, stopping.go_on)
        });
        let (stopped, go_on) = tokio::select! {
            stopped = stopped => stopped.unwrap(),
            () = async { while !projecting.is_finished() { tokio::time::sleep(Duration::from_millis(5)).await } } => {
                assert!(nth > 5, "{nth}");
                return;
            }
        };
        assert!(stopped);
        let there = log.history(FIRST, &life.id).await.unwrap();
        let commits =
            life.commits.iter().filter(|(commit, _)| commit.last_sequence() <= there.folded).count();
        assert_eq!(
            there,
            if commits == 0 { PriceHistory::default() } else { expected(&life, commits) },
            "{nth}"
        );
        fast.project(batch(records)).await;
        assert_eq!(log.history(FIRST, &life.id).await.unwrap(), whole, "{nth}");
        go_on.send(()).unwrap();
        projecting.await.unwrap();
        assert_eq!(log.history(FIRST, &life.id).await.unwrap(), whole, "{nth}");
    }
}

#[tokio::test]
async fn following_in_order_does_not_read_the_event_table() {
    // The journal is empty: whatever it was asked for would be missing.
    let log = Arc::<MemoryPriceLog>::default();
    let parking = Arc::<MemoryParking>::default();
    let projector = price_projector(log.clone(), Arc::<MemoryJournal>::default(), parking);
    let life = life();
    projector.project(batch(vec![life.record(0)])).await;
    projector.project(batch(vec![life.record(0), life.record(1), life.record(2)])).await;
    projector.project(batch(vec![life.record(3), life.record(4), life.record(5)])).await;
    assert_eq!(log.history(FIRST, &life.id).await.unwrap(), expected(&life, 6));
}
