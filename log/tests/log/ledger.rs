//! A log beside the ledger whose positions are the indexes of its entries: what one of them has and the other has not is named.

use futures::executor::block_on;
use ledger_log::Leaf;
use ledger_log::verify::{LedgerDifference, RecordedCommit};

use super::forks::accepting;
use super::given::{Log, leaf, made_up};

/// A commit of the ledger, of a chain of made-up hashes.
fn commit(parent: u64, number: u64) -> RecordedCommit {
    let leaf = Leaf { parent: made_up(parent), hash: made_up(number) };
    RecordedCommit { product: "p".into(), sequence: number, leaf }
}

fn differences(entries: &[Vec<u8>], ledger: &[(u64, RecordedCommit)]) -> Vec<LedgerDifference> {
    let log = Log::of(entries);
    let checked = log.verify(None);
    let mut comparison = checked.with_ledger(&log, log.checkpoint().size);
    for (position, commit) in ledger {
        block_on(comparison.take(*position, Some(commit.clone()))).unwrap();
    }
    let found = block_on(comparison.end()).unwrap();
    assert_eq!(found.more, 0);
    found.listed
}

/// The commits of one chain: 1 follows 0, 2 follows 1.
fn chain(numbers: std::ops::RangeInclusive<u64>) -> Vec<(u64, RecordedCommit)> {
    (0..).zip(numbers.map(|number| commit(number - 1, number))).collect()
}

fn logged(numbers: std::ops::RangeInclusive<u64>) -> Vec<Vec<u8>> {
    numbers.map(|number| leaf(number - 1, number)).collect()
}

fn lost(index: u64, number: u64, commits: u64, behind: Option<RecordedCommit>) -> LedgerDifference {
    let leaf = Leaf { parent: made_up(number - 1), hash: made_up(number) };
    LedgerDifference::Lost { index, leaf, commits, behind }
}

#[test]
fn a_ledger_with_exactly_what_was_logged_has_no_differences_and_what_comes_later_is_none() {
    assert_eq!(differences(&logged(1..=600), &chain(1..=600)), []);
    assert_eq!(differences(&logged(1..=300), &chain(1..=600)), []);
    assert_eq!(differences(&[], &chain(1..=3)), []);
    assert_eq!(differences(&[], &[]), []);
}

#[test]
fn commits_that_are_gone_are_named_by_their_first_with_those_that_follow_it() {
    let ledger = chain(1..=300);
    assert_eq!(differences(&logged(1..=300), &ledger[..290]), [lost(290, 291, 10, None)]);
    assert_eq!(differences(&logged(1..=300), &[]), [lost(0, 1, 300, None)]);
    // Those of two products.
    let entries = [logged(1..=2), logged(11..=12), logged(3..=3)].concat();
    let left = [(0, commit(0, 1))];
    assert_eq!(differences(&entries, &left), [lost(1, 2, 2, None), lost(2, 11, 2, None)]);
}

#[test]
fn another_commit_at_a_position_is_rewritten_and_one_that_was_never_logged_is_omitted() {
    let entries = logged(1..=4);
    let mut ledger = chain(1..=4);
    ledger[2].1 = commit(2, 13);
    ledger[3].1 = commit(13, 14);
    let rewritten =
        |commit: RecordedCommit, number| LedgerDifference::Rewritten { commit, logged: made_up(number) };
    assert_eq!(differences(&entries, &ledger), [rewritten(commit(2, 13), 3), rewritten(commit(13, 14), 4)]);
    // The end of what was rewritten is gone too.
    let cut = [ledger[0].clone(), ledger[1].clone(), ledger[2].clone()];
    let behind = Some(commit(2, 13));
    assert_eq!(differences(&entries, &cut), [rewritten(commit(2, 13), 3), lost(3, 4, 1, behind)]);
    let entries = [logged(1..=1), vec![accepting(&[])]].concat();
    let omitted = LedgerDifference::Omitted { commit: commit(1, 2), position: 1 };
    assert_eq!(differences(&entries, &chain(1..=2)), [omitted]);
}

#[test]
fn commits_in_each_other_s_place_are_moved() {
    let moved = |number: u64, position, index| LedgerDifference::Moved {
        commit: commit(number - 1, number),
        position,
        index,
    };
    let ledger = [(0, commit(0, 1)), (1, commit(10, 11)), (2, commit(1, 2))];
    let entries = [logged(1..=2), logged(11..=11)].concat();
    assert_eq!(differences(&entries, &ledger), [moved(11, 1, 2), moved(2, 2, 1)]);
}

#[test]
fn what_an_accepted_restore_lost_may_be_gone_with_all_that_followed_it() {
    let lost_then = [logged(1..=4), vec![accepting(&[(1, 2)]), leaf(1, 12)]].concat();
    // The positions of lost commits and of the acceptance have no commit.
    let ledger = [(0, commit(0, 1)), (5, commit(1, 12))];
    assert_eq!(differences(&lost_then, &ledger), []);
    let not_named = [logged(1..=4), vec![accepting(&[]), leaf(1, 12)]].concat();
    assert_eq!(differences(&not_named, &ledger), [lost(1, 2, 3, None)]);
}
