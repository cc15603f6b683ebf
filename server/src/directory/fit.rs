//! Whether the files of a directory belong together, before anything is created or written there: readers and writers check
//! the same.

use std::path::Path;

use event_store::sqlite::{LEDGER, PUBLISHING};
use projections::sqlite::VIEWS;
use sqlite::rusqlite::OptionalExtension;
use sqlite::{Database, Schema, Version};

use crate::log::LOG_DIRECTORY;

use super::{DirectoryError, LEDGER_ID, PASSED};

/// Checks the files of a directory that a server is about to open and nobody writes to. A file that others show to have been
/// there is not created again, whether or not the lock file still says so.
///
/// # Errors
/// [`DirectoryError::Gone`], [`DirectoryError::Foreign`] or [`DirectoryError::Nameless`]; nothing was created.
pub(super) fn check(path: &Path) -> Result<(), DirectoryError> {
    let (ledger, publishing) = (existing(path, &LEDGER)?, existing(path, &PUBLISHING)?);
    let views = std::fs::metadata(path.join(VIEWS.file)).is_ok_and(|views| views.len() > 0);
    let log = path.join(LOG_DIRECTORY).exists();
    match (&ledger, &publishing) {
        (Some(ledger), Some(publishing)) => {
            same_ledger(ledger, publishing)?;
            // Views that cannot be read, or are to be built again, are judged where they are opened.
            match existing(path, &VIEWS) {
                Ok(Some(views)) => same_views(ledger, &views),
                _ => Ok(()),
            }
        }
        (Some(ledger), None) if has_commits(ledger)? => Err(gone(path, &PUBLISHING)),
        (None, Some(_)) => Err(gone(path, &LEDGER)),
        (None, None) if views || log => Err(gone(path, &LEDGER)),
        _ => Ok(()),
    }
}

/// Checks that two files belong to one ledger. Receipts without an id belong to none.
///
/// # Errors
/// [`DirectoryError::Foreign`] or [`DirectoryError::Nameless`].
pub(super) fn same_ledger(ledger: &Database, publishing: &Database) -> Result<(), DirectoryError> {
    let nameless = |file: &Database, other: &Database| {
        let (file, other) = (file.path().to_owned(), other.path().to_owned());
        Err(DirectoryError::Nameless { file, other })
    };
    match (id_of(ledger)?, id_of(publishing)?) {
        (Some(expected), Some(found)) if expected != found => {
            Err(foreign(publishing, found, ledger, expected, ""))
        }
        (None, Some(_)) => nameless(ledger, publishing),
        // A server that was killed in its first start can leave an empty file.
        (Some(_), None) if has_rows(publishing)? => nameless(publishing, ledger),
        _ => Ok(()),
    }
}

/// Checks that the views, if they name a ledger, are of this one.
///
/// # Errors
/// [`DirectoryError::Foreign`].
pub(super) fn same_views(ledger: &Database, views: &Database) -> Result<(), DirectoryError> {
    match (id_of(ledger)?, id_of(views)?) {
        (Some(expected), Some(found)) if expected != found => {
            Err(foreign(views, found, ledger, expected, super::DELETE_VIEWS))
        }
        _ => Ok(()),
    }
}

/// The error of a file that belongs to another ledger.
pub(super) fn foreign(
    file: &Database,
    found: String,
    ledger: &Database,
    expected: String,
    remedy: &'static str,
) -> DirectoryError {
    let (file, ledger) = (file.path().to_owned(), ledger.path().to_owned());
    DirectoryError::Foreign { file, found, ledger, expected, remedy }
}

/// The error of a file that should be there.
pub(super) fn gone(path: &Path, schema: &Schema) -> DirectoryError {
    DirectoryError::Gone { file: path.join(schema.file) }
}

/// A file that somebody has written to and nobody writes to now, for reading only.
fn existing(path: &Path, schema: &Schema) -> Result<Option<Database>, DirectoryError> {
    match Database::version(path, schema)? {
        None | Some(Version::Empty) => Ok(None),
        Some(Version::Older(_) | Version::Current) => Ok(Some(Database::open_unwritten(path, schema)?)),
    }
}

fn id_of(file: &Database) -> Result<Option<String>, DirectoryError> {
    let query = "SELECT value FROM about WHERE name = ?1";
    Ok(file.peek(|connection| connection.query_row(query, [LEDGER_ID], |row| row.get(0)).optional())?)
}

/// Whether the ledger has commits, or had some.
fn has_commits(ledger: &Database) -> Result<bool, DirectoryError> {
    let query = "SELECT EXISTS (SELECT 1 FROM commits) OR EXISTS (SELECT 1 FROM about WHERE name = ?1)";
    Ok(ledger.peek(|connection| connection.query_row(query, [PASSED], |row| row.get(0)))?)
}

fn has_rows(publishing: &Database) -> Result<bool, DirectoryError> {
    let query = "SELECT EXISTS (SELECT 1 FROM receipts) OR EXISTS (SELECT 1 FROM restored) \
                 OR EXISTS (SELECT 1 FROM bus) OR EXISTS (SELECT 1 FROM checkpoints)";
    Ok(publishing.peek(|connection| connection.query_row(query, [], |row| row.get(0)))?)
}
