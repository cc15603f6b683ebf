//! A database file: opened and checked, written by one thread, and read by a pool of connections.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use tokio::sync::watch;

use crate::error::{Error, OpenError};
use crate::private::open_private;
use crate::schema::{Schema, Version};
use crate::writer::Writer;

/// How long to wait for a lock of another process.
const BUSY: Duration = Duration::from_secs(5);

/// Prepared statements that a connection caches.
const STATEMENTS: usize = 64;

/// Idle connections for readers; more are closed after use.
const IDLE_READERS: usize = 8;

/// Pages of the write-ahead log before they are copied into the file: 32 MB.
const LOG_PAGES: u32 = 8_000;

/// The smallest page of SQLite, which takes a smaller file for a new database.
const SMALLEST: u64 = 512;

/// An open file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    file: &'static str,
    /// `None` where the file is open for reading only.
    writer: Option<Writer>,
    /// Device and inode, to tell whether the file is still at its path.
    identity: (u64, u64),
    immutable: bool,
    readers: Mutex<Vec<Connection>>,
}

impl Database {
    /// Opens the file of `schema` in `directory` for reading and writing, and creates it if it is missing. The caller must make
    /// sure that no other process writes.
    ///
    /// # Errors
    /// [`OpenError`]: its text says what to do.
    pub fn open(directory: &Path, schema: &Schema) -> Result<Self, OpenError> {
        let path = file_of(directory, schema);
        let mut connection = connect(&path, true)?;
        let version = schema.version(&path, &connection)?;
        match version {
            Version::Current => schema.compare(&path, &connection, schema.newest())?,
            Version::Older(version) => schema.compare(&path, &connection, version)?,
            Version::Empty => {}
        }
        write_settings(&path, &connection)?;
        if version != Version::Current {
            let from = if let Version::Older(from) = version { from } else { 0 };
            let not_opened = OpenError::not_opened(&path);
            let brought = connection.transaction_with_behavior(TransactionBehavior::Immediate).and_then(
                |transaction| {
                    schema.apply(&transaction, from)?;
                    transaction.commit()
                },
            );
            brought.map_err(not_opened)?;
            sync_directory(directory)?;
        }
        let file = schema.file;
        let identity =
            identity(&path).map_err(|source| OpenError::NotWritable { path: path.clone(), source })?;
        let writer = Writer::start(file, connection)
            .map_err(|source| OpenError::Thread { file: path.clone(), source })?;
        let (writer, readers) = (Some(writer), Mutex::default());
        Ok(Self { inner: Arc::new(Inner { path, file, writer, identity, immutable: false, readers }) })
    }

    /// Opens the file of `schema` in `directory` for reading only, even while another process writes to it.
    ///
    /// # Errors
    /// [`OpenError`]: its text says what to do.
    pub fn open_read_only(directory: &Path, schema: &Schema) -> Result<Self, OpenError> {
        Self::open_to_read(directory, schema, false)
    }

    /// The same, while no process writes to the file: without a log beside it none is created.
    ///
    /// # Errors
    /// [`OpenError`]: its text says what to do.
    pub fn open_unwritten(directory: &Path, schema: &Schema) -> Result<Self, OpenError> {
        Self::open_to_read(directory, schema, !beside(&file_of(directory, schema), "-wal").exists())
    }

    fn open_to_read(directory: &Path, schema: &Schema, unchanging: bool) -> Result<Self, OpenError> {
        let path = file_of(directory, schema);
        let not_found = |source| OpenError::NotFound { file: path.clone(), source };
        let size = std::fs::metadata(&path).map_err(not_found)?.len();
        if size < SMALLEST {
            return Err(OpenError::Damaged { file: path, reason: "it is empty".to_owned() });
        }
        let readable = |immutable| {
            let connection = connect_reader(&path, immutable).map_err(OpenError::not_opened(&path))?;
            match schema.version(&path, &connection)? {
                Version::Empty => {
                    Err(OpenError::Damaged { file: path.clone(), reason: "it is empty".to_owned() })
                }
                Version::Older(_) | Version::Current => Ok(connection),
            }
        };
        // On a read-only medium SQLite cannot create its shared memory. Without a log the file alone is complete.
        let (connection, immutable) = match readable(unchanging) {
            Err(OpenError::NotWritable { .. }) if !beside(&path, "-wal").exists() => (readable(true)?, true),
            other => (other?, unchanging),
        };
        let readers = Mutex::new(vec![connection]);
        let identity =
            identity(&path).map_err(|source| OpenError::NotFound { file: path.clone(), source })?;
        let (file, writer) = (schema.file, None);
        Ok(Self { inner: Arc::new(Inner { path, file, writer, identity, immutable, readers }) })
    }

    /// The version of the file of `schema` in `directory`, `None` if there is no such file.
    ///
    /// # Errors
    /// [`OpenError`]: its text says what to do.
    pub fn version(directory: &Path, schema: &Schema) -> Result<Option<Version>, OpenError> {
        let path = file_of(directory, schema);
        if !path.exists() {
            return Ok(None);
        }
        let connection = connect(&path, false)?;
        schema.version(&path, &connection).map(Some)
    }

    /// The version of this file.
    ///
    /// # Errors
    /// [`OpenError`]: its text says what to do.
    pub fn version_of(&self, schema: &Schema) -> Result<Version, OpenError> {
        let path = &self.inner.path;
        let connection = connect_reader(path, self.inner.immutable).map_err(OpenError::not_opened(path))?;
        schema.version(path, &connection)
    }

    /// Removes the file of `schema` in `directory`, which must not be open.
    ///
    /// # Errors
    /// [`OpenError::NotWritable`].
    pub fn remove(directory: &Path, schema: &Schema) -> Result<(), OpenError> {
        let path = file_of(directory, schema);
        for path in [beside(&path, "-wal"), beside(&path, "-shm"), path] {
            match std::fs::remove_file(&path) {
                Err(source) if source.kind() != io::ErrorKind::NotFound => {
                    return Err(OpenError::NotWritable { path, source });
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Compares the tables, indexes and triggers of the file with its schema, in the version that the file has.
    ///
    /// # Errors
    /// [`OpenError::Schema`] names what is missing, changed or unknown.
    pub fn compare(&self, schema: &Schema) -> Result<(), OpenError> {
        let path = &self.inner.path;
        let connection = connect_reader(path, self.inner.immutable).map_err(OpenError::not_opened(path))?;
        let version = match schema.version(path, &connection)? {
            Version::Older(version) => version,
            Version::Empty | Version::Current => schema.newest(),
        };
        schema.compare(path, &connection, version)
    }

    /// Reads a little of what is committed, on the caller's thread.
    ///
    /// # Errors
    /// [`Error`]: the file could not be read.
    pub fn peek<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, Error> {
        let failed = |source| Error::of(self.inner.file, source);
        let idle = self.readers().pop();
        let connection = match idle {
            Some(connection) => connection,
            None => connect_reader(&self.inner.path, self.inner.immutable).map_err(failed)?,
        };
        let value = work(&connection).map_err(failed)?;
        let mut readers = self.readers();
        if readers.len() < IDLE_READERS {
            readers.push(connection);
        }
        Ok(value)
    }

    /// Reads what is committed, on a thread that may block.
    ///
    /// # Errors
    /// [`Error`]: the file could not be read.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        let (database, file) = (self.clone(), self.inner.file);
        let read = tokio::task::spawn_blocking(move || database.peek(work)).await;
        read.unwrap_or_else(|error| Err(Error::Ended { file, reason: error.to_string() }))
    }

    /// Writes, and returns after the sync. `work` may be part of a larger transaction.
    ///
    /// # Errors
    /// [`Error`]: nothing was written, except perhaps where the writer has ended.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        self.writer()?.write(work).await
    }

    /// Begins the transaction of the file's follower, which the writes of [`Access::Joined`] join.
    pub fn begin(&self) {
        if let Some(writer) = &self.inner.writer {
            writer.begin();
        }
    }

    /// Ends the transaction of the follower, and returns after the sync.
    ///
    /// # Errors
    /// [`Error`]: some or all of its writes were rolled back; repeat them.
    pub async fn end(&self) -> Result<(), Error> {
        self.writer()?.end().await
    }

    /// A count that changes after each transaction.
    #[must_use]
    pub fn committed(&self) -> watch::Receiver<u64> {
        match &self.inner.writer {
            Some(writer) => writer.committed(),
            None => watch::channel(0).1,
        }
    }

    /// A count that changes when another connection has changed the file or reset its log (a checkpoint of the kind `RESTART` or
    /// `TRUNCATE`; a `PASSIVE` one is not noticed).
    #[must_use]
    pub fn foreign(&self) -> watch::Receiver<u64> {
        match &self.inner.writer {
            Some(writer) => writer.foreign(),
            None => watch::channel(0).1,
        }
    }

    /// Finishes the queued writes and closes the file; readers that are in use are closed with the last clone.
    pub async fn close(&self) {
        // The last connection to close copies the log into the file, which a reader cannot.
        self.readers().clear();
        if let Some(writer) = &self.inner.writer {
            writer.close().await;
        }
        self.readers().clear();
    }

    /// Whether the file is still at its path, and was not moved, removed or replaced.
    #[must_use]
    pub fn is_in_place(&self) -> bool {
        identity(&self.inner.path).is_ok_and(|identity| identity == self.inner.identity)
    }

    /// Waits until the writer has ended, and returns why. Unless it was closed, what is on disk is then unknown.
    pub async fn ended(&self) -> String {
        match &self.inner.writer {
            Some(writer) => writer.ended().await,
            None => std::future::pending().await,
        }
    }

    fn writer(&self) -> Result<&Writer, Error> {
        let reason = || "it is open for reading only".to_owned();
        self.inner.writer.as_ref().ok_or_else(|| Error::Ended { file: self.inner.file, reason: reason() })
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Connection>> {
        // Every change is one push or one pop, so a panic elsewhere cannot have left half of one.
        self.inner.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How an adapter accesses its file.
#[derive(Debug, Clone)]
pub enum Access {
    /// Reads what is committed; each write is synced before it returns.
    Committed(Database),
    /// Reads and writes in the transaction of the file's follower, if one is open.
    Joined(Database),
}

impl Access {
    /// Reads a little.
    ///
    /// # Errors
    /// [`Error`]: the file could not be read.
    pub async fn peek<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        match self {
            Self::Committed(database) => database.peek(work),
            Self::Joined(database) => database.writer()?.join(work).await,
        }
    }

    /// Reads.
    ///
    /// # Errors
    /// [`Error`]: the file could not be read.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        match self {
            Self::Committed(database) => database.read(work).await,
            Self::Joined(database) => database.writer()?.join(work).await,
        }
    }

    /// Writes in one transaction, or as a step of the follower's.
    ///
    /// # Errors
    /// [`Error`]: nothing was written, except perhaps where the writer has ended.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, Error> {
        match self {
            Self::Committed(database) => database.write(work).await,
            Self::Joined(database) => database.writer()?.join(work).await,
        }
    }
}

/// The number, or SQLite's largest integer if it is above that.
pub fn clamped(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

fn file_of(directory: &Path, schema: &Schema) -> PathBuf {
    std::path::absolute(directory).unwrap_or_else(|_| directory.to_owned()).join(schema.file)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let metadata = std::fs::metadata(path)?;
    Ok((metadata.dev(), metadata.ino()))
}

/// A connection that reads and writes. SQLite gives the files beside it the mode of this one, and opens no symbolic links there.
fn connect(path: &Path, create: bool) -> Result<Connection, OpenError> {
    let not_writable = |source| OpenError::NotWritable { path: path.to_owned(), source };
    let size = open_private(path, create)?.metadata().map_err(not_writable)?.len();
    if (1..SMALLEST).contains(&size) {
        return Err(OpenError::Damaged { file: path.to_owned(), reason: format!("it has {size} bytes") });
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags);
    let connection = opened.map_err(OpenError::not_opened(path))?;
    settle(&connection).map_err(OpenError::not_opened(path))?;
    Ok(connection)
}

fn connect_reader(path: &Path, immutable: bool) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = if immutable {
        let uri = format!("file:{}?immutable=1", escaped(path));
        Connection::open_with_flags(uri, flags | OpenFlags::SQLITE_OPEN_URI)?
    } else {
        Connection::open_with_flags(path, flags)?
    };
    settle(&connection)?;
    Ok(connection)
}

/// The path of an SQLite URI, with special characters escaped.
fn escaped(path: &Path) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-~".contains(&byte);
    let escape = |byte: &u8| {
        if plain(*byte) { char::from(*byte).to_string() } else { format!("%{byte:02X}") }
    };
    path.as_os_str().as_encoded_bytes().iter().map(escape).collect()
}

/// The settings of every connection: nothing in the file is trusted that could run code or corrupt memory.
fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_TRUSTED_SCHEMA, false)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_VIEW, false)?;
    connection.pragma_update(None, "cell_size_check", true)
}

/// Further settings of the writing connection.
fn write_settings(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let set = || {
        let mode: String =
            connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0))?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "wal_autocheckpoint", LOG_PAGES)?;
        Ok(mode)
    };
    let mode = set().map_err(OpenError::not_opened(path))?;
    if mode.eq_ignore_ascii_case("wal") {
        return Ok(());
    }
    let source =
        io::Error::other(format!("the file system does not support a write-ahead log (journal mode {mode})"));
    Err(OpenError::NotWritable { path: path.to_owned(), source })
}

/// Syncs the directory entry of a new file.
fn sync_directory(directory: &Path) -> Result<(), OpenError> {
    let synced = File::open(directory).and_then(|directory| directory.sync_all());
    synced.map_err(|source| OpenError::NotWritable { path: directory.to_owned(), source })
}
