//! The ports as a platform offers them: in front of the in-memory adapters, with the weather at every call.

use std::sync::Arc;

use async_trait::async_trait;
use event_store::receipts::{EventPublication, PublicationPosition};
use event_store::{
    AppendError, Journal, MemoryJournal, MemoryParking, MemoryReceipts, Parked, Parking, ParkingCause,
    Receipts, ScanPage, ScanPosition, StoreError,
};
use publisher::bus::{Answer, BusError, Remedy};
use publisher::{Bus, Entry, MemoryBus};
use schema::{ProductId, PublicationRecord, StoredCommit};

use crate::chaos::Chaos;
use crate::stream::Stream;

pub fn away() -> StoreError {
    StoreError::new("bad weather".into())
}

/// The event table; what is appended shows in the stream.
pub struct Table {
    pub inner: Arc<MemoryJournal>,
    pub chaos: Arc<Chaos>,
    pub stream: Arc<Stream>,
}

#[async_trait]
impl Journal for Table {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        let effect = async {
            self.inner.append(commit).await?;
            self.stream.add(commit);
            // An SDK that lost the answer sends the request again, and meets its own commit.
            if self.chaos.happens("sent twice by the SDK", 30) {
                return Err(AppendError::Occupied);
            }
            Ok(())
        };
        self.chaos.call(effect, || AppendError::Unknown(away())).await
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        self.chaos.call(self.inner.newest(product, at_most), away).await
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.chaos.call(self.inner.page(product, after, limit), away).await
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.chaos.call(self.inner.scan(from, limit), away).await
    }
}

/// The receipts table; a batch that fails may have been written in part.
pub struct ReceiptTable {
    pub inner: Arc<MemoryReceipts>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl Receipts for ReceiptTable {
    async fn position(&self, product: &ProductId) -> Result<PublicationPosition, StoreError> {
        self.chaos.call(self.inner.position(product), away).await
    }

    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, StoreError> {
        self.chaos.call(self.inner.of(product, from, to), away).await
    }

    async fn record(&self, records: &[EventPublication]) -> Result<(), StoreError> {
        let effect = async {
            for record in records {
                self.inner.record(std::slice::from_ref(record)).await?;
                if self.chaos.happens("batch written in part", 20) {
                    return Err(away());
                }
            }
            Ok(())
        };
        self.chaos.call(effect, away).await
    }
}

/// The parking table.
pub struct ParkingTable {
    pub inner: Arc<MemoryParking>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl Parking for ParkingTable {
    async fn park(
        &self,
        consumer: &str,
        product: &ProductId,
        trouble: &ParkingCause,
    ) -> Result<(), StoreError> {
        self.chaos.call(self.inner.park(consumer, product, trouble), away).await
    }

    async fn release(&self, seen: &Parked) -> Result<bool, StoreError> {
        self.chaos.call(self.inner.release(seen), away).await
    }

    async fn of(&self, consumer: &str, product: &ProductId) -> Result<Option<Parked>, StoreError> {
        self.chaos.call(self.inner.of(consumer, product), away).await
    }

    async fn list(
        &self,
        consumer: &str,
        after: Option<&ProductId>,
        limit: usize,
    ) -> Result<Vec<Parked>, StoreError> {
        self.chaos.call(self.inner.list(consumer, after, limit), away).await
    }
}

/// The bus; single entries are refused by [`MemoryBus`] itself.
pub struct Outside {
    pub inner: Arc<MemoryBus>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl Bus for Outside {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<Answer>, BusError> {
        let lost = || BusError::new(Remedy::SendAgain, "NoConnection", "bad weather");
        self.chaos.call(self.inner.put(entries), lost).await
    }
}
