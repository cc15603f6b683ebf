//! Receipts on SQLite: one row per event, and one for the mark of each restored product.

use async_trait::async_trait;
use schema::{Hash, ProductId, PublicationRecord};
use sqlite::rusqlite::types::Type;
use sqlite::rusqlite::{self, Connection, OptionalExtension, Row, params};
use sqlite::{Access, clamped};

use super::{Mark, Position, Receipts, Record};
use crate::error::Unavailable;

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
    /// [`Unavailable`]: none of the marks was set.
    pub async fn mark(&self, marks: Vec<(ProductId, Mark)>) -> Result<(), Unavailable> {
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
    /// [`Unavailable`]: none of the marks was removed.
    pub async fn unmark(&self, products: Vec<ProductId>) -> Result<(), Unavailable> {
        let unmarked = self.access.write(move |connection| {
            let mut statement = connection.prepare_cached("DELETE FROM restored WHERE product_id = ?1")?;
            products.iter().try_for_each(|product| statement.execute([product.as_str()]).map(drop))
        });
        Ok(unmarked.await?)
    }
}

#[async_trait]
impl Receipts for SqliteReceipts {
    async fn position(&self, product: &ProductId) -> Result<Position, Unavailable> {
        let product = product.to_string();
        let position = self.access.peek(move |connection| {
            let mut position = Position { mark: mark(connection, &product)?, ..Position::default() };
            // Down to the newest receipt: usually the first row, or the second below a failure.
            let mut statement = connection.prepare_cached(
                "SELECT sequence, record FROM receipts WHERE product_id = ?1 ORDER BY sequence DESC",
            )?;
            for row in statement.query_map([product], record)? {
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
    ) -> Result<Vec<(u64, PublicationRecord)>, Unavailable> {
        let product = product.to_string();
        let (from, to) = (clamped(from), clamped(to));
        let records = self.access.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT sequence, record FROM receipts WHERE product_id = ?1 AND sequence BETWEEN ?2 AND ?3 \
                 ORDER BY sequence",
            )?;
            statement.query_map(params![product, from, to], record)?.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(records.await?)
    }

    async fn record(&self, records: &[Record]) -> Result<(), Unavailable> {
        let rows: Vec<(String, u64, bool, String)> = records
            .iter()
            .map(|record| {
                let text = serde_json::to_string(&record.outcome)?;
                let is_receipt = matches!(record.outcome, PublicationRecord::Receipt(_));
                Ok((record.product.to_string(), record.sequence, is_receipt, text))
            })
            .collect::<Result<_, serde_json::Error>>()
            .map_err(|error| Unavailable(error.into()))?;
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

    async fn products(&self, after: &str, limit: usize) -> Result<Option<Vec<String>>, Unavailable> {
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
}

fn mark(connection: &Connection, product: &str) -> rusqlite::Result<Option<Mark>> {
    let mut statement =
        connection.prepare_cached("SELECT sequence, hash FROM restored WHERE product_id = ?1")?;
    let mark = statement.query_row([product], |row| {
        let hash: Hash =
            serde_json::from_value(row.get::<_, String>(1)?.into()).map_err(|error| unreadable(1, error))?;
        Ok(Mark { sequence: row.get(0)?, hash })
    });
    mark.optional()
}

fn record(row: &Row<'_>) -> rusqlite::Result<(u64, PublicationRecord)> {
    let sequence = row.get(0)?;
    let record = serde_json::from_str(row.get_ref(1)?.as_str()?);
    let record = record.map_err(|error| {
        unreadable(
            1,
            std::io::Error::other(format!("the record of event {sequence} cannot be read: {error}")),
        )
    })?;
    Ok((sequence, record))
}

fn unreadable(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
