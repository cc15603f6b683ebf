//! The port to the parking table: the products that a consumer cannot process, from which event on, and why.
//!
//! The promise: a row is released only by who read it as it is, so the success of one worker never removes the failure that
//! another one has recorded meanwhile.

mod dynamodb;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use async_trait::async_trait;
use schema::{ProductId, Timestamp};
use serde::{Deserialize, Serialize};
use telemetry::meters::{PARKED, PARKINGS};

use crate::error::Unavailable;

pub use dynamodb::DynamoParking;
pub use memory::MemoryParking;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteParking;

/// Shape of the parking table, as `CreateTable` takes it: one source for this adapter and the infrastructure.
pub const TABLE: &str = include_str!("../parking-table.json");

/// Why a consumer cannot process a product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// The first event that the consumer has not processed.
    pub from_sequence: u64,
    /// What happened, for people.
    pub reason: String,
    /// Whether a later attempt may succeed; otherwise it waits for an operator.
    pub retryable: bool,
    /// When it happened.
    pub at: Timestamp,
}

/// A parking row. These names are stored. Never rename; only add optional ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    /// The consumer, for example `publisher`.
    pub consumer: String,
    /// The product.
    pub product_id: ProductId,
    /// The first event that the consumer has not processed.
    pub from_sequence: u64,
    /// The newest reason.
    pub reason: String,
    /// Whether the schedule retries it; otherwise it waits for `ledger parked retry`.
    pub retryable: bool,
    /// Since when.
    pub parked_at: Timestamp,
    /// How often it was parked, the first time included.
    pub attempts: u32,
}

/// The store of parking rows, at most one per consumer and product.
///
/// The contract, which `tests/contract/parking` runs on every adapter:
/// - parking a parked product keeps the lowest `from_sequence` and the first `parked_at`, takes the newest reason, and counts
///   one more attempt;
/// - a row is released only if it is as it was read: one that was parked again since then stays.
#[async_trait]
pub trait Parking: Send + Sync {
    /// Parks a product for a consumer.
    ///
    /// # Errors
    /// [`Unavailable`]: the change must not count as handled.
    async fn park(&self, consumer: &str, product: &ProductId, trouble: &Trouble) -> Result<(), Unavailable>;

    /// Removes a row if it still is as it was read; `false` if it is not.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later; the row may be gone.
    async fn release(&self, seen: &Parked) -> Result<bool, Unavailable>;

    /// The row of a product.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn of(&self, consumer: &str, product: &ProductId) -> Result<Option<Parked>, Unavailable>;

    /// Up to `limit` rows of a consumer with a product id above `after`, in order of product id; fewer only at the end.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn list(
        &self,
        consumer: &str,
        after: Option<&ProductId>,
        limit: usize,
    ) -> Result<Vec<Parked>, Unavailable>;
}

/// Counts a parking in the metrics.
pub fn count(consumer: &'static str, trouble: &Trouble) {
    let retryable = if trouble.retryable { "true" } else { "false" };
    metrics::counter!(PARKINGS.name, "consumer" => consumer, "retryable" => retryable).increment(1);
}

/// Sets the metric of parked products of a consumer.
pub fn note_parked(consumer: &'static str, products: usize) {
    let products = f64::from(u32::try_from(products).unwrap_or(u32::MAX));
    metrics::gauge!(PARKED.name, "consumer" => consumer).set(products);
}

/// The row of a product that was not parked before.
fn first_row(consumer: &str, product: &ProductId, trouble: &Trouble) -> Parked {
    Parked {
        consumer: consumer.to_owned(),
        product_id: product.clone(),
        from_sequence: trouble.from_sequence,
        reason: trouble.reason.clone(),
        retryable: trouble.retryable,
        parked_at: trouble.at,
        attempts: 1,
    }
}
