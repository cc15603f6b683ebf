//! The view stores with injected faults: each wraps an in-memory adapter and fails as [`Chaos`] decides.

use std::sync::Arc;

use async_trait::async_trait;
use projections::catalogue::Orders;
use projections::prices::{FoldedCommit, History, Newest, Products};
use projections::views::{Generation, Lineup, LineupError, Portion, Rows, Shown, Slice, Unavailable};
use projections::{MemoryPriceLog, MemoryViews, PriceLog, Views};
use schema::{Product, ProductId};

use crate::chaos::Chaos;

fn unavailable() -> Unavailable {
    Unavailable("injected fault".into())
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

    async fn lineup(&self) -> Result<Lineup, Unavailable> {
        self.chaos.call(self.inner.lineup(), unavailable).await
    }

    async fn change_lineup(&self, to: &Lineup) -> Result<(), LineupError> {
        self.chaos.call(self.inner.change_lineup(to), || unavailable().into()).await
    }

    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, Unavailable> {
        self.chaos.call(self.inner.get(generation, id), unavailable).await
    }

    async fn show(&self, generation: Generation, shown: &Shown) -> Result<Option<Shown>, Unavailable> {
        self.chaos.call(self.inner.show(generation, shown), unavailable).await
    }

    async fn replace(&self, generation: Generation, seen: &Shown, by: &Shown) -> Result<bool, Unavailable> {
        self.chaos.call(self.inner.replace(generation, seen, by), unavailable).await
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<Portion, Unavailable> {
        self.chaos.call(self.inner.slice(generation, slice), unavailable).await
    }

    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<Rows, Unavailable> {
        self.chaos.call(self.inner.rows(generation, from, limit), unavailable).await
    }

    async fn remove(&self, generation: Generation, id: &ProductId) -> Result<(), Unavailable> {
        self.chaos.call(self.inner.remove(generation, id), unavailable).await
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
    ) -> Result<Option<Newest>, Unavailable> {
        self.chaos.call(self.inner.newest(generation, product), unavailable).await
    }

    async fn take_back(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: &Newest,
    ) -> Result<(), Unavailable> {
        self.chaos.call(self.inner.take_back(generation, product, seen), unavailable).await
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
                    return Err(unavailable());
                }
            }
            Ok(())
        };
        self.chaos.call(effect, unavailable).await
    }

    async fn history(&self, generation: Generation, product: &ProductId) -> Result<History, Unavailable> {
        self.chaos.call(self.inner.history(generation, product), unavailable).await
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, Unavailable> {
        self.chaos.call(self.inner.drop_generation(generation), unavailable).await
    }

    async fn products(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<Products, Unavailable> {
        self.chaos.call(self.inner.products(generation, from, limit), unavailable).await
    }
}
