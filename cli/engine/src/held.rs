//! What the engine's threads own: the one `Database` that writes, and the read-only one for long reads beside it.
//! Every write is announced before it is acknowledged.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use dynoxide::Database;
use dynoxide::storage::Storage;
use serde_json::Value;
use tokio::sync::watch;

use crate::directory::{OpenError, open_read_only};
use crate::dispatch::{self, Answer, Effect};
use crate::{TrimError, stream};

/// How often the tables have changed their shape; a reader whose count is behind looks again.
pub(crate) type Shape = Arc<AtomicU64>;

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
    /// Held last, so that the file is closed before the next process may have it.
    _lock: Option<File>,
}

impl Writer {
    /// Opens the database at `uri`, creating it when it is new.
    pub(crate) fn open(
        uri: &str,
        lock: Option<File>,
        shape: Shape,
        announcements: Announcements,
    ) -> dynoxide::Result<Self> {
        let storage = Storage::new(uri)?;
        // Before the `Database` opens, so that no write ever runs without it.
        stream::create_index(&storage)?;
        let newest_record = stream::newest(&storage)?;
        let database = Database::new(uri)?;
        Ok(Self { database, storage, newest_record, shape, announcements, _lock: lock })
    }

    pub(crate) fn request(&mut self, operation: &str, body: &[u8]) -> Answer {
        let answer = dispatch::answer(&self.database, operation, body);
        let effect = dispatch::effect(operation, body);
        if effect == Effect::Reads || !answer.is_success() {
            return answer;
        }
        if effect == Effect::Reshapes {
            self.shape.fetch_add(1, Ordering::Release);
        }
        match self.follow_up(operation, body) {
            Ok(()) => answer,
            Err(error) => Answer::error(500, error.error_type(), &error.to_string()),
        }
    }

    fn follow_up(&mut self, operation: &str, body: &[u8]) -> dynoxide::Result<()> {
        if operation == "DeleteTable"
            && let Ok(request) = serde_json::from_slice::<Value>(body)
            && let Some(table) = request["TableName"].as_str()
        {
            stream::forget(&self.storage, table)?;
        }
        self.announcements.writes.send_modify(|count| *count += 1);
        let newest = stream::newest(&self.storage)?;
        if newest > self.newest_record {
            self.announcements.stream_writes.send_modify(|count| *count += 1);
        }
        self.newest_record = newest;
        Ok(())
    }

    pub(crate) fn trim(&self, table: &str, up_to: i64) -> Result<u64, TrimError> {
        stream::trim(&self.storage, table, up_to).map_err(TrimError::Database)
    }
}

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
