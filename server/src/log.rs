//! The log on this machine: the one order of all commits as a transparency log (C2SP tlog-tiles), written and signed beside the
//! ledger.
//!
//! The promise: a checkpoint is signed only after everything below it is durable, and each is a prefix of the next. Commands never
//! wait for the log nor fail with it. Where the log and the ledger contradict each other, nothing is signed any more.

mod api;
mod failure;
mod key;
mod proof;
mod routes;
mod sequencer;
mod start;
mod store;
mod writer;

pub use api::{LogApi, LogPublic, ProofSources};
pub use failure::{LogFailure, LogStop};
pub use routes::{documented, routes};
pub use sequencer::{Sequencer, watch_age};
pub use start::{LogSettings, LogStartError, LogStarted, bound_key, in_memory, is_origin, logged, on_files};
pub use store::{DirectoryLog, LogStore, MemoryLog, prefix_of_full};
pub use writer::LogWriter;

/// The directory of the log in a data directory. Stored. Never rename.
pub const LOG_DIRECTORY: &str = "log";
/// The private key of the log in a data directory. Stored. Never rename.
pub const LOG_KEY: &str = "log.key";
