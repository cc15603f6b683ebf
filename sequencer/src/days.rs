//! How many commits of the log there are of each day: counted for each block, once.
//!
//! The promise: each commit is counted with exactly one block, and no block before the one that precedes it.

use std::sync::Arc;

use event_store::feed_reader::{CommitDays, CountedBlock};
use event_store::{Journal, StoreError};
use futures::stream::{self, StreamExt};
use schema::Hash;
use tokio::time::Instant;

use crate::round::{KnownLog, Sequencer};
use crate::table::{BLOCK, BatchedCommit, LogBatch};

/// Commits that are read at the same time.
const PARALLEL: usize = 16;

impl Sequencer {
    /// Counts the days of blocks that an earlier build has summarised without them, until `end`; the next run goes on.
    pub(crate) async fn count_days(&self, end: Instant) -> Result<(), StoreError> {
        while Instant::now() < end {
            // Block by block, so that no round waits for all of them.
            let mut known = self.turn().await;
            let (first, _) = self.next_uncounted(&mut known).await?;
            if self.ports.table.blocks(first, 1).await?.is_empty() {
                return Ok(());
            }
            let batches = self.batches_of(first).await?;
            self.count_block(first, &batches, &mut known).await?;
        }
        Ok(())
    }

    /// Counts the days of a block, if it is the next one: of the batches that begin in it, as counts know no parts of batches.
    pub(crate) async fn count_block(
        &self,
        first: u64,
        batches: &[LogBatch],
        known: &mut KnownLog,
    ) -> Result<(), StoreError> {
        let (next, mut behind) = self.next_uncounted(known).await?;
        if next != first {
            return Ok(());
        }
        let mut days = CommitDays::default();
        for batch in batches {
            if batch.first < behind {
                continue;
            }
            days.extend(days_of(&self.ports.journal, batch).await?);
            behind = batch.size();
        }
        let last = first + BLOCK - 1;
        self.ports.table.insert_counted(&CountedBlock { first, last, behind, days }).await?;
        known.counted = Some((last + 1, behind));
        Ok(())
    }

    async fn next_uncounted(&self, known: &mut KnownLog) -> Result<(u64, u64), StoreError> {
        if let Some(counted) = known.counted {
            return Ok(counted);
        }
        let newest = self.ports.table.newest_counted().await?;
        let counted = newest.map_or((0, 0), |newest| (newest.last + 1, newest.behind));
        known.counted = Some(counted);
        Ok(counted)
    }
}

/// The days of a batch: as it says, or in a batch of an earlier build as its commits say, those that are still there.
pub(crate) async fn days_of(journal: &Arc<dyn Journal>, batch: &LogBatch) -> Result<CommitDays, StoreError> {
    if let Some(days) = &batch.days {
        return Ok(days.clone());
    }
    let read =
        batch.commits.clone().into_iter().map(|BatchedCommit { product, sequence, leaf, .. }| async move {
            let hash = Hash::of_digest(&leaf.hash).to_string();
            let commit = journal.newest(&product, sequence).await?;
            let is_it = |found: &str| found == hash;
            Ok::<_, StoreError>(commit.filter(|commit| commit.text("hash").is_ok_and(is_it)))
        });
    let mut days = CommitDays::default();
    let mut read = std::pin::pin!(stream::iter(read).buffered(PARALLEL));
    while let Some(commit) = read.next().await {
        commit?.iter().for_each(|commit| days.add(commit));
    }
    Ok(days)
}
