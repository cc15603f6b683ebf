//! The port to the price history: one entry per change, never one growing item, and a cursor per product that says which
//! events are in it.

use async_trait::async_trait;
use schema::{ProductId, Timestamp};

use super::Entry;
use crate::views::{Generation, Unavailable};

mod dynamodb;
mod memory;

pub use dynamodb::DynamoPriceLog;
pub use memory::MemoryPriceLog;

/// Where price histories are kept.
///
/// The contract, which `tests/projections/price_log.rs` runs on every adapter:
/// - writing an entry again changes nothing;
/// - a cursor moves only when it stands where the mover saw it;
/// - entries come in the order of their places, whatever the order they were written in;
/// - generations do not see each other.
#[async_trait]
pub trait PriceLog: Send + Sync {
    /// The last event of a product that is in the history, 0 before the first; consistent.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn folded(&self, generation: Generation, product: &ProductId) -> Result<u64, Unavailable>;

    /// Writes entries; after an error some may be there, and writing them again is safe.
    ///
    /// # Errors
    /// [`Unavailable`]: write all of them again.
    async fn write(
        &self,
        generation: Generation,
        product: &ProductId,
        entries: &[Entry],
    ) -> Result<(), Unavailable>;

    /// Moves the cursor from where it was seen to `to`, and says whether it still was there.
    ///
    /// # Errors
    /// [`Unavailable`]: read the cursor before trying again.
    async fn advance(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: u64,
        to: u64,
    ) -> Result<bool, Unavailable>;

    /// The history up to a moment, the moment included; it may be some moments old.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn history(
        &self,
        generation: Generation,
        product: &ProductId,
        until: Option<Timestamp>,
    ) -> Result<History, Unavailable>;

    /// Removes a generation, and says how many items went. May be cut short and repeated.
    ///
    /// # Errors
    /// [`Unavailable`]: repeat it.
    async fn drop_generation(&self, generation: Generation) -> Result<u64, Unavailable>;
}

/// What is known of a product's price.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    /// The last event that is in it, 0 for an unknown product.
    pub folded: u64,
    /// By place.
    pub entries: Vec<Entry>,
}
