//! Receipts that fail or hang where a test says so, like a table that is down or a process that is killed.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use event_store::receipts::{EventPublication, PublicationPosition};
use event_store::{MemoryReceipts, Receipts, StoreError};
use schema::{ProductId, PublicationRecord};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    Position,
    Record,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The table answers with an error.
    Fails,
    /// The table answers with a row that cannot be read.
    IsUnreadable,
    /// There is no answer; the waiting process is killed.
    Hangs,
}

#[derive(Debug, Default)]
pub struct Broken {
    inner: Arc<MemoryReceipts>,
    fault: Mutex<Option<(At, How, Option<ProductId>)>>,
}

impl Broken {
    pub fn in_front_of(inner: Arc<MemoryReceipts>) -> Self {
        Self { inner, fault: Mutex::default() }
    }

    pub fn breaks(self, at: At, how: How) -> Arc<Self> {
        *self.fault.lock().unwrap() = Some((at, how, None));
        Arc::new(self)
    }

    pub fn breaks_for(self, product: &ProductId, at: At, how: How) -> Arc<Self> {
        *self.fault.lock().unwrap() = Some((at, how, Some(product.clone())));
        Arc::new(self)
    }

    async fn meet(&self, here: At, product: Option<&ProductId>) -> Result<(), StoreError> {
        let fault = self.fault.lock().unwrap().clone();
        match fault {
            Some((at, how, of)) if at == here && (of.is_none() || of.as_ref() == product) => match how {
                How::Fails => Err(StoreError::new("broken on purpose".into())),
                How::IsUnreadable => Err(StoreError::unreadable("the row of event 1 is unreadable".into())),
                How::Hangs => std::future::pending().await,
            },
            _ => Ok(()),
        }
    }
}

#[async_trait]
impl Receipts for Broken {
    async fn position(&self, product: &ProductId) -> Result<PublicationPosition, StoreError> {
        self.meet(At::Position, Some(product)).await?;
        self.inner.position(product).await
    }

    async fn of(
        &self,
        product: &ProductId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, PublicationRecord)>, StoreError> {
        self.inner.of(product, from, to).await
    }

    async fn record(&self, records: &[EventPublication]) -> Result<(), StoreError> {
        self.meet(At::Record, None).await?;
        self.inner.record(records).await
    }
}
