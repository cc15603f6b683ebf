//! Price histories in memory, for tests and simulations: the contract without a store.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use schema::ProductId;

use super::{FoldedCommit, History, PriceLog, Products};
use crate::prices::{Entry, Place, What};
use crate::views::{Generation, Unavailable};

/// Histories by generation and product.
#[derive(Debug, Default)]
pub struct MemoryPriceLog {
    kept: Mutex<BTreeMap<(Generation, ProductId), Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    folded: u64,
    entries: BTreeMap<Place, What>,
}

impl MemoryPriceLog {
    fn kept(&self) -> MutexGuard<'_, BTreeMap<(Generation, ProductId), Kept>> {
        // A commit is counted only after its entries are in, so a panic elsewhere cannot have left half of one.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl PriceLog for MemoryPriceLog {
    async fn folded(&self, generation: Generation, product: &ProductId) -> Result<u64, Unavailable> {
        let kept = self.kept();
        Ok(kept.get(&(generation, product.clone())).map_or(0, |kept| kept.folded))
    }

    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        commits: &[FoldedCommit],
    ) -> Result<(), Unavailable> {
        let mut kept = self.kept();
        let history = kept.entry((generation, product.clone())).or_default();
        for commit in commits {
            history.entries.extend(commit.entries.iter().map(|entry| (entry.place, entry.what)));
            history.folded = history.folded.max(commit.last);
        }
        Ok(())
    }

    async fn history(&self, generation: Generation, product: &ProductId) -> Result<History, Unavailable> {
        let kept = self.kept();
        let Some(history) = kept.get(&(generation, product.clone())) else {
            return Ok(History::default());
        };
        let entries = history.entries.iter().map(|(place, what)| Entry { place: *place, what: *what });
        Ok(History { folded: history.folded, entries: entries.collect() })
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, Unavailable> {
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
    ) -> Result<Products, Unavailable> {
        let kept = self.kept();
        let ids = kept.keys().filter(|(of, _)| *of == generation).map(|(_, product)| product.to_string());
        let ids: Vec<String> =
            ids.filter(|id| from.as_ref().is_none_or(|from| id > from)).take(limit).collect();
        let next = ids.last().filter(|_| ids.len() == limit).cloned();
        Ok(Products { ids, next })
    }
}
