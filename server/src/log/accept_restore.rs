//! Goes on with a log that is ahead of its ledger, because the ledger was restored to an earlier moment: on record, in the log
//! itself.
//!
//! The promise: nothing that was signed is taken back. Positions of lost commits keep their entries, and an entry behind them names
//! the first commit that each product lost; only then may another one take its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use event_store::sqlite::{about, keep_about};
use event_store::{LogEntry, SqliteJournal, StoreError};
use ledger_log::entry::{AcceptedRestore, NamedFork};
use ledger_log::{Leaf, LogPath};
use schema::Hash;
use sequencer::{DirectoryLog, LogFailure, LogStore};
use sqlite::{Access, Database};

use super::LOG_DIRECTORY;
use super::bound::bound_keys;
use super::entries::positions;
use super::error::LogStartError;
use super::walk::{ComparedEntry, compared};
use crate::directory::PASSED;

/// What was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedLoss {
    /// How many commits are lost.
    pub commits: u64,
    /// How many products lost some of them.
    pub products: u64,
    /// The position of the first entry that says so.
    pub position: u64,
}

/// Why nothing was accepted; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum AcceptError {
    /// There is no log.
    #[error("the ledger has no log")]
    NoLog,
    /// The log has nothing that the ledger lacks.
    #[error(
        "there is nothing to accept: the ledger has what its log has; if the log is an older one too, run ledger log restore first"
    )]
    Nothing,
    /// The ledger went on before the restore was accepted.
    #[error(
        "the ledger has recorded commits since it was restored (from position {0} on), so they cannot follow an acceptance any more; begin a \
         new log (ledger log new)"
    )]
    TooLate(u64),
    /// The ledger is not an earlier state of what was logged.
    #[error(
        "the commit at position {0} is not the one that was logged, so this is no earlier state of the ledger; run ledger verify, and begin a new log (ledger log new)"
    )]
    Another(u64),
    /// The log cannot be read.
    #[error("the log cannot be used: {0}; put it back from a backup, or run ledger log restore")]
    Log(#[from] LogFailure),
    /// The commits cannot be read or the entries not be written.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What the ledger says about its log cannot be read.
    #[error(transparent)]
    Start(#[from] LogStartError),
}

/// Accepts what the ledger in a directory that nobody else uses has lost.
///
/// # Errors
/// [`AcceptError`]: its text says what to do.
pub async fn accept_restore(
    directory: &Path,
    ledger: &Database,
    reason: &str,
) -> Result<AcceptedLoss, AcceptError> {
    let keys = bound_keys(ledger).await?.ok_or(AcceptError::NoLog)?;
    let (store, journal) =
        (DirectoryLog::at(directory.join(LOG_DIRECTORY)), SqliteJournal::new(ledger.clone()));
    let note = store.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint))?;
    let note = note.ok_or(sequencer::LogStop::NoCheckpoint).map_err(LogFailure::from)?;
    let checkpoint = keys.open(&note).map_err(|fault| LogFailure::from(sequencer::LogStop::from(fault)))?;
    let (mut lost, mut another) = (Vec::new(), None);
    compared(&store, &checkpoint, &journal, |ComparedEntry { position, logged, recorded }| match recorded {
        None => lost.push(LogEntry { position, entry: logged, of: None }),
        Some(recorded) if recorded != logged => {
            another.get_or_insert(position);
        }
        Some(_) => {}
    })
    .await?;
    if let Some(position) = another {
        return Err(AcceptError::Another(position));
    }
    if lost.is_empty() {
        return Err(AcceptError::Nothing);
    }
    if positions(&journal).await? > checkpoint.size {
        return Err(AcceptError::TooLate(checkpoint.size));
    }
    let forks = forks(&journal, &lost).await?;
    let accepted = AcceptedLoss {
        commits: lost.iter().filter(|entry| Leaf::read(&entry.entry).is_some()).count() as u64,
        products: forks.len() as u64,
        position: checkpoint.size,
    };
    let acceptances =
        AcceptedRestore::entries(reason, &forks).map_err(|error| StoreError::new(error.into()))?;
    let acceptances = (checkpoint.size..).zip(acceptances);
    lost.extend(acceptances.map(|(position, (entry, _))| LogEntry { position, entry, of: None }));
    journal.add_entries(lost).await?;
    forget_passed(ledger, &journal).await?;
    Ok(accepted)
}

/// What was skipped below the newest position has entries now.
///
/// # Errors
/// The ledger's file could not be read or written.
pub(super) async fn forget_passed(ledger: &Database, journal: &SqliteJournal) -> Result<(), StoreError> {
    let access = Access::Committed(ledger.clone());
    let passed = about(&access, PASSED).await?.and_then(|passed| passed.parse::<u64>().ok());
    if passed.is_some_and(|passed| passed > 0) && passed <= Some(positions(journal).await?) {
        keep_about(&access, PASSED, None).await?;
    }
    Ok(())
}

/// Of each product the first commit that it lost: the commit before it is not lost.
async fn forks(journal: &SqliteJournal, lost: &[LogEntry]) -> Result<Vec<NamedFork>, StoreError> {
    let leaves: Vec<(u64, Leaf)> =
        lost.iter().filter_map(|lost| Some((lost.position, Leaf::read(&lost.entry)?))).collect();
    let hashes: BTreeSet<[u8; 32]> = leaves.iter().map(|(_, leaf)| leaf.hash).collect();
    let first: BTreeMap<u64, Leaf> =
        leaves.into_iter().filter(|(_, leaf)| !hashes.contains(&leaf.parent)).collect();
    let heads = journal.heads_behind(first.values().map(|leaf| hex::encode(leaf.parent)).collect()).await?;
    let fork = |(lost, leaf): (u64, Leaf)| {
        let head = heads.get(&hex::encode(leaf.parent)).cloned().map(Hash::try_from).transpose();
        let head = head.map_err(|error| StoreError::unreadable(error.to_string().into()))?;
        Ok(NamedFork { lost, hash: Hash::of_digest(&leaf.hash), head })
    };
    first.into_iter().map(fork).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_feed_knows_the_first_line_of_an_acceptance() {
        assert_eq!(ledger_log::entry::RESTORE_ACCEPTED, event_store::log_entry::RESTORE_ACCEPTED);
    }
}
