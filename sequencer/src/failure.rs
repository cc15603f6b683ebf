//! Why a log does not go on: something failed and is tried again, or what is stored contradicts the ledger and nothing is signed.

use std::io;
use std::path::PathBuf;

use event_store::StoreError;
use ledger_log::{CheckpointFault, LogPath, SigningError, VerifierKey};

/// The log does not go on.
#[derive(Debug, thiserror::Error)]
pub enum LogFailure {
    /// A file could not be read or written: try again.
    #[error("{path}: {source}")]
    File {
        /// The file.
        path: LogPath,
        /// Why.
        source: io::Error,
    },
    /// The commits could not be read: try again.
    #[error("the commits cannot be read: {0}")]
    Feed(#[from] StoreError),
    /// The checkpoint could not be signed: try again.
    #[error("the checkpoint cannot be signed: {0}")]
    Signing(#[from] SigningError),
    /// The checkpoint was published and could not be kept elsewhere: try again, before another one is published.
    #[error("the checkpoint cannot be kept in {file}: {source}")]
    Kept {
        /// Where it is kept.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Too few witnesses have cosigned the checkpoint: try again.
    #[error("{found} of {wanted} witnesses have cosigned the checkpoint, which is not published: {reasons}")]
    Unwitnessed {
        /// How many have.
        found: usize,
        /// How many have to.
        wanted: usize,
        /// What the others answered.
        reasons: String,
    },
    /// The keys of the log could not be read or recorded: try again.
    #[error("{0}")]
    Keys(String),
    /// The writing thread ended in the middle: try again.
    #[error("the log was not written to its end: {0}")]
    Interrupted(String),
    /// Nothing may be signed any more.
    #[error(transparent)]
    Stopped(#[from] LogStop),
}

/// Why nothing is signed any more: another attempt would not change it, and to sign would vouch for what is not so.
#[derive(Debug, thiserror::Error)]
pub enum LogStop {
    /// The checkpoint is gone.
    #[error("the checkpoint of the log is missing; put back the directory of the log from a backup")]
    NoCheckpoint,
    /// The checkpoint is not one that the key signed.
    #[error("{0}; put back the directory of the log from a backup")]
    Checkpoint(#[from] CheckpointFault),
    /// Somebody else has written a checkpoint.
    #[error("somebody else has changed the checkpoint of the log")]
    Foreign,
    /// A file that the checkpoint needs is gone.
    #[error("{0} is missing; put it back from a backup")]
    Missing(LogPath),
    /// A file is not what the checkpoint needs.
    #[error("{0} is damaged; put it back from a backup")]
    Damaged(LogPath),
    /// The files do not give the root that was signed.
    #[error("the tiles of the log do not give the root that was signed; put them back from a backup")]
    Root,
    /// A file is there with another content.
    #[error("{0} is there already and differs from what belongs there")]
    Differs(LogPath),
    /// The names of files could not be made durable, after which nobody knows what is on the disk.
    #[error("the directories of the log could not be synced: {0}")]
    Unsynced(io::Error),
    /// The log has entries for commits that the ledger does not have.
    #[error(
        "the log has {size} entries and the ledger has {commits} commits; the ledger may have been put back from a backup"
    )]
    Ahead {
        /// Entries of the log.
        size: u64,
        /// Commits of the ledger, as far as its newest position says.
        commits: u64,
    },
    /// A batch is not what the tree over it says.
    #[error(
        "the batch at {0} of the log table does not give the tree that it names, or not the one that was signed; run ledger log verify"
    )]
    Batch(u64),
    /// There is nothing to sign with.
    #[error(
        "the private key of the log, {0}, is missing; put it back from where you keep it, or, if it is lost, stop the server and run \
         ledger log rotate-key --lost"
    )]
    NoKey(PathBuf),
    /// Another machine signs it.
    #[error(
        "the log was handed over to the key {0} and goes on elsewhere; serve this directory with --log off, or begin a new log with ledger \
         log new"
    )]
    HandedOver(VerifierKey),
    /// A witness knows a longer log, or another one.
    #[error(
        "the witness {witness} {reason}; only a new log leads on (ledger log new, with the server stopped)"
    )]
    Witness {
        /// Its name.
        witness: String,
        /// What it knows.
        reason: String,
    },
    /// The newest entry of the log is not that of the commit at its position.
    #[error("the commit at position {0} is not the one that was logged")]
    Another(u64),
    /// A position has no commit, and it was not logged.
    #[error("there is no commit at position {0}, so what belongs there in the log is not known")]
    Gap(u64),
    /// A commit has no hashes.
    #[error("the commit at position {position} cannot be logged: {reason}")]
    Unreadable {
        /// Its position.
        position: u64,
        /// Why.
        reason: String,
    },
}

impl LogStop {
    /// Its kind, as the label of a metric.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::NoCheckpoint | Self::Checkpoint(_) | Self::Foreign | Self::Root | Self::Witness { .. } => {
                "checkpoint"
            }
            Self::NoKey(_) | Self::HandedOver(_) => "key",
            Self::Missing(_) | Self::Damaged(_) | Self::Differs(_) | Self::Unsynced(_) => "file",
            Self::Ahead { .. } | Self::Another(_) | Self::Gap(_) | Self::Unreadable { .. } => "ledger",
            Self::Batch(_) => "batch",
        }
    }
}

impl LogFailure {
    /// A file that could not be read or written; or what lies in its place cannot be that file.
    pub fn of(path: LogPath) -> impl FnOnce(io::Error) -> Self {
        move |source| match source.kind() {
            io::ErrorKind::InvalidData => LogStop::Damaged(path).into(),
            _ => Self::File { path, source },
        }
    }
}
