//! The entries of the log that are no commits, each at its position: positions have no gaps over both tables together.

use std::collections::{BTreeSet, HashMap};

use sqlite::clamped;
use sqlite::rusqlite::{self, Connection, OptionalExtension, params};

use super::SqliteJournal;
use crate::error::StoreError;
use crate::log_entry::LogEntry;

impl SqliteJournal {
    /// Adds entries at their positions, all in one transaction; for operators' commands while no server runs.
    ///
    /// # Errors
    /// [`StoreError`]: none was added; a position that is taken already is one too.
    pub async fn add_entries(&self, entries: Vec<LogEntry>) -> Result<(), StoreError> {
        let written = self.database.write(move |connection| {
            let mut statement =
                connection.prepare_cached("INSERT INTO log_entries (position, entry) VALUES (?1, ?2)")?;
            entries.iter().try_for_each(|LogEntry { position, entry, .. }| {
                statement.execute(params![clamped(*position), entry]).map(drop)
            })
        });
        Ok(written.await?)
    }

    /// The entries from a position to another one, which is included.
    pub(super) async fn entries_within(
        &self,
        first: u64,
        last: u64,
        limit: usize,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let (first, last, limit) = (clamped(first), clamped(last), clamped(limit));
        let entries = self.database.read(move |connection| {
            if !has_entries(connection)? {
                return Ok(Vec::new());
            }
            let mut statement = connection.prepare_cached(
                "SELECT position, entry FROM log_entries WHERE position BETWEEN ?1 AND ?2 ORDER BY position LIMIT ?3",
            )?;
            let entry = |row: &rusqlite::Row<'_>| Ok(LogEntry { position: row.get(0)?, entry: row.get(1)?, of: None });
            statement.query_map(params![first, last, limit], entry)?.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(entries.await?)
    }

    /// The newest position that an entry has.
    pub(super) fn newest_of_entries(&self) -> Result<Option<u64>, StoreError> {
        let newest = self.database.peek(|connection| {
            if !has_entries(connection)? {
                return Ok(None);
            }
            let mut statement = connection.prepare_cached("SELECT max(position) FROM log_entries")?;
            statement.query_row([], |row| row.get::<_, Option<u64>>(0))
        });
        Ok(newest?)
    }

    /// Of those of these hashes that a commit here has, the hash of the newest commit of its product. Reads every row.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    pub async fn heads_behind(
        &self,
        hashes: BTreeSet<String>,
    ) -> Result<HashMap<String, String>, StoreError> {
        let heads = self.database.read(move |connection| {
            let mut all = connection.prepare("SELECT hash, product_id FROM commits")?;
            let mut newest = connection
                .prepare("SELECT hash FROM commits WHERE product_id = ?1 ORDER BY sequence DESC LIMIT 1")?;
            let (mut rows, mut heads) = (all.query([])?, HashMap::new());
            while let Some(row) = rows.next()? {
                let hash = row.get_ref(0)?.as_str()?;
                if hashes.contains(hash) {
                    let product = row.get_ref(1)?.as_str()?;
                    let head: Option<String> = newest.query_row([product], |row| row.get(0)).optional()?;
                    heads.extend(head.map(|head| (hash.to_owned(), head)));
                }
            }
            Ok(heads)
        });
        Ok(heads.await?)
    }
}

/// Whether the file has the table: one that no server of this build has opened yet has not.
pub(super) fn has_entries(connection: &Connection) -> rusqlite::Result<bool> {
    let mut statement = connection
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'log_entries')")?;
    statement.query_row([], |row| row.get(0))
}
