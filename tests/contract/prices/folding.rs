//! Every entry at or below the folded sequence is in the history, that sequence never decreases, and folding again changes
//! nothing.

use futures::future::join_all;
use projections::prices::{FoldedCommit, MemoryPriceLog, PriceHistory, PriceLog};
use projections::views::Generation;
use proptest::prelude::*;
use schema::{ProductId, fixtures};

use super::{FIRST, PriceLogs, entry, fold, folded, life, plain, price, priced, sequences};
use crate::given::commits::{LAST, awkward_ids};
use crate::given::for_all;

cases! { dyn projections::PriceLog, [memory sqlite dynamodb];
    nothing_is_folded_of_an_unknown_product
    a_commit_with_a_price_is_folded
    a_commit_without_a_price_is_folded
    commits_without_a_price_after_one_with_are_folded
    a_price_after_commits_without_is_folded
    folding_nothing_changes_nothing
    what_is_folded_never_decreases
    an_older_commit_without_a_price_does_not_decrease_what_is_folded
    an_older_commit_with_a_price_does_not_decrease_what_is_folded
    folding_again_changes_nothing
    folding_a_part_again_changes_nothing
    folding_one_commit_at_a_time_gives_the_same_history
    what_is_folded_is_what_the_history_says
    the_greatest_sequence_is_folded_like_any_other
    sequences_are_compared_as_numbers
    awkward_ids_are_different_products
    generations_are_independent_of_each_other
    what_is_folded_is_there_when_the_store_is_opened_again
    dropping_a_generation_leaves_the_others
    a_generation_can_be_written_again_after_it_was_dropped
    dropping_a_generation_again_finds_nothing
    two_projectors_in_any_interleaving_give_one_history
    two_concurrent_projectors_give_one_history
    any_folds_give_the_same_history_as_in_memory
}

async fn at(log: &PriceLogs) -> u64 {
    last_folded(&**log, FIRST, &fixtures::id("p")).await
}

/// The last event that is folded.
async fn last_folded(log: &dyn PriceLog, generation: Generation, product: &ProductId) -> u64 {
    log.newest(generation, product).await.unwrap().map_or(0, |newest| newest.last)
}

async fn p(log: &PriceLogs, commits: &[FoldedCommit]) {
    fold(&**log, &fixtures::id("p"), commits).await;
}

/// What folding the whole life leads to.
async fn whole(last: u64) -> PriceHistory {
    let model = MemoryPriceLog::default();
    fold(&model, &fixtures::id("p"), &life(last)).await;
    model.history(FIRST, &fixtures::id("p")).await.unwrap()
}

async fn history(log: &dyn PriceLog) -> PriceHistory {
    log.history(FIRST, &fixtures::id("p")).await.unwrap()
}

async fn nothing_is_folded_of_an_unknown_product(log: &PriceLogs) {
    fold(&**log, &fixtures::id("p1"), &life(4)).await;
    assert_eq!(at(log).await, 0);
    assert_eq!(history(&**log).await, PriceHistory::default());
}

async fn a_commit_with_a_price_is_folded(log: &PriceLogs) {
    p(log, &[priced(1)]).await;
    assert_eq!((at(log).await, sequences(&**log, &fixtures::id("p")).await), (1, vec![1]));
}

async fn a_commit_without_a_price_is_folded(log: &PriceLogs) {
    p(log, &[plain(1)]).await;
    assert_eq!(history(&**log).await, PriceHistory { folded: 1, entries: Vec::new() });
    assert_eq!(at(log).await, 1);
}

async fn commits_without_a_price_after_one_with_are_folded(log: &PriceLogs) {
    p(log, &[priced(1), plain(2), plain(3)]).await;
    assert_eq!((at(log).await, history(&**log).await.folded), (3, 3));
    p(log, &[plain(4)]).await;
    assert_eq!((at(log).await, history(&**log).await.folded), (4, 4));
}

async fn a_price_after_commits_without_is_folded(log: &PriceLogs) {
    p(log, &[plain(1), plain(2)]).await;
    p(log, &[priced(3)]).await;
    assert_eq!((at(log).await, sequences(&**log, &fixtures::id("p")).await), (3, vec![3]));
}

async fn folding_nothing_changes_nothing(log: &PriceLogs) {
    p(log, &[]).await;
    assert_eq!(history(&**log).await, PriceHistory::default());
    p(log, &life(4)).await;
    p(log, &[]).await;
    assert_eq!(history(&**log).await, whole(4).await);
}

async fn what_is_folded_never_decreases(log: &PriceLogs) {
    p(log, &life(9)).await;
    for commits in [vec![plain(3)], vec![priced(2)], vec![plain(6)], vec![priced(7), priced(8)], vec![]] {
        p(log, &commits).await;
        assert_eq!(at(log).await, 9, "{commits:?}");
        assert_eq!(history(&**log).await.folded, 9, "{commits:?}");
    }
}

async fn an_older_commit_without_a_price_does_not_decrease_what_is_folded(log: &PriceLogs) {
    p(log, &[plain(1), plain(2), plain(5)]).await;
    p(log, &[plain(3)]).await;
    assert_eq!(at(log).await, 5);
}

async fn an_older_commit_with_a_price_does_not_decrease_what_is_folded(log: &PriceLogs) {
    p(log, &[priced(1), priced(2), priced(4)]).await;
    p(log, &[priced(1)]).await;
    assert_eq!((at(log).await, sequences(&**log, &fixtures::id("p")).await), (4, vec![1, 2, 4]));
}

async fn folding_again_changes_nothing(log: &PriceLogs) {
    for _ in 0..3 {
        p(log, &life(11)).await;
        assert_eq!(history(&**log).await, whole(11).await);
    }
}

async fn folding_a_part_again_changes_nothing(log: &PriceLogs) {
    p(log, &life(11)).await;
    for part in [0..3, 4..8, 2..11, 10..11] {
        p(log, &life(11)[part]).await;
        assert_eq!(history(&**log).await, whole(11).await);
    }
}

async fn folding_one_commit_at_a_time_gives_the_same_history(log: &PriceLogs) {
    for commit in life(11) {
        p(log, std::slice::from_ref(&commit)).await;
        assert_eq!(at(log).await, commit.last);
    }
    assert_eq!(history(&**log).await, whole(11).await);
}

async fn what_is_folded_is_what_the_history_says(log: &PriceLogs) {
    let mut last = 0;
    for length in [1, 1, 2, 3, 1] {
        let commits = life(20)[last..last + length].to_vec();
        last += length;
        p(log, &commits).await;
        let history = history(&**log).await;
        assert_eq!((history.folded, at(log).await), (last as u64, last as u64));
        assert!(history.entries.iter().all(|entry| entry.position.sequence <= history.folded));
    }
}

async fn the_greatest_sequence_is_folded_like_any_other(log: &PriceLogs) {
    p(log, &[folded(LAST - 1, &priced(1).entries)]).await;
    assert_eq!(at(log).await, LAST - 1);
    p(log, &[plain(LAST)]).await;
    assert_eq!((at(log).await, history(&**log).await.folded), (LAST, LAST));
}

async fn sequences_are_compared_as_numbers(log: &PriceLogs) {
    p(log, &[priced(9), priced(10), priced(100)]).await;
    p(log, &[plain(20)]).await;
    assert_eq!(at(log).await, 100);
    p(log, &[plain(1_000)]).await;
    assert_eq!(at(log).await, 1_000);
}

async fn awkward_ids_are_different_products(log: &PriceLogs) {
    for (n, id) in (1..).zip(awkward_ids()) {
        fold(&**log, &id, &[priced(n), plain(n + 1)]).await;
    }
    for (n, id) in (1..).zip(awkward_ids()) {
        assert_eq!(last_folded(&**log, FIRST, &id).await, n + 1, "{id}");
        assert_eq!(sequences(&**log, &id).await, [n], "{id}");
    }
}

async fn generations_are_independent_of_each_other(log: &PriceLogs) {
    let product = fixtures::id("p");
    for generation in [1, 2, 12, 112, u32::MAX] {
        let last = 20 + u64::from(generation);
        log.fold(Generation(generation), &product, &[priced(last), plain(last + 1)]).await.unwrap();
    }
    for generation in [1, 2, 12, 112, u32::MAX] {
        let history = log.history(Generation(generation), &product).await.unwrap();
        assert_eq!((history.folded, history.entries.len()), (21 + u64::from(generation), 1));
    }
    assert_eq!(last_folded(&**log, Generation(11), &product).await, 0);
}

async fn what_is_folded_is_there_when_the_store_is_opened_again(log: &PriceLogs) {
    p(log, &life(9)).await;
    let again = log.opened_again(()).await;
    assert_eq!(history(&*again).await, whole(9).await);
    p(&again, &life(11)[9..]).await;
    assert_eq!(history(&*again).await, whole(11).await);
}

async fn dropping_a_generation_leaves_the_others(log: &PriceLogs) {
    let product = fixtures::id("p");
    for generation in [1, 2, 12, 22] {
        log.fold(Generation(generation), &product, &life(5)).await.unwrap();
    }
    assert!(log.drop_generation(Generation(2)).await.unwrap() > 0);
    assert_eq!(log.history(Generation(2), &product).await.unwrap(), PriceHistory::default());
    assert_eq!(last_folded(&**log, Generation(2), &product).await, 0);
    for generation in [1, 12, 22] {
        assert_eq!(log.history(Generation(generation), &product).await.unwrap(), whole(5).await);
    }
}

async fn a_generation_can_be_written_again_after_it_was_dropped(log: &PriceLogs) {
    p(log, &life(9)).await;
    log.drop_generation(FIRST).await.unwrap();
    p(log, &[plain(1)]).await;
    assert_eq!(history(&**log).await, PriceHistory { folded: 1, entries: Vec::new() });
}

async fn dropping_a_generation_again_finds_nothing(log: &PriceLogs) {
    for n in 0..20 {
        fold(&**log, &fixtures::id(&format!("p{n}")), &life(4)).await;
    }
    assert!(log.drop_generation(FIRST).await.unwrap() >= 20);
    assert_eq!(log.drop_generation(FIRST).await.unwrap(), 0);
}

/// How two projectors take turns, each folding a number of commits from where it is.
fn turns() -> impl Strategy<Value = Vec<(bool, usize)>> {
    proptest::collection::vec((any::<bool>(), 1..5_usize), 1..16)
}

async fn two_projectors_in_any_interleaving_give_one_history(log: &PriceLogs) {
    for_all(20, turns(), async |turns| {
        let (log, life) = (log.another(()).await, life(14));
        let mut each = [0, 0];
        for (second, count) in turns {
            let from = each[usize::from(second)];
            let to = (from + count).min(life.len());
            p(&log, &life[from..to]).await;
            each[usize::from(second)] = to;
            let furthest = each[0].max(each[1]);
            assert_eq!(history(&*log).await, whole(furthest as u64).await);
            assert_eq!(at(&log).await, furthest as u64);
        }
    });
}

async fn two_concurrent_projectors_give_one_history(log: &PriceLogs) {
    let projectors = [1, 3].map(|step| {
        let log = log.shared();
        tokio::spawn(async move {
            for commits in life(20).chunks(step) {
                fold(&*log, &fixtures::id("p"), commits).await;
            }
        })
    });
    join_all(projectors).await.into_iter().for_each(Result::unwrap);
    assert_eq!(history(&**log).await, whole(20).await);
}

async fn any_folds_give_the_same_history_as_in_memory(log: &PriceLogs) {
    let commit = (0..3_usize, 0..4_u8);
    let folds = proptest::collection::vec((0..2_u8, proptest::collection::vec(commit, 0..5)), 1..8);
    for_all(12, folds, async |folds| {
        let (store, model) = (log.another(()).await, MemoryPriceLog::default());
        let mut last = [0, 0];
        for (product, commits) in folds {
            let (id, last) = (fixtures::id(&format!("p{product}")), &mut last[usize::from(product)]);
            let commits: Vec<_> = commits
                .into_iter()
                .map(|(count, day)| {
                    let at = format!("2026-01-0{}T00:00:00Z", day + 1);
                    let entries: Vec<_> =
                        (1..=count as u64).map(|n| entry(&at, *last + n, price("7", "EUR"))).collect();
                    *last += 1 + count as u64;
                    folded(*last, &entries)
                })
                .collect();
            fold(&*store, &id, &commits).await;
            fold(&model, &id, &commits).await;
        }
        for id in ["p0", "p1"].map(fixtures::id) {
            let expected = model.history(FIRST, &id).await.unwrap();
            assert_eq!(store.history(FIRST, &id).await.unwrap(), expected);
            assert_eq!(last_folded(&*store, FIRST, &id).await, expected.folded);
        }
    });
}
