//! The journal in memory, for tests, simulations and `--in-memory`.
//!
//! The promise: the whole contract of the port, without a store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use schema::{ProductId, StoredCommit};
use serde_json::Map;
use tokio::sync::watch;

use crate::error::{AppendError, StoreError};
use crate::follow::{Change, Feed, FeedEntry, FeedSlice};
use crate::journal::{Journal, ScanPage, ScanPosition};

type Key = (String, u64);

/// Commits by product and sequence, and their order.
#[derive(Debug)]
pub struct MemoryJournal {
    commits: Mutex<Commits>,
    news: watch::Sender<u64>,
}

#[derive(Debug, Default)]
struct Commits {
    by_key: BTreeMap<Key, StoredCommit>,
    in_order: Vec<Key>,
}

impl Commits {
    fn recorded(&self, key: &Key, position: u64) -> Option<FeedEntry> {
        let commit = self.by_key.get(key)?.clone();
        let hash = commit.text("hash").unwrap_or_default().to_owned();
        Some(FeedEntry { position, hash, change: Change::Committed(Box::new(commit)) })
    }
}

impl Default for MemoryJournal {
    fn default() -> Self {
        Self { commits: Mutex::default(), news: watch::Sender::new(0) }
    }
}

impl MemoryJournal {
    /// How many commits there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commits().in_order.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commits().in_order.is_empty()
    }

    fn commits(&self) -> MutexGuard<'_, Commits> {
        // Nothing between the two steps of a change can panic, so a change is never half made.
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        let key = key_of(commit).map_err(AppendError::Refused)?;
        let mut commits = self.commits();
        if commits.by_key.contains_key(&key) {
            return Err(AppendError::Occupied);
        }
        commits.in_order.push(key.clone());
        commits.by_key.insert(key, commit.clone());
        drop(commits);
        self.news.send_modify(|count| *count += 1);
        Ok(())
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        let product = product.to_string();
        let commits = self.commits();
        let mut range = commits.by_key.range((product.clone(), 0)..=(product, at_most));
        Ok(range.next_back().map(|(_, commit)| commit.clone()))
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        let product = product.to_string();
        let Some(from) = after.checked_add(1) else {
            return Ok(Vec::new());
        };
        let commits = self.commits();
        let range = commits.by_key.range((product.clone(), from)..=(product, u64::MAX));
        Ok(range.take(limit).map(|(_, commit)| commit.clone()).collect())
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = from.map(|position| key_of(&StoredCommit(position.0))).transpose()?;
        let commits = self.commits();
        let page: Vec<_> =
            commits.by_key.range((from.map_or(Unbounded, Excluded), Unbounded)).take(limit).collect();
        let next = if page.len() < limit { None } else { page.last().map(|(key, _)| position_after(key)) };
        Ok(ScanPage { commits: page.into_iter().map(|(_, commit)| commit.clone()).collect(), next })
    }
}

#[async_trait]
impl Feed for MemoryJournal {
    async fn after(&self, position: Option<u64>, limit: usize) -> Result<Vec<FeedEntry>, StoreError> {
        let first = position.map_or(0, |position| position.saturating_add(1));
        let commits = self.commits();
        let later = usize::try_from(first).ok().and_then(|first| commits.in_order.get(first..));
        // The keys come first in the zip: after the last one there may be no further number.
        let numbered = later.unwrap_or_default().iter().zip(first..).take(limit);
        Ok(numbered.filter_map(|(key, position)| commits.recorded(key, position)).collect())
    }

    async fn slice(&self, slice: &FeedSlice) -> Result<Vec<FeedEntry>, StoreError> {
        let commits = self.commits();
        let place =
            |position: u64| usize::try_from(position).unwrap_or(usize::MAX).min(commits.in_order.len());
        let range = place(slice.first)..place(slice.last.saturating_add(1));
        let numbered = commits.in_order.get(range).unwrap_or_default().iter().zip(slice.first..);
        let product = slice.product.as_ref().map(ProductId::as_str);
        let wanted = |(key, _): &(&Key, u64)| product.is_none_or(|product| product == key.0);
        let mut keys: Vec<(&Key, u64)> = numbered.filter(wanted).collect();
        if slice.newest_first {
            keys.reverse();
        }
        let wanted = keys.into_iter().take(slice.limit);
        Ok(wanted.filter_map(|(key, position)| commits.recorded(key, position)).collect())
    }

    async fn hash_at(&self, position: u64) -> Result<Option<String>, StoreError> {
        let before = position.checked_sub(1);
        let recorded = self.after(before, 1).await?;
        Ok(recorded.into_iter().next().map(|recorded| recorded.hash))
    }

    async fn position_of(&self, product: &ProductId, sequence: u64) -> Result<Option<u64>, StoreError> {
        let key = (product.to_string(), sequence);
        let commits = self.commits();
        Ok(commits.in_order.iter().position(|recorded| *recorded == key).map(|position| position as u64))
    }

    async fn newest_position(&self) -> Result<Option<u64>, StoreError> {
        Ok((self.len() as u64).checked_sub(1))
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }
}

fn key_of(commit: &StoredCommit) -> Result<(String, u64), StoreError> {
    let unreadable = |error: schema::DecodeError| StoreError::new(error.into());
    let product = commit.text("product_id").map_err(unreadable)?;
    Ok((product.to_owned(), commit.sequence().map_err(unreadable)?))
}

fn position_after((product, sequence): &(String, u64)) -> ScanPosition {
    let product = ("product_id".to_owned(), product.as_str().into());
    ScanPosition(Map::from_iter([product, ("sequence".to_owned(), (*sequence).into())]))
}
