//! What an inbox remembers, as a port, and its adapter in memory.

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::apply::{Apply, Failure};
use crate::error::InboxError;
use crate::event::{Cursor, LedgerEvent};

/// Why a product is not gone on with, and the sequence that it waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parking {
    /// The sequence.
    pub sequence: u64,
    /// Why.
    pub reason: String,
}

/// How far the feed was followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPosition {
    /// The position; -1 before the first one.
    pub position: i64,
    /// The hash of its commit.
    pub hash: String,
}

/// What an inbox remembers. Every method may be called by several tasks and processes at a time.
pub trait Store: Send + Sync {
    /// What `apply` writes with.
    type Tx: Send;

    /// The newest event that was applied; `None` of a product that is new.
    fn cursor(&self, product: &str) -> impl Future<Output = Result<Option<Cursor>, Failure>> + Send;

    /// Why the product is parked; `None` if it is not.
    fn parking(&self, product: &str) -> impl Future<Output = Result<Option<Parking>, Failure>> + Send;

    /// Applies the event and moves the cursor of its product from `before` to the event, both or neither; `false` and neither if the
    /// cursor is another one, or the product is parked. What was held for this sequence is dropped.
    fn advance<A: Apply<Self::Tx>>(
        &self,
        before: Option<&Cursor>,
        event: &LedgerEvent,
        apply: &A,
    ) -> impl Future<Output = Result<bool, InboxError>> + Send;

    /// Keeps an event that came early, for 14 days at least.
    fn hold(&self, event: &LedgerEvent) -> impl Future<Output = Result<(), Failure>> + Send;

    /// The event that was kept for this sequence.
    fn held(
        &self,
        product: &str,
        sequence: u64,
    ) -> impl Future<Output = Result<Option<LedgerEvent>, Failure>> + Send;

    /// Parks a product, unless it is parked.
    fn park(&self, product: &str, parking: Parking) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Ends the parking of a product.
    fn release(&self, product: &str) -> impl Future<Output = Result<(), Failure>> + Send;

    /// Every parked product.
    fn parked(&self) -> impl Future<Output = Result<BTreeMap<String, Parking>, Failure>> + Send;

    /// How far the feed was followed.
    fn position(&self) -> impl Future<Output = Result<Option<FeedPosition>, Failure>> + Send;

    /// Remembers how far the feed was followed.
    fn follow(&self, position: FeedPosition) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Remembers until the process ends: for tests. Clones share what they remember.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    kept: Arc<Mutex<Kept>>,
    /// An effect that waits must not be overtaken by another one.
    turn: Arc<tokio::sync::Mutex<()>>,
}

#[derive(Debug, Default)]
struct Kept {
    cursors: HashMap<String, Cursor>,
    parked: BTreeMap<String, Parking>,
    held: HashMap<(String, u64), LedgerEvent>,
    position: Option<FeedPosition>,
}

impl MemoryStore {
    /// One that remembers nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// No change here can be interrupted half-way, so a panic elsewhere spoils nothing.
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    type Tx = ();

    async fn cursor(&self, product: &str) -> Result<Option<Cursor>, Failure> {
        Ok(self.kept().cursors.get(product).cloned())
    }

    async fn parking(&self, product: &str) -> Result<Option<Parking>, Failure> {
        Ok(self.kept().parked.get(product).cloned())
    }

    async fn advance<A: Apply<()>>(
        &self,
        before: Option<&Cursor>,
        event: &LedgerEvent,
        apply: &A,
    ) -> Result<bool, InboxError> {
        let _turn = self.turn.lock().await;
        let product = event.product_id();
        let stands = |kept: &Kept| !kept.parked.contains_key(product) && kept.cursors.get(product) == before;
        if !stands(&self.kept()) {
            return Ok(false);
        }
        apply.apply(event, &mut ()).await.map_err(InboxError::Apply)?;
        let mut kept = self.kept();
        kept.cursors.insert(product.to_owned(), event.cursor().clone());
        kept.held.remove(&(product.to_owned(), event.sequence()));
        Ok(true)
    }

    async fn hold(&self, event: &LedgerEvent) -> Result<(), Failure> {
        let place = (event.product_id().to_owned(), event.sequence());
        self.kept().held.insert(place, event.clone());
        Ok(())
    }

    async fn held(&self, product: &str, sequence: u64) -> Result<Option<LedgerEvent>, Failure> {
        Ok(self.kept().held.get(&(product.to_owned(), sequence)).cloned())
    }

    async fn park(&self, product: &str, parking: Parking) -> Result<(), Failure> {
        self.kept().parked.entry(product.to_owned()).or_insert(parking);
        Ok(())
    }

    async fn release(&self, product: &str) -> Result<(), Failure> {
        self.kept().parked.remove(product);
        Ok(())
    }

    async fn parked(&self) -> Result<BTreeMap<String, Parking>, Failure> {
        Ok(self.kept().parked.clone())
    }

    async fn position(&self) -> Result<Option<FeedPosition>, Failure> {
        Ok(self.kept().position.clone())
    }

    async fn follow(&self, position: FeedPosition) -> Result<(), Failure> {
        self.kept().position = Some(position);
        Ok(())
    }
}
