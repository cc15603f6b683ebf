//! Another log for a ledger, under a new name and a new key; the one before it is kept beside it.
//!
//! The promise: no file of the log before is changed, and what it has of commits that are gone is logged again.

use std::io;
use std::path::{Path, PathBuf};

use event_store::{Feed, LogEntry, SqliteJournal};
use ledger_log::LogPath;
use schema::Clock;
use sequencer::{DirectoryLog, LogStore};
use sqlite::Database;

use super::accept_restore::forget_passed;
use super::bound::{self, bind, bound_keys};
use super::entries::positions;
use super::error::{LogStartError, unusable};
use super::rotate::renamed;
use super::start::{LogSettings, on_files};
use super::walk::{RecordedEntries, entries};
use super::{LOG_DIRECTORY, LOG_FORMER_KEY, LOG_KEY};

/// Why there is no other log.
#[derive(Debug, thiserror::Error)]
pub enum RenewError {
    /// There is no log.
    #[error("the ledger has no log; the first start of the server begins one")]
    NoLog,
    /// The name is that of the log.
    #[error("the log of this ledger has the origin {0} already; give it another name")]
    SameOrigin(String),
    /// A former log of this name is in the way.
    #[error("{0} is there already; move it away")]
    Taken(PathBuf),
    /// A position has neither a commit nor an entry that is known.
    #[error(
        "there is no commit at position {0}, and the log does not say what was there, so no log can have it; put back a backup of the ledger that has it"
    )]
    Gap(u64),
    /// A file cannot be used.
    #[error(transparent)]
    Start(#[from] LogStartError),
    /// The commits could not be read, or are not what the log needs.
    #[error("{0}")]
    Commits(String),
}

/// What was begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewLog {
    /// The verifier key.
    pub key: String,
    /// Where the log before is, if it was there.
    pub former: Option<PathBuf>,
}

/// Begins another log for the ledger in a directory that nobody else uses. It may be repeated after an interruption.
///
/// # Errors
/// [`RenewError`]: its text says what to do.
pub async fn new_log(
    directory: &Path,
    ledger: &Database,
    settings: &LogSettings,
    clock: &Clock,
) -> Result<NewLog, RenewError> {
    let Some(keys) = bound_keys(ledger).await? else {
        // It was interrupted when the log before was already put away.
        let former = former(directory).map_err(unusable(directory))?.ok_or(RenewError::NoLog)?;
        let begun = on_files(directory, ledger, settings, clock).await?;
        return Ok(NewLog { key: begun.log.keys.to_string(), former: Some(former) });
    };
    let origin = bound::origin(&keys).unwrap_or_default().to_owned();
    if settings.origin.as_ref() == Some(&origin) {
        return Err(RenewError::SameOrigin(origin));
    }
    let log = directory.join(LOG_DIRECTORY);
    let former = former_directory(directory, &origin);
    let is_moved = former.exists();
    if is_moved && log.exists() {
        return Err(RenewError::Taken(former));
    }
    let store = DirectoryLog::at(if is_moved { former.clone() } else { log.clone() });
    let note = store.read(LogPath::Checkpoint).ok().flatten();
    let size = note.and_then(|note| keys.open(&note).ok()).map_or(0, |checkpoint| checkpoint.size);
    fill_gaps(ledger, &store, size).await?;
    renamed(&log, &former)?;
    for name in [LOG_KEY, LOG_FORMER_KEY] {
        let mut beside = former.clone().into_os_string();
        beside.push(name.trim_start_matches("log"));
        renamed(&directory.join(name), &PathBuf::from(beside))?;
    }
    bind(ledger, None, None).await.map_err(LogStartError::from)?;
    let begun = on_files(directory, ledger, settings, clock).await?;
    Ok(NewLog { key: begun.log.keys.to_string(), former: former.exists().then_some(former) })
}

/// A log that was put away, if there is one.
fn former(directory: &Path) -> io::Result<Option<PathBuf>> {
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        let is_former =
            entry.file_name().to_string_lossy().starts_with("log.") && entry.file_type()?.is_dir();
        if is_former {
            return Ok(Some(entry.path()));
        }
    }
    Ok(None)
}

/// Where a log of this name goes: the slashes of a name are written `%2F`.
fn former_directory(directory: &Path, origin: &str) -> PathBuf {
    let name = origin.replace('%', "%25").replace('/', "%2F");
    directory.join(format!("{LOG_DIRECTORY}.{name}"))
}

/// Takes from a log what it has at positions without a commit.
async fn fill_gaps(ledger: &Database, store: &DirectoryLog, size: u64) -> Result<(), RenewError> {
    let journal = &SqliteJournal::new(ledger.clone());
    let failed = |error: String| RenewError::Commits(error);
    let end = positions(journal).await.map_err(|error| failed(error.to_string()))?;
    let (mut recorded, mut missing) = (RecordedEntries::from(journal as &dyn Feed, 0), Vec::new());
    let mut bundle: Option<(u64, Vec<Vec<u8>>)> = None;
    for position in 0..end {
        if recorded.at(position).await.map_err(|error| failed(error.to_string()))?.is_some() {
            continue;
        }
        let number = position / 256;
        if position < size && bundle.as_ref().is_none_or(|(read, _)| *read != number) {
            bundle = entries(store, number, size).ok().map(|entries| (number, entries));
        }
        let read = bundle.as_ref().filter(|(read, _)| *read == number);
        let entry = read.and_then(|(_, entries)| entries.get(usize::try_from(position % 256).ok()?));
        let entry = entry.filter(|_| position < size).cloned().ok_or(RenewError::Gap(position))?;
        missing.push(LogEntry { position, entry, of: None });
    }
    journal.add_entries(missing).await.map_err(|error| failed(error.to_string()))?;
    forget_passed(ledger, journal).await.map_err(|error| failed(error.to_string()))
}
