//! A version recorded anew after its commit was removed: what was folded of the removed commits is taken back, and the history
//! matches the ledger, whatever comes late and whatever interrupts it.

use std::sync::Arc;

use event_store::{MemoryJournal, MemoryParking};
use projections::prices::{FoldedCommit, FoldedHead, MemoryPriceLog, PriceHistory, PriceLog};
use projections::projection::Projection;
use projections::views::Generation;
use projections::{MemoryViews, Prices, Projector};
use schema::{Commit, StoredCommit, fixtures};

use super::{FIRST, PriceLogs};
use crate::given::commits::{ledger_of, recorded_anew, records};

cases! { dyn projections::PriceLog, [memory sqlite dynamodb];
    the_newest_commit_is_identified_by_its_hash
    the_newest_commit_is_taken_back_only_if_it_is_still_as_it_was_read
    commits_are_taken_back_one_after_the_other
    the_same_version_of_another_commit_is_folded
    an_earlier_version_that_was_recorded_later_is_folded
    a_commit_linked_to_another_one_proves_that_those_before_were_removed
    a_removed_commit_that_comes_late_is_not_folded
    of_two_commits_with_one_sequence_in_a_batch_the_recorded_one_is_folded
    an_interrupted_repair_is_resumed
    a_product_whose_newest_commits_were_removed_is_left_as_it_is
    folding_continues_after_entries_without_a_commit
}

fn prices(log: &PriceLogs, journal: &Arc<MemoryJournal>) -> Prices {
    Prices::new(log.shared(), journal.clone())
}

fn projector(log: &PriceLogs, journal: &Arc<MemoryJournal>) -> Projector {
    let clock = Arc::new(|| fixtures::at("2026-11-23T05:20:00Z"));
    let (views, parking) = (Arc::<MemoryViews>::default(), Arc::<MemoryParking>::default());
    Projector::new(views, vec![Arc::new(prices(log, journal))], parking, clock)
}

/// The history of `p` after a projector on a ledger of `there` received `told`.
async fn told(
    log: &PriceLogs,
    there: &[(Commit, StoredCommit)],
    told: &[(Commit, StoredCommit)],
) -> PriceHistory {
    let again = projector(log, &ledger_of(there).await).follow(records(told)).await;
    assert!(again.is_empty(), "{again:?}");
    history(&**log).await
}

async fn history(log: &dyn PriceLog) -> PriceHistory {
    log.history(FIRST, &fixtures::id("p")).await.unwrap()
}

/// The history of these commits alone.
async fn whole(commits: &[(Commit, StoredCommit)]) -> PriceHistory {
    let log = MemoryPriceLog::default();
    log.fold(FIRST, &fixtures::id("p"), &folded(commits)).await.unwrap();
    history(&log).await
}

fn folded(commits: &[(Commit, StoredCommit)]) -> Vec<FoldedCommit> {
    commits.iter().map(|(commit, _)| FoldedCommit::of(commit)).collect()
}

async fn newest(log: &PriceLogs) -> Option<FoldedHead> {
    log.newest(FIRST, &fixtures::id("p")).await.unwrap()
}

async fn the_newest_commit_is_identified_by_its_hash(log: &PriceLogs) {
    assert_eq!(newest(log).await, None);
    for commit in folded(&recorded_anew(6, 6)) {
        log.fold(FIRST, &fixtures::id("p"), std::slice::from_ref(&commit)).await.unwrap();
        assert_eq!(newest(log).await, Some(FoldedHead { last: commit.last, origin: commit.origin }));
    }
}

async fn the_newest_commit_is_taken_back_only_if_it_is_still_as_it_was_read(log: &PriceLogs) {
    let (product, commits) = (fixtures::id("p"), recorded_anew(4, 4));
    log.fold(FIRST, &product, &folded(&commits)).await.unwrap();
    let seen = newest(log).await.unwrap();
    let another = folded(&recorded_anew(4, 3)).remove(3).origin;
    for not_seen in [
        FoldedHead { origin: another, ..seen.clone() },
        FoldedHead { origin: None, ..seen.clone() },
        FoldedHead { last: 9, ..seen.clone() },
    ] {
        log.take_back(FIRST, &product, &not_seen).await.unwrap();
        assert_eq!(history(&**log).await, whole(&commits).await, "{not_seen:?}");
    }
    log.take_back(Generation(2), &product, &seen).await.unwrap();
    log.take_back(FIRST, &fixtures::id("q"), &seen).await.unwrap();
    assert_eq!(history(&**log).await, whole(&commits).await);
    log.take_back(FIRST, &product, &seen).await.unwrap();
    assert!(newest(log).await.unwrap().last < 4);
}

async fn commits_are_taken_back_one_after_the_other(log: &PriceLogs) {
    let (product, commits) = (fixtures::id("p"), recorded_anew(7, 7));
    log.fold(FIRST, &product, &folded(&commits)).await.unwrap();
    let mut last = u64::MAX;
    while let Some(seen) = newest(log).await {
        assert!(seen.last < last, "{seen:?}");
        last = seen.last;
        let there = history(&**log).await;
        let upto = usize::try_from(seen.last).unwrap();
        assert_eq!(there.entries, whole(&commits[..upto]).await.entries, "{seen:?}");
        log.take_back(FIRST, &product, &seen).await.unwrap();
    }
    assert_eq!(history(&**log).await, PriceHistory::default());
}

async fn the_same_version_of_another_commit_is_folded(log: &PriceLogs) {
    for length in 2..7 {
        let (before, after) = (recorded_anew(length, length), recorded_anew(length, length - 1));
        log.drop_generation(FIRST).await.unwrap();
        assert_eq!(told(log, &before, &before).await, whole(&before).await);
        assert_eq!(told(log, &after, &after[length - 1..]).await, whole(&after).await, "{length}");
        assert_ne!(whole(&before).await.entries, whole(&after).await.entries);
    }
}

async fn an_earlier_version_that_was_recorded_later_is_folded(log: &PriceLogs) {
    let (before, after) = (recorded_anew(6, 6), recorded_anew(4, 3));
    told(log, &before, &before).await;
    assert_eq!(told(log, &after, &after[3..]).await, whole(&after).await);
}

async fn a_commit_linked_to_another_one_proves_that_those_before_were_removed(log: &PriceLogs) {
    let (before, after) = (recorded_anew(4, 4), recorded_anew(5, 2));
    told(log, &before, &before).await;
    assert_eq!(told(log, &after, &after[4..]).await, whole(&after).await);
}

async fn a_removed_commit_that_comes_late_is_not_folded(log: &PriceLogs) {
    let (before, after) = (recorded_anew(4, 4), recorded_anew(4, 3));
    told(log, &after, &after).await;
    assert_eq!(told(log, &after, &before).await, whole(&after).await);
}

async fn of_two_commits_with_one_sequence_in_a_batch_the_recorded_one_is_folded(log: &PriceLogs) {
    let (before, after) = (recorded_anew(4, 4), recorded_anew(4, 3));
    assert_eq!(told(log, &after, &[&after[..], &before[3..]].concat()).await, whole(&after).await);
}

/// Part of the removed commits was taken back before the repair was interrupted.
async fn an_interrupted_repair_is_resumed(log: &PriceLogs) {
    for taken in 1..4 {
        let (before, after) = (recorded_anew(6, 6), recorded_anew(5, 2));
        log.drop_generation(FIRST).await.unwrap();
        told(log, &before, &before).await;
        for _ in 0..taken {
            let seen = newest(log).await.unwrap();
            log.take_back(FIRST, &fixtures::id("p"), &seen).await.unwrap();
        }
        assert_eq!(told(log, &after, &after[4..]).await, whole(&after).await, "{taken}");
    }
}

/// Until something is recorded in its place: the history is the only trace of what was removed.
async fn a_product_whose_newest_commits_were_removed_is_left_as_it_is(log: &PriceLogs) {
    let before = recorded_anew(4, 4);
    told(log, &before, &before).await;
    let journal = ledger_of(&before[..2]).await;
    prices(log, &journal).catch_up(FIRST, &fixtures::id("p")).await.unwrap();
    assert_eq!(history(&**log).await, whole(&before).await);
}

async fn folding_continues_after_entries_without_a_commit(log: &PriceLogs) {
    let commits = recorded_anew(6, 6);
    let mut old = folded(&commits[..4]);
    for commit in &mut old {
        commit.origin = None;
    }
    log.fold(FIRST, &fixtures::id("p"), &old).await.unwrap();
    assert_eq!(told(log, &commits, &commits[3..]).await, whole(&commits).await);
    assert!(newest(log).await.unwrap().origin.is_some());
}
