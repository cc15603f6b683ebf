//! The one order of all commits as a transparency log (C2SP tlog-tiles): writing it, and serving it over HTTP.
//!
//! The promise: a checkpoint is signed only after everything below it is durable, and each is a prefix of the next.

mod api;
mod failure;
mod proof;
mod routes;
mod store;
mod writer;

pub use api::{LogApi, LogPublic, ProofSources, ServedLog};
pub use failure::{LogFailure, LogStop};
pub use proof::growth;
pub use routes::{documented, routes};
pub use store::{DirectoryLog, LogStore, MemoryLog, prefix_of_full, sync_above};
pub use writer::LogWriter;
