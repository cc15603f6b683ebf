//! Summaries of blocks, and the counts of their days, that a store keeps, so that no reader has to read all commits for them.

use async_trait::async_trait;

use super::days::CommitDays;
use super::summary::CommitSummary;
use crate::error::StoreError;

/// What the commits of some positions have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummarisedCommits {
    /// The lowest position.
    pub first: u64,
    /// The highest position, included.
    pub last: u64,
    /// What is true of all commits in between; it may be true of others too.
    pub summary: CommitSummary,
}

/// The days of the commits that were put into the log with those of a block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedBlock {
    /// The lowest position of the block.
    pub first: u64,
    /// Its highest position, included.
    pub last: u64,
    /// The position behind the last commit that is counted, which is not before the next block. The first one is that behind the
    /// last one of the block before.
    pub behind: u64,
    /// The counts.
    pub days: CommitDays,
}

/// What some blocks say of the days of all commits before a position.
#[derive(Debug, Clone, Default)]
pub(super) struct KeptDays {
    pub(super) days: CommitDays,
    /// Where the next block begins.
    pub(super) next: u64,
    /// The position behind the last commit that is counted.
    pub(super) behind: u64,
}

impl KeptDays {
    /// Adds the next block; another one changes nothing.
    pub(super) fn add(&mut self, block: CountedBlock) {
        if block.first == self.next {
            self.days.extend(block.days);
            (self.next, self.behind) = (block.last + 1, block.behind);
        }
    }
}

/// A store that keeps summaries. They are of all positions from 0 up to some position, without gaps, and never change. So are the
/// counts of days, which may end at another position.
#[async_trait]
pub trait KeptSummaries: Send + Sync {
    /// Up to `limit` summaries of positions from `from` on, in order; fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn summaries(&self, from: u64, limit: usize) -> Result<Vec<SummarisedCommits>, StoreError>;

    /// Up to `limit` counts of blocks that begin at `from` or later, in order; fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn counted(&self, from: u64, limit: usize) -> Result<Vec<CountedBlock>, StoreError>;

    /// The days of all commits from a position on, which is one where counts end; `None` if these are more than `most`.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn days_from(&self, position: u64, most: u64) -> Result<Option<CommitDays>, StoreError>;
}
