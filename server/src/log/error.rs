//! Why a server does not start with its log.

use std::io;
use std::path::{Path, PathBuf};

use sequencer::LogFailure;

use super::keep::{KeptCheckpointError, WAYS};

/// Why a server does not start with its log; what to do is in the text.
#[derive(Debug, thiserror::Error)]
pub enum LogStartError {
    /// The key is gone.
    #[error(
        "{0}, which signs the log of this ledger, is missing; put it back from where you keep it, or start without the log (--log off)"
    )]
    NoKey(PathBuf),
    /// The file of the key has something else.
    #[error(
        "{file} is not the private key of a log ({reason}); put back the right one, or start without the log (--log off)"
    )]
    NotAKey {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The key is another one.
    #[error(
        "{file} is not the key of the log {origin}; put back the right one, or start without the log (--log off)"
    )]
    OtherKey {
        /// The file.
        file: PathBuf,
        /// The name of the log.
        origin: String,
    },
    /// The log has another name.
    #[error(
        "--log-origin {wanted}: the log of this ledger has the origin {origin}, which it keeps; leave the option out, or begin a new log \
         with ledger log new --log-origin {wanted}, with the server stopped"
    )]
    OtherOrigin {
        /// The name that was given.
        wanted: String,
        /// The name that it has.
        origin: String,
    },
    /// The files are gone.
    #[error(
        "{0}, which holds the log of this ledger, is lost or has no checkpoint; put it back from a backup, or start without the log (--log off)"
    )]
    NoLog(PathBuf),
    /// What the ledger says about its log cannot be read.
    #[error("the ledger does not say which log it has: {0}; restore ledger.sqlite3 from a copy")]
    NotBound(String),
    /// No key could be made.
    #[error("no key could be made for the log")]
    Random,
    /// A file cannot be used.
    #[error(
        "{file} cannot be used: {source}; make room on the disk, or check that it can be read and written"
    )]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The first checkpoint could not be published.
    #[error("the log cannot be begun: {0}; make room on the disk, or check that it can be written")]
    Begin(#[from] LogFailure),
    /// The log has not grown from the checkpoint that was kept.
    #[error(transparent)]
    Kept(#[from] KeptCheckpointError),
    /// A witness has seen a longer log than this one.
    #[error(
        "--log-witness: {witness} has seen {seen} entries, and the log of this ledger has {size}; {WAYS}"
    )]
    WitnessAhead {
        /// Its name.
        witness: String,
        /// What it has seen.
        seen: u64,
        /// Entries of the log.
        size: u64,
    },
    /// A witness has seen another log.
    #[error("--log-witness: {witness} {reason}, and the log of this ledger has {size}; {WAYS}")]
    WitnessDiffers {
        /// Its name.
        witness: String,
        /// What it has seen.
        reason: String,
        /// Entries of the log.
        size: u64,
    },
    /// No client of HTTP could be made.
    #[error("witnesses cannot be asked: {0}")]
    Client(#[from] reqwest::Error),
    /// The commits could not be read.
    #[error("the commits cannot be read: {0}; check that ledger.sqlite3 can be read")]
    Commits(String),
    /// The ledger's file could not be read or written.
    #[error("a file cannot be used: {0}; make room on the disk, or check that it can be read and written")]
    Ledger(#[from] sqlite::Error),
}

/// The error of a file that cannot be used.
pub(super) fn unusable(file: &Path) -> impl FnOnce(io::Error) -> LogStartError + use<> {
    let file = file.to_owned();
    move |source| LogStartError::File { file, source }
}
