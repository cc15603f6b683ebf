//! Parking rows on SQLite: one row per consumer and product.

use async_trait::async_trait;
use schema::{ProductId, Timestamp};
use sqlite::rusqlite::{self, OptionalExtension, Row, params};
use sqlite::{Access, clamped, in_row, unreadable};

use super::{Parked, Parking, ParkingCause};
use crate::error::StoreError;

/// Rows in the table `parking` of a file. Cheap to clone.
#[derive(Debug, Clone)]
pub struct SqliteParking {
    access: Access,
}

impl SqliteParking {
    /// The rows of a file.
    #[must_use]
    pub fn new(access: Access) -> Self {
        Self { access }
    }

    /// Copies rows as they are, for `migrate`.
    ///
    /// # Errors
    /// [`StoreError`]: none of the rows was written.
    pub async fn bring(&self, rows: Vec<Parked>) -> Result<(), StoreError> {
        let brought = self.access.write(move |connection| {
            let statement =
                format!("INSERT OR REPLACE INTO parking ({COLUMNS}) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)");
            let mut statement = connection.prepare_cached(&statement)?;
            rows.iter().try_for_each(|row| {
                let (product, at) = (row.product_id.as_str(), row.parked_at.to_string());
                let (from, reason) = (row.from_sequence, &row.reason);
                let row = params![row.consumer, product, from, reason, row.retryable, at, row.attempts];
                statement.execute(row).map(drop)
            })
        });
        Ok(brought.await?)
    }

    /// Consumer and product of up to `limit` rows of other consumers than `known`, which this ledger never writes; for
    /// `verify`.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    pub async fn of_others(&self, known: &[&str], limit: usize) -> Result<Vec<(String, String)>, StoreError> {
        let known = serde_json::to_string(known).map_err(|error| StoreError::new(error.into()))?;
        let limit = clamped(limit);
        let rows = self.access.read(move |connection| {
            let mut statement = connection.prepare_cached(
                "SELECT consumer, product_id FROM parking \
                 WHERE consumer NOT IN (SELECT value FROM json_each(?1)) LIMIT ?2",
            )?;
            let rows = statement.query_map(params![known, limit], key)?;
            rows.collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(rows.await?)
    }
}

/// The columns of a row.
const COLUMNS: &str = "consumer, product_id, from_sequence, reason, retryable, parked_at, attempts";

#[async_trait]
impl Parking for SqliteParking {
    async fn park(
        &self,
        consumer: &str,
        product: &ProductId,
        cause: &ParkingCause,
    ) -> Result<(), StoreError> {
        let (consumer, product, cause) = (consumer.to_owned(), product.to_string(), cause.clone());
        let parked = self.access.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "INSERT INTO parking (consumer, product_id, from_sequence, reason, retryable, parked_at, attempts) \
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1) ON CONFLICT DO UPDATE SET \
                 from_sequence = min(from_sequence, excluded.from_sequence), reason = excluded.reason, \
                 retryable = excluded.retryable, attempts = attempts + 1",
            )?;
            let at = cause.at.to_string();
            statement.execute(params![
                consumer,
                product,
                cause.from_sequence,
                cause.reason,
                cause.retryable,
                at
            ])
        });
        Ok(parked.await.map(drop)?)
    }

    async fn release(&self, seen: &Parked) -> Result<bool, StoreError> {
        let seen = seen.clone();
        let released = self.access.write(move |connection| {
            let mut statement = connection.prepare_cached(
                "DELETE FROM parking WHERE consumer = ?1 AND product_id = ?2 AND attempts = ?3 AND parked_at = ?4",
            )?;
            let at = seen.parked_at.to_string();
            statement.execute(params![seen.consumer, seen.product_id.as_str(), seen.attempts, at])
        });
        Ok(released.await? > 0)
    }

    async fn of(&self, consumer: &str, product: &ProductId) -> Result<Option<Parked>, StoreError> {
        let (consumer, product) = (consumer.to_owned(), product.to_string());
        let row = self.access.peek(move |connection| {
            let query = format!("SELECT {COLUMNS} FROM parking WHERE consumer = ?1 AND product_id = ?2");
            connection.prepare_cached(&query)?.query_row(params![consumer, product], parked).optional()
        });
        Ok(row.await?)
    }

    async fn list(
        &self,
        consumer: &str,
        after: Option<&ProductId>,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        let (consumer, after) = (consumer.to_owned(), after.map(ToString::to_string).unwrap_or_default());
        let limit = clamped(limit);
        let rows = self.access.read(move |connection| {
            let query = format!(
                "SELECT {COLUMNS} FROM parking WHERE consumer = ?1 AND product_id > ?2 \
                 ORDER BY product_id LIMIT ?3"
            );
            let mut statement = connection.prepare_cached(&query)?;
            statement
                .query_map(params![consumer, after, limit], parked)?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
        Ok(rows.await?)
    }
}

/// Consumer and product of a row whose first columns they are. Text of SQLite need not be UTF-8.
fn key(row: &Row<'_>) -> rusqlite::Result<(String, String)> {
    let consumer = String::from_utf8_lossy(row.get_ref(0)?.as_bytes()?).into_owned();
    Ok((consumer, String::from_utf8_lossy(row.get_ref(1)?.as_bytes()?).into_owned()))
}

fn parked(row: &Row<'_>) -> rusqlite::Result<Parked> {
    let (consumer, product) = key(row)?;
    let read = || {
        let at: String = row.get(5)?;
        Ok(Parked {
            consumer: row.get(0)?,
            product_id: ProductId::new(product.as_str()).map_err(|error| unreadable(error.to_string()))?,
            from_sequence: row.get(2)?,
            reason: row.get(3)?,
            retryable: row.get(4)?,
            parked_at: Timestamp::parse(&at).map_err(|error| unreadable(error.to_string()))?,
            attempts: row.get(6)?,
        })
    };
    read().map_err(in_row(|| format!("the row {consumer:?}, {product:?} of the table parking")))
}
