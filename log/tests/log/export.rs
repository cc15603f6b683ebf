//! A log beside an export of its ledger: nothing is omitted, nothing is invented, products are in order.

use futures::executor::block_on;
use ledger_log::{CheckedLog, Leaf, LogFault};
use schema::StoredCommit;
use serde_json::json;

use super::forks::accepting;
use super::given::{Log, export, in_order_of_recording, leaf, made_up};

fn entry(commit: &StoredCommit) -> Vec<u8> {
    Leaf::of(commit).unwrap().to_bytes().to_vec()
}

fn logged(commits: &[StoredCommit]) -> Vec<Vec<u8>> {
    in_order_of_recording(commits.to_vec()).iter().map(entry).collect()
}

fn compared(log: &Log, export: &[StoredCommit]) -> CheckedLog {
    let mut comparison = log.verify(None).with_export();
    for commit in export {
        comparison.take(commit).unwrap();
    }
    assert_eq!(comparison.commits(), export.len() as u64);
    block_on(comparison.end(log, log.checkpoint().size)).unwrap()
}

fn faults(log: &Log, export: &[StoredCommit]) -> Vec<LogFault> {
    compared(log, export).faults.listed
}

#[test]
fn a_log_with_exactly_the_commits_of_the_export_is_whole() {
    let export = export();
    let checked = compared(&Log::of(&logged(&export)), &export);
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
    assert_eq!(checked.commits, 696);
}

#[test]
fn what_one_of_them_has_and_the_other_has_not_is_named() {
    let export = export();
    let (without, gone) = ([&export[..300], &export[301..]].concat(), &export[300]);
    let text = |field| gone.text(field).unwrap().to_owned();
    let (product, sequence, hash) = (text("product_id"), gone.sequence().unwrap(), text("hash"));
    assert_eq!(
        faults(&Log::of(&logged(&without)), &export),
        [LogFault::Omitted { product, sequence, hash: hash.clone() }]
    );
    let entries = logged(&export);
    let index = entries.iter().position(|entry| hex::encode(&entry[32..]) == hash).unwrap() as u64;
    assert_eq!(faults(&Log::of(&entries), &without), [LogFault::Invented { index, hash }]);
}

#[test]
fn a_commit_that_follows_another_one_in_the_log_is_not_the_one_of_the_export() {
    let export = export();
    let mut entries = logged(&export);
    entries[7][0] ^= 1;
    let found = faults(&Log::of(&entries), &export);
    assert!(
        matches!(found[..], [LogFault::Omitted { .. }, LogFault::Invented { index: 7, .. }]),
        "{found:?}"
    );
}

#[test]
fn the_commits_of_a_product_stand_in_its_order() {
    let export = export();
    let mut entries = logged(&export);
    let second = export.iter().find(|commit| commit.sequence().unwrap() == 2).unwrap();
    let first =
        export.iter().find(|commit| commit.text("product_id").unwrap() == second.text("product_id").unwrap());
    let at = |commit: &StoredCommit| entries.iter().position(|one| *one == entry(commit)).unwrap();
    let (first, then) = (at(first.unwrap()), at(second));
    entries.swap(first, then);
    let product = second.text("product_id").unwrap().to_owned();
    let fault = LogFault::OutOfOrder { product, sequence: 2, index: first as u64, after: then as u64 };
    assert_eq!(faults(&Log::of(&entries), &export), [fault]);
}

/// A commit of a chain of made-up hashes.
fn commit(parent: u64, number: u64, sequence: u64) -> StoredCommit {
    let commit = json!({"product_id": "p", "sequence": sequence, "previous_hash": hex::encode(made_up(parent)),
        "hash": hex::encode(made_up(number))});
    serde_json::from_value(commit).unwrap()
}

#[test]
fn what_a_restore_lost_with_all_that_followed_it_is_not_invented() {
    let lost = [leaf(0, 1), leaf(1, 2), leaf(2, 3), leaf(3, 4)];
    let accepted = |forks| Log::of(&[&lost[..], &[accepting(forks), leaf(1, 12)]].concat());
    let export = [commit(0, 1, 1), commit(1, 12, 2)];
    assert_eq!(faults(&accepted(&[(1, 2)]), &export), []);
    // Lost was nothing: the commits are gone all the same.
    let invented = |index, number| LogFault::Invented { index, hash: hex::encode(made_up(number)) };
    let fork = LogFault::Fork { first: 1, second: 5 };
    assert_eq!(faults(&accepted(&[]), &export), [fork, invented(1, 2), invented(2, 3), invented(3, 4)]);
    // What follows a lost commit after the restore was not lost by it.
    let late = Log::of(&[&lost[..3], &[accepting(&[(1, 2)]), leaf(1, 12), leaf(3, 4)]].concat());
    assert_eq!(faults(&late, &export), [invented(5, 4)]);
}

#[test]
fn a_commit_that_came_back_after_a_restore_counts_where_it_stands_now() {
    let log = Log::of(&[leaf(0, 1), leaf(1, 2), accepting(&[(1, 2)]), leaf(1, 2), leaf(2, 3)]);
    let export = [commit(0, 1, 1), commit(1, 2, 2), commit(2, 3, 3)];
    assert_eq!(faults(&log, &export), []);
    let double = Log::of(&[leaf(0, 1), leaf(1, 2), leaf(1, 2), leaf(2, 3)]);
    assert_eq!(faults(&double, &export), [LogFault::Double { first: 1, second: 2 }]);
}

#[test]
fn an_export_that_cannot_be_read_is_no_fault_of_the_log() {
    let mut comparison = Log::of(&[]).verify(None).with_export();
    let mut damaged = commit(0, 1, 1);
    damaged.0.remove("hash");
    assert!(comparison.take(&damaged).is_err());
}
