//! The product view in memory, for tests and simulations.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Bound;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use event_store::StoreError;
use schema::{Orders, Product, ProductId, Status};

use super::{
    CategoryPlace, CategoryRow, FoundRow, Generation, GenerationsError, IndexRow, Lookup, Portion,
    ProductRow, RowOrder, RowPage, Slice, SlicePage, ViewGenerations, Views, lookup_order, not_kept,
    shard_of,
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
    categories: BTreeSet<(Generation, u8, CategoryPlace)>,
}

impl Kept {
    /// The rows of a slice with their positions, in its direction.
    fn inside<'a>(
        &'a self,
        generation: Generation,
        slice: &Slice,
    ) -> Box<dyn Iterator<Item = (&'a str, &'a Product)> + 'a> {
        let end = |position: &str| (generation, slice.order, slice.shard, position.to_owned());
        let inside = self.index.range(end(&slice.range.from)..=end(&slice.range.to));
        let row = move |((_, _, _, position), id): (&'a IndexKey, &'a ProductId)| {
            Some((position.as_str(), &self.rows.get(&(generation, id.clone()))?.product))
        };
        if slice.descending {
            Box::new(inside.rev().filter_map(row))
        } else {
            Box::new(inside.filter_map(row))
        }
    }

    fn forget(&mut self, generation: Generation, product: &Product, keys: impl Iterator<Item = IndexKey>) {
        for key in keys {
            self.index.remove(&key);
        }
        if let Some(place) = CategoryPlace::of(product) {
            self.categories.remove(&(generation, shard_of(&product.id), place));
        }
    }
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
            kept.forget(generation, &before.product, self.index_keys(generation, &before.product));
        }
        kept.index.extend(self.index_keys(generation, &shown.product).map(|key| (key, id.clone())));
        kept.categories
            .extend(CategoryPlace::of(&shown.product).map(|place| (generation, shard_of(id), place)));
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
        let row = |(position, product): (&str, &Product)| IndexRow {
            position: position.to_owned(),
            product: product.clone(),
        };
        Ok(cut(kept.inside(generation, slice).map(row), slice.limit).into())
    }

    async fn find(
        &self,
        generation: Generation,
        lookup: &Lookup,
        slice: &Slice,
    ) -> Result<Portion<FoundRow>, StoreError> {
        lookup_order(self.orders, slice.order)?;
        let kept = self.kept();
        let found = kept.inside(generation, slice).filter(|(_, product)| lookup.finds(product));
        let row = |(position, product): (&str, &Product)| FoundRow {
            position: position.to_owned(),
            id: product.id.clone(),
        };
        Ok(cut(found.map(row), slice.limit))
    }

    async fn categories(
        &self,
        generation: Generation,
        shard: u8,
        after: &CategoryPlace,
        limit: usize,
    ) -> Result<Portion<CategoryRow>, StoreError> {
        let kept = self.kept();
        let behind = (Bound::Excluded((generation, shard, after.clone())), Bound::Unbounded);
        let of_shard = |place: &&(Generation, u8, CategoryPlace)| (place.0, place.1) == (generation, shard);
        let places = kept.categories.range(behind).take_while(of_shard);
        let row = |(_, _, place): &(_, _, CategoryPlace)| CategoryRow {
            key: place.id.clone(),
            place: place.clone(),
        };
        Ok(cut(places.map(row), limit))
    }

    async fn known(
        &self,
        generation: Generation,
        shard: u8,
        after: &str,
        limit: usize,
    ) -> Result<Portion<ProductId>, StoreError> {
        let kept = self.kept();
        let behind = match ProductId::new(after) {
            Ok(id) => Bound::Excluded((generation, id)),
            Err(_) => Bound::Unbounded,
        };
        let rows = kept.rows.range((behind, Bound::Unbounded)).map(|(key, _)| key);
        let ids = rows.filter(|(of, id)| *of == generation && shard_of(id) == shard).map(|(_, id)| id);
        Ok(cut(ids.cloned(), limit))
    }

    async fn counted(&self, generation: Generation) -> Result<Option<[u64; 2]>, StoreError> {
        let kept = self.kept();
        let rows = kept.rows.iter().filter(|((of, _), _)| *of == generation).map(|(_, row)| row);
        let (active, deleted): (Vec<_>, Vec<_>) =
            rows.partition(|row| row.product.facts.status == Status::Active);
        Ok(Some([active.len() as u64, deleted.len() as u64]))
    }

    async fn get_all(&self, generation: Generation, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
        let kept = self.kept();
        let once: HashSet<&ProductId> = ids.iter().collect();
        let rows = once.into_iter().filter_map(|id| kept.rows.get(&(generation, id.clone())));
        Ok(rows.map(|row| row.product.clone()).collect())
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
        if let Some(row) = kept.rows.remove(&(generation, id.clone())) {
            kept.forget(generation, &row.product, self.index_keys(generation, &row.product));
        }
        Ok(())
    }
}

/// As many rows as asked for, and whether these are all.
fn cut<R>(rows: impl Iterator<Item = R>, limit: usize) -> Portion<R> {
    let mut rows: Vec<R> = rows.take(limit.saturating_add(1)).collect();
    let exhausted = rows.len() <= limit;
    rows.truncate(limit);
    Portion { rows, exhausted }
}
