//! The port to the publication receipts: what became of each event on its way to the bus, and how far each product got.
//!
//! Its promise: a success is never replaced by a failure, and a product's cursor only moves from where its mover saw it.

mod dynamodb;
mod memory;

use async_trait::async_trait;
use schema::{ProductId, PublicationRecord};

use crate::journal::Unavailable;

pub use dynamodb::DynamoReceipts;
pub use memory::MemoryReceipts;

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

/// How far the publication of one product got.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Position {
    /// The cursor: every event up to here has its receipt; 0 before the first.
    pub published: u64,
    /// Receipts and failures of later events, by sequence: a failure that stands, or receipts whose cursor was lost.
    pub above: Vec<(u64, PublicationRecord)>,
}

/// What a move of a cursor found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Advance {
    /// The cursor stood where it was seen and moved.
    Moved,
    /// It stands elsewhere by now, here; nothing was changed.
    Found(u64),
}

/// Where receipts, failures and cursors are kept.
///
/// The contract, which `tests/ports/receipts.rs` runs on every adapter:
/// - a receipt stays: a failure of the same event never replaces it, whichever comes first;
/// - after `record` returned `Ok` every read sees all of its records; after an error any of them may be there, and
///   recording them again is safe;
/// - a cursor moves only when it stands where the mover saw it.
#[async_trait]
pub trait Receipts: Send + Sync {
    /// The cursor of a product and what is recorded above it: one request unless a publication was cut short.
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

    /// Writes what became of events, of any products.
    ///
    /// # Errors
    /// [`Unavailable`]: record all of them again.
    async fn record(&self, records: &[Record]) -> Result<(), Unavailable>;

    /// Moves a product's cursor from where it was seen (0: none was seen) to `to`.
    ///
    /// # Errors
    /// [`Unavailable`]: read the position before trying again.
    async fn advance(&self, product: &ProductId, seen: u64, to: u64) -> Result<Advance, Unavailable>;
}
