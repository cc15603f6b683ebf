//! The port to the publication receipts: what became of each event on its way to the bus, and how far each product got.
//!
//! Its promise: a success is never replaced by a failure, and a product's newest receipt says how far its publication got.

mod dynamodb;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use async_trait::async_trait;
use schema::{Hash, ProductId, PublicationFailure, PublicationRecord, StoredCommit};

use crate::journal::{Journal, Unavailable};

pub use dynamodb::DynamoReceipts;
pub use memory::MemoryReceipts;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteReceipts;

/// Shape of the receipts table, as `CreateTable` takes it: one source for this adapter and the infrastructure.
pub const TABLE: &str = include_str!("../receipts-table.json");

/// What became of one event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The event's product.
    pub product: ProductId,
    /// The event's number within the product.
    pub sequence: u64,
    /// Its receipt or its failure.
    pub outcome: PublicationRecord,
}

/// What may be kept of a product's records, which are in order, where everything up to `published` is published: none behind
/// an event without a receipt, because the newest receipt says how far the publication got. Such an event is published
/// again, in order.
#[must_use]
pub fn without_gaps(mut records: Vec<Record>, mut published: u64) -> Vec<Record> {
    records.retain(|record| {
        let follows = record.sequence <= published + 1;
        if follows && matches!(record.outcome, PublicationRecord::Receipt(_)) {
            published = published.max(record.sequence);
        }
        follows
    });
    records
}

/// How far the publication of one product got.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// Every event up to here has its receipt; 0 before the first.
    pub published: u64,
    /// The failure of the next event, where one is on record: of several above the newest receipt the lowest.
    pub failure: Option<PublicationFailure>,
    /// Where a restore said that everything up to an event counts as published (always `None` on `DynamoDB` for now).
    pub mark: Option<Mark>,
}

/// What a restore left in the place of receipts: every event up to `sequence` counts as published as long as the commit
/// that ends there has `hash`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Number of the last event that counts as published.
    pub sequence: u64,
    /// Hash of the commit that ends with it.
    pub hash: Hash,
}

/// Where receipts and failures are kept. There is no cursor: the newest receipt of a product is it.
///
/// The contract, which `tests/contract/receipts` runs on every adapter:
/// - a receipt stays: a failure of the same event never replaces it, whichever comes first;
/// - after `record` returned `Ok` every read sees all of its records;
/// - a product's records are written one after the other: after an error the first of them may be there, and never a
///   later one without those before it; recording them again is safe;
/// - a failure never counts as published.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// How far a product got: one request.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn position(&self, product: &ProductId) -> Result<Position, Unavailable>;

    /// What is recorded of a product's events `from` to `to`, both included, by sequence.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, Unavailable>;

    /// Writes what became of events, of any products; those of one product in ascending order.
    ///
    /// # Errors
    /// [`Unavailable`]: record all of them again.
    async fn record(&self, records: &[Record]) -> Result<(), Unavailable>;

    /// Up to `limit` products with an id above `after` of which anything is recorded, in order of id; `None` where the
    /// store keeps no such order.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn products(&self, after: &str, limit: usize) -> Result<Option<Vec<String>>, Unavailable> {
        let _ = (after, limit);
        Ok(None)
    }
}

/// Every event up to the one that is answered counts as published: by its receipt, or by a mark that fits the ledger.
///
/// # Errors
/// [`Unavailable`]: the event table did not say whether the mark fits; try again later.
pub async fn published(
    journal: &dyn Journal,
    product: &ProductId,
    position: &Position,
) -> Result<u64, Unavailable> {
    if position.mark.as_ref().is_none_or(|mark| mark.sequence <= position.published) {
        return Ok(position.published);
    }
    Ok(restored(journal, product, position).await?.max(position.published))
}

/// Every event up to the one that is answered was restored as a published one: 0 without a mark, or with one that does
/// not fit the ledger.
///
/// # Errors
/// [`Unavailable`]: the event table did not say whether the mark fits; try again later.
pub async fn restored(
    journal: &dyn Journal,
    product: &ProductId,
    position: &Position,
) -> Result<u64, Unavailable> {
    let Some(mark) = &position.mark else { return Ok(0) };
    let commit = journal.newest(product, mark.sequence).await?;
    let fits = commit.is_some_and(|commit| mark.fits(&commit));
    Ok(if fits { mark.sequence } else { 0 })
}

impl Mark {
    /// Whether the commit is the one the mark was made for.
    #[must_use]
    pub fn fits(&self, commit: &StoredCommit) -> bool {
        let events = commit.0.get("events").and_then(|events| events.as_array()).map_or(0, Vec::len) as u64;
        let ends_here = commit.sequence().is_ok_and(|first| first + events == self.sequence + 1);
        ends_here && commit.text("hash").is_ok_and(|hash| hash == self.hash.to_string())
    }
}
