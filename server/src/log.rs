//! The log of a server: on this machine beside the ledger, or of tables in a bucket.
//!
//! The promise: commands never wait for the log nor fail with it. Where the log and the ledger contradict each other, nothing is
//! signed any more.

mod cloud;
mod follow;
mod key;
mod start;

pub use cloud::{CloudLogFiles, KeepPace, keep};
pub(crate) use follow::oldest_unlogged;
pub use follow::{LogFollower, watch_age};
pub use start::{LogSettings, LogStartError, LogStarted, bound_key, in_memory, is_origin, logged, on_files};

/// The directory of the log in a data directory. Stored. Never rename.
pub const LOG_DIRECTORY: &str = "log";
/// The private key of the log in a data directory. Stored. Never rename.
pub const LOG_KEY: &str = "log.key";
