//! Price histories in memory, for tests and simulations.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use event_store::StoreError;
use schema::ProductId;

use super::{FoldedCommit, FoldedHead, PriceHistory, PriceLog, ProductIdPage};
use crate::prices::entry::PriceEntry;
use crate::views::Generation;

/// Histories by generation and product.
#[derive(Debug, Default)]
pub struct MemoryPriceLog {
    kept: Mutex<BTreeMap<(Generation, ProductId), Commits>>,
}

/// The commits of a product by their last sequence.
type Commits = BTreeMap<u64, FoldedCommit>;

impl MemoryPriceLog {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<(Generation, ProductId), Commits>> {
        // Every change is a single insert or removal, so a panic elsewhere cannot leave it half done.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PriceLog for MemoryPriceLog {
    async fn newest(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<FoldedHead>, StoreError> {
        let kept = self.kept();
        let commits = kept.get(&(generation, product.clone()));
        let newest = commits.and_then(|commits| commits.last_key_value());
        Ok(newest.map(|(last, commit)| FoldedHead { last: *last, origin: commit.origin.clone() }))
    }

    async fn take_back(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: &FoldedHead,
    ) -> Result<(), StoreError> {
        let mut kept = self.kept();
        if let Some(commits) = kept.get_mut(&(generation, product.clone()))
            && commits.get(&seen.last).is_some_and(|commit| commit.origin == seen.origin)
        {
            commits.remove(&seen.last);
        }
        Ok(())
    }

    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        commits: &[FoldedCommit],
    ) -> Result<(), StoreError> {
        let mut kept = self.kept();
        let history = kept.entry((generation, product.clone())).or_default();
        history.extend(commits.iter().map(|commit| (commit.last, commit.clone())));
        Ok(())
    }

    async fn history(&self, generation: Generation, product: &ProductId) -> Result<PriceHistory, StoreError> {
        let kept = self.kept();
        let Some(commits) = kept.get(&(generation, product.clone())) else {
            return Ok(PriceHistory::default());
        };
        let folded = commits.last_key_value().map_or(0, |(last, _)| *last);
        let mut entries: Vec<PriceEntry> =
            commits.values().flat_map(|commit| commit.entries.iter().copied()).collect();
        entries.sort_by_key(|entry| entry.position);
        Ok(PriceHistory { folded, entries })
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, StoreError> {
        let mut kept = self.kept();
        let before = kept.len();
        kept.retain(|(of, _), _| *of != generation);
        Ok((before - kept.len()) as u64)
    }

    async fn products(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ProductIdPage, StoreError> {
        let kept = self.kept();
        let ids = kept.keys().filter(|(of, _)| *of == generation).map(|(_, product)| product.to_string());
        let ids: Vec<String> =
            ids.filter(|id| from.as_ref().is_none_or(|from| id > from)).take(limit).collect();
        let next = ids.last().filter(|_| ids.len() == limit).cloned();
        Ok(ProductIdPage { ids, next })
    }
}
