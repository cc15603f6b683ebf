//! A data directory: one file, one lock, at most one process that writes. Whoever cannot have it learns why, and what
//! to do about it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use dynoxide::{Database, DynoxideError};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

/// These names are stored. Never rename: a renamed file is a lost ledger.
const DATABASE: &str = "dynamodb.sqlite3";
const LOCK: &str = "dynamodb.lock";
/// A line of the lock file, from the moment the database is there.
const CREATED: &str = "database created";

/// SQLite has no smaller page, and takes a file without one for a new database.
const SMALLEST: u64 = 512;

/// What stands for itself in the path of an SQLite URI.
const PATH: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'.').remove(b'-').remove(b'_').remove(b'~');

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Another process writes to it: send the work to that process, stop it, or choose another directory.
    #[error("{directory} is in use by {holder}; stop it first, or choose another data directory")]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// Who holds it, as well as it is known.
        holder: String,
    },
    /// The directory or its file cannot be written: make room, change its owner or mode, or choose another directory.
    #[error(
        "{path} cannot be written ({source}); make room, change its owner or mode, or choose another data directory"
    )]
    NotWritable {
        /// The directory or file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// There is nothing to read: check the path, or let the server create it first.
    #[error("{file} cannot be read ({source}); check the path, or start the server there first")]
    NotFound {
        /// The database file.
        file: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The file is not a database this version can read: restore it from a copy, or choose another directory.
    #[error(
        "{file} is damaged, or was not written by this program ({source}); restore it from a copy, or choose another data directory"
    )]
    Damaged {
        /// The database file.
        file: PathBuf,
        /// What the engine said.
        source: DynoxideError,
    },
    /// There was a database, and nothing is left of it: restore it from a copy, or choose another directory.
    #[error(
        "{file} is empty or gone although it should hold a database; restore it from a copy, or choose another data directory"
    )]
    Gone {
        /// The database file.
        file: PathBuf,
    },
    /// The operating system gave no thread: free some resources and try again.
    #[error("the embedded engine could not start its thread ({0}); free some resources and try again")]
    Thread(#[source] io::Error),
}

impl OpenError {
    /// Why SQLite does not open `file`: it is damaged, unless what it lies on is to blame.
    pub(crate) fn not_opened(file: &Path) -> impl FnOnce(DynoxideError) -> Self {
        // SQLITE_READONLY, SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN
        const GROUND: [i32; 4] = [8, 10, 13, 14];
        move |source| {
            let file = file.to_owned();
            let code = match &source {
                DynoxideError::SqliteError(error) => {
                    error.sqlite_error().map(|error| error.extended_code & 0xff)
                }
                _ => None,
            };
            match code {
                Some(code) if GROUND.contains(&code) => {
                    Self::NotWritable { path: file, source: io::Error::other(source) }
                }
                _ => Self::Damaged { file, source },
            }
        }
    }
}

/// The database file of `directory`.
pub(crate) fn database_file(directory: &Path) -> PathBuf {
    std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned()).join(DATABASE)
}

/// Creates `directory` where it is missing and takes its lock, which lasts as long as the file it returns.
pub(crate) fn claim(directory: &Path) -> Result<File, OpenError> {
    let not_writable = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::NotWritable { path, source }
    };
    std::fs::create_dir_all(directory).map_err(not_writable(directory))?;
    let path = directory.join(LOCK);
    let mut lock = writable(&path).map_err(not_writable(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = text(&mut lock).lines().next().unwrap_or("another process").to_owned();
            return Err(OpenError::InUse { directory: directory.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(not_writable(&path)(source)),
    }
    let was_created = text(&mut lock).lines().any(|line| line == CREATED);
    // Only after the lock: closing a descriptor of an open database would drop SQLite's own locks on it.
    let file = database_file(directory);
    if was_created && std::fs::metadata(&file).map_or(0, |file| file.len()) < SMALLEST {
        return Err(OpenError::Gone { file });
    }
    writable(&file).map_err(not_writable(&file))?;
    sign(&mut lock, was_created).map_err(not_writable(&path))?;
    Ok(lock)
}

/// Writes into the lock of `directory` that its database is there: from now on an empty one is a lost one.
pub(crate) fn created(directory: &Path) -> Result<(), OpenError> {
    let path = directory.join(LOCK);
    let signed = writable(&path).and_then(|mut lock| sign(&mut lock, true));
    signed.map_err(|source| OpenError::NotWritable { path, source })
}

fn writable(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

fn sign(lock: &mut File, created: bool) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    let created = if created { CREATED } else { "" };
    write!(lock, "process {}\n{created}\n", std::process::id())
}

/// What stands in the lock file; nothing where it cannot be read.
fn text(lock: &mut File) -> String {
    let mut text = String::new();
    let _ = lock.read_to_string(&mut text);
    text
}

/// SQLite's log of an open database in `file`.
pub(crate) fn log(file: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open(log_file(file))
}

fn log_file(file: &Path) -> PathBuf {
    file.with_file_name(format!("{DATABASE}-wal"))
}

/// The SQLite URI of `file`, with `query` behind it.
pub(crate) fn uri(file: &Path, query: &str) -> String {
    format!("file:{}{query}", percent_encode(file.as_os_str().as_encoded_bytes(), PATH))
}

/// The SQLite URI of a database in memory that nobody else has; it lives until its last opener is dropped.
pub(crate) fn memory_uri() -> String {
    static OPENED: AtomicU64 = AtomicU64::new(0);
    format!("file:/engine-{}?vfs=memdb", OPENED.fetch_add(1, Ordering::Relaxed))
}

/// Opens `file` for reading only, also while another process writes to it.
pub(crate) fn open_read_only(file: &Path) -> Result<Database, OpenError> {
    let found =
        std::fs::metadata(file).map_err(|source| OpenError::NotFound { file: file.to_owned(), source })?;
    if found.len() < SMALLEST {
        return Err(OpenError::Gone { file: file.to_owned() });
    }
    let opened = Database::new(&uri(file, "?mode=ro"));
    // A read-only medium has no room for SQLite's shared memory. The file alone is whole only when no log is beside it.
    let opened = match opened {
        Err(_) if !log_file(file).exists() => Database::new(&uri(file, "?immutable=1")),
        opened => opened,
    };
    opened.map_err(OpenError::not_opened(file))
}
