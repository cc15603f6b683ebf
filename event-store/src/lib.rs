//! The event store: append a commit once, read it, follow what is appended, and verify that nothing was changed.

pub mod announced;
pub mod aws;
pub mod backoff;
pub mod chain;
pub mod checkpoint;
pub mod dynamodb;
pub mod error;
pub mod export;
pub mod feed_reader;
pub mod follow;
pub mod handled;
pub mod heads;
pub mod journal;
pub mod limits;
pub mod log_entry;
pub mod memory;
pub mod metering;
pub mod outage;
pub mod parking;
pub mod poll;
pub mod protection;
pub mod receipts;
pub mod reconcile;
#[cfg(feature = "sqlite")]
pub mod sqlite;
pub mod table;
pub mod verify;

pub use announced::{
    AnnouncedCommit, AnnouncedKey, Announcement, Announcements, DynamoAnnouncements, MemoryAnnouncements,
};
pub use backoff::Backoff;
pub use chain::seal;
#[cfg(feature = "sqlite")]
pub use checkpoint::SqliteCheckpointStore;
pub use checkpoint::{Checkpoint, CheckpointStore, MemoryCheckpointStore};
pub use dynamodb::DynamoJournal;
pub use error::{AppendError, StoreError};
pub use feed_reader::{CommitFilter, FeedError, FeedPage, FeedQuery, FeedReader};
pub use follow::{Change, Feed, FeedEntry, FeedSlice, PositionedLine};
pub use handled::Handled;
pub use journal::{CommitKey, Head, Journal, JournalRow, KeyPage, ScanPage, ScanPosition};
pub use log_entry::{LogEntry, LogEntryKind};
pub use memory::MemoryJournal;
#[cfg(feature = "sqlite")]
pub use parking::SqliteParking;
pub use parking::{DynamoParking, MemoryParking, Parked, Parking, ParkingCause};
pub use protection::{ExpectedProtection, ProtectionState, TableProtection};
#[cfg(feature = "sqlite")]
pub use receipts::SqliteReceipts;
pub use receipts::{DynamoReceipts, MemoryReceipts, Receipts};
pub use reconcile::{DynamoRounds, MemoryRounds, ReconciledConsumer, Reconciler, Rounds};
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteJournal;

/// Shape of the event table, as `CreateTable` takes it: one source for this adapter and the infrastructure.
pub const TABLE: &str = include_str!("../table.json");
