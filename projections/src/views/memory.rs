//! The product view in memory, for tests and simulations: the contract without a store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use schema::{Product, ProductId};

use super::{Generation, Lineup, LineupError, Portion, Row, Slice, Unavailable, Views, Written, shard_of};

/// Rows by generation and id.
#[derive(Debug, Default)]
pub struct MemoryViews {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    lineup: Lineup,
    rows: BTreeMap<(Generation, ProductId), Product>,
}

impl MemoryViews {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every change is one insert, so a panic elsewhere cannot have left half of one.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Views for MemoryViews {
    async fn lineup(&self) -> Result<Lineup, Unavailable> {
        Ok(self.kept().lineup.clone())
    }

    async fn change_lineup(&self, to: &Lineup) -> Result<(), LineupError> {
        let mut kept = self.kept();
        if kept.lineup.revision + 1 != to.revision {
            return Err(LineupError::Changed);
        }
        kept.lineup = to.clone();
        Ok(())
    }

    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, Unavailable> {
        Ok(self.kept().rows.get(&(generation, id.clone())).cloned())
    }

    async fn put(&self, generation: Generation, product: &Product) -> Result<Written, Unavailable> {
        let mut kept = self.kept();
        let key = (generation, product.id.clone());
        if kept.rows.get(&key).is_some_and(|row| row.version >= product.version) {
            return Ok(Written::Stale);
        }
        kept.rows.insert(key, product.clone());
        Ok(Written::Newer)
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<Portion, Unavailable> {
        let inside = |product: &Product| {
            let position = slice.order.position(product)?;
            slice.range.contains(&position).then(|| Row { position, product: product.clone() })
        };
        let mut rows: Vec<Row> = self
            .kept()
            .rows
            .iter()
            .filter(|((of, id), _)| *of == generation && shard_of(id) == slice.shard)
            .filter_map(|(_, product)| inside(product))
            .collect();
        rows.sort_by(|a, b| a.position.cmp(&b.position));
        if slice.descending {
            rows.reverse();
        }
        let exhausted = rows.len() <= slice.limit;
        rows.truncate(slice.limit);
        Ok(Portion { rows, exhausted })
    }

    async fn remove(&self, generation: Generation, id: &ProductId) -> Result<(), Unavailable> {
        self.kept().rows.remove(&(generation, id.clone()));
        Ok(())
    }
}
