//! Goes on with a log that is ahead of its ledger, because the ledger was restored to an earlier moment: on record, in the log
//! itself.
//!
//! The promise: nothing that was signed is taken back. Positions of lost commits keep their entries, and an entry behind them names
//! the first commit that each product lost; only then may another one take its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use event_store::sqlite::{about, keep_about};
use event_store::{LogEntry, SqliteJournal, StoreError};
use ledger_log::entry::RESTORE_ACCEPTED;
use ledger_log::{Leaf, LogPath};
use sequencer::{DirectoryLog, LogFailure, LogStore};
use serde::Serialize;
use sqlite::{Access, Database};

use super::LOG_DIRECTORY;
use super::bound::bound_keys;
use super::entries::positions;
use super::error::LogStartError;
use super::walk::{ComparedEntry, compared};
use crate::directory::PASSED;

/// Forks that one entry names: each takes less than 200 bytes, and an entry has at most 65,535.
const FORKS: usize = 300;

/// The longest reason, in characters.
pub const LONGEST_REASON: usize = 500;

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

/// The object of an entry; the names are in the order of RFC 8785.
#[derive(Serialize)]
struct Acceptance<'a> {
    forks: &'a [Fork],
    part: usize,
    parts: usize,
    reason: &'a str,
}

/// The first commit that a product lost.
#[derive(Serialize)]
struct Fork {
    hash: String,
    head: Option<String>,
    lost: u64,
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
        None => lost.push(LogEntry { position, entry: logged }),
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
    let acceptances = acceptances(reason, &forks)?;
    let acceptances = (checkpoint.size..).zip(acceptances);
    lost.extend(acceptances.map(|(position, entry)| LogEntry { position, entry }));
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
async fn forks(journal: &SqliteJournal, lost: &[LogEntry]) -> Result<Vec<Fork>, StoreError> {
    let leaves: Vec<(u64, Leaf)> =
        lost.iter().filter_map(|lost| Some((lost.position, Leaf::read(&lost.entry)?))).collect();
    let hashes: BTreeSet<[u8; 32]> = leaves.iter().map(|(_, leaf)| leaf.hash).collect();
    let first: BTreeMap<u64, Leaf> =
        leaves.into_iter().filter(|(_, leaf)| !hashes.contains(&leaf.parent)).collect();
    let heads = journal.heads_behind(first.values().map(|leaf| hex::encode(leaf.parent)).collect()).await?;
    Ok(first
        .into_iter()
        .map(|(lost, leaf)| Fork {
            hash: hex::encode(leaf.hash),
            head: heads.get(&hex::encode(leaf.parent)).cloned(),
            lost,
        })
        .collect())
}

/// The entries that name the forks, at least one.
fn acceptances(reason: &str, forks: &[Fork]) -> Result<Vec<Vec<u8>>, StoreError> {
    let parts: Vec<&[Fork]> = if forks.is_empty() { vec![&[]] } else { forks.chunks(FORKS).collect() };
    let entry = |(part, forks): (usize, &&[Fork])| {
        let acceptance = Acceptance { forks, part, parts: parts.len(), reason };
        let json = serde_json::to_vec(&acceptance).map_err(|error| StoreError::new(error.into()))?;
        Ok([RESTORE_ACCEPTED, &json].concat())
    };
    (1..).zip(&parts).map(entry).collect()
}

#[cfg(test)]
mod tests {
    use ledger_log::Entry;

    use super::*;

    #[test]
    fn many_forks_are_named_in_entries_that_a_bundle_can_hold() {
        let hash = "f".repeat(64);
        let fork = |lost| Fork { hash: hash.clone(), head: Some(hash.clone()), lost: (1 << 53) - lost };
        let forks: Vec<Fork> = (0..=FORKS as u64 * 2).map(fork).collect();
        let reason = "\u{1}".repeat(LONGEST_REASON);
        let entries = acceptances(&reason, &forks).unwrap();
        let mut named = 0;
        for (part, entry) in (1..).zip(&entries) {
            assert!(entry.len() <= 65_535 && entry.len() != 64, "{}", entry.len());
            let Entry::AcceptedRestore(restore) = Entry::read(entry) else { panic!("it is an acceptance") };
            assert_eq!((restore.part, restore.parts, &restore.reason), (part, 3, &reason));
            named += restore.forks.len();
        }
        assert_eq!(named, forks.len());
        let entries = acceptances("r", &forks[..1]).unwrap();
        let expected = format!(
            r#"{{"forks":[{{"hash":"{hash}","head":"{hash}","lost":9007199254740992}}],"part":1,"parts":1,"reason":"r"}}"#
        );
        assert_eq!(entries, [[RESTORE_ACCEPTED, expected.as_bytes()].concat()]);
        assert_eq!(RESTORE_ACCEPTED, event_store::log_entry::RESTORE_ACCEPTED);
    }
}
