//! The view stores with injected faults: each wraps an in-memory adapter and fails as [`Chaos`] decides.

use std::sync::Arc;

use async_trait::async_trait;
use event_store::StoreError;
use projections::prices::{FoldedCommit, FoldedHead, PriceHistory, ProductIdPage};
use projections::views::{
    CategoryPlace, CategoryRow, FoundRow, Generation, GenerationsError, Lookup, Portion, ProductRow, RowPage,
    Slice, SlicePage, ViewGenerations,
};
use projections::{MemoryPriceLog, MemoryViews, PriceLog, Views};
use schema::Orders;
use schema::{Product, ProductId};

use crate::chaos::Chaos;

fn unavailable() -> StoreError {
    StoreError::new("injected fault".into())
}

/// The product view.
pub struct FaultyViews {
    pub inner: Arc<MemoryViews>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl Views for FaultyViews {
    fn orders(&self) -> Orders {
        self.inner.orders()
    }

    async fn generations(&self) -> Result<ViewGenerations, StoreError> {
        self.chaos.call(self.inner.generations(), unavailable).await
    }

    async fn change_generations(&self, to: &ViewGenerations) -> Result<(), GenerationsError> {
        self.chaos.call(self.inner.change_generations(to), || unavailable().into()).await
    }

    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, StoreError> {
        self.chaos.call(self.inner.get(generation, id), unavailable).await
    }

    async fn show(
        &self,
        generation: Generation,
        shown: &ProductRow,
    ) -> Result<Option<ProductRow>, StoreError> {
        self.chaos.call(self.inner.show(generation, shown), unavailable).await
    }

    async fn replace(
        &self,
        generation: Generation,
        seen: &ProductRow,
        by: &ProductRow,
    ) -> Result<bool, StoreError> {
        self.chaos.call(self.inner.replace(generation, seen, by), unavailable).await
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<SlicePage, StoreError> {
        self.chaos.call(self.inner.slice(generation, slice), unavailable).await
    }

    async fn find(
        &self,
        generation: Generation,
        lookup: &Lookup,
        slice: &Slice,
    ) -> Result<Portion<FoundRow>, StoreError> {
        self.chaos.call(self.inner.find(generation, lookup, slice), unavailable).await
    }

    async fn categories(
        &self,
        generation: Generation,
        shard: u8,
        after: &CategoryPlace,
        limit: usize,
    ) -> Result<Portion<CategoryRow>, StoreError> {
        self.chaos.call(self.inner.categories(generation, shard, after, limit), unavailable).await
    }

    async fn known(
        &self,
        generation: Generation,
        shard: u8,
        after: &str,
        limit: usize,
    ) -> Result<Portion<ProductId>, StoreError> {
        self.chaos.call(self.inner.known(generation, shard, after, limit), unavailable).await
    }

    async fn counted(&self, generation: Generation) -> Result<Option<[u64; 2]>, StoreError> {
        self.chaos.call(self.inner.counted(generation), unavailable).await
    }

    async fn get_all(&self, generation: Generation, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
        self.chaos.call(self.inner.get_all(generation, ids), unavailable).await
    }

    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<RowPage, StoreError> {
        self.chaos.call(self.inner.rows(generation, from, limit), unavailable).await
    }

    async fn remove(&self, generation: Generation, key: &str) -> Result<(), StoreError> {
        self.chaos.call(self.inner.remove(generation, key), unavailable).await
    }
}

/// The price history; a batch of commits that fails may have been written in part.
pub struct FaultyPriceLog {
    pub inner: Arc<MemoryPriceLog>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl PriceLog for FaultyPriceLog {
    async fn newest(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<FoldedHead>, StoreError> {
        self.chaos.call(self.inner.newest(generation, product), unavailable).await
    }

    async fn take_back(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: &FoldedHead,
    ) -> Result<(), StoreError> {
        self.chaos.call(self.inner.take_back(generation, product, seen), unavailable).await
    }

    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        commits: &[FoldedCommit],
    ) -> Result<(), StoreError> {
        let effect = async {
            for commit in commits {
                self.inner.fold(generation, product, std::slice::from_ref(commit)).await?;
                if self.chaos.happens("batch written in part", 20) {
                    return Err(unavailable());
                }
            }
            Ok(())
        };
        self.chaos.call(effect, unavailable).await
    }

    async fn history(&self, generation: Generation, product: &ProductId) -> Result<PriceHistory, StoreError> {
        self.chaos.call(self.inner.history(generation, product), unavailable).await
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, StoreError> {
        self.chaos.call(self.inner.drop_generation(generation), unavailable).await
    }

    async fn products(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ProductIdPage, StoreError> {
        self.chaos.call(self.inner.products(generation, from, limit), unavailable).await
    }
}
