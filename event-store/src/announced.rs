//! The port to the feed items: which commits a projector has met in a batch of records, for the sequencer of the log, so that it
//! need not be a third reader of the event table's stream.
//!
//! The promise: an item only says where to look. What it says twice, late or in another order changes nothing, and what it
//! leaves out is found by comparing the log with the event table.

mod dynamodb;
mod memory;

use std::time::Duration;

use async_trait::async_trait;
use aws_lambda_events::event::dynamodb::EventRecord;
use schema::{Hash, ProductId, Timestamp};
use ulid::Ulid;

use crate::error::StoreError;

pub use dynamodb::DynamoAnnouncements;
pub use memory::MemoryAnnouncements;

/// The consumer for which a product is parked that cannot be announced, or whose commits contradict the log.
pub const LOG_CONSUMER: &str = "log";

/// Shape of the table of feed items, as `CreateTable` takes it, with the time to live by the attribute [`EXPIRES_AT`]: one source
/// for this adapter and the infrastructure.
pub const TABLE: &str = include_str!("../feed-table.json");

/// The attribute by which `DynamoDB` removes feed items.
pub const EXPIRES_AT: &str = "expires_at";

/// How long a feed item is kept. A start reads what is left of them.
pub const LIFETIME: Duration = Duration::from_hours(8 * 24);

/// The most commits in one announcement: with the longest ids an item then has less than a third of the 400 KB that
/// `DynamoDB` takes.
pub const MOST_COMMITS: usize = 1_000;

/// The newest commit of a product in a batch of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedCommit {
    /// The product.
    pub product: ProductId,
    /// The commit; `None` if the record could not be read, so that the event table has to tell.
    pub newest: Option<AnnouncedKey>,
}

/// A commit of a product, by its key and its hash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnnouncedKey {
    /// The sequence of its first event, which is its key.
    pub sequence: u64,
    /// Its hash.
    pub hash: Hash,
}

/// What a batch of records held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// Its id, which has the time in it: items are in order of their ids, and only roughly in order of recording.
    pub id: Ulid,
    /// When the oldest commit of the batch was recorded, if one could be read.
    pub oldest: Option<Timestamp>,
    /// At most [`MOST_COMMITS`], each product once.
    pub commits: Vec<AnnouncedCommit>,
}

/// The store of feed items.
///
/// The contract, which `tests/contract/announced` runs on every adapter:
/// - an announcement is stored whole or not at all; the same one stored again is there once;
/// - pages are in order of ids, and together meet everything that was there when the first was read and has not expired.
#[async_trait]
pub trait Announcements: Send + Sync {
    /// Stores an announcement.
    ///
    /// # Errors
    /// [`StoreError`]: it may or may not be stored; store the same one again, or park its products for the log.
    async fn announce(&self, announcement: &Announcement) -> Result<(), StoreError>;

    /// Up to `limit` announcements with an id above `after`, in order of ids; fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError`]: try again later. An item that cannot be read is left out and logged: the comparison with the event table
    /// finds what it announced.
    async fn page(&self, after: Option<Ulid>, limit: usize) -> Result<Vec<Announcement>, StoreError>;
}

/// Reads a record of the stream of the table of feed items; `None` for the removal of an item that has expired.
///
/// # Errors
/// What is wrong with it: the comparison with the event table finds what it announced.
pub fn read(record: &EventRecord) -> Result<Option<Announcement>, String> {
    dynamodb::read_record(record)
}
