//! The ledger itself: append a commit once, read it for ever, follow what is committed, prove that nothing changed.

pub mod chain;
pub mod dynamodb;
pub mod export;
pub mod follow;
pub mod heads;
pub mod journal;
pub mod memory;
pub mod metering;
pub mod parking;
pub mod receipts;
pub mod table;
pub mod verify;

pub use chain::seal;
pub use dynamodb::DynamoJournal;
pub use journal::{AppendError, CommitKey, Journal, KeyPage, ScanPage, ScanPosition, Unavailable};
pub use memory::MemoryJournal;
pub use parking::{DynamoParking, MemoryParking, Parked, Parking, Trouble};
pub use receipts::{DynamoReceipts, MemoryReceipts, Receipts};

/// Shape of the event table, as `CreateTable` takes it: one source for this adapter and the infrastructure.
pub const TABLE: &str = include_str!("../table.json");
