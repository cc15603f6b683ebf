//! The journal in memory, for tests and simulations: the contract without a store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use schema::{ProductId, StoredCommit};
use serde_json::Map;

use crate::journal::{AppendError, Journal, ScanPage, ScanPosition, Unavailable};

type Commits = BTreeMap<(String, u64), StoredCommit>;

/// Commits by product and sequence.
#[derive(Debug, Default)]
pub struct MemoryJournal {
    commits: Mutex<Commits>,
}

impl MemoryJournal {
    /// How many commits there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.commits().len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.commits().is_empty()
    }

    fn commits(&self) -> MutexGuard<'_, Commits> {
        // Every change is one insert, so a panic elsewhere cannot have left half of one.
        self.commits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Journal for MemoryJournal {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        let key = key_of(commit).map_err(AppendError::Refused)?;
        let mut commits = self.commits();
        if commits.contains_key(&key) {
            return Err(AppendError::Occupied);
        }
        commits.insert(key, commit.clone());
        Ok(())
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, Unavailable> {
        let product = product.to_string();
        let commits = self.commits();
        let mut range = commits.range((product.clone(), 0)..=(product, at_most));
        Ok(range.next_back().map(|(_, commit)| commit.clone()))
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, Unavailable> {
        let product = product.to_string();
        let Some(from) = after.checked_add(1) else {
            return Ok(Vec::new());
        };
        let commits = self.commits();
        let range = commits.range((product.clone(), from)..=(product, u64::MAX));
        Ok(range.take(limit).map(|(_, commit)| commit.clone()).collect())
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, Unavailable> {
        use std::ops::Bound::{Excluded, Unbounded};
        let from = from.map(|position| key_of(&StoredCommit(position.0))).transpose()?;
        let commits = self.commits();
        let page: Vec<_> = commits.range((from.map_or(Unbounded, Excluded), Unbounded)).take(limit).collect();
        let next = if page.len() < limit { None } else { page.last().map(|(key, _)| position_after(key)) };
        Ok(ScanPage { commits: page.into_iter().map(|(_, commit)| commit.clone()).collect(), next })
    }
}

fn key_of(commit: &StoredCommit) -> Result<(String, u64), Unavailable> {
    let unreadable = |error: schema::DecodeError| Unavailable(error.into());
    let product = commit.text("product_id").map_err(unreadable)?;
    Ok((product.to_owned(), commit.sequence().map_err(unreadable)?))
}

fn position_after((product, sequence): &(String, u64)) -> ScanPosition {
    let product = ("product_id".to_owned(), product.as_str().into());
    ScanPosition(Map::from_iter([product, ("sequence".to_owned(), (*sequence).into())]))
}
