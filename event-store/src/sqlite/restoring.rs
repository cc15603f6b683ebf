//! What `restore` and `migrate` need of the journal: many commits in one transaction, and which of them are there.

use std::sync::atomic::Ordering;

use schema::StoredCommit;
use sqlite::rusqlite::{self, Connection, OptionalExtension, params};

use super::{Columns, SqliteJournal, columns, insert};
use crate::error::StoreError;

/// What has a position in an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlacedEntry {
    /// A commit.
    Commit(StoredCommit),
    /// An entry of the log that is none.
    Other(Vec<u8>),
}

fn insert_at(connection: &Connection, position: u64, row: &Columns) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached(
        "INSERT INTO commits (position, sequence, product_id, commit_id, recorded_at, hash, line) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    let Columns { product_id, sequence, commit_id, recorded_at, hash, line } = row;
    let inserted =
        statement.execute(params![position, sequence, product_id, commit_id, recorded_at, hash, line]);
    inserted.map(drop)
}

impl SqliteJournal {
    /// Appends many commits in one transaction, for `restore` and `migrate`.
    ///
    /// # Errors
    /// [`StoreError`]: none of them was written.
    pub async fn append_all(&self, commits: &[StoredCommit]) -> Result<(), StoreError> {
        let floor = self.floor.load(Ordering::Relaxed);
        let rows: Vec<_> = commits.iter().map(columns).collect::<Result<_, _>>()?;
        let written = self.database.write(move |connection| {
            rows.iter().try_for_each(|row| insert(connection, floor, row).map(drop))
        });
        Ok(written.await?)
    }

    /// Appends what an export has from a position on, commits and other entries of the log, in one transaction; for `restore`.
    ///
    /// # Errors
    /// [`StoreError`]: nothing of it was written.
    pub async fn append_at(&self, first: u64, placed: Vec<PlacedEntry>) -> Result<(), StoreError> {
        let rows = placed.into_iter().map(|placed| match placed {
            PlacedEntry::Commit(commit) => Ok(Ok(columns(&commit)?)),
            PlacedEntry::Other(entry) => Ok(Err(entry)),
        });
        let rows = rows.collect::<Result<Vec<_>, StoreError>>()?;
        let written = self.database.write(move |connection| {
            let mut other =
                connection.prepare_cached("INSERT INTO log_entries (position, entry) VALUES (?1, ?2)")?;
            (first..).zip(&rows).try_for_each(|(position, row)| match row {
                Ok(commit) => insert_at(connection, position, commit),
                Err(entry) => other.execute(params![position, entry]).map(drop),
            })
        });
        Ok(written.await?)
    }

    /// The hashes of commits, `None` where there is no such commit; for `restore`.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    pub fn hashes<'a>(
        &self,
        keys: impl Iterator<Item = (&'a str, u64)>,
    ) -> Result<Vec<Option<String>>, StoreError> {
        let hashes = self.database.peek(|connection| {
            let mut statement = connection
                .prepare_cached("SELECT hash FROM commits WHERE product_id = ?1 AND sequence = ?2")?;
            let hashes =
                keys.map(|key| statement.query_row(params![key.0, key.1], |row| row.get(0)).optional());
            hashes.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(hashes?)
    }

    /// How many commits there are.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    pub fn count(&self) -> Result<u64, StoreError> {
        let count = self
            .database
            .peek(|connection| connection.query_row("SELECT count(*) FROM commits", [], |row| row.get(0)));
        Ok(count?)
    }
}
