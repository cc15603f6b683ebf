//! Forks and doubles, and what an accepted restore makes of them.

use std::sync::atomic::{AtomicUsize, Ordering};

use futures::executor::block_on;
use ledger_log::entry::RESTORE_ACCEPTED;
use ledger_log::verify::AcceptedFork;
use ledger_log::{LogFault, LogPath, LogSource, verify};
use serde_json::json;

use super::given::{Log, entries, leaf, made_up};

/// The entry that accepts a restore which lost these commits, each by its index and number.
pub fn accepting(lost: &[(u64, u64)]) -> Vec<u8> {
    let forks: Vec<_> = lost
        .iter()
        .map(|(index, number)| json!({"lost": index, "hash": hex::encode(made_up(*number)), "head": null}))
        .collect();
    let body = json!({"part": 1, "parts": 1, "reason": "a backup", "forks": forks});
    [RESTORE_ACCEPTED, body.to_string().as_bytes()].concat()
}

/// A chain 1, 2, 3, of which the commits from 2 on were lost, and another one that goes on from 1.
fn restored(accepted: Option<Vec<u8>>) -> Log {
    let lost = [leaf(0, 1), leaf(1, 2), leaf(2, 3)];
    let anew = [leaf(1, 12), leaf(12, 13)];
    Log::of(&[&lost[..], &Vec::from_iter(accepted), &anew].concat())
}

#[test]
fn a_fork_is_a_fault_unless_a_restore_in_between_names_the_lost_commit() {
    let checked = restored(Some(accepting(&[(1, 2)]))).verify(None);
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
    assert_eq!(checked.accepted, [AcceptedFork { lost: 1, anew: 4, restore: 3 }]);
    let restores: Vec<_> =
        checked.restores().map(|(index, restore)| (index, restore.reason.as_str())).collect();
    assert_eq!(restores, [(3, "a backup")]);
    assert_eq!(checked.commits, 5);
    assert_eq!(restored(None).faults(), [LogFault::Fork { first: 1, second: 3 }]);
    // Another commit, another entry, a later entry, none.
    for accepted in [&[(1, 3)][..], &[(2, 2)], &[(4, 12)], &[]] {
        let faults = restored(Some(accepting(accepted))).faults();
        assert_eq!(faults, [LogFault::Fork { first: 1, second: 4 }], "{accepted:?}");
    }
}

#[test]
fn a_restore_accepts_nothing_before_it_and_not_what_takes_the_place_again() {
    let accepted = accepting(&[(0, 2)]);
    let before = Log::of(&[leaf(1, 2), leaf(1, 3), accepted.clone()]);
    assert_eq!(before.faults(), [LogFault::Fork { first: 0, second: 1 }]);
    let third = Log::of(&[leaf(1, 2), accepted, leaf(1, 3), leaf(1, 4)]);
    assert_eq!(third.faults(), [LogFault::Fork { first: 2, second: 3 }]);
    // Nothing is accepted in advance.
    let ahead = Log::of(&[accepting(&[(1, 2)]), leaf(1, 2), leaf(1, 3)]);
    assert_eq!(ahead.faults(), [LogFault::Fork { first: 1, second: 2 }]);
}

#[test]
fn a_commit_that_was_lost_and_came_back_is_accepted_like_another_one() {
    let back = |accepted: Option<Vec<u8>>| {
        Log::of(&[&[leaf(1, 2)], &Vec::from_iter(accepted)[..], &[leaf(1, 2)]].concat())
    };
    assert_eq!(back(None).faults(), [LogFault::Double { first: 0, second: 1 }]);
    assert_eq!(back(Some(accepting(&[(0, 2)]))).faults(), []);
}

#[test]
fn two_beginnings_of_one_product_are_a_fork() {
    let mut other = entries(300);
    let mut again = other[0].clone();
    again[40] ^= 1;
    other.push(again);
    assert_eq!(Log::of(&other).faults(), [LogFault::Fork { first: 0, second: 300 }]);
}

/// A source that answers otherwise when it is asked for a bundle again.
struct Changing {
    log: Log,
    again: Log,
    bundles: AtomicUsize,
}

impl LogSource for Changing {
    type Error = std::io::Error;

    async fn read(&self, path: LogPath) -> Result<Option<Vec<u8>>, Self::Error> {
        let is_bundle = matches!(path, LogPath::Entries { .. });
        let is_again = is_bundle && self.bundles.fetch_add(1, Ordering::Relaxed) > 0;
        if is_again { self.again.read(path).await } else { self.log.read(path).await }
    }
}

#[test]
fn a_source_cannot_hide_a_fork_by_answering_otherwise_at_the_second_time() {
    let log = Log::of(&[leaf(1, 2), leaf(1, 3)]);
    for again in [Log::of(&[leaf(1, 2), leaf(5, 3)]), Log::of(&[leaf(1, 2), leaf(1, 2)])] {
        let source = Changing { log: log.clone(), again, bundles: AtomicUsize::new(0) };
        let checked = block_on(verify::verify(&source, &log.checkpoint(), None, |_| ())).unwrap();
        assert_eq!(checked.faults.listed, [LogFault::Changing { index: 1 }]);
    }
}
