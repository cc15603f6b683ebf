//! The contract of the port `LogTable`, for every adapter.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::feed_reader::{CommitDays, CommitSummary, CountedBlock, SummarisedCommits};
use event_store::{Journal, MemoryJournal, ScanPosition, sqlite as files, table};
use futures::future::join_all;
use ledger_log::tree::entry_hash;
use ledger_log::{Leaf, RightEdge};
use schema::{ProductId, fixtures};
use sequencer::{
    BatchedAcceptance, BatchedCommit, DynamoLogTable, IndexBranch, IndexEnd, InitialKey, KeyRun, LOG_TABLE,
    LogBatch, LogBeginning, LogIndexEntry, LogTable, MOST_LEAVES, MemoryLogTable,
};
use sqlite::{Access, Schema};
use ulid::Ulid;

use crate::given::commits::{LAST, awkward_ids, life};
use crate::given::{Given, Port, Way};

type Tables = Given<dyn LogTable>;

impl Port for dyn LogTable {
    type Setting = ();
    const SCHEMA: Schema = files::LEDGER;
    const WAYS: &[Way] = &[];

    async fn memory((): ()) -> Arc<Self> {
        Arc::new(MemoryLogTable::default())
    }

    async fn sqlite(_: Access, (): ()) -> Arc<Self> {
        panic!("on SQLite the position of a commit is its index in the log")
    }

    async fn dynamodb(client: Client, new: bool, (): ()) -> Arc<Self> {
        if new {
            table::create(&client, "log", LOG_TABLE).await.unwrap();
        }
        Arc::new(DynamoLogTable::new(client, "log"))
    }
}

cases! { dyn sequencer::LogTable, [memory dynamodb];
    an_empty_log_has_neither_batches_nor_entries
    a_batch_is_read_as_it_was_written
    of_two_batches_at_one_place_one_is_stored_whole
    batches_are_found_by_their_indexes
    the_largest_batch_is_stored_whole_and_indexed
    an_entry_that_is_there_stays_and_one_that_differs_is_told
    the_entries_of_a_product_are_in_order_and_its_own
    blocks_are_in_order_and_stay_as_they_were_written
    an_acceptance_is_read_as_it_was_written
    behind_a_branch_the_index_goes_on_without_what_was_lost
    counted_days_are_in_order_and_stay_as_they_were_written
    runs_of_keys_are_in_order_and_stay_as_they_were_written
    the_beginning_stays_as_it_was_first_put_on_record
    everything_is_there_when_the_store_is_opened_again
}

fn commit(product: &ProductId, sequence: u64) -> BatchedCommit {
    let mut leaf = Leaf { parent: [0x5a; 32], hash: [0xa5; 32] };
    leaf.hash[..8].copy_from_slice(&sequence.to_be_bytes());
    BatchedCommit { product: product.clone(), sequence, leaf, branch: None }
}

/// The batch of these commits behind another one.
fn batch(id: u128, before: Option<&LogBatch>, commits: Vec<BatchedCommit>) -> LogBatch {
    let mut edge = before.map_or_else(RightEdge::default, |before| before.edge.clone());
    let first = edge.size();
    for commit in &commits {
        edge.push(entry_hash(&commit.leaf.to_bytes()));
    }
    let summary = CommitSummary::default();
    let batch_id = Ulid::from_parts(1_763_000_000_000, id);
    let acceptance = None;
    LogBatch {
        batch_id,
        first,
        commits,
        acceptance,
        edge,
        summary,
        days: None,
        is_initial: false,
        read_to: None,
        settled_to: None,
    }
}

fn run(product: &str, sequences: std::ops::RangeInclusive<u64>) -> Vec<BatchedCommit> {
    sequences.map(|sequence| commit(&fixtures::id(product), sequence)).collect()
}

async fn an_empty_log_has_neither_batches_nor_entries(table: &Tables) {
    assert_eq!(table.newest_batch(0).await.unwrap(), None);
    for index in [0, 7, u64::MAX] {
        assert_eq!(table.batch_at(index).await.unwrap(), None);
        assert_eq!(table.newest_batch(index).await.unwrap(), None);
    }
    let p = fixtures::id("p");
    assert!(table.newest_entries(&p, u64::MAX, 5).await.unwrap().is_empty());
    assert!(table.entries_after(&p, 0, 5).await.unwrap().is_empty());
    assert_eq!(table.beginning().await.unwrap(), None);
}

async fn a_batch_is_read_as_it_was_written(table: &Tables) {
    let commits: Vec<_> = awkward_ids().iter().map(|id| commit(id, LAST)).collect();
    let mut first = batch(1, None, commits);
    let mut days = CommitDays::default();
    for (_, stored) in life(&fixtures::id("p")) {
        first.summary.add(&stored);
        days.add(&stored);
    }
    first.days = Some(days);
    first.is_initial = true;
    first.read_to = Some(Ulid::from_parts(1_763_000_000_000, 5));
    let second = batch(2, Some(&first), run("p", 1..=3));
    for batch in [&first, &second] {
        assert!(table.insert_batch(batch).await.unwrap());
        assert_eq!(table.batch_at(batch.first).await.unwrap().as_ref(), Some(batch));
    }
    assert_ne!(first.summary, second.summary);
}

async fn of_two_batches_at_one_place_one_is_stored_whole(table: &Tables) {
    let mut before: Option<LogBatch> = None;
    for place in 0..5 {
        let of = |id: u64| {
            batch((place * 4 + id).into(), before.as_ref(), run("p", place * 9 + 1..=place * 9 + id))
        };
        let batches: Vec<_> = (1..=4).map(of).collect();
        let inserted = join_all(batches.iter().map(|batch| table.insert_batch(batch))).await;
        let stored: Vec<_> = batches
            .into_iter()
            .zip(inserted)
            .filter_map(|(batch, inserted)| inserted.unwrap().then_some(batch))
            .collect();
        assert_eq!(stored.len(), 1);
        assert_eq!(table.newest_batch(0).await.unwrap().as_ref(), stored.first());
        assert!(!table.insert_batch(&stored[0]).await.unwrap(), "not even the same one again");
        before = stored.into_iter().next();
    }
}

async fn batches_are_found_by_their_indexes(table: &Tables) {
    let first = batch(1, None, run("p", 1..=3));
    let second = batch(2, Some(&first), run("p", 4..=4));
    let third = batch(3, Some(&second), run("p", 5..=9));
    for batch in [&first, &second, &third] {
        table.insert_batch(batch).await.unwrap();
    }
    for (index, at) in [(0, &first), (2, &first), (3, &second), (4, &third), (8, &third), (9, &third)] {
        assert_eq!(table.batch_at(index).await.unwrap().as_ref(), Some(at), "{index}");
    }
    for from in 0..=4 {
        assert_eq!(table.newest_batch(from).await.unwrap().as_ref(), Some(&third), "{from}");
    }
    for from in [5, 9, u64::MAX] {
        assert_eq!(table.newest_batch(from).await.unwrap(), None, "{from}");
    }
    let all = [first, second, third];
    for (from, limit, found) in [(0, 9, &all[..]), (1, 1, &all[1..2]), (4, 9, &all[2..]), (5, 9, &[])] {
        assert_eq!(table.batches(from, limit).await.unwrap(), found, "{from} {limit}");
    }
}

async fn the_largest_batch_is_stored_whole_and_indexed(table: &Tables) {
    let id = |n: usize| fixtures::id(&format!("{n:0>64}"));
    let largest = batch(1, None, (0..MOST_LEAVES).map(|n| commit(&id(n), LAST)).collect());
    assert!(table.insert_batch(&largest).await.unwrap());
    for _ in 0..2 {
        assert_eq!(table.insert_index(&largest.index_entries()).await.unwrap(), []);
    }
    assert!(table.newest_batch(0).await.unwrap() == Some(largest));
    for n in [0, 511, MOST_LEAVES - 1] {
        let entries = table.entries_after(&id(n), 0, 10).await.unwrap();
        assert_eq!(entries.iter().map(|entry| entry.index).collect::<Vec<_>>(), [n as u64]);
    }
}

async fn an_entry_that_is_there_stays_and_one_that_differs_is_told(table: &Tables) {
    let entries = batch(1, None, [run("p", 1..=30), run("q", 1..=30)].concat()).index_entries();
    assert_eq!(table.insert_index(&entries[..20]).await.unwrap(), []);
    let mut others = entries.clone();
    others[3].index = 99;
    others[7].hash[0] ^= 1;
    others[40].index = 98;
    let different = table.insert_index(&others).await.unwrap();
    assert_eq!(different, [entries[3].clone(), entries[7].clone()]);
    let stored = table.entries_after(&fixtures::id("p"), 0, 100).await.unwrap();
    assert_eq!(stored, entries[..30]);
    assert_eq!(table.insert_index(&[]).await.unwrap(), []);
}

async fn the_entries_of_a_product_are_in_order_and_its_own(table: &Tables) {
    // Each id is the beginning of another one.
    let ids = ["p", "p1", "p-", "P"].map(fixtures::id);
    let commits: Vec<_> = [2, 9, 10, 300].iter().flat_map(|n| ids.iter().map(|id| commit(id, *n))).collect();
    let batch = batch(1, None, commits);
    table.insert_index(&batch.index_entries()).await.unwrap();
    for id in &ids {
        let own: Vec<LogIndexEntry> =
            batch.index_entries().into_iter().filter(|entry| entry.product == *id).collect();
        let newest_first: Vec<_> = own.iter().rev().cloned().collect();
        assert_eq!(table.entries_after(id, 0, 100).await.unwrap(), own);
        assert_eq!(table.entries_after(id, 9, 1).await.unwrap(), own[2..3]);
        assert_eq!(table.entries_after(id, 300, 100).await.unwrap(), []);
        assert_eq!(table.entries_after(id, u64::MAX, 100).await.unwrap(), []);
        assert_eq!(table.newest_entries(id, u64::MAX, 100).await.unwrap(), newest_first);
        assert_eq!(table.newest_entries(id, 299, 2).await.unwrap(), newest_first[1..3]);
        assert_eq!(table.newest_entries(id, 1, 2).await.unwrap(), []);
    }
}

/// The acceptance behind a batch.
fn acceptance(id: u128, before: &LogBatch, lost: &[(&str, u64)]) -> LogBatch {
    let entry = b"product-ledger/restore-accepted@v1\n{}".to_vec();
    let mut batch = batch(id, Some(before), Vec::new());
    batch.edge.push(entry_hash(&entry));
    let lost = lost.iter().map(|(product, from)| (fixtures::id(product), *from)).collect();
    batch.settled_to = Some(Ulid::from_parts(1_763_000_000_000, 9));
    batch.acceptance = Some(BatchedAcceptance { entry, lost });
    batch
}

async fn an_acceptance_is_read_as_it_was_written(table: &Tables) {
    let first = batch(1, None, run("p", 1..=3));
    let second = acceptance(2, &first, &[("p", 2), ("q", 1)]);
    let mut third = batch(3, Some(&second), run("p", 2..=3));
    third.commits[0].branch = Some(second.first);
    for batch in [&first, &second, &third] {
        assert!(table.insert_batch(batch).await.unwrap());
        assert_eq!(table.batch_at(batch.first).await.unwrap().as_ref(), Some(batch));
    }
    assert_eq!((second.size(), second.entries().len(), third.first), (4, 1, 4));
    assert_eq!(table.batch_at(3).await.unwrap(), Some(second));
}

async fn behind_a_branch_the_index_goes_on_without_what_was_lost(table: &Tables) {
    let p = fixtures::id("p");
    let entry = |sequence, index, branch| {
        let hash = commit(&p, sequence).leaf.hash;
        LogIndexEntry { product: p.clone(), sequence, index, hash, branch }
    };
    let branch = |at, from| IndexBranch { product: p.clone(), at, from };
    // Each branch has the sequences of what was lost again; the third one goes back behind the second.
    let base: Vec<_> = (1..=6).map(|n| entry(n, n, None)).collect();
    let (one, two): (Vec<_>, Vec<_>) = (
        (4..=8).map(|n| entry(n, n + 10, Some(10))).collect(),
        (6..=7).map(|n| entry(n, n + 20, Some(20))).collect(),
    );
    let three = vec![entry(3, 40, Some(30)), entry(5, 41, Some(30))];
    let mut branches = Vec::new();
    for (entries, opened, expected) in [
        (&base, None, base.clone()),
        (&one, Some(branch(10, 4)), [&base[..3], &one].concat()),
        (&two, Some(branch(20, 6)), [&base[..3], &one[..2], &two].concat()),
        (&three, Some(branch(30, 3)), [&base[..2], &three].concat()),
    ] {
        if let Some(opened) = opened {
            // What is there already stays.
            let other = IndexBranch { from: 99, ..opened.clone() };
            table.insert_branches(std::slice::from_ref(&opened)).await.unwrap();
            table.insert_branches(&[opened.clone(), other]).await.unwrap();
            branches.push(opened);
            let end = table.index_end(&p).await.unwrap();
            assert_eq!(end.branch, branches.last().map(|branch| branch.at));
            assert_eq!(end.newest.as_ref(), expected.iter().rfind(|entry| entry.branch != end.branch));
        }
        assert_eq!(table.insert_index(entries).await.unwrap(), []);
        assert_eq!(table.branches(&p).await.unwrap(), branches);
        let end =
            IndexEnd { newest: expected.last().cloned(), branch: branches.last().map(|branch| branch.at) };
        assert_eq!(table.index_end(&p).await.unwrap(), end);
        for limit in 1..=9 {
            for bound in 0..=9 {
                let after = expected.iter().filter(|entry| entry.sequence > bound).take(limit).cloned();
                assert_eq!(table.entries_after(&p, bound, limit).await.unwrap(), after.collect::<Vec<_>>());
                let most = expected.iter().rev().filter(|entry| entry.sequence <= bound).take(limit).cloned();
                assert_eq!(table.newest_entries(&p, bound, limit).await.unwrap(), most.collect::<Vec<_>>());
            }
            let newest: Vec<_> = expected.iter().rev().take(limit).cloned().collect();
            assert_eq!(table.newest_entries(&p, u64::MAX, limit).await.unwrap(), newest);
        }
    }
    let all = table.entries_at(&p, 6).await.unwrap();
    assert_eq!(all, [base[5].clone(), one[2].clone(), two[0].clone()]);
    assert_eq!(table.branches(&fixtures::id("q")).await.unwrap(), []);
    let mut other = one[0].clone();
    other.index = 99;
    assert_eq!(table.insert_index(&[other]).await.unwrap(), one[..1]);
}

async fn blocks_are_in_order_and_stay_as_they_were_written(table: &Tables) {
    assert_eq!((table.summarised().await.unwrap(), table.blocks(0, 9).await.unwrap()), (None, vec![]));
    let mut summary = CommitSummary::default();
    let mut blocks = Vec::new();
    for (number, (_, stored)) in (0..).zip(life(&fixtures::id("p"))) {
        summary.add(&stored);
        let block = SummarisedCommits { first: number * 10, last: number * 10 + 9, summary: summary.clone() };
        table.insert_block(&block).await.unwrap();
        let other = SummarisedCommits { last: number * 10 + 8, ..block.clone() };
        table.insert_block(&other).await.unwrap();
        assert_eq!(table.summarised().await.unwrap(), Some(block.last));
        blocks.push(block);
    }
    assert!(blocks.len() > 4);
    assert_eq!(table.blocks(0, 100).await.unwrap(), blocks);
    assert_eq!(table.blocks(10, 2).await.unwrap(), blocks[1..3]);
    assert_eq!(table.blocks(11, 1).await.unwrap(), blocks[2..3]);
    assert_eq!(table.blocks(10_000, 1).await.unwrap(), []);
}

async fn counted_days_are_in_order_and_stay_as_they_were_written(table: &Tables) {
    assert_eq!((table.newest_counted().await.unwrap(), table.counted(0, 9).await.unwrap()), (None, vec![]));
    let (mut days, mut blocks) = (CommitDays::default(), Vec::new());
    for (number, (_, stored)) in (0..).zip(life(&fixtures::id("p"))) {
        days.add(&stored);
        let (first, last) = (number * 10, number * 10 + 9);
        let block = CountedBlock { first, last, behind: last + 3, days: days.clone() };
        table.insert_counted(&block).await.unwrap();
        table.insert_counted(&CountedBlock { behind: last + 4, ..block.clone() }).await.unwrap();
        assert_eq!(table.newest_counted().await.unwrap().as_ref(), Some(&block));
        blocks.push(block);
    }
    assert_eq!(table.counted(0, 100).await.unwrap(), blocks);
    assert_eq!(table.counted(10, 2).await.unwrap(), blocks[1..3]);
    assert_eq!(table.counted(11, 1).await.unwrap(), blocks[2..3]);
    assert_eq!(table.counted(10_000, 1).await.unwrap(), []);
}

/// A place in the event table behind its first page.
async fn a_place() -> Option<ScanPosition> {
    let journal = MemoryJournal::default();
    for (_, stored) in life(&fixtures::id("p")) {
        journal.append(&stored).await.unwrap();
    }
    journal.scan(None, 1).await.unwrap().next
}

async fn runs_of_keys_are_in_order_and_stay_as_they_were_written(table: &Tables) {
    assert_eq!(table.runs().await.unwrap(), []);
    let key = |sequence| InitialKey {
        recorded_at: fixtures::at("2026-11-23T05:20:00.123Z"),
        product: fixtures::id(&"p".repeat(64)),
        sequence,
    };
    let keys: Vec<InitialKey> = (0..MOST_LEAVES as u64).map(|n| key(LAST - 2_000 + n)).collect();
    let id = |n| Ulid::from_parts(1_763_000_000_000, n);
    assert_eq!(table.keys(id(1), 0).await.unwrap(), None);
    for inserted in [&keys[..], &keys[1..]] {
        table.insert_keys(id(1), 0, inserted).await.unwrap();
        table.insert_keys(id(1), 1, &inserted[..2]).await.unwrap();
    }
    assert!(table.keys(id(1), 0).await.unwrap().as_ref() == Some(&keys));
    assert_eq!(table.keys(id(1), 1).await.unwrap().as_deref(), Some(&keys[..2]));
    assert_eq!((table.keys(id(1), 2).await.unwrap(), table.keys(id(2), 0).await.unwrap()), (None, None));
    let next = a_place().await;
    assert!(next.is_some());
    let one = KeyRun { id: id(1), ends: keys[..3].to_vec(), next };
    let other = KeyRun { id: id(2), ends: Vec::new(), next: None };
    assert!(table.insert_run(0, &one).await.unwrap());
    assert!(!table.insert_run(0, &other).await.unwrap());
    assert!(table.insert_run(1, &other).await.unwrap());
    assert_eq!(table.runs().await.unwrap(), [one, other]);
}

async fn the_beginning_stays_as_it_was_first_put_on_record(table: &Tables) {
    let (one, other) = (fixtures::at("2026-11-23T05:20:00.123Z"), fixtures::at("2026-11-23T05:21:00Z"));
    for before in [one, other] {
        table.begin(before).await.unwrap();
        let beginning = LogBeginning { before: one, is_complete: false };
        assert_eq!(table.beginning().await.unwrap(), Some(beginning));
    }
    for _ in 0..2 {
        table.complete_beginning().await.unwrap();
        let beginning = LogBeginning { before: one, is_complete: true };
        assert_eq!(table.beginning().await.unwrap(), Some(beginning));
    }
}

async fn everything_is_there_when_the_store_is_opened_again(table: &Tables) {
    let batch = batch(1, None, run("p", 1..=3));
    table.begin(fixtures::at("2026-11-23T05:20:00Z")).await.unwrap();
    table.insert_batch(&batch).await.unwrap();
    table.insert_index(&batch.index_entries()).await.unwrap();
    let again = table.opened_again(()).await;
    assert_eq!(again.newest_batch(0).await.unwrap().as_ref(), Some(&batch));
    assert_eq!(again.entries_after(&fixtures::id("p"), 0, 9).await.unwrap(), batch.index_entries());
    assert!(again.beginning().await.unwrap().is_some());
}
