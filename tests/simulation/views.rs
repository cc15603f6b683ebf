//! The view tables as a platform offers them: in front of the in-memory adapters, with the weather at every call.

use std::sync::Arc;

use async_trait::async_trait;
use projections::prices::{FoldedCommit, FoldedHead, PriceHistory, ProductIdPage};
use projections::views::{
    Generation, GenerationsError, ProductRow, RowPage, Slice, SlicePage, ViewError, ViewGenerations,
};
use projections::{MemoryPriceLog, MemoryViews, PriceLog, Views};
use schema::Orders;
use schema::{Product, ProductId};

use crate::chaos::Chaos;

fn away() -> ViewError {
    ViewError("bad weather".into())
}

/// The product view.
pub struct ViewTable {
    pub inner: Arc<MemoryViews>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl Views for ViewTable {
    fn orders(&self) -> Orders {
        self.inner.orders()
    }

    async fn generations(&self) -> Result<ViewGenerations, ViewError> {
        self.chaos.call(self.inner.generations(), away).await
    }

    async fn change_generations(&self, to: &ViewGenerations) -> Result<(), GenerationsError> {
        self.chaos.call(self.inner.change_generations(to), || away().into()).await
    }

    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, ViewError> {
        self.chaos.call(self.inner.get(generation, id), away).await
    }

    async fn show(
        &self,
        generation: Generation,
        shown: &ProductRow,
    ) -> Result<Option<ProductRow>, ViewError> {
        self.chaos.call(self.inner.show(generation, shown), away).await
    }

    async fn replace(
        &self,
        generation: Generation,
        seen: &ProductRow,
        by: &ProductRow,
    ) -> Result<bool, ViewError> {
        self.chaos.call(self.inner.replace(generation, seen, by), away).await
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<SlicePage, ViewError> {
        self.chaos.call(self.inner.slice(generation, slice), away).await
    }

    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<RowPage, ViewError> {
        self.chaos.call(self.inner.rows(generation, from, limit), away).await
    }

    async fn remove(&self, generation: Generation, id: &ProductId) -> Result<(), ViewError> {
        self.chaos.call(self.inner.remove(generation, id), away).await
    }
}

/// The price history; of commits that fail together the first may have been written.
pub struct PriceTable {
    pub inner: Arc<MemoryPriceLog>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl PriceLog for PriceTable {
    async fn newest(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<FoldedHead>, ViewError> {
        self.chaos.call(self.inner.newest(generation, product), away).await
    }

    async fn take_back(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: &FoldedHead,
    ) -> Result<(), ViewError> {
        self.chaos.call(self.inner.take_back(generation, product, seen), away).await
    }

    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        commits: &[FoldedCommit],
    ) -> Result<(), ViewError> {
        let effect = async {
            for commit in commits {
                self.inner.fold(generation, product, std::slice::from_ref(commit)).await?;
                if self.chaos.happens("batch written in part", 20) {
                    return Err(away());
                }
            }
            Ok(())
        };
        self.chaos.call(effect, away).await
    }

    async fn history(&self, generation: Generation, product: &ProductId) -> Result<PriceHistory, ViewError> {
        self.chaos.call(self.inner.history(generation, product), away).await
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, ViewError> {
        self.chaos.call(self.inner.drop_generation(generation), away).await
    }

    async fn products(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ProductIdPage, ViewError> {
        self.chaos.call(self.inner.products(generation, from, limit), away).await
    }
}
