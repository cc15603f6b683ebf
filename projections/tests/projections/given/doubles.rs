//! Stores in trouble, one that others write too, and one that counts.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use event_store::{
    AppendError, Journal, MemoryJournal, Parked, Parking, ScanPage, ScanPosition, Trouble, Unavailable,
};
use projections::prices::{Entry, History};
use projections::views::{self, Generation, Lineup, LineupError, Portion, Slice, Written};
use projections::{MemoryPriceLog, MemoryViews, PriceLog, Views};
use schema::{Product, ProductId, StoredCommit, Timestamp};

/// Views that do not answer while they are out.
#[derive(Default)]
pub(crate) struct Moody {
    pub(crate) kept: MemoryViews,
    pub(crate) out: AtomicBool,
    /// A generation that never answers to writes.
    pub(crate) broken: Option<Generation>,
}

impl Moody {
    fn answer(&self) -> Result<&MemoryViews, views::Unavailable> {
        if self.out.load(Ordering::Relaxed) {
            return Err(views::Unavailable("out".into()));
        }
        Ok(&self.kept)
    }
}

#[async_trait]
impl Views for Moody {
    async fn lineup(&self) -> Result<Lineup, views::Unavailable> {
        self.answer()?.lineup().await
    }

    async fn change_lineup(&self, to: &Lineup) -> Result<(), LineupError> {
        self.answer()?.change_lineup(to).await
    }

    async fn get(
        &self,
        generation: Generation,
        id: &ProductId,
    ) -> Result<Option<Product>, views::Unavailable> {
        self.answer()?.get(generation, id).await
    }

    async fn put(&self, generation: Generation, product: &Product) -> Result<Written, views::Unavailable> {
        if self.broken == Some(generation) {
            return Err(views::Unavailable("broken".into()));
        }
        self.answer()?.put(generation, product).await
    }

    async fn slice(&self, generation: Generation, slice: &Slice) -> Result<Portion, views::Unavailable> {
        self.answer()?.slice(generation, slice).await
    }

    async fn remove(&self, generation: Generation, id: &ProductId) -> Result<(), views::Unavailable> {
        self.answer()?.remove(generation, id).await
    }
}

pub(crate) struct NoParking;

#[async_trait]
impl Parking for NoParking {
    async fn park(&self, _: &str, _: &ProductId, _: &Trouble) -> Result<(), Unavailable> {
        Err(Unavailable("out".into()))
    }

    async fn release(&self, _: &Parked) -> Result<bool, Unavailable> {
        Err(Unavailable("out".into()))
    }

    async fn of(&self, _: &str, _: &ProductId) -> Result<Option<Parked>, Unavailable> {
        Err(Unavailable("out".into()))
    }

    async fn list(&self, _: &str, _: Option<&ProductId>, _: usize) -> Result<Vec<Parked>, Unavailable> {
        Err(Unavailable("out".into()))
    }
}

/// Counts what it is asked for; each read is one request.
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

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, Unavailable> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.kept.newest(product, at_most).await
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, Unavailable> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.kept.page(product, after, limit).await
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, Unavailable> {
        self.kept.scan(from, limit).await
    }
}

/// A price log in which somebody else moves the cursor by one event just before it is moved the first time.
#[derive(Default)]
pub(crate) struct Overtaken {
    pub(crate) kept: MemoryPriceLog,
    overtaken: AtomicBool,
}

#[async_trait]
impl PriceLog for Overtaken {
    async fn folded(&self, generation: Generation, product: &ProductId) -> Result<u64, views::Unavailable> {
        self.kept.folded(generation, product).await
    }

    async fn write(
        &self,
        generation: Generation,
        product: &ProductId,
        entries: &[Entry],
    ) -> Result<(), views::Unavailable> {
        if self.overtaken.load(Ordering::Relaxed) {
            return self.kept.write(generation, product, entries).await;
        }
        // The slower one also loses what it wrote, so that only going on can bring it back.
        self.kept.write(generation, product, &entries[..1]).await
    }

    async fn advance(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: u64,
        to: u64,
    ) -> Result<bool, views::Unavailable> {
        if !self.overtaken.swap(true, Ordering::Relaxed) {
            self.kept.advance(generation, product, seen, seen + 1).await?;
        }
        self.kept.advance(generation, product, seen, to).await
    }

    async fn history(
        &self,
        generation: Generation,
        product: &ProductId,
        until: Option<Timestamp>,
    ) -> Result<History, views::Unavailable> {
        self.kept.history(generation, product, until).await
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, views::Unavailable> {
        self.kept.drop_generation(generation).await
    }
}
