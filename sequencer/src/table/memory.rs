//! The log table in memory, for tests and simulations.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use event_store::StoreError;
use event_store::feed_reader::{CountedBlock, SummarisedCommits};
use schema::{ProductId, Timestamp};
use ulid::Ulid;

use super::{IndexBranch, IndexEnd, InitialKey, KeyRun, LogBatch, LogBeginning, LogIndexEntry, LogTable};

/// Batches and index.
#[derive(Debug, Default)]
pub struct MemoryLogTable(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    batches: BTreeMap<u64, LogBatch>,
    /// By product, sequence and branch.
    index: BTreeMap<(ProductId, u64, Option<u64>), LogIndexEntry>,
    /// By product and the index of the acceptance.
    branches: BTreeMap<(ProductId, u64), IndexBranch>,
    blocks: BTreeMap<u64, SummarisedCommits>,
    counted: BTreeMap<u64, CountedBlock>,
    keys: BTreeMap<(Ulid, u64), Vec<InitialKey>>,
    runs: BTreeMap<u64, KeyRun>,
    beginning: Option<LogBeginning>,
}

impl MemoryLogTable {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every change is one insert, so a panic elsewhere cannot have left half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn branches(&self, product: &ProductId) -> Vec<IndexBranch> {
        let branches = self.branches.range((product.clone(), 0)..=(product.clone(), u64::MAX));
        branches.map(|(_, branch)| branch.clone()).collect()
    }

    /// The entries of a product that count, in order.
    fn counting(&self, product: &ProductId) -> Vec<LogIndexEntry> {
        let branches = self.branches(product);
        let is_passed = |entry: &LogIndexEntry, by: &IndexBranch| {
            entry.branch.is_none_or(|branch| branch < by.at) && entry.sequence >= by.from
        };
        let all = self.index.range((product.clone(), 0, None)..=(product.clone(), u64::MAX, Some(u64::MAX)));
        let counts = |entry: &&LogIndexEntry| !branches.iter().any(|by| is_passed(entry, by));
        all.map(|(_, entry)| entry).filter(counts).cloned().collect()
    }
}

#[async_trait]
impl LogTable for MemoryLogTable {
    async fn insert_batch(&self, batch: &LogBatch) -> Result<bool, StoreError> {
        match self.kept().batches.entry(batch.first) {
            Entry::Occupied(_) => Ok(false),
            Entry::Vacant(place) => {
                place.insert(batch.clone());
                Ok(true)
            }
        }
    }

    async fn insert_index(&self, entries: &[LogIndexEntry]) -> Result<Vec<LogIndexEntry>, StoreError> {
        let mut kept = self.kept();
        let mut different = Vec::new();
        for entry in entries {
            let key = (entry.product.clone(), entry.sequence, entry.branch);
            let found = kept.index.entry(key).or_insert(entry.clone());
            if found != entry {
                different.push(found.clone());
            }
        }
        Ok(different)
    }

    async fn insert_branches(&self, branches: &[IndexBranch]) -> Result<(), StoreError> {
        let mut kept = self.kept();
        for branch in branches {
            kept.branches.entry((branch.product.clone(), branch.at)).or_insert(branch.clone());
        }
        Ok(())
    }

    async fn branches(&self, product: &ProductId) -> Result<Vec<IndexBranch>, StoreError> {
        Ok(self.kept().branches(product))
    }

    async fn index_end(&self, product: &ProductId) -> Result<IndexEnd, StoreError> {
        let kept = self.kept();
        let branch = kept.branches(product).last().map(|branch| branch.at);
        Ok(IndexEnd { newest: kept.counting(product).pop(), branch })
    }

    async fn entries_at(&self, product: &ProductId, sequence: u64) -> Result<Vec<LogIndexEntry>, StoreError> {
        let (first, last) = ((product.clone(), sequence, None), (product.clone(), sequence, Some(u64::MAX)));
        Ok(self.kept().index.range(first..=last).map(|(_, entry)| entry.clone()).collect())
    }

    async fn newest_batch(&self, from: u64) -> Result<Option<LogBatch>, StoreError> {
        Ok(self.kept().batches.range(from..).next_back().map(|(_, batch)| batch.clone()))
    }

    async fn batch_at(&self, index: u64) -> Result<Option<LogBatch>, StoreError> {
        Ok(self.kept().batches.range(..=index).next_back().map(|(_, batch)| batch.clone()))
    }

    async fn batches(&self, from: u64, limit: usize) -> Result<Vec<LogBatch>, StoreError> {
        Ok(self.kept().batches.range(from..).take(limit).map(|(_, batch)| batch.clone()).collect())
    }

    async fn newest_entries(
        &self,
        product: &ProductId,
        at_most: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        let entries = self.kept().counting(product).into_iter().rev();
        Ok(entries.filter(|entry| entry.sequence <= at_most).take(limit).collect())
    }

    async fn entries_after(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        let entries = self.kept().counting(product).into_iter();
        Ok(entries.filter(|entry| entry.sequence > after).take(limit).collect())
    }

    async fn insert_block(&self, block: &SummarisedCommits) -> Result<(), StoreError> {
        self.kept().blocks.entry(block.first).or_insert_with(|| block.clone());
        Ok(())
    }

    async fn blocks(&self, from: u64, limit: usize) -> Result<Vec<SummarisedCommits>, StoreError> {
        Ok(self.kept().blocks.range(from..).take(limit).map(|(_, block)| block.clone()).collect())
    }

    async fn summarised(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.kept().blocks.last_key_value().map(|(_, block)| block.last))
    }

    async fn insert_counted(&self, block: &CountedBlock) -> Result<(), StoreError> {
        self.kept().counted.entry(block.first).or_insert_with(|| block.clone());
        Ok(())
    }

    async fn counted(&self, from: u64, limit: usize) -> Result<Vec<CountedBlock>, StoreError> {
        Ok(self.kept().counted.range(from..).take(limit).map(|(_, block)| block.clone()).collect())
    }

    async fn newest_counted(&self) -> Result<Option<CountedBlock>, StoreError> {
        Ok(self.kept().counted.last_key_value().map(|(_, block)| block.clone()))
    }

    async fn insert_keys(&self, run: Ulid, chunk: u64, keys: &[InitialKey]) -> Result<(), StoreError> {
        self.kept().keys.entry((run, chunk)).or_insert_with(|| keys.to_vec());
        Ok(())
    }

    async fn keys(&self, run: Ulid, chunk: u64) -> Result<Option<Vec<InitialKey>>, StoreError> {
        Ok(self.kept().keys.get(&(run, chunk)).cloned())
    }

    async fn insert_run(&self, number: u64, run: &KeyRun) -> Result<bool, StoreError> {
        match self.kept().runs.entry(number) {
            Entry::Occupied(_) => Ok(false),
            Entry::Vacant(place) => {
                place.insert(run.clone());
                Ok(true)
            }
        }
    }

    async fn runs(&self) -> Result<Vec<KeyRun>, StoreError> {
        Ok(self.kept().runs.values().cloned().collect())
    }

    async fn beginning(&self) -> Result<Option<LogBeginning>, StoreError> {
        Ok(self.kept().beginning)
    }

    async fn begin(&self, before: Timestamp) -> Result<(), StoreError> {
        self.kept().beginning.get_or_insert(LogBeginning { before, is_complete: false });
        Ok(())
    }

    async fn complete_beginning(&self) -> Result<(), StoreError> {
        if let Some(beginning) = &mut self.kept().beginning {
            beginning.is_complete = true;
        }
        Ok(())
    }
}
