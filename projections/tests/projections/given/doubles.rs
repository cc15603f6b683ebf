//! Stores that fail, and one that counts its reads.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use event_store::{
    AppendError, Journal, MemoryJournal, Parked, Parking, ParkingCause, ScanPage, ScanPosition, StoreError,
};
use projections::prices::{FoldedCommit, FoldedHead, PriceHistory, ProductIdPage};
use projections::views::{
    CategoryPlace, CategoryRow, FoundRow, Generation, GenerationsError, Lookup, Portion, ProductRow, RowPage,
    Slice, SlicePage, ViewGenerations,
};
use projections::{MemoryPriceLog, MemoryViews, PriceLog, Views};
use schema::Orders;
use schema::{Product, ProductId, StoredCommit};

/// Views that do not answer while `out`.
#[derive(Default)]
pub(crate) struct Moody {
    pub(crate) kept: MemoryViews,
    pub(crate) out: AtomicBool,
    /// A generation that never answers to writes.
    pub(crate) broken: Option<Generation>,
    /// A product whose writes are never answered.
    pub(crate) silent: Option<ProductId>,
}

impl Moody {
    fn answer(&self) -> Result<&MemoryViews, StoreError> {
        if self.out.load(Ordering::Relaxed) {
            return Err(StoreError::new("out".into()));
        }
        Ok(&self.kept)
    }
}

#[async_trait]
impl Views for Moody {
    fn orders(&self) -> Orders {
        self.kept.orders()
    }

    async fn generations(&self) -> Result<ViewGenerations, StoreError> {
        self.answer()?.generations().await
    }

    async fn change_generations(&self, to: &ViewGenerations) -> Result<(), GenerationsError> {
        self.answer()?.change_generations(to).await
    }

    async fn get(&self, generation: Generation, id: &ProductId) -> Result<Option<Product>, StoreError> {
        self.answer()?.get(generation, id).await
    }

    async fn show(
        &self,
        generation: Generation,
        shown: &ProductRow,
    ) -> Result<Option<ProductRow>, StoreError> {
        if self.broken == Some(generation) {
            return Err(StoreError::new("broken".into()));
        }
        if self.silent.as_ref() == Some(&shown.product.id) {
            return std::future::pending().await;
        }
        self.answer()?.show(generation, shown).await
    }

    async fn replace(
        &self,
        generation: Generation,
        seen: &ProductRow,
        by: &ProductRow,
    ) -> Result<bool, StoreError> {
        self.answer()?.replace(generation, seen, by).await
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<SlicePage, StoreError> {
        self.answer()?.slice(generation, slice).await
    }

    async fn find(
        &self,
        generation: Generation,
        lookup: &Lookup,
        slice: &Slice,
    ) -> Result<Portion<FoundRow>, StoreError> {
        self.answer()?.find(generation, lookup, slice).await
    }

    async fn categories(
        &self,
        generation: Generation,
        shard: u8,
        after: &CategoryPlace,
        limit: usize,
    ) -> Result<Portion<CategoryRow>, StoreError> {
        self.answer()?.categories(generation, shard, after, limit).await
    }

    async fn known(
        &self,
        generation: Generation,
        shard: u8,
        after: &str,
        limit: usize,
    ) -> Result<Portion<ProductId>, StoreError> {
        self.answer()?.known(generation, shard, after, limit).await
    }

    async fn counted(&self, generation: Generation) -> Result<Option<[u64; 2]>, StoreError> {
        self.answer()?.counted(generation).await
    }

    async fn get_all(&self, generation: Generation, ids: &[ProductId]) -> Result<Vec<Product>, StoreError> {
        self.answer()?.get_all(generation, ids).await
    }

    async fn rows(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<RowPage, StoreError> {
        self.answer()?.rows(generation, from, limit).await
    }

    async fn remove(&self, generation: Generation, key: &str) -> Result<(), StoreError> {
        self.answer()?.remove(generation, key).await
    }
}

pub(crate) struct NoParking;

#[async_trait]
impl Parking for NoParking {
    async fn park(&self, _: &str, _: &ProductId, _: &ParkingCause) -> Result<(), StoreError> {
        Err(StoreError::new("out".into()))
    }

    async fn release(&self, _: &Parked) -> Result<bool, StoreError> {
        Err(StoreError::new("out".into()))
    }

    async fn of(&self, _: &str, _: &ProductId) -> Result<Option<Parked>, StoreError> {
        Err(StoreError::new("out".into()))
    }

    async fn list(&self, _: &str, _: Option<&ProductId>, _: usize) -> Result<Vec<Parked>, StoreError> {
        Err(StoreError::new("out".into()))
    }
}

/// A journal whose pages cannot be read.
#[derive(Default)]
pub(crate) struct NoPages(pub(crate) MemoryJournal);

#[async_trait]
impl Journal for NoPages {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        self.0.append(commit).await
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        self.0.newest(product, at_most).await
    }

    async fn page(&self, _: &ProductId, _: u64, _: usize) -> Result<Vec<StoredCommit>, StoreError> {
        Err(StoreError::new("out".into()))
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.0.scan(from, limit).await
    }
}

/// Price histories that stay as they are: nothing is folded, and what is taken back is there again at once.
pub(crate) struct Unchanged(pub(crate) MemoryPriceLog);

#[async_trait]
impl PriceLog for Unchanged {
    async fn newest(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<FoldedHead>, StoreError> {
        self.0.newest(generation, product).await
    }

    async fn take_back(&self, _: Generation, _: &ProductId, _: &FoldedHead) -> Result<(), StoreError> {
        Ok(())
    }

    async fn fold(&self, _: Generation, _: &ProductId, _: &[FoldedCommit]) -> Result<(), StoreError> {
        Err(StoreError::new("out".into()))
    }

    async fn history(&self, generation: Generation, product: &ProductId) -> Result<PriceHistory, StoreError> {
        self.0.history(generation, product).await
    }

    async fn drop_generation(&self, _: Generation) -> Result<u64, StoreError> {
        Err(StoreError::new("out".into()))
    }

    async fn products(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ProductIdPage, StoreError> {
        self.0.products(generation, from, limit).await
    }
}

/// Counts reads; each is one request.
#[derive(Default)]
pub(crate) struct Counted {
    kept: MemoryJournal,
    pub(crate) reads: AtomicUsize,
}

#[async_trait]
impl Journal for Counted {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        self.kept.append(commit).await
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.kept.newest(product, at_most).await
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.kept.page(product, after, limit).await
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.kept.scan(from, limit).await
    }
}
