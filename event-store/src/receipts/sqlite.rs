//! Receipts on SQLite: one row per event, and one for the mark of each restored product.

use async_trait::async_trait;
use schema::{Hash, ProductId, PublicationRecord};
use sqlite::rusqlite::{self, Connection, OptionalExtension, Row, params};
use sqlite::{Access, clamped, in_row, unreadable};

use super::{EventPublication, PublicationPosition, Receipts, RestoreMark, in_order};
use crate::error::StoreError;

/// Receipts in the tables `receipts` and `restored` of a file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqliteReceipts {
    access: Access,
}

impl SqliteReceipts {
    /// The receipts of a file.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { access }
    }

    /// Sets the marks of products, for a restore.
    ///
    /// # Errors
    /// [`StoreError`]: none of the marks was set.
    pub async fn mark(&self, marks: Vec<(ProductId, RestoreMark)>) -> Result<(), StoreError> {
        let marked = self.access.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "INSERT OR REPLACE INTO restored (product_id, sequence, hash) VALUES (?1, ?2, ?3)",
            )?;
            marks.iter().try_for_each(|(product, mark)| {
                statement.execute(params![product.as_str(), mark.sequence, mark.hash.as_str()]).map(drop)
            })
        });
        Ok(marked.await?)
    }

    /// Removes the marks of products, whose events then need receipts.
    ///
    /// # Errors
    /// [`StoreError`]: none of the marks was removed.
    pub async fn unmark(&self, products: Vec<ProductId>) -> Result<(), StoreError> {
        let unmarked = self.access.write(move |connection| {
            let mut statement = connection.prepare_cached("DELETE FROM restored WHERE product_id = ?1")?;
            products.iter().try_for_each(|product| statement.execute([product.as_str()]).map(drop))
        });
        Ok(unmarked.await?)
    }
}

#[async_trait]
impl Receipts for SqliteReceipts {
    async fn position(&self, product: &ProductId) -> Result<PublicationPosition, StoreError> {
        let product = product.to_string();
        let position = self.access.peek(move |connection| {
            let mut position =
                PublicationPosition { mark: mark(connection, &product)?, ..PublicationPosition::default() };
            // Down to the newest receipt: usually the first row, or the second below a failure.
            let mut statement = connection.prepare_cached(
                "SELECT sequence, record FROM receipts WHERE product_id = ?1 ORDER BY sequence DESC",
            )?;
            for row in statement.query_map([&product], |row| record(row, &product))? {
                match row? {
                    (sequence, PublicationRecord::Receipt(receipt)) => {
                        (position.published, position.receipt) = (sequence, Some(receipt));
                        break;
                    }
                    (_, PublicationRecord::Failure(failure)) => position.failure = Some(failure),
                }
            }
            Ok(position)
        });
        Ok(position.await?)
    }

    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, StoreError> {
        let product = product.to_string();
        let (from, to) = (clamped(from), clamped(to));
        let records = self.access.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT sequence, record FROM receipts WHERE product_id = ?1 AND sequence BETWEEN ?2 AND ?3 \
                 ORDER BY sequence",
            )?;
            let records = statement.query_map(params![product, from, to], |row| record(row, &product))?;
            records.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(records.await?)
    }

    async fn record(&self, records: &[EventPublication]) -> Result<(), StoreError> {
        debug_assert!(in_order(records), "records of a product are in order");
        let rows: Vec<(String, u64, bool, String)> = records
            .iter()
            .map(|record| {
                let text = serde_json::to_string(&record.outcome)?;
                let is_receipt = matches!(record.outcome, PublicationRecord::Receipt(_));
                Ok((record.product.to_string(), record.sequence, is_receipt, text))
            })
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| StoreError::new(error.into()))?;
        let recorded = self.access.write(move |connection| {
            // A failure never replaces a receipt.
            let mut statement = connection.prepare_cached(
                "INSERT INTO receipts (product_id, sequence, is_receipt, record) VALUES (?1, ?2, ?3, ?4) \
                 ON CONFLICT DO UPDATE SET is_receipt = excluded.is_receipt, record = excluded.record \
                 WHERE excluded.is_receipt OR NOT is_receipt",
            )?;
            rows.iter().try_for_each(|(product, sequence, is_receipt, text)| {
                statement.execute(params![product, sequence, is_receipt, text]).map(drop)
            })
        });
        Ok(recorded.await?)
    }

    async fn products(&self, after: &str, limit: usize) -> Result<Option<Vec<String>>, StoreError> {
        let (after, limit) = (after.to_owned(), clamped(limit));
        let products = self.access.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT product_id FROM (SELECT product_id FROM receipts UNION SELECT product_id FROM restored) \
                 WHERE product_id > ?1 ORDER BY product_id LIMIT ?2",
            )?;
            let rows = statement.query_map(params![after, limit], |row| row.get(0))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(Some(products.await?))
    }

    async fn below_one(&self, limit: usize) -> Result<Vec<(String, i64)>, StoreError> {
        let limit = clamped(limit);
        let keys = self.access.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT product_id, sequence FROM receipts WHERE sequence < 1 UNION ALL \
                 SELECT product_id, sequence FROM restored WHERE sequence < 1 LIMIT ?1",
            )?;
            let rows = statement.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?)))?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(keys.await?)
    }
}

fn mark(connection: &Connection, product: &str) -> rusqlite::Result<Option<RestoreMark>> {
    let mut statement =
        connection.prepare_cached("SELECT sequence, hash FROM restored WHERE product_id = ?1")?;
    let mark = statement.query_row([product], |row| {
        let hash: Result<Hash, _> = serde_json::from_value(row.get::<_, String>(1)?.into());
        let hash = hash.map_err(|error| unreadable(error.to_string()))?;
        Ok(RestoreMark { sequence: row.get(0)?, hash })
    });
    mark.optional().map_err(in_row(|| format!("the row {product:?} of the table restored")))
}

fn record(row: &Row<'_>, product: &str) -> rusqlite::Result<(u64, PublicationRecord)> {
    let sequence: i64 = row.get(0)?;
    let read = || {
        let record = serde_json::from_str(row.get_ref(1)?.as_str()?);
        Ok((row.get(0)?, record.map_err(|error| unreadable(error.to_string()))?))
    };
    read().map_err(in_row(|| format!("the row {product:?}, {sequence} of the table receipts")))
}
