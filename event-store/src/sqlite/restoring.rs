//! What `restore` and `migrate` need of the journal: many commits in one transaction, and which of them are there.

use std::sync::atomic::Ordering;

use schema::StoredCommit;
use sqlite::rusqlite::{self, OptionalExtension, params};

use super::{SqliteJournal, columns, insert};
use crate::error::Unavailable;

impl SqliteJournal {
    /// Appends many commits in one transaction, for `restore` and `migrate`.
    ///
    /// # Errors
    /// [`Unavailable`]: none of them was written.
    pub async fn append_all(&self, commits: &[StoredCommit]) -> Result<(), Unavailable> {
        let floor = self.floor.load(Ordering::Relaxed);
        let rows: Vec<_> = commits.iter().map(columns).collect::<Result<_, _>>()?;
        let written = self.database.write(move |connection| {
            rows.iter().try_for_each(|row| insert(connection, floor, row).map(drop))
        });
        Ok(written.await?)
    }

    /// The hashes of commits, `None` where there is no such commit; for `restore`.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    pub fn hashes<'a>(
        &self,
        keys: impl Iterator<Item = (&'a str, u64)>,
    ) -> Result<Vec<Option<String>>, Unavailable> {
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
    /// [`Unavailable`]: try again later.
    pub fn count(&self) -> Result<u64, Unavailable> {
        let count = self
            .database
            .peek(|connection| connection.query_row("SELECT count(*) FROM commits", [], |row| row.get(0)));
        Ok(count?)
    }
}
