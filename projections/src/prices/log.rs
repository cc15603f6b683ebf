//! The port to the price history: what each commit means for it, one after the other, so that the newest one says which
//! events are in it.

use async_trait::async_trait;
use event_store::Handled;
use schema::{Commit, Hash, ProductId, Timestamp};

use super::entry::{Entry, entries_of};
use crate::views::{Generation, Unavailable};

mod dynamodb;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stored;

pub use dynamodb::DynamoPriceLog;
pub use memory::MemoryPriceLog;
#[cfg(feature = "sqlite")]
pub use sqlite::SqlitePriceLog;

/// What one commit means for the price history: its entries, none where it does not touch the price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoldedCommit {
    /// Sequence of its last event.
    pub last: u64,
    /// Its entries, in the order of its events.
    pub entries: Vec<Entry>,
    /// The commit itself; `None` in what was folded before it was kept.
    pub origin: Option<Origin>,
}

/// Which commit was folded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// Its hash.
    pub hash: Hash,
    /// When it was recorded.
    pub recorded_at: Timestamp,
}

/// The newest commit of a product that is in its history.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Sequence of its last event.
    pub last: u64,
    /// The commit itself, if it was kept.
    pub origin: Option<Origin>,
}

impl FoldedCommit {
    /// What a commit means.
    #[must_use]
    pub fn of(commit: &Commit) -> Self {
        let origin = Origin { hash: commit.hash.clone(), recorded_at: commit.recorded_at };
        Self { last: commit.last_sequence(), entries: entries_of(commit), origin: Some(origin) }
    }
}

impl Newest {
    /// What the history vouches for.
    #[must_use]
    pub fn handled(&self) -> Option<Handled> {
        let origin = self.origin.as_ref()?;
        Some(Handled { sequence: self.last, hash: origin.hash.clone(), at: origin.recorded_at })
    }
}

/// Where price histories are kept.
///
/// The contract, which `tests/contract/prices` runs on every adapter:
/// - whatever is at or below what is folded is in the history, with every entry;
/// - adding a commit again changes nothing, and what is folded goes back only where the newest commit is taken back as it was
///   seen;
/// - entries come in the order of their places, whatever the order of their commits;
/// - `products` meets every product of a generation;
/// - generations do not see each other.
#[async_trait]
pub trait PriceLog: Send + Sync {
    /// The newest commit of a product that is in the history; consistent.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn newest(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<Newest>, Unavailable>;

    /// Takes the newest commit back if it still is as it was seen, because the ledger has another in its place. What is
    /// below it stays, and is the history up to there.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later, it may be taken back or not.
    async fn take_back(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: &Newest,
    ) -> Result<(), Unavailable>;

    /// Adds commits that follow what is folded, in ascending order; each is confirmed before the next is written. After
    /// an error the first of them may be there; adding them again is safe and changes nothing.
    ///
    /// # Errors
    /// [`Unavailable`]: add all of them again.
    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        commits: &[FoldedCommit],
    ) -> Result<(), Unavailable>;

    /// The whole history; it may be some moments old.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn history(&self, generation: Generation, product: &ProductId) -> Result<History, Unavailable>;

    /// Removes a generation, and says how many items went. May be cut short and repeated.
    ///
    /// # Errors
    /// [`Unavailable`]: repeat it.
    async fn drop_generation(&self, generation: Generation) -> Result<u64, Unavailable>;

    /// Some products of which a generation has anything, each at least once, in no order; `from` is `next` of the page
    /// before, and `limit` at least 1. For maintenance, since it may read other generations too.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn products(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<Products, Unavailable>;
}

/// Some products of a generation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Products {
    /// Their ids as they are stored; there may be none though more follow.
    pub ids: Vec<String>,
    /// Where to go on, understood by the adapter alone; `None` at the end.
    pub next: Option<String>,
}

/// What is known of a product's price.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The last event that is in it, 0 for an unknown product.
    pub folded: u64,
    /// By place.
    pub entries: Vec<Entry>,
}
