//! The log table in memory, for tests and simulations.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use event_store::StoreError;
use event_store::feed_reader::{CountedBlock, SummarisedCommits};
use schema::{ProductId, Timestamp};
use ulid::Ulid;

use super::{InitialKey, LogBatch, LogBeginning, LogIndexEntry, LogTable, SortedRun};

/// Batches and index.
#[derive(Debug, Default)]
pub struct MemoryLogTable(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    batches: BTreeMap<u64, LogBatch>,
    index: BTreeMap<(ProductId, u64), LogIndexEntry>,
    blocks: BTreeMap<u64, SummarisedCommits>,
    counted: BTreeMap<u64, CountedBlock>,
    keys: BTreeMap<(Ulid, u64), Vec<InitialKey>>,
    runs: BTreeMap<u64, SortedRun>,
    beginning: Option<LogBeginning>,
}

impl MemoryLogTable {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every change is one insert, so a panic elsewhere cannot have left half of one.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
            let found = kept.index.entry((entry.product.clone(), entry.sequence)).or_insert(entry.clone());
            if found != entry {
                different.push(found.clone());
            }
        }
        Ok(different)
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
        let kept = self.kept();
        let entries = kept.index.range((product.clone(), 0)..=(product.clone(), at_most)).rev();
        Ok(entries.take(limit).map(|(_, entry)| entry.clone()).collect())
    }

    async fn entries_after(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        let Some(first) = after.checked_add(1) else { return Ok(Vec::new()) };
        let kept = self.kept();
        let entries = kept.index.range((product.clone(), first)..=(product.clone(), u64::MAX));
        Ok(entries.take(limit).map(|(_, entry)| entry.clone()).collect())
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

    async fn insert_run(&self, number: u64, run: &SortedRun) -> Result<bool, StoreError> {
        match self.kept().runs.entry(number) {
            Entry::Occupied(_) => Ok(false),
            Entry::Vacant(place) => {
                place.insert(run.clone());
                Ok(true)
            }
        }
    }

    async fn runs(&self) -> Result<Vec<SortedRun>, StoreError> {
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
