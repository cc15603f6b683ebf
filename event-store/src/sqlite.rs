//! The journal on SQLite: one row per commit in the order of recording, inserted and never changed.
//!
//! The promise: positions begin at 0 and have no gaps; a position that a consumer has passed is never assigned again; the file
//! itself refuses to change or remove a commit.

mod entries;
mod positions;
mod restoring;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use schema::{ProductId, StoredCommit};
use serde_json::Map;
use sqlite::rusqlite::{self, Connection, OptionalExtension, Row as SqlRow, params};
use sqlite::{Access, Database, Error, Schema, clamped};
use tokio::sync::watch;

use crate::error::{AppendError, StoreError};
use crate::export;
use crate::follow::{Change, Feed, FeedEntry, FeedSlice, PositionedLine};
use crate::journal::{CommitKey, Head, Journal, JournalRow, KeyPage, ScanPage, ScanPosition};
use crate::log_entry::LogEntry;

pub use positions::PositionFaults;
pub use restoring::PlacedEntry;

/// The file of the commits. Stored. Never change a statement; add a version.
pub const LEDGER: Schema = Schema {
    file: "ledger.sqlite3",
    application_id: 0x504c_4331,
    versions: &[include_str!("sqlite/ledger.sql"), include_str!("sqlite/log_entries.sql")],
};

/// The file of the receipts, the local bus and the publisher's parking rows. Stored. Never change a statement; add a version.
pub const PUBLISHING: Schema = Schema {
    file: "publishing.sqlite3",
    application_id: 0x504c_5031,
    versions: &[include_str!("sqlite/publishing.sql")],
};

const SLICE: &str = "SELECT product_id, sequence, hash, line, position FROM commits \
    WHERE position BETWEEN ?1 AND ?2 ORDER BY position LIMIT ?3";
const SLICE_BACKWARDS: &str = "SELECT product_id, sequence, hash, line, position FROM commits \
    WHERE position BETWEEN ?1 AND ?2 ORDER BY position DESC LIMIT ?3";
// The inner query reads the index alone: without it SQLite would read every row of the range, or sort whole rows.
const SLICE_OF_PRODUCT: &str = "SELECT product_id, sequence, hash, line, position FROM commits WHERE position IN \
    (SELECT position FROM commits INDEXED BY commits_by_product \
     WHERE product_id = ?4 AND position BETWEEN ?1 AND ?2 ORDER BY position LIMIT ?3) ORDER BY position";
const SLICE_OF_PRODUCT_BACKWARDS: &str = "SELECT product_id, sequence, hash, line, position FROM commits WHERE position IN \
    (SELECT position FROM commits INDEXED BY commits_by_product \
     WHERE product_id = ?4 AND position BETWEEN ?1 AND ?2 ORDER BY position DESC LIMIT ?3) ORDER BY position DESC";

/// Commits in a file of the schema [`LEDGER`]. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqliteJournal {
    database: Database,
    /// The lowest position that may be assigned next.
    floor: Arc<AtomicU64>,
}

impl SqliteJournal {
    /// The commits in `database`.
    #[must_use]
    pub fn new(database: Database) -> Self {
        Self { database, floor: Arc::default() }
    }

    /// From now on no position below `floor` is assigned: consumers have passed it, even if its commit was removed.
    pub fn begin_at(&self, floor: u64) {
        self.floor.fetch_max(floor, Ordering::Relaxed);
    }

    /// The next commits behind a position, in the order of recording.
    async fn in_order<T: Send + 'static>(
        &self,
        after: i64,
        limit: i64,
        read: fn(&SqlRow<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, StoreError> {
        let rows = self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT product_id, sequence, hash, line, position FROM commits WHERE position > ?1 \
                 ORDER BY position LIMIT ?2",
            )?;
            statement.query_map(params![after, limit], read)?.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(rows.await?)
    }
}

/// The columns of a row but its position.
struct Columns {
    product_id: String,
    sequence: u64,
    commit_id: String,
    recorded_at: String,
    hash: String,
    line: String,
}

fn columns(commit: &StoredCommit) -> Result<Columns, StoreError> {
    let unreadable = |error: schema::DecodeError| StoreError::new(error.into());
    let text = |name| commit.text(name).map(str::to_owned).map_err(unreadable);
    let line = export::canonical(commit).map_err(|error| StoreError::new(error.into()))?;
    Ok(Columns {
        product_id: text("product_id")?,
        sequence: commit.sequence().map_err(unreadable)?,
        commit_id: text("commit_id")?,
        recorded_at: text("recorded_at")?,
        hash: text("hash")?,
        line: String::from_utf8(line).map_err(|error| StoreError::new(error.into()))?,
    })
}

/// Inserts a row and returns its position.
fn insert(connection: &Connection, floor: u64, row: &Columns) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO commits (position, sequence, product_id, commit_id, recorded_at, hash, line) \
         SELECT max(?1, 1 + ifnull((SELECT max(position) FROM commits), -1), \
         1 + ifnull((SELECT max(position) FROM log_entries), -1)), ?2, ?3, ?4, ?5, ?6, ?7",
    )?;
    statement.execute(params![
        floor,
        row.sequence,
        row.product_id,
        row.commit_id,
        row.recorded_at,
        row.hash,
        row.line
    ])?;
    // The position is the key of the row.
    let position = connection.last_insert_rowid().cast_unsigned();
    debug_assert!(position >= floor, "no position is assigned twice");
    Ok(position)
}

#[async_trait]
impl Journal for SqliteJournal {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        let row = columns(commit).map_err(AppendError::Refused)?;
        let floor = self.floor.load(Ordering::Relaxed);
        let written = self.database.write(move |connection| insert(connection, floor, &row)).await;
        match written {
            Ok(position) => {
                self.begin_at(position + 1);
                Ok(())
            }
            Err(error) if error.is_duplicate() => Err(AppendError::Occupied),
            Err(error) => Err(AppendError::Unknown(error.into())),
        }
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        let at_most = clamped(at_most);
        let commit = self.database.peek(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT product_id, sequence, hash, line FROM commits WHERE product_id = ?1 AND sequence <= ?2 \
                 ORDER BY sequence DESC LIMIT 1",
            )?;
            statement.query_row(params![product.as_str(), at_most], |row| commit_of(row, 0)).optional()
        });
        Ok(commit?)
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let (product, after, limit) = (product.clone(), clamped(after), clamped(limit));
        let commits = self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT product_id, sequence, hash, line FROM commits WHERE product_id = ?1 AND sequence > ?2 \
                 ORDER BY sequence LIMIT ?3",
            )?;
            let rows = statement.query_map(params![product.as_str(), after, limit], |row| commit_of(row, 0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(commits.await?)
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        let after = from.map_or(-1, |position| position.number("position"));
        let limit = clamped(limit);
        let rows = self.in_order(after, limit, |row| Ok((commit_of(row, 0)?, row.get::<_, i64>(4)?))).await?;
        let last = rows.last().filter(|_| clamped(rows.len()) == limit);
        let next = last.map(|(_, position)| ScanPosition::of([("position", (*position).into())]));
        Ok(ScanPage { commits: rows.into_iter().map(|(commit, _)| commit).collect(), next })
    }

    async fn scan_keys(&self, from: Option<ScanPosition>, limit: usize) -> Result<KeyPage, StoreError> {
        let (product, sequence) =
            from.map_or_else(Default::default, |from| (from.text("product_id"), from.number("sequence")));
        let limit = clamped(limit);
        let keys = self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT product_id, sequence, CASE WHEN json_valid(line) THEN \
                 ifnull(json_extract(line, '$.state.version'), sequence) ELSE sequence END \
                 FROM commits WHERE (product_id, sequence) > (?1, ?2) ORDER BY product_id, sequence LIMIT ?3",
            )?;
            let key = |row: &SqlRow<'_>| {
                Ok(CommitKey { product_id: row.get(0)?, sequence: row.get(1)?, version: row.get(2)? })
            };
            statement.query_map(params![product, sequence, limit], key)?.collect::<rusqlite::Result<Vec<_>>>()
        });
        let keys = keys.await?;
        let next = keys.last().filter(|_| clamped(keys.len()) == limit).map(|last| {
            ScanPosition::of([
                ("product_id", last.product_id.as_str().into()),
                ("sequence", last.sequence.into()),
            ])
        });
        Ok(KeyPage { keys, next })
    }

    async fn heads(&self, after: &str, limit: usize) -> Result<Option<Vec<Head>>, StoreError> {
        let (after, limit) = (after.to_owned(), clamped(limit));
        let heads = self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "WITH heads AS (SELECT product_id, max(sequence) AS newest, count(*) AS commits FROM commits \
                 WHERE product_id > ?1 GROUP BY product_id ORDER BY product_id LIMIT ?2) \
                 SELECT product_id, CASE WHEN json_valid(line) THEN \
                 ifnull(json_extract(line, '$.state.version'), newest) ELSE newest END, heads.commits \
                 FROM heads JOIN commits USING (product_id) WHERE sequence = newest ORDER BY product_id",
            )?;
            let head = |row: &SqlRow<'_>| {
                Ok(Head { product_id: row.get(0)?, version: row.get(1)?, commits: row.get(2)? })
            };
            statement.query_map(params![after, limit], head)?.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(Some(heads.await?))
    }

    async fn rows(
        &self,
        up_to: u64,
        after: Option<(String, u64)>,
        limit: usize,
    ) -> Result<Option<Vec<JournalRow>>, StoreError> {
        let (product, sequence) = after.unwrap_or_default();
        let (up_to, limit) = (clamped(up_to), clamped(limit));
        let rows = self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT product_id, sequence, commit_id, recorded_at, hash, line FROM commits \
                 WHERE (product_id, sequence) > (?1, ?2) AND position <= ?3 \
                 ORDER BY product_id, sequence LIMIT ?4",
            )?;
            let row = |row: &SqlRow<'_>| {
                Ok(JournalRow {
                    product_id: row.get(0)?,
                    sequence: row.get(1)?,
                    commit_id: row.get(2)?,
                    recorded_at: row.get(3)?,
                    hash: row.get(4)?,
                    line: row.get(5)?,
                })
            };
            statement
                .query_map(params![product, sequence, up_to, limit], row)?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(Some(rows.await?))
    }

    async fn newest_row(&self) -> Result<Option<u64>, StoreError> {
        // An empty ledger has rows too: none up to position 0.
        Ok(Some(self.newest_position().await?.unwrap_or(0)))
    }
}

#[async_trait]
impl Feed for SqliteJournal {
    async fn after(&self, position: Option<u64>, limit: usize) -> Result<Vec<FeedEntry>, StoreError> {
        let (after, limit) = (position.map_or(-1, clamped), clamped(limit));
        self.in_order(after, limit, recorded).await
    }

    async fn slice(&self, slice: &FeedSlice) -> Result<Vec<FeedEntry>, StoreError> {
        let statement = match (&slice.product, slice.newest_first) {
            (None, false) => SLICE,
            (None, true) => SLICE_BACKWARDS,
            (Some(_), false) => SLICE_OF_PRODUCT,
            (Some(_), true) => SLICE_OF_PRODUCT_BACKWARDS,
        };
        let (first, last, limit) = (clamped(slice.first), clamped(slice.last), clamped(slice.limit));
        let product = slice.product.clone();
        let entries = self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(statement)?;
            let entries = match &product {
                None => statement.query_map(params![first, last, limit], recorded),
                Some(product) => statement.query_map(params![first, last, limit, product.as_str()], recorded),
            };
            entries?.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(entries.await?)
    }

    async fn lines(&self, first: u64, last: u64) -> Result<Vec<PositionedLine>, StoreError> {
        let (first, last) = (clamped(first), clamped(last));
        let lines = self.database.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT position, line FROM commits WHERE position BETWEEN ?1 AND ?2 ORDER BY position",
            )?;
            let line = |row: &SqlRow<'_>| {
                Ok(PositionedLine { position: row.get(0)?, line: row.get::<_, String>(1)?.into_bytes() })
            };
            statement.query_map(params![first, last], line)?.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(lines.await?)
    }

    async fn hash_at(&self, position: u64) -> Result<Option<String>, StoreError> {
        let Ok(position) = i64::try_from(position) else {
            return Ok(None);
        };
        let hash = self.database.peek(|connection| {
            let mut statement = connection.prepare_cached("SELECT hash FROM commits WHERE position = ?1")?;
            statement.query_row([position], |row| row.get(0)).optional()
        });
        Ok(hash?)
    }

    async fn position_of(&self, product: &ProductId, sequence: u64) -> Result<Option<u64>, StoreError> {
        let Ok(sequence) = i64::try_from(sequence) else {
            return Ok(None);
        };
        let position = self.database.peek(|connection| {
            let query = "SELECT position FROM commits WHERE product_id = ?1 AND sequence = ?2";
            let mut statement = connection.prepare_cached(query)?;
            statement.query_row(params![product.as_str(), sequence], |row| row.get(0)).optional()
        });
        Ok(position?)
    }

    async fn newest_position(&self) -> Result<Option<u64>, StoreError> {
        let newest = self.database.peek(|connection| {
            connection
                .prepare_cached("SELECT max(position) FROM commits")?
                .query_row([], |row| row.get::<_, Option<u64>>(0))
        });
        Ok(newest?)
    }

    async fn entries(&self, first: u64, last: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        self.entries_within(first, last, limit).await
    }

    async fn newest_entry(&self) -> Result<Option<u64>, StoreError> {
        self.newest_of_entries()
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.database.committed()
    }
}

fn recorded(row: &SqlRow<'_>) -> rusqlite::Result<FeedEntry> {
    let stored = Stored::of(row, 0)?;
    let change = match stored.read() {
        Ok(commit) => Change::Committed(Box::new(commit)),
        Err(reason) => Change::Unreadable {
            product: ProductId::new(stored.product_id.as_str()).ok(),
            reason: format!("the line of a commit: {reason}"),
        },
    };
    Ok(FeedEntry { position: row.get(4)?, hash: stored.hash, change })
}

/// The columns that are compared with the line, and the line.
struct Stored {
    product_id: String,
    sequence: u64,
    hash: String,
    line: String,
}

impl Stored {
    /// Reads four columns, the first of them at `first`.
    fn of(row: &SqlRow<'_>, first: usize) -> rusqlite::Result<Self> {
        Ok(Self {
            product_id: row.get(first)?,
            sequence: row.get(first + 1)?,
            hash: row.get(first + 2)?,
            line: row.get(first + 3)?,
        })
    }

    /// The commit of the line if the columns agree with it, otherwise what is wrong with the line.
    fn read(&self) -> Result<StoredCommit, String> {
        let object: serde_json::Result<Map<_, _>> = serde_json::from_str(&self.line);
        let commit = object.map(StoredCommit).map_err(|error| format!("cannot be read as JSON: {error}"))?;
        let differs = |name, column: &str| (commit.text(name).ok() != Some(column)).then_some(name);
        let other = differs("product_id", &self.product_id).or_else(|| differs("hash", &self.hash));
        let sequence = (commit.sequence().ok() != Some(self.sequence)).then_some("sequence");
        match other.or(sequence) {
            None => Ok(commit),
            Some(name) => Err(format!("the column {name} of its row differs from its line")),
        }
    }
}

/// The commit of a row. In the place of one that cannot be read, which this ledger never writes, comes its key with the reason.
fn commit_of(row: &SqlRow<'_>, first: usize) -> rusqlite::Result<StoredCommit> {
    let stored = Stored::of(row, first)?;
    Ok(stored
        .read()
        .unwrap_or_else(|reason| StoredCommit::unreadable(stored.product_id, stored.sequence, reason)))
}

/// A value kept about a file, for example which ledger it belongs to.
///
/// # Errors
/// [`Error`]: the file could not be read.
pub async fn about(access: &Access, name: &'static str) -> Result<Option<String>, Error> {
    let value = access.peek(move |connection| {
        let mut statement = connection.prepare_cached("SELECT value FROM about WHERE name = ?1")?;
        statement.query_row([name], |row| row.get(0)).optional()
    });
    value.await
}

/// Sets a value about a file, or removes it.
///
/// # Errors
/// [`Error`]: nothing was written.
pub async fn keep_about(access: &Access, name: &'static str, value: Option<String>) -> Result<(), Error> {
    let kept = access.write(move |connection| match value {
        Some(value) => connection
            .prepare_cached("INSERT OR REPLACE INTO about (name, value) VALUES (?1, ?2)")?
            .execute(params![name, value]),
        None => connection.prepare_cached("DELETE FROM about WHERE name = ?1")?.execute([name]),
    });
    kept.await.map(drop)
}
