//! SQLite files with one writer each: what the adapters on SQLite share.
//!
//! The promise: a write is acknowledged, and visible to readers, only after it was synced in full. Several writes share
//! one transaction and one sync. A sync that fails ends the writer for good, because nobody can tell what is on disk; a
//! full disk fails the writes of its transaction and nothing else.

mod copy;
mod database;
mod error;
mod schema;
mod writer;

pub use database::{Access, Database, clamped};
pub use error::{Error, OpenError};
pub use rusqlite;
pub use schema::{Schema, Version};
