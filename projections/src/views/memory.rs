//! The product view in memory, for tests and simulations.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use event_store::StoreError;
use schema::{Orders, Product, ProductId};

use super::{
    Generation, GenerationsError, IndexRow, ProductRow, RowOrder, RowPage, Slice, SlicePage, ViewGenerations,
    Views, not_kept, shard_of,
};

/// Rows by generation and id, and their positions in the orders that are kept.
#[derive(Debug, Default)]
pub struct MemoryViews {
    orders: Orders,
    kept: Mutex<Kept>,
}

/// Key of an index entry: generation, order, shard, position.
type IndexKey = (Generation, RowOrder, u8, String);

#[derive(Debug, Default)]
struct Kept {
    generations: ViewGenerations,
    rows: BTreeMap<(Generation, ProductId), ProductRow>,
    index: BTreeMap<IndexKey, ProductId>,
}

impl MemoryViews {
    /// An empty view that keeps these orders.
    #[must_use]
    pub fn keeping(orders: Orders) -> Self {
        Self { orders, kept: Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Nothing between changing a row and changing its index entries can panic.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, kept: &mut Kept, generation: Generation, shown: &ProductRow) {
        let id = &shown.product.id;
        if let Some(before) = kept.rows.insert((generation, id.clone()), shown.clone()) {
            for key in self.index_keys(generation, &before.product) {
                kept.index.remove(&key);
            }
        }
        kept.index.extend(self.index_keys(generation, &shown.product).map(|key| (key, id.clone())));
    }

    fn index_keys(&self, generation: Generation, product: &Product) -> impl Iterator<Item = IndexKey> {
        let orders = self.orders;
        let kept = RowOrder::ALL.into_iter().filter(move |order| orders.keep(order.sort()));
        let shard = shard_of(&product.id);
        kept.filter_map(move |order| Some((generation, order, shard, order.position(product)?)))
    }
}

#[async_trait]
impl Views for MemoryViews {
    fn orders(&self) -> Orders {
        self.orders
    }

    async fn generations(&self) -> Result<ViewGenerations, StoreError> {
        Ok(self.kept().generations.clone())
    }

    async fn change_generations(&self, to: &ViewGenerations) -> Result<(), GenerationsError> {
        let mut kept = self.kept();
        if kept.generations.revision + 1 != to.revision {
            return Err(GenerationsError::Changed);
        }
        kept.generations = to.clone();
        Ok(())
    }

    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, StoreError> {
        Ok(self.kept().rows.get(&(generation, id.clone())).map(|row| row.product.clone()))
    }

    async fn show(
        &self,
        generation: Generation,
        shown: &ProductRow,
    ) -> Result<Option<ProductRow>, StoreError> {
        let mut kept = self.kept();
        let before = kept.rows.get(&(generation, shown.product.id.clone()));
        if let Some(before) = before.filter(|row| row.product.version >= shown.product.version) {
            return Ok(Some(before.clone()));
        }
        self.write(&mut kept, generation, shown);
        Ok(None)
    }

    async fn replace(
        &self,
        generation: Generation,
        seen: &ProductRow,
        by: &ProductRow,
    ) -> Result<bool, StoreError> {
        let mut kept = self.kept();
        let there = kept.rows.get(&(generation, seen.product.id.clone()));
        let as_seen =
            there.is_some_and(|row| (row.product.version, &row.hash) == (seen.product.version, &seen.hash));
        if as_seen {
            self.write(&mut kept, generation, by);
        }
        Ok(as_seen)
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<SlicePage, StoreError> {
        if !self.orders.keep(slice.order.sort()) {
            return Err(not_kept(slice.order));
        }
        let kept = self.kept();
        let end = |position: &str| (generation, slice.order, slice.shard, position.to_owned());
        let inside = kept.index.range(end(&slice.range.from)..=end(&slice.range.to));
        let row = |((_, _, _, position), id): (&IndexKey, &ProductId)| {
            let product = kept.rows.get(&(generation, id.clone()))?.product.clone();
            Some(IndexRow { position: position.clone(), product })
        };
        let (more, wanted) = (slice.limit, slice.limit.saturating_add(1));
        let mut rows: Vec<IndexRow> = if slice.descending {
            inside.rev().take(wanted).filter_map(row).collect()
        } else {
            inside.take(wanted).filter_map(row).collect()
        };
        let exhausted = rows.len() <= more;
        rows.truncate(slice.limit);
        let last = rows.last().map(|row| row.position.clone());
        Ok(SlicePage { rows, unreadable: Vec::new(), last, exhausted })
    }

    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<RowPage, StoreError> {
        let kept = self.kept();
        let begin = from.and_then(|id| ProductId::new(id).ok());
        let begin = begin.map_or(Bound::Unbounded, |id| Bound::Excluded((generation, id)));
        let all = kept.rows.range((begin, Bound::Unbounded));
        let of_generation = all.filter(|((of, _), _)| *of == generation).map(|(_, row)| &row.product);
        let products: Vec<Product> = of_generation.take(limit).cloned().collect();
        let next = products.last().filter(|_| products.len() == limit);
        Ok(RowPage { next: next.map(|last| last.id.to_string()), products, unreadable: Vec::new() })
    }

    async fn remove(&self, generation: Generation, key: &str) -> Result<(), StoreError> {
        let Ok(id) = ProductId::new(key) else { return Ok(()) };
        let mut kept = self.kept();
        if let Some(row) = kept.rows.remove(&(generation, id)) {
            for key in self.index_keys(generation, &row.product) {
                kept.index.remove(&key);
            }
        }
        Ok(())
    }
}
