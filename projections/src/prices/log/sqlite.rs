//! Price histories on SQLite: one row per commit that touches the price, and one per product that says how far its other
//! commits are folded.

use async_trait::async_trait;
use schema::ProductId;
use sqlite::Access;
use sqlite::rusqlite::types::Type;
use sqlite::rusqlite::{self, Connection, params};

use super::stored::StoredEntry;
use super::{FoldedCommit, History, PriceLog, Products};
use crate::prices::Entry;
use crate::views::{Generation, Unavailable};

/// Histories in the tables `prices` and `folded` of a file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqlitePriceLog {
    access: Access,
}

impl SqlitePriceLog {
    /// The histories of a file.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { access }
    }
}

#[async_trait]
impl PriceLog for SqlitePriceLog {
    async fn folded(&self, generation: Generation, product: &ProductId) -> Result<u64, Unavailable> {
        let product = product.to_string();
        Ok(self.access.peek(move |connection| folded(connection, generation, &product)).await?)
    }

    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        commits: &[FoldedCommit],
    ) -> Result<(), Unavailable> {
        let rows: Vec<(u64, Option<String>)> = commits
            .iter()
            .map(|commit| {
                let stored = || commit.entries.iter().map(StoredEntry::from).collect::<Vec<_>>();
                let text = || serde_json::to_string(&stored());
                Ok((commit.last, (!commit.entries.is_empty()).then(text).transpose()?))
            })
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| Unavailable(error.into()))?;
        let product = product.to_string();
        let written = self.access.write(move |connection| {
            let mut cursor = None;
            for (last, text) in &rows {
                match text {
                    None => cursor = Some(*last),
                    Some(text) => {
                        connection
                            .prepare_cached(
                                "INSERT OR REPLACE INTO prices (generation, product_id, sequence, entries) \
                                 VALUES (?1, ?2, ?3, ?4)",
                            )?
                            .execute(params![generation.0, product, last, text])?;
                        cursor = None;
                    }
                }
            }
            let Some(last) = cursor else { return Ok(()) };
            connection
                .prepare_cached(
                    "INSERT INTO folded (generation, product_id, sequence) VALUES (?1, ?2, ?3) \
                     ON CONFLICT DO UPDATE SET sequence = max(sequence, excluded.sequence)",
                )?
                .execute(params![generation.0, product, last])
                .map(drop)
        });
        Ok(written.await?)
    }

    async fn history(&self, generation: Generation, product: &ProductId) -> Result<History, Unavailable> {
        let product = product.to_string();
        let read = self.access.read(move |connection| {
            let folded = folded(connection, generation, &product)?;
            let mut statement = connection.prepare_cached(
                "SELECT entries FROM prices WHERE generation = ?1 AND product_id = ?2 ORDER BY sequence",
            )?;
            let rows = statement.query_map(params![generation.0, product], entries)?;
            Ok((folded, rows.collect::<rusqlite::Result<Vec<_>>>()?))
        });
        let (folded, rows) = read.await?;
        let mut entries: Vec<Entry> = rows.into_iter().flatten().collect();
        entries.sort_by_key(|entry| entry.place);
        Ok(History { folded, entries })
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, Unavailable> {
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
    ) -> Result<Products, Unavailable> {
        let ids = self.access.read(move |connection| {
            // Each part is bounded by itself, so that the union sorts no more than two pages.
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
        Ok(Products { ids, next })
    }
}

fn folded(connection: &Connection, generation: Generation, product: &str) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(
        "SELECT max(ifnull((SELECT max(sequence) FROM prices WHERE generation = ?1 AND product_id = ?2), 0), \
         ifnull((SELECT sequence FROM folded WHERE generation = ?1 AND product_id = ?2), 0))",
    )?;
    statement.query_row(params![generation.0, product], |row| row.get(0))
}

fn entries(row: &rusqlite::Row<'_>) -> rusqlite::Result<Vec<Entry>> {
    let stored: Vec<StoredEntry> = serde_json::from_str(row.get_ref(0)?.as_str()?)
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))?;
    Ok(stored.into_iter().map(Entry::from).collect())
}
