//! What the engine's threads own: the one `Database` that writes, and the read-only one for long reads beside it.
//! Every write is on disk, and announced, before it is acknowledged.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use dynoxide::storage::Storage;
use dynoxide::{Database, DynoxideError};
use serde_json::Value;
use tokio::sync::watch;

use crate::directory::{OpenError, open_read_only};
use crate::dispatch::{self, Answer, Effect};
use crate::owner::Held;
use crate::{TrimError, stream};

/// How often the tables have changed their shape; a reader whose count is behind looks again.
pub(crate) type Shape = Arc<AtomicU64>;

/// True from before a write is visible to other readers until it is on disk.
pub(crate) type Unsettled = Arc<AtomicBool>;

/// Two counters that others wait on.
#[derive(Clone, Debug)]
pub(crate) struct Announcements {
    pub(crate) writes: watch::Sender<u64>,
    pub(crate) stream_writes: watch::Sender<u64>,
}

impl Announcements {
    pub(crate) fn new() -> Self {
        Self { writes: watch::Sender::new(0), stream_writes: watch::Sender::new(0) }
    }
}

/// The only opener of the database that writes.
pub(crate) struct Writer {
    database: Database,
    /// A second connection to the same database: `Database` gives no way to its SQL.
    storage: Storage,
    newest_record: i64,
    shape: Shape,
    announcements: Announcements,
    /// SQLite's log, which the writes since the last [`Held::settle`] are in; none in memory.
    log: Option<File>,
    /// How many requests have written since then.
    written: u64,
    unsettled: Unsettled,
    /// Held last, so that the file is closed before the next process may have it.
    _lock: Option<File>,
}

impl Writer {
    /// Opens the database at `uri`, creating it when it is new; `log` opens its log, where it has one.
    pub(crate) fn open(
        uri: &str,
        lock: Option<File>,
        log: impl FnOnce() -> io::Result<Option<File>>,
        shape: Shape,
        announcements: Announcements,
    ) -> dynoxide::Result<Self> {
        let storage = Storage::new(uri)?;
        // Before the `Database` opens, so that no write ever runs without it.
        stream::create_index(&storage)?;
        let newest_record = stream::newest(&storage)?;
        let database = Database::new(uri)?;
        let log = log().map_err(|error| DynoxideError::InternalServerError(error.to_string()))?;
        if log.is_some() {
            // Sets `synchronous` to NORMAL: SQLite writes a commit into its log and does not wait for the disk, `settle`
            // does that for several commits at once. The log and its checkpoints stay in order by themselves.
            database.disable_bulk_loading()?;
        }
        let (written, unsettled) = (0, Unsettled::default());
        Ok(Self {
            database,
            storage,
            newest_record,
            shape,
            announcements,
            log,
            written,
            unsettled,
            _lock: lock,
        })
    }

    /// Whether something was written that is not on disk yet.
    pub(crate) fn unsettled(&self) -> Unsettled {
        self.unsettled.clone()
    }

    pub(crate) fn request(&mut self, operation: &str, body: &[u8]) -> Answer {
        let effect = dispatch::effect(operation, body);
        if effect == Effect::Reads {
            return dispatch::answer(&self.database, operation, body);
        }
        self.unsettled.store(true, Ordering::Release);
        let answer = dispatch::answer(&self.database, operation, body);
        if !answer.is_success() {
            self.unsettled.store(self.written > 0, Ordering::Release);
            return answer;
        }
        self.written += 1;
        if effect == Effect::Reshapes {
            self.shape.fetch_add(1, Ordering::Release);
        }
        match self.follow_up(operation, body) {
            Ok(()) => answer,
            Err(error) => Answer::error(500, error.error_type(), &error.to_string()),
        }
    }

    fn follow_up(&self, operation: &str, body: &[u8]) -> dynoxide::Result<()> {
        if operation == "DeleteTable"
            && let Ok(request) = serde_json::from_slice::<Value>(body)
            && let Some(table) = request["TableName"].as_str()
        {
            stream::forget(&self.storage, table)?;
        }
        Ok(())
    }

    fn announce(&mut self) {
        self.announcements.writes.send_modify(|count| *count += self.written);
        // One wake too many does no harm, so it is assumed where it cannot be read.
        let newest = stream::newest(&self.storage).unwrap_or(i64::MAX);
        if newest > self.newest_record {
            self.announcements.stream_writes.send_modify(|count| *count += 1);
        }
        self.newest_record = if newest == i64::MAX { self.newest_record } else { newest };
    }

    pub(crate) fn trim(&self, table: &str, up_to: i64) -> Result<u64, TrimError> {
        stream::trim(&self.storage, table, up_to).map_err(TrimError::Database)
    }
}

impl Held for Writer {
    fn is_unsettled(&self) -> bool {
        self.written > 0
    }

    fn settle(&mut self) -> io::Result<()> {
        if self.written > 0 {
            self.log.as_ref().map_or(Ok(()), File::sync_data)?;
            self.unsettled.store(false, Ordering::Release);
            self.announce();
            self.written = 0;
        }
        Ok(())
    }
}

impl Held for Reader {}

/// A second opener for long reads, which then do not stand in the way of the writer.
pub(crate) struct Reader {
    file: PathBuf,
    database: Option<Database>,
    shape: Shape,
    seen: u64,
}

impl Reader {
    pub(crate) fn new(file: &Path, shape: Shape) -> Self {
        Self { file: file.to_owned(), database: None, shape, seen: 0 }
    }

    pub(crate) fn request(&mut self, operation: &str, body: &[u8]) -> Answer {
        match self.database() {
            Ok(database) => dispatch::answer(database, operation, body),
            Err(error) => {
                Answer::error(500, "com.amazonaws.dynamodb.v20120810#InternalServerError", &error.to_string())
            }
        }
    }

    /// Opens the database now, or again when its tables have changed: an opener remembers their shape for ever.
    pub(crate) fn database(&mut self) -> Result<&Database, OpenError> {
        let shape = self.shape.load(Ordering::Acquire);
        if shape != self.seen {
            self.database = None;
            self.seen = shape;
        }
        match &mut self.database {
            Some(database) => Ok(database),
            none => Ok(none.insert(open_read_only(&self.file)?)),
        }
    }
}
