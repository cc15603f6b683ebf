//! The stores and the bus with injected faults: each wraps an in-memory adapter and fails as [`Chaos`] decides.

use std::sync::Arc;

use async_trait::async_trait;
use event_store::receipts::{EventPublication, PublicationPosition};
use event_store::{
    AppendError, Journal, MemoryJournal, MemoryParking, MemoryReceipts, Parked, Parking, ParkingCause,
    Receipts, ScanPage, ScanPosition, StoreError,
};
use publisher::bus::{BusError, EntryOutcome, Remedy};
use publisher::{Bus, BusEntry, MemoryBus};
use schema::{ProductId, PublicationRecord, StoredCommit};

use crate::chaos::Chaos;
use crate::stream::Stream;

pub fn unavailable() -> StoreError {
    StoreError::new("injected fault".into())
}

/// The event table; appended commits appear in the stream.
pub struct FaultyJournal {
    pub inner: Arc<MemoryJournal>,
    pub chaos: Arc<Chaos>,
    pub stream: Arc<Stream>,
}

#[async_trait]
impl Journal for FaultyJournal {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        let effect = async {
            self.inner.append(commit).await?;
            self.stream.add(commit);
            // An SDK that got no answer sends the request again and finds its own commit.
            if self.chaos.happens("sent twice by the SDK", 30) {
                return Err(AppendError::Occupied);
            }
            Ok(())
        };
        self.chaos.call(effect, || AppendError::Unknown(unavailable())).await
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        self.chaos.call(self.inner.newest(product, at_most), unavailable).await
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.chaos.call(self.inner.page(product, after, limit), unavailable).await
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.chaos.call(self.inner.scan(from, limit), unavailable).await
    }
}

/// The receipts table; a batch that fails may have been written in part.
pub struct FaultyReceipts {
    pub inner: Arc<MemoryReceipts>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl Receipts for FaultyReceipts {
    async fn position(&self, product: &ProductId) -> Result<PublicationPosition, StoreError> {
        self.chaos.call(self.inner.position(product), unavailable).await
    }

    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, StoreError> {
        self.chaos.call(self.inner.of(product, from, to), unavailable).await
    }

    async fn record(&self, records: &[EventPublication]) -> Result<(), StoreError> {
        let effect = async {
            for record in records {
                self.inner.record(std::slice::from_ref(record)).await?;
                if self.chaos.happens("batch written in part", 20) {
                    return Err(unavailable());
                }
            }
            Ok(())
        };
        self.chaos.call(effect, unavailable).await
    }
}

/// The parking table.
pub struct FaultyParking {
    pub inner: Arc<MemoryParking>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl Parking for FaultyParking {
    async fn park(
        &self,
        consumer: &str,
        product: &ProductId,
        trouble: &ParkingCause,
    ) -> Result<(), StoreError> {
        self.chaos.call(self.inner.park(consumer, product, trouble), unavailable).await
    }

    async fn release(&self, seen: &Parked) -> Result<bool, StoreError> {
        self.chaos.call(self.inner.release(seen), unavailable).await
    }

    async fn of(&self, consumer: &str, product: &ProductId) -> Result<Option<Parked>, StoreError> {
        self.chaos.call(self.inner.of(consumer, product), unavailable).await
    }

    async fn list(
        &self,
        consumer: &str,
        after: Option<&ProductId>,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        self.chaos.call(self.inner.list(consumer, after, limit), unavailable).await
    }
}

/// The bus; single entries are refused by [`MemoryBus`] itself.
pub struct FaultyBus {
    pub inner: Arc<MemoryBus>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl Bus for FaultyBus {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        let lost = || BusError::new(Remedy::SendAgain, "NoConnection", "injected fault");
        self.chaos.call(self.inner.put(entries), lost).await
    }
}
