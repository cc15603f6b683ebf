//! The log of a server: on this machine beside the ledger, or of tables in a bucket.
//!
//! The promise: commands never wait for the log nor fail with it. Where the log and the ledger contradict each other, nothing is
//! signed any more.

mod accept_restore;
mod bound;
mod cloud;
mod continued;
mod entries;
mod error;
mod follow;
mod keep;
mod key;
mod renew;
mod rotate;
mod start;
mod walk;
mod witness;

pub use accept_restore::{AcceptError, AcceptedLoss, accept_restore};
pub use bound::{KeyOverlap, bound_keys};
pub use cloud::{CloudLogFiles, KeepPace, keep};
pub use continued::{ContinueError, ContinuedLog, continued};
pub use entries::{next_entries, positions};
pub use error::LogStartError;
pub(crate) use follow::oldest_unlogged;
pub use follow::{LogFollower, watch_age};
pub use keep::{KeptCheckpoint, KeptCheckpointError};
pub use renew::{NewLog, RenewError, new_log};
pub use rotate::{KeyRotation, RotationError, rotate};
pub use start::{LogSettings, LogStarted, Unsigned, in_memory, is_origin, logged, on_files};
pub use witness::{WitnessAddress, WitnessAddressError, WitnessAnswer, Witnesses};

/// The directory of the log in a data directory. Stored. Never rename.
pub const LOG_DIRECTORY: &str = "log";
/// The private key of the log in a data directory. Stored. Never rename.
pub const LOG_KEY: &str = "log.key";
/// The private key that signed before the newest one, while it still signs. Stored. Never rename.
pub const LOG_FORMER_KEY: &str = "log.former.key";
