//! The ledger's answers that an inbox needs: messages of a product, and the commits of all products in order.

use std::future::Future;

use serde::Deserialize;
use serde_json::Value;

use crate::apply::Failure;
use crate::event::LedgerEvent;

/// The ledger did not answer, or not with what was asked for; the delivery should be tried again.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct LedgerError {
    message: String,
    source: Option<Failure>,
}

impl LedgerError {
    /// An error that says this.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), source: None }
    }

    /// The same with its cause.
    #[must_use]
    pub fn because(mut self, source: impl Into<Failure>) -> Self {
        self.source = Some(source.into());
        self
    }
}

/// A page of the messages of a product.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct MessagesPage {
    /// In order of their sequences.
    pub messages: Vec<LedgerEvent>,
    /// What to ask for next; `None` at the end.
    pub next: Option<u64>,
}

/// A page of the feed.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct CommitsPage {
    /// In order of their positions.
    pub commits: Vec<FeedEntry>,
    /// The position to ask behind next; `None` at the end.
    pub next: Option<i64>,
    /// The newest position; `None` if there is none.
    pub newest: Option<i64>,
}

/// A position of the feed.
#[derive(Debug, Clone, Deserialize)]
pub struct FeedEntry {
    /// From 0, without gaps.
    pub position: i64,
    /// What stands there; `None` at a position without a commit.
    pub commit: Option<FeedCommit>,
}

/// A commit of the feed, as far as an inbox reads it.
#[derive(Debug, Clone, Deserialize)]
pub struct FeedCommit {
    /// The product.
    pub product_id: String,
    /// The sequence of its first event.
    pub sequence: u64,
    /// Its hash.
    pub hash: String,
    /// Its events.
    pub events: Vec<Value>,
}

impl FeedCommit {
    /// The sequence of its last event.
    #[must_use]
    pub fn last_sequence(&self) -> u64 {
        self.sequence.saturating_add(self.events.len() as u64).saturating_sub(1)
    }
}

/// Where an inbox fetches what it did not receive.
pub trait Ledger: Send + Sync {
    /// A page of the messages of a product above a sequence; empty if there are none, also where the ledger has no such product or
    /// sequence.
    fn messages(
        &self,
        product: &str,
        after: u64,
        limit: u32,
    ) -> impl Future<Output = Result<MessagesPage, LedgerError>> + Send;

    /// A page of the commits above a position; with `None` the newest commit alone.
    fn commits(
        &self,
        after: Option<i64>,
        limit: u32,
    ) -> impl Future<Output = Result<CommitsPage, LedgerError>> + Send;
}

impl<L: Ledger> Ledger for std::sync::Arc<L> {
    async fn messages(&self, product: &str, after: u64, limit: u32) -> Result<MessagesPage, LedgerError> {
        (**self).messages(product, after, limit).await
    }

    async fn commits(&self, after: Option<i64>, limit: u32) -> Result<CommitsPage, LedgerError> {
        (**self).commits(after, limit).await
    }
}
