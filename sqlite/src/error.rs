//! Errors of a file. Which one when: [`OpenError`] when it is opened, which ends the start of a program with a text that says what to
//! do; [`Error`] when one read or write fails.

use std::io;
use std::path::{Path, PathBuf};

use rusqlite::ErrorCode;
use rusqlite::types::Type;

/// `SQLITE_IOERR_FSYNC` and `SQLITE_IOERR_DIR_FSYNC`: a sync failed.
const FAILED_SYNCS: [i32; 2] = [1034, 1290];

/// Why a file could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// There is no such file: check the path, or start the server there first.
    #[error("{file} cannot be read ({source}); check the path, or start the server there first")]
    NotFound {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The file or its directory cannot be written: make room, or change its owner or mode.
    #[error(
        "{path} cannot be written ({source}); make room, change its owner or mode, or choose another data directory"
    )]
    NotWritable {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// There is a symbolic link, or something else that is no file: put the file itself there.
    #[error(
        "{path} is a symbolic link, or no regular file, and is left alone; put the file itself there, or choose another data directory"
    )]
    NotAFile {
        /// The file.
        path: PathBuf,
    },
    /// The file has a further name, under which somebody else may use it: remove that name, or copy the file.
    #[error(
        "{path} is a hard link: the file has another name too, and is left alone; put a copy of it there, or choose another data directory"
    )]
    HardLink {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a database of this kind: restore it from a copy.
    #[error(
        "{file} is damaged, or was not written by this program ({reason}); restore it from a copy, or choose another data directory"
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The schema was changed by somebody else: undo the change, or restore the file from a copy.
    #[error(
        "{file} was changed by somebody else: {difference}; restore it from a copy, or undo the change, and run ledger verify"
    )]
    Schema {
        /// The file.
        file: PathBuf,
        /// The table, index or trigger, and how it differs.
        difference: String,
    },
    /// A later build wrote the file: run that build.
    #[error(
        "{file} was written by a later build (version {found}, this build knows {known}); run that build"
    )]
    Newer {
        /// The file.
        file: PathBuf,
        /// Its version.
        found: i32,
        /// The newest version that this build knows.
        known: i32,
    },
    /// No thread could be started: free some resources and try again.
    #[error("no thread could be started for {file} ({source}); free some resources and try again")]
    Thread {
        /// The file.
        file: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}

impl OpenError {
    /// Why SQLite does not open `file`: it is damaged, unless the file system is the cause.
    pub(crate) fn not_opened(file: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        move |error| {
            let file = file.to_owned();
            match error.sqlite_error_code() {
                Some(
                    ErrorCode::ReadOnly
                    | ErrorCode::SystemIoFailure
                    | ErrorCode::DiskFull
                    | ErrorCode::CannotOpen
                    | ErrorCode::DatabaseBusy
                    | ErrorCode::DatabaseLocked,
                ) => Self::NotWritable { path: file, source: io::Error::other(error) },
                _ => Self::Damaged { file, reason: error.to_string() },
            }
        }
    }
}

/// Why a read or a write failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// SQLite failed; nothing was changed.
    #[error("{file}: {source}")]
    Sqlite {
        /// The name of the file.
        file: &'static str,
        /// The error of SQLite.
        source: rusqlite::Error,
    },
    /// The file is damaged: restore it from a copy.
    #[error("{file} is damaged ({reason}); restore it from a copy")]
    Damaged {
        /// The name of the file.
        file: &'static str,
        /// The error of SQLite.
        reason: String,
    },
    /// A value of a row cannot be read: the program does not write it, so trying again does not help.
    #[error("{file}: {reason}")]
    Unreadable {
        /// The name of the file.
        file: &'static str,
        /// The row, and what is wrong with it.
        reason: String,
    },
    /// Its transaction could not be committed; nothing was changed.
    #[error("{file}: nothing was written: {reason}")]
    NotCommitted {
        /// The name of the file.
        file: &'static str,
        /// Why.
        reason: String,
    },
    /// The writer has ended; whether the write was made is unknown. Restart the process.
    #[error("{file}: the writer has ended: {reason}")]
    Ended {
        /// The name of the file.
        file: &'static str,
        /// Why.
        reason: String,
    },
}

impl Error {
    /// An error of SQLite in `file`.
    pub(crate) fn of(file: &'static str, source: rusqlite::Error) -> Self {
        if is_damage(&source) {
            return Self::Damaged { file, reason: source.to_string() };
        }
        match source {
            rusqlite::Error::FromSqlConversionFailure(_, _, reason) => {
                Self::Unreadable { file, reason: reason.to_string() }
            }
            unreadable if is_unreadable(&unreadable) => {
                Self::Unreadable { file, reason: unreadable.to_string() }
            }
            source => Self::Sqlite { file, source },
        }
    }

    /// Whether a value of a row cannot be read, which trying again does not change.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        matches!(self, Self::Unreadable { .. })
    }

    /// Whether a key or a trigger of the table refused a duplicate row.
    #[must_use]
    pub fn is_duplicate(&self) -> bool {
        let Self::Sqlite { source: rusqlite::Error::SqliteFailure(error, _), .. } = self else {
            return false;
        };
        // SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_TRIGGER and SQLITE_CONSTRAINT_UNIQUE
        [1555, 1811, 2067].contains(&error.extended_code)
    }
}

/// The error of a value that cannot be read; `reason` names its row.
#[must_use]
pub fn unreadable(reason: impl Into<String>) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(0, Type::Text, reason.into().into())
}

/// Adds the row to the error of a value in it; any other error stays as it is.
pub fn in_row(row: impl FnOnce() -> String) -> impl FnOnce(rusqlite::Error) -> rusqlite::Error {
    move |error| match error {
        rusqlite::Error::FromSqlConversionFailure(_, _, reason) => {
            unreadable(format!("{} cannot be read: {reason}", row()))
        }
        error if is_unreadable(&error) => unreadable(format!("{} cannot be read: {error}", row())),
        error => error,
    }
}

/// Whether SQLite answered, with a value of another type than its column has.
fn is_unreadable(error: &rusqlite::Error) -> bool {
    matches!(
        error,
        rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..)
            | rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::Utf8Error(..)
    )
}

/// Whether what is on disk is unknown from now on.
pub(crate) fn is_fatal(error: &rusqlite::Error) -> bool {
    let extended = error.sqlite_error().map(|error| error.extended_code);
    extended.is_some_and(|code| FAILED_SYNCS.contains(&code)) || is_damage(error)
}

/// Whether what is on disk is no longer a database.
pub(crate) fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}
