//! Summaries of blocks that a store keeps, so that no reader has to read all commits for them.

use async_trait::async_trait;

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

/// A store that keeps summaries. They are of all positions from 0 up to some position, without gaps, and never change.
#[async_trait]
pub trait KeptSummaries: Send + Sync {
    /// Up to `limit` summaries of positions from `from` on, in order; fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn summaries(&self, from: u64, limit: usize) -> Result<Vec<SummarisedCommits>, StoreError>;
}
