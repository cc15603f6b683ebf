//! The port to the price history: folded commits, written in order, so that the newest one tells which events are included.

use async_trait::async_trait;
use event_store::Handled;
use event_store::StoreError;
use schema::{Commit, Hash, ProductId, Timestamp};

use super::entry::{PriceEntry, entries_of};
use crate::views::Generation;

mod dynamodb;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stored;

pub use dynamodb::DynamoPriceLog;
pub use memory::MemoryPriceLog;
#[cfg(feature = "sqlite")]
pub use sqlite::SqlitePriceLog;

/// A commit as folded into the price history: its entries, none if it does not affect the price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedCommit {
    /// The sequence of its last event.
    pub last: u64,
    /// Its entries, in the order of its events.
    pub entries: Vec<PriceEntry>,
    /// The commit it was folded from; `None` in entries of earlier builds.
    pub origin: Option<CommitOrigin>,
}

/// Identifies a folded commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommitOrigin {
    /// Its hash.
    pub hash: Hash,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// The newest commit in a product's history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedHead {
    /// The sequence of its last event.
    pub last: u64,
    /// The commit it was folded from; `None` in entries of earlier builds.
    pub origin: Option<CommitOrigin>,
}

impl FoldedCommit {
    /// Folds a commit.
    #[must_use]
    pub fn of(commit: &Commit) -> Self {
        let origin = CommitOrigin { hash: commit.hash.clone(), recorded_at: commit.recorded_at };
        Self { last: commit.last_sequence(), entries: entries_of(commit), origin: Some(origin) }
    }
}

impl FoldedHead {
    /// The commit as the newest one handled; `None` if its hash is unknown.
    #[must_use]
    pub fn handled(&self) -> Option<Handled> {
        let origin = self.origin.as_ref()?;
        Some(Handled { sequence: self.last, hash: origin.hash.clone(), at: origin.recorded_at })
    }
}

/// A store of price histories.
///
/// The contract, which `tests/contract/prices` runs on every adapter:
/// - every entry at or below the folded sequence is in the history;
/// - folding a commit again changes nothing, and the folded sequence only decreases when the newest commit is taken back;
/// - a commit is taken back only if it is still as it was read;
/// - entries are returned by position, whatever the order of their commits;
/// - `products` returns every product of a generation;
/// - generations are independent of each other.
#[async_trait]
pub trait PriceLog: Send + Sync {
    /// The newest commit in a product's history; a consistent read.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn newest(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<FoldedHead>, StoreError>;

    /// Takes the newest commit back if it is still as it was read, because the event table has another one in its place.
    /// The commits below it remain as the history up to there.
    ///
    /// # Errors
    /// [`StoreError`]: try again later, it may or may not have been taken back.
    async fn take_back(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: &FoldedHead,
    ) -> Result<(), StoreError>;

    /// Adds commits that follow the folded ones, in ascending order; each is confirmed before the next is written.
    ///
    /// # Errors
    /// [`StoreError`]: fold all of them again; some may have been written, which is safe.
    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        commits: &[FoldedCommit],
    ) -> Result<(), StoreError>;

    /// The whole history; the read may be slightly stale.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn history(&self, generation: Generation, product: &ProductId) -> Result<PriceHistory, StoreError>;

    /// Removes a generation; returns the number of removed items. May be interrupted and repeated.
    ///
    /// # Errors
    /// [`StoreError`]: run it again.
    async fn drop_generation(&self, generation: Generation) -> Result<u64, StoreError>;

    /// A page of the products in a generation, each at least once, unordered; `from` is `next` of the page before, and
    /// `limit` at least 1. For maintenance only: it may read other generations too.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn products(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ProductIdPage, StoreError>;
}

/// A page of the products in a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProductIdPage {
    /// Their ids as stored; possibly none although more follow.
    pub ids: Vec<String>,
    /// Where to continue, opaque to callers; `None` at the end.
    pub next: Option<String>,
}

/// The price history of a product.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PriceHistory {
    /// The sequence of the last event included, 0 for an unknown product.
    pub folded: u64,
    /// The entries by position.
    pub entries: Vec<PriceEntry>,
}
