//! Verification of a whole log by its files: entries → tiles → root, growth since a checkpoint that was kept, and what entries say
//! about each other.
//!
//! The promise: every entry is hashed, and every tile compared; a file that is missing or damaged is a fault with its path and
//! hides no other. Of each entry 24 bytes are kept, whatever it holds.

mod commits;
mod export;
mod fault;
mod ledger;
mod restores;
mod source;
mod walk;

pub use export::ExportComparison;
pub use fault::{LogFault, LogFaults, MOST_FAULTS};
pub use ledger::{LedgerComparison, LedgerDifference, LedgerDifferences, RecordedCommit};
pub use restores::AcceptedFork;
pub use source::LogSource;

use crate::checkpoint::LogCheckpoint;
use crate::entry::AcceptedRestore;
use commits::LoggedCommits;
use restores::Restores;
use walk::LogWalk;

/// What a log holds, and what is wrong with it.
#[derive(Debug)]
pub struct CheckedLog {
    /// What is wrong.
    pub faults: LogFaults,
    /// How many commits it holds.
    pub commits: u64,
    /// How many entries a later build wrote: they are hashed, but nothing is known about them.
    pub not_understood: u64,
    /// The forks that an accepted restore names.
    pub accepted: Vec<AcceptedFork>,
    restores: Restores,
    logged: LoggedCommits,
}

/// Verifies the log of a checkpoint that a trusted key signed; `kept` is an earlier one. `progress` is told the number of entries
/// that were read since it was last called.
///
/// # Errors
/// That of the source: something could not be read, so nothing is said about the log.
pub async fn verify<S: LogSource>(
    source: &S,
    checkpoint: &LogCheckpoint,
    kept: Option<&LogCheckpoint>,
    progress: impl FnMut(u64),
) -> Result<CheckedLog, S::Error> {
    let walked = LogWalk::new(kept).whole(source, checkpoint, progress).await?;
    let mut log = CheckedLog {
        faults: walked.faults,
        commits: walked.commits.len(),
        not_understood: walked.not_understood,
        accepted: Vec::new(),
        restores: walked.restores,
        logged: walked.commits,
    };
    log.find_forks(source, checkpoint.size).await?;
    Ok(log)
}

impl CheckedLog {
    /// Every accepted restore, with the index of its entry.
    pub fn restores(&self) -> impl Iterator<Item = (u64, &AcceptedRestore)> {
        self.restores.entries()
    }
}
