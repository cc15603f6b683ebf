//! Parking rows in memory, for tests, simulations and `--in-memory`.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use schema::ProductId;

use super::{Parked, Parking, Trouble, first_row};
use crate::error::Unavailable;

type Rows = BTreeMap<(String, ProductId), Parked>;

/// Rows by consumer and product.
#[derive(Debug, Default)]
pub struct MemoryParking {
    rows: Mutex<Rows>,
}

impl MemoryParking {
    fn rows(&self) -> MutexGuard<'_, Rows> {
        // Every change is one insert or one removal, so a panic elsewhere cannot have left half of one.
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Parking for MemoryParking {
    async fn park(&self, consumer: &str, product: &ProductId, trouble: &Trouble) -> Result<(), Unavailable> {
        let mut rows = self.rows();
        let key = (consumer.to_owned(), product.clone());
        let first = first_row(consumer, product, trouble);
        let row = match rows.remove(&key) {
            None => first,
            Some(known) => Parked {
                from_sequence: known.from_sequence.min(trouble.from_sequence),
                parked_at: known.parked_at,
                attempts: known.attempts + 1,
                ..first
            },
        };
        rows.insert(key, row);
        Ok(())
    }

    async fn release(&self, seen: &Parked) -> Result<bool, Unavailable> {
        let mut rows = self.rows();
        let key = (seen.consumer.clone(), seen.product_id.clone());
        let unchanged = |row: &Parked| row.attempts == seen.attempts && row.parked_at == seen.parked_at;
        if rows.get(&key).is_some_and(unchanged) {
            rows.remove(&key);
            return Ok(true);
        }
        Ok(false)
    }

    async fn of(&self, consumer: &str, product: &ProductId) -> Result<Option<Parked>, Unavailable> {
        Ok(self.rows().get(&(consumer.to_owned(), product.clone())).cloned())
    }

    async fn list(
        &self,
        consumer: &str,
        after: Option<&ProductId>,
        limit: usize,
    ) -> Result<Vec<Parked>, Unavailable> {
        let rows = self.rows();
        let of_consumer = rows.values().filter(|row| row.consumer == consumer);
        let beyond = of_consumer.filter(|row| after.is_none_or(|after| row.product_id > *after));
        Ok(beyond.take(limit).cloned().collect())
    }
}
