//! Whether the positions are as this ledger assigns them: from 0 without gaps, the commits of each product in their order.
//! Entries of the log that are no commits have positions too.
//!
//! Positions below the one that `about` names as the next may be missing: consumers had handled them when the ledger lost
//! their commits, and a position is never assigned twice.

use sqlite::rusqlite::{self, params};

use super::SqliteJournal;
use super::entries::has_entries;
use crate::error::StoreError;

/// Rows of one page, which takes a few milliseconds.
const PAGE: i64 = 10_000;

/// Faults that are listed.
const MOST: usize = 1_000;

/// What is wrong with the positions.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PositionFaults {
    /// The first and last of positions without a commit, although a later one has one; at most 1,000.
    pub missing: Vec<(i64, i64)>,
    /// The lowest position, if it is below 0.
    pub negative: Option<i64>,
    /// Commits at a lower position than an earlier one of their product: the product, the sequence, and that of the commit
    /// before it; at most 1,000.
    pub backwards: Vec<(String, u64, u64)>,
    /// Whether there are positions without a commit, explained or not.
    pub has_gaps: bool,
}

/// The last commit of a page.
#[derive(Default)]
struct Last {
    product: String,
    sequence: i64,
    position: i64,
}

/// What a walk over the commits has found.
#[derive(Default)]
struct Walk {
    last: Option<Last>,
    commits: i64,
    backwards: Vec<(String, u64, u64)>,
}

impl SqliteJournal {
    /// Checks the positions up to `newest`. Gaps below `next`, the position that `about` names, are explained.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    pub async fn position_faults(&self, newest: u64, next: u64) -> Result<PositionFaults, StoreError> {
        let (newest, next) = (sqlite::clamped(newest), sqlite::clamped(next));
        let mut walk = Walk::default();
        loop {
            let before = walk.commits;
            walk = self.database.read(move |connection| walk.further(connection, newest)).await?;
            if walk.commits - before < PAGE {
                break;
            }
        }
        let lowest = self.database.peek(|connection| {
            connection
                .query_row("SELECT ifnull(min(position), 0) FROM commits", [], |row| row.get::<_, i64>(0))
        })?;
        let entries = self.database.peek(|connection| {
            if !has_entries(connection)? {
                return Ok(0);
            }
            let count = "SELECT count(*) FROM log_entries WHERE position BETWEEN 0 AND ?1";
            connection.query_row(count, [newest], |row| row.get::<_, i64>(0))
        })?;
        let has_gaps = walk.commits > 0 && (walk.commits + entries != newest + 1 || lowest < 0);
        let missing = if has_gaps { self.missing(newest, next).await? } else { Vec::new() };
        let negative = Some(lowest).filter(|lowest| *lowest < 0);
        Ok(PositionFaults { missing, negative, backwards: walk.backwards, has_gaps })
    }

    /// The unexplained gaps. Reads all rows, and only where some gap is known.
    async fn missing(&self, newest: i64, next: i64) -> Result<Vec<(i64, i64)>, StoreError> {
        let gaps = self.database.read(move |connection| {
            let entries =
                if has_entries(connection)? { "UNION ALL SELECT position FROM log_entries" } else { "" };
            let mut statement = connection.prepare_cached(&format!(
                "SELECT before + 1, position - 1 FROM \
                 (SELECT position, lag(position, 1, -1) OVER (ORDER BY position) AS before FROM \
                  (SELECT position FROM commits {entries}) WHERE position BETWEEN 0 AND ?1) \
                 WHERE position > before + 1 AND position > ?2 LIMIT ?3",
            ))?;
            let gap = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?));
            let gaps = statement.query_map(params![newest, next, sqlite::clamped(MOST)], gap)?;
            gaps.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(gaps.await?)
    }
}

impl Walk {
    /// One more page, in the order of products and sequences, from the index alone.
    fn further(mut self, connection: &rusqlite::Connection, newest: i64) -> rusqlite::Result<Self> {
        let mut statement = connection.prepare_cached(
            "SELECT product_id, sequence, position FROM commits WHERE (product_id, sequence) > (?1, ?2) \
             AND position <= ?3 ORDER BY product_id, sequence LIMIT ?4",
        )?;
        let after = self.last.take();
        let start = after.as_ref().map_or(("", i64::MIN), |last| (last.product.as_str(), last.sequence));
        let mut rows = statement.query(params![start.0, start.1, newest, PAGE])?;
        let mut last = after.unwrap_or_default();
        while let Some(row) = rows.next()? {
            let product = row.get_ref(0)?.as_str()?;
            let (sequence, position) = (row.get(1)?, row.get(2)?);
            if last.product != product {
                product.clone_into(&mut last.product);
            } else if position < last.position && self.backwards.len() < MOST {
                let numbers = [sequence, last.sequence].map(i64::unsigned_abs);
                self.backwards.push((last.product.clone(), numbers[0], numbers[1]));
            }
            (last.sequence, last.position) = (sequence, position);
            self.commits += 1;
        }
        self.last = Some(last);
        Ok(self)
    }
}

#[cfg(test)]
mod tests;
