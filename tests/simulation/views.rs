//! The view tables as a platform offers them: in front of the in-memory adapters, with the weather at every call.

use std::sync::Arc;

use async_trait::async_trait;
use event_store::Unavailable;
use projections::prices::{FoldedCommit, FoldedHead, PriceHistory, ProductIdPage};
use projections::views::{
    Generation, GenerationsError, ProductRow, RowPage, Slice, SlicePage, ViewGenerations,
};
use projections::{MemoryPriceLog, MemoryViews, PriceLog, Views};
use schema::Orders;
use schema::{Product, ProductId};

use crate::chaos::Chaos;

fn away() -> Unavailable {
    Unavailable("bad weather".into())
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

    async fn generations(&self) -> Result<ViewGenerations, Unavailable> {
        self.chaos.call(self.inner.generations(), away).await
    }

    async fn change_generations(&self, to: &ViewGenerations) -> Result<(), GenerationsError> {
        self.chaos.call(self.inner.change_generations(to), || away().into()).await
    }

    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, Unavailable> {
        self.chaos.call(self.inner.get(generation, id), away).await
    }

    async fn show(
        &self,
        generation: Generation,
        shown: &ProductRow,
    ) -> Result<Option<ProductRow>, Unavailable> {
        self.chaos.call(self.inner.show(generation, shown), away).await
    }

    async fn replace(
        &self,
        generation: Generation,
        seen: &ProductRow,
        by: &ProductRow,
    ) -> Result<bool, Unavailable> {
        self.chaos.call(self.inner.replace(generation, seen, by), away).await
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<SlicePage, Unavailable> {
        self.chaos.call(self.inner.slice(generation, slice), away).await
    }

    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<RowPage, Unavailable> {
        self.chaos.call(self.inner.rows(generation, from, limit), away).await
    }

    async fn remove(&self, generation: Generation, id: &ProductId) -> Result<(), Unavailable> {
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
    ) -> Result<Option<FoldedHead>, Unavailable> {
        self.chaos.call(self.inner.newest(generation, product), away).await
    }

    async fn take_back(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: &FoldedHead,
    ) -> Result<(), Unavailable> {
        self.chaos.call(self.inner.take_back(generation, product, seen), away).await
    }

    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        commits: &[FoldedCommit],
    ) -> Result<(), Unavailable> {
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

    async fn history(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<PriceHistory, Unavailable> {
        self.chaos.call(self.inner.history(generation, product), away).await
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, Unavailable> {
        self.chaos.call(self.inner.drop_generation(generation), away).await
    }

    async fn products(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ProductIdPage, Unavailable> {
        self.chaos.call(self.inner.products(generation, from, limit), away).await
    }
}
