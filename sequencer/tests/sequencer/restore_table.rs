//! A log table that lacks what was signed gets it again from the files of the log and the event table: as it was, at whatever
//! moment it is and whatever fails; and nothing that was not signed.

use std::sync::Arc;

use event_store::{Journal, MemoryJournal};
use ledger_log::{LogPath, RightEdge};
use schema::{ProductId, fixtures};
use sequencer::{
    BatchedAcceptance, LogBatch, LogFailure, LogStop, LogStore, LogTable, MemoryLog, MemoryLogTable,
    RestoreTableError, Sequencer,
};

use crate::given::{FAILURES, Given, MINUTE, Plan};
use crate::publishing::{begun, checked, publisher, served};
use crate::restored::{Story, dynamo_table, planned};

/// A log of several batches, published: a commit of `b` was lost, that was accepted, and it was put back and logged once more.
async fn published() -> (Story, Arc<MemoryLog>) {
    let story = Story { given: Given::default(), table: Arc::new(MemoryLogTable::default()) };
    assert!(!story.sequencer().drain(MINUTE).await.unwrap().is_beginning);
    for (product, commits) in [("a", 1), ("b", 2), ("a", 260)] {
        let announced = story.given.commit(product, commits).await;
        story.log(&[announced]).await;
    }
    let moment = story.moment().await;
    let lost = story.given.commit("b", 1).await;
    story.log(&[lost]).await;
    let story = story.restored(&moment).await;
    assert_eq!(story.accept().await.unwrap().commits, 1);
    for (product, commits) in [("b", 2), ("c", 1), ("a", 1)] {
        let announced = story.given.commit(product, commits).await;
        story.log(&[announced]).await;
    }
    let bucket = begun();
    assert_eq!(publisher(story.table.clone(), bucket.clone()).publish().await.unwrap(), 269);
    (story, bucket)
}

/// The batches of a log.
async fn batches(table: &Arc<dyn LogTable>) -> Vec<LogBatch> {
    table.batches(0, 100).await.unwrap()
}

/// The story with a table at an earlier moment: the index of its newest batch is not complete.
async fn earlier(story: Story, table: Arc<dyn LogTable>, count: usize) -> Story {
    let batches = batches(&story.table).await;
    for (place, batch) in batches.iter().take(count).enumerate() {
        assert!(table.insert_batch(batch).await.unwrap());
        if place + 1 < count {
            table.insert_branches(&batch.branches()).await.unwrap();
            assert_eq!(table.insert_index(&batch.index_entries()).await.unwrap(), []);
        }
    }
    Story { table, ..story }
}

/// What two tables answer of a product.
async fn is_same(one: &Arc<dyn LogTable>, other: &Arc<dyn LogTable>, product: &ProductId) {
    assert_eq!(one.index_end(product).await.unwrap(), other.index_end(product).await.unwrap());
    assert_eq!(one.branches(product).await.unwrap(), other.branches(product).await.unwrap());
    let [counting, others] = [one, other].map(|table| table.entries_after(product, 0, 1_000));
    assert_eq!(counting.await.unwrap(), others.await.unwrap());
    for sequence in 1..6 {
        let [all, others] = [one, other].map(|table| table.entries_at(product, sequence));
        assert_eq!(all.await.unwrap(), others.await.unwrap(), "{product} {sequence}");
    }
}

/// The table is that of before in all that is read of it, and the log goes on in it.
async fn goes_on(story: &Story, before: &Arc<dyn LogTable>, bucket: &Arc<MemoryLog>) {
    for product in ["a", "b", "c"] {
        is_same(before, &story.table, &fixtures::id(product)).await;
    }
    assert_eq!(publisher(story.table.clone(), bucket.clone()).publish().await.unwrap(), 269);
    let next = story.given.commit("b", 1).await;
    assert_eq!(story.log(&[next]).await.logged, 1);
    assert_eq!(publisher(story.table.clone(), bucket.clone()).publish().await.unwrap(), 270);
    assert!(checked(&**bucket).faults.is_empty());
    story.is_whole().await;
}

#[tokio::test]
async fn a_table_of_any_earlier_moment_and_a_new_one_get_what_was_signed() {
    let count = batches(&published().await.0.table).await.len();
    for is_dynamo in [false, true] {
        for kept in 0..count {
            let (story, bucket) = published().await;
            let (before, commits) = (story.table.clone(), batches(&story.table).await);
            let table = if is_dynamo { dynamo_table().await } else { Arc::new(MemoryLogTable::default()) };
            let story = earlier(story, table, kept).await;
            let missing: u64 = commits[kept..].iter().map(|batch| batch.size() - batch.first).sum();
            let (checkpoint, restored) =
                story.sequencer().restore_table(served(bucket.clone())).await.unwrap();
            assert_eq!((checkpoint.size, restored), (269, missing));
            let again = story.sequencer().restore_table(served(bucket.clone())).await;
            let nothing = matches!(again, Err(RestoreTableError::Nothing { size: 269, published: 269 }));
            assert!(nothing, "{again:?}");
            goes_on(&story, &before, &bucket).await;
        }
    }
}

#[tokio::test]
async fn one_that_fails_at_any_step_goes_on_when_it_is_run_again() {
    for fails in FAILURES {
        for call in 1.. {
            let (story, bucket) = published().await;
            let before = story.table.clone();
            let memory = Arc::new(MemoryLogTable::default());
            let story = earlier(story, memory.clone(), 2).await;
            let plan = Plan::of([(call, fails)]);
            let first = planned(&story, &memory, &plan).restore_table(served(bucket.clone())).await;
            if plan.calls() < call {
                first.unwrap();
                break;
            }
            match story.sequencer().restore_table(served(bucket.clone())).await {
                Ok(_) | Err(RestoreTableError::Nothing { .. }) => {}
                Err(error) => panic!("{call}: {error}"),
            }
            // What a failure left undone of the newest batch, the next round does.
            story.sequencer().log(&[], None).await.unwrap();
            goes_on(&story, &before, &bucket).await;
        }
    }
}

async fn refused(story: &Story, bucket: &Arc<MemoryLog>) -> RestoreTableError {
    let size = |batches: Vec<LogBatch>| batches.last().map_or(0, LogBatch::size);
    let before = size(batches(&story.table).await);
    let error = story.sequencer().restore_table(served(bucket.clone())).await.unwrap_err();
    assert_eq!(size(batches(&story.table).await), before, "nothing was written: {error}");
    error
}

#[tokio::test]
async fn what_was_not_signed_or_is_not_known_is_refused_and_nothing_is_written() {
    // The table was logged into since, in another order.
    let (story, bucket) = published().await;
    let other = earlier(story, Arc::new(MemoryLogTable::default()), 2).await;
    let newest = other.given.announced("c");
    other.log(&[newest]).await;
    assert!(matches!(refused(&other, &bucket).await, RestoreTableError::Differs { size: 4 }));
    // A file of the log is damaged.
    let (story, bucket) = published().await;
    let story = earlier(story, Arc::new(MemoryLogTable::default()), 0).await;
    let path: LogPath = "tile/entries/000".parse().unwrap();
    let bytes = bucket.read(path).unwrap().unwrap();
    bucket.write(path, &bytes[1..]).unwrap();
    let damaged = refused(&story, &bucket).await;
    let is_named = matches!(&damaged, RestoreTableError::Files(LogFailure::Stopped(LogStop::Damaged(of))) if *of == path);
    assert!(is_named, "{damaged}");
    let mut flipped = bytes.clone();
    *flipped.last_mut().unwrap() ^= 1;
    bucket.write(path, &flipped).unwrap();
    assert!(matches!(refused(&story, &bucket).await, RestoreTableError::Differs { size: 0 }));
    bucket.write(path, &bytes).unwrap();
    // The event table was restored too: of a commit that it lacks, the log has the hash alone.
    let journal = MemoryJournal::default();
    for commit in story.moment().await.commits {
        if commit.text("product_id").unwrap() != "c" {
            journal.append(&commit).await.unwrap();
        }
    }
    let story = Story { given: Given { journal: Arc::new(journal), ..story.given }, ..story };
    let lost = refused(&story, &bucket).await;
    assert!(matches!(lost, RestoreTableError::Lost { commits: 1, first: 267 }), "{lost:?}");
}

#[tokio::test]
async fn a_commit_that_does_not_have_the_hash_that_it_carries_is_not_put_back() {
    let (story, bucket) = published().await;
    let mut moment = story.moment().await;
    for commit in moment.commits.iter_mut().filter(|commit| commit.text("product_id").unwrap() == "c") {
        commit.0["metadata"]["actor"] = "somebody else".into();
    }
    let story = earlier(story, Arc::new(MemoryLogTable::default()), 2).await.restored(&moment).await;
    let error = refused(&story, &bucket).await;
    assert!(
        matches!(&error, RestoreTableError::Unreadable { product, .. } if product.as_str() == "c"),
        "{error}"
    );
}

#[tokio::test]
async fn an_entry_of_a_later_build_is_not_put_back() {
    let (story, bucket) = published().await;
    let newest = batches(&story.table).await.pop().unwrap();
    let mut edge: RightEdge = newest.edge.clone();
    let entry = b"of a later build".to_vec();
    edge.push(ledger_log::tree::entry_hash(&entry));
    let later = LogBatch {
        batch_id: (story.given.ids)(),
        first: newest.size(),
        commits: Vec::new(),
        acceptance: Some(BatchedAcceptance { entry, lost: Vec::new() }),
        edge,
        ..newest
    };
    assert!(story.table.insert_batch(&later).await.unwrap());
    publisher(story.table.clone(), bucket.clone()).publish().await.unwrap();
    let story = earlier(story, Arc::new(MemoryLogTable::default()), 3).await;
    let error = refused(&story, &bucket).await;
    assert!(matches!(error, RestoreTableError::NotUnderstood(269)), "{error}");
}

/// A table that a sequencer has begun before it was restored, which has no entries.
#[tokio::test]
async fn a_restored_log_is_not_begun_again() {
    let (story, bucket) = published().await;
    let story = earlier(story, Arc::new(MemoryLogTable::default()), 0).await;
    let sequencer: Sequencer = story.sequencer();
    sequencer.restore_table(served(bucket.clone())).await.unwrap();
    let run = story.sequencer().drain(MINUTE).await.unwrap();
    assert_eq!((run.logged, run.is_beginning), (0, false));
    assert_eq!(publisher(story.table.clone(), bucket).publish().await.unwrap(), 269);
}
