//! Price histories on SQLite: a row per commit that affects the price, and a cursor row per product with the last commit
//! folded without a price.

use async_trait::async_trait;
use event_store::StoreError;
use schema::{ProductId, Timestamp};
use sqlite::rusqlite::{self, Connection, OptionalExtension, params};
use sqlite::{Access, in_row, unreadable};

use super::stored::StoredPriceEntry;
use super::{CommitOrigin, FoldedCommit, FoldedHead, PriceHistory, PriceLog, ProductIdPage};
use crate::prices::entry::PriceEntry;
use crate::views::Generation;
use crate::views::sqlite::hash;

/// The histories in the tables `prices` and `folded` of a file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqlitePriceLog {
    access: Access,
}

impl SqlitePriceLog {
    /// The histories in a file.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { access }
    }
}

#[async_trait]
impl PriceLog for SqlitePriceLog {
    async fn newest(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<FoldedHead>, StoreError> {
        let product = product.to_string();
        Ok(self.access.peek(move |connection| newest(connection, generation, &product)).await?)
    }

    async fn take_back(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: &FoldedHead,
    ) -> Result<(), StoreError> {
        let (product, last) = (product.to_string(), seen.last);
        let hash = seen.origin.as_ref().map(|origin| origin.hash.to_string());
        let taken = self.access.write(move |connection| {
            // Two rows can have this sequence: remove the one that was read.
            for table in ["folded", "prices"] {
                let taken = connection
                    .prepare_cached(&format!(
                        "DELETE FROM {table} WHERE generation = ?1 AND product_id = ?2 AND sequence = ?3 AND hash IS ?4"
                    ))?
                    .execute(params![generation.0, product, last, hash])?;
                if taken > 0 {
                    break;
                }
            }
            Ok(())
        });
        Ok(taken.await?)
    }

    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        commits: &[FoldedCommit],
    ) -> Result<(), StoreError> {
        let rows: Vec<Columns> = commits
            .iter()
            .map(|commit| Columns::of(product, commit))
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| StoreError::new(error.into()))?;
        let product = product.to_string();
        let written = self.access.write(move |connection| {
            let mut cursor = None;
            for row in &rows {
                match &row.entries {
                    None => cursor = Some(row),
                    Some(entries) => {
                        connection
                            .prepare_cached(
                                "INSERT OR REPLACE INTO prices \
                                 (generation, product_id, sequence, entries, hash, recorded_at) \
                                 VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                            )?
                            .execute(params![
                                generation.0,
                                product,
                                row.last,
                                entries,
                                row.hash,
                                row.recorded_at
                            ])?;
                        cursor = None;
                    }
                }
            }
            let Some(row) = cursor else { return Ok(()) };
            connection
                .prepare_cached(
                    "INSERT INTO folded (generation, product_id, sequence, hash, recorded_at) \
                     VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO UPDATE SET sequence = excluded.sequence, \
                     hash = excluded.hash, recorded_at = excluded.recorded_at \
                     WHERE excluded.sequence > sequence",
                )?
                .execute(params![generation.0, product, row.last, row.hash, row.recorded_at])
                .map(drop)
        });
        Ok(written.await?)
    }

    async fn history(&self, generation: Generation, product: &ProductId) -> Result<PriceHistory, StoreError> {
        let product = product.to_string();
        let read = self.access.read(move |connection| {
            let folded = newest(connection, generation, &product)?.map_or(0, |newest| newest.last);
            let mut statement = connection.prepare_cached(
                "SELECT entries, sequence FROM prices WHERE generation = ?1 AND product_id = ?2 ORDER BY sequence",
            )?;
            let rows = statement.query_map(params![generation.0, product], |row| {
                entries(row, &product).map_err(in_row(|| {
                    let sequence: i64 = row.get(1).unwrap_or_default();
                    format!("the row {product:?}, {sequence} of the table prices")
                }))
            })?;
            Ok((folded, rows.collect::<rusqlite::Result<Vec<_>>>()?))
        });
        let (folded, rows) = read.await?;
        let mut entries: Vec<PriceEntry> = rows.into_iter().flatten().collect();
        entries.sort_by_key(|entry| entry.position);
        Ok(PriceHistory { folded, entries })
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, StoreError> {
        let dropped = self.access.write(move |connection| {
            let prices = connection.execute("DELETE FROM prices WHERE generation = ?1", [generation.0])?;
            let folded = connection.execute("DELETE FROM folded WHERE generation = ?1", [generation.0])?;
            Ok((prices + folded) as u64)
        });
        Ok(dropped.await?)
    }

    async fn products(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ProductIdPage, StoreError> {
        let ids = self.access.read(move |connection| {
            // Each part has its own limit, so that the union sorts no more than two pages.
            let mut statement = connection.prepare_cached(
                "SELECT product_id FROM \
                 (SELECT DISTINCT product_id FROM prices WHERE generation = ?1 AND product_id > ?2 \
                  ORDER BY product_id LIMIT ?3) \
                 UNION SELECT product_id FROM \
                 (SELECT product_id FROM folded WHERE generation = ?1 AND product_id > ?2 \
                  ORDER BY product_id LIMIT ?3) \
                 ORDER BY product_id LIMIT ?3",
            )?;
            let range = params![generation.0, from.unwrap_or_default(), sqlite::clamped(limit)];
            let ids = statement.query_map(range, |row| row.get::<_, String>(0))?;
            ids.collect::<rusqlite::Result<Vec<_>>>()
        });
        let ids = ids.await?;
        let next = ids.last().filter(|_| ids.len() == limit).cloned();
        Ok(ProductIdPage { ids, next })
    }
}

/// The columns of a commit's row.
struct Columns {
    last: u64,
    /// `None` if the commit does not affect the price.
    entries: Option<String>,
    hash: Option<String>,
    recorded_at: Option<String>,
}

impl Columns {
    fn of(product: &ProductId, commit: &FoldedCommit) -> serde_json::Result<Self> {
        let stored =
            || commit.entries.iter().map(|entry| StoredPriceEntry::of(product, entry)).collect::<Vec<_>>();
        let text = || serde_json::to_string(&stored());
        let origin = commit.origin.as_ref();
        Ok(Self {
            last: commit.last,
            entries: (!commit.entries.is_empty()).then(text).transpose()?,
            hash: origin.map(|origin| origin.hash.to_string()),
            recorded_at: origin.map(|origin| origin.recorded_at.to_string()),
        })
    }
}

/// The newest commit; of two rows with one sequence, the cursor row, which an interrupted repair removes last.
fn newest(
    connection: &Connection,
    generation: Generation,
    product: &str,
) -> rusqlite::Result<Option<FoldedHead>> {
    let mut statement = connection.prepare_cached(
        "SELECT sequence, hash, recorded_at, 1 AS is_cursor FROM folded WHERE generation = ?1 AND product_id = ?2 \
         UNION ALL SELECT * FROM (SELECT sequence, hash, recorded_at, 0 FROM prices \
         WHERE generation = ?1 AND product_id = ?2 ORDER BY sequence DESC LIMIT 1) \
         ORDER BY sequence DESC, is_cursor DESC LIMIT 1",
    )?;
    let newest = statement.query_row(params![generation.0, product], |row| {
        let last =
            row.get(0).map_err(in_row(|| format!("the newest row of {product:?} of the view prices")))?;
        let recorded_at = row.get::<_, Option<String>>(2)?.and_then(|text| Timestamp::parse(&text).ok());
        let origin = hash(row, 1)?.zip(recorded_at);
        Ok(FoldedHead { last, origin: origin.map(|(hash, recorded_at)| CommitOrigin { hash, recorded_at }) })
    });
    newest.optional()
}

fn entries(row: &rusqlite::Row<'_>, product: &str) -> rusqlite::Result<Vec<PriceEntry>> {
    let stored: Vec<StoredPriceEntry> =
        serde_json::from_str(row.get_ref(0)?.as_str()?).map_err(|error| unreadable(error.to_string()))?;
    let read = |entry: StoredPriceEntry| entry.read(product).map_err(|error| unreadable(error.to_string()));
    stored.into_iter().map(read).collect()
}
