//! SQLite files with one writer each, shared by the adapters on SQLite.
//!
//! The promise: a write is acknowledged, and visible to readers, only after a full sync. Several writes share one transaction and
//! one sync. A failed sync ends the writer for good, because what is on disk is unknown; a full disk fails the writes of its
//! transaction and nothing else.

mod copy;
mod database;
mod error;
mod private;
mod schema;
mod writer;

pub use database::{Access, Database, clamped};
pub use error::{Error, OpenError, in_row, unreadable};
pub use private::{check_file, open_private};
pub use rusqlite;
pub use schema::{Schema, Version};
