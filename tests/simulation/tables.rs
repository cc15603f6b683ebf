//! The tables of the sequencer with injected faults: each wraps an in-memory adapter and fails as [`Chaos`] decides. What is put
//! into the table of feed items appears in its stream.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use aws_lambda_events::event::dynamodb::EventRecord;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use event_store::feed_reader::{CountedBlock, SummarisedCommits};
use event_store::reconcile::Round;
use event_store::{Announcement, Announcements, MemoryAnnouncements, MemoryRounds, Rounds, StoreError};
use futures::executor::block_on;
use schema::{ProductId, Timestamp};
use sequencer::{
    IndexBranch, IndexEnd, InitialKey, KeyRun, LogBatch, LogBeginning, LogIndexEntry, LogTable,
    MemoryLogTable,
};
use serde_json::json;
use ulid::Ulid;

use crate::chaos::Chaos;
use crate::faulty::unavailable;
use crate::stream::{Stream, inserted};

/// The table of feed items.
pub struct FaultyAnnouncements {
    pub inner: Arc<MemoryAnnouncements>,
    pub chaos: Arc<Chaos>,
    pub items: Arc<Stream>,
}

#[async_trait]
impl Announcements for FaultyAnnouncements {
    async fn announce(&self, announcement: &Announcement) -> Result<(), StoreError> {
        let effect = async {
            // As one that has expired before anybody has read it.
            if self.chaos.happens("feed item lost", 50) {
                return Ok(());
            }
            self.inner.announce(announcement).await?;
            self.items.insert(0, record(announcement));
            Ok(())
        };
        self.chaos.call(effect, unavailable).await
    }

    async fn page(&self, after: Option<Ulid>, limit: usize) -> Result<Vec<Announcement>, StoreError> {
        self.chaos.call(self.inner.page(after, limit), unavailable).await
    }
}

/// The record of a feed item, in its stored form.
fn record(announcement: &Announcement) -> EventRecord {
    let (mut products, mut sequences, mut hashes) = (Vec::new(), Vec::new(), Vec::new());
    for commit in &announcement.commits {
        let newest = commit.newest.as_ref();
        products.push(json!({"S": commit.product.as_str()}));
        sequences.push(json!({"N": newest.map_or(0, |newest| newest.sequence).to_string()}));
        hashes.extend(newest.map_or([0; 32], |newest| newest.hash.digest()));
    }
    let mut image = json!({
        "shard": {"S": "0"},
        "id": {"S": announcement.id.to_string()},
        "products": {"L": products},
        "sequences": {"L": sequences},
        "hashes": {"B": STANDARD.encode(hashes)},
    });
    if let Some(oldest) = announcement.oldest {
        image["oldest"] = json!({"S": oldest.to_string()});
    }
    inserted(serde_json::from_value(image).unwrap(), ["shard", "id"])
}

/// The log table. A write of several entries that fails may have been done in part.
pub struct FaultyLogTable {
    pub inner: Arc<MemoryLogTable>,
    pub chaos: Arc<Chaos>,
    /// Below this size the index is known to be complete.
    pub indexed: Arc<AtomicU64>,
}

impl FaultyLogTable {
    /// The index of all batches before this one is there: only so the newest entry of a product tells what is logged of it.
    async fn is_indexed_before(&self, batch: &LogBatch) {
        let mut at = self.indexed.load(Ordering::Relaxed);
        while at < batch.first {
            let before = self.inner.batch_at(at).await.unwrap().unwrap();
            is_indexed(&self.inner, &before).await;
            at = before.size();
        }
        self.indexed.fetch_max(at, Ordering::Relaxed);
    }
}

/// The index has each commit of a batch where the batch has it.
pub async fn is_indexed(table: &MemoryLogTable, batch: &LogBatch) {
    for entry in batch.index_entries() {
        let found = table.newest_entries(&entry.product, entry.sequence, 1).await.unwrap();
        assert_eq!(found, [entry], "the index of the batch at {}", batch.first);
    }
}

#[async_trait]
impl LogTable for FaultyLogTable {
    async fn insert_batch(&self, batch: &LogBatch) -> Result<bool, StoreError> {
        let effect = async {
            let is_inserted = self.inner.insert_batch(batch).await?;
            if is_inserted {
                self.is_indexed_before(batch).await;
            } else {
                self.chaos.note("batch taken");
            }
            Ok(is_inserted)
        };
        self.chaos.call(effect, unavailable).await
    }

    async fn insert_index(&self, entries: &[LogIndexEntry]) -> Result<Vec<LogIndexEntry>, StoreError> {
        let effect = async {
            let mut different = Vec::new();
            for entry in entries {
                different.extend(self.inner.insert_index(std::slice::from_ref(entry)).await?);
                if self.chaos.happens("batch written in part", 20) {
                    return Err(unavailable());
                }
            }
            Ok(different)
        };
        self.chaos.call(effect, unavailable).await
    }

    async fn insert_branches(&self, branches: &[IndexBranch]) -> Result<(), StoreError> {
        self.chaos.call(self.inner.insert_branches(branches), unavailable).await
    }

    async fn branches(&self, product: &ProductId) -> Result<Vec<IndexBranch>, StoreError> {
        self.chaos.call(self.inner.branches(product), unavailable).await
    }

    async fn index_end(&self, product: &ProductId) -> Result<IndexEnd, StoreError> {
        self.chaos.call(self.inner.index_end(product), unavailable).await
    }

    async fn entries_at(&self, product: &ProductId, sequence: u64) -> Result<Vec<LogIndexEntry>, StoreError> {
        self.chaos.call(self.inner.entries_at(product, sequence), unavailable).await
    }

    async fn newest_batch(&self, from: u64) -> Result<Option<LogBatch>, StoreError> {
        self.chaos.call(self.inner.newest_batch(from), unavailable).await
    }

    async fn batch_at(&self, index: u64) -> Result<Option<LogBatch>, StoreError> {
        self.chaos.call(self.inner.batch_at(index), unavailable).await
    }

    async fn batches(&self, from: u64, limit: usize) -> Result<Vec<LogBatch>, StoreError> {
        self.chaos.call(self.inner.batches(from, limit), unavailable).await
    }

    async fn newest_entries(
        &self,
        product: &ProductId,
        at_most: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        self.chaos.call(self.inner.newest_entries(product, at_most, limit), unavailable).await
    }

    async fn entries_after(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        self.chaos.call(self.inner.entries_after(product, after, limit), unavailable).await
    }

    async fn insert_block(&self, block: &SummarisedCommits) -> Result<(), StoreError> {
        self.chaos.call(self.inner.insert_block(block), unavailable).await
    }

    async fn blocks(&self, from: u64, limit: usize) -> Result<Vec<SummarisedCommits>, StoreError> {
        self.chaos.call(self.inner.blocks(from, limit), unavailable).await
    }

    async fn summarised(&self) -> Result<Option<u64>, StoreError> {
        self.chaos.call(self.inner.summarised(), unavailable).await
    }

    async fn insert_counted(&self, block: &CountedBlock) -> Result<(), StoreError> {
        self.chaos.call(self.inner.insert_counted(block), unavailable).await
    }

    async fn counted(&self, from: u64, limit: usize) -> Result<Vec<CountedBlock>, StoreError> {
        self.chaos.call(self.inner.counted(from, limit), unavailable).await
    }

    async fn newest_counted(&self) -> Result<Option<CountedBlock>, StoreError> {
        self.chaos.call(self.inner.newest_counted(), unavailable).await
    }

    async fn insert_keys(&self, run: Ulid, chunk: u64, keys: &[InitialKey]) -> Result<(), StoreError> {
        self.chaos.call(self.inner.insert_keys(run, chunk, keys), unavailable).await
    }

    async fn keys(&self, run: Ulid, chunk: u64) -> Result<Option<Vec<InitialKey>>, StoreError> {
        self.chaos.call(self.inner.keys(run, chunk), unavailable).await
    }

    async fn insert_run(&self, number: u64, run: &KeyRun) -> Result<bool, StoreError> {
        self.chaos.call(self.inner.insert_run(number, run), unavailable).await
    }

    async fn runs(&self) -> Result<Vec<KeyRun>, StoreError> {
        self.chaos.call(self.inner.runs(), unavailable).await
    }

    async fn beginning(&self) -> Result<Option<LogBeginning>, StoreError> {
        self.chaos.call(self.inner.beginning(), unavailable).await
    }

    async fn begin(&self, before: Timestamp) -> Result<(), StoreError> {
        self.chaos.call(self.inner.begin(before), unavailable).await
    }

    async fn complete_beginning(&self) -> Result<(), StoreError> {
        self.chaos.call(self.inner.complete_beginning(), unavailable).await
    }
}

/// Where the rounds of the reconcile are.
pub struct FaultyRounds {
    pub inner: Arc<MemoryRounds>,
    pub chaos: Arc<Chaos>,
}

#[async_trait]
impl Rounds for FaultyRounds {
    async fn load(&self, name: &str) -> Result<(u64, Round), StoreError> {
        self.chaos.call(self.inner.load(name), unavailable).await
    }

    async fn save(&self, name: &str, revision: u64, round: &Round) -> Result<bool, StoreError> {
        self.chaos.call(self.inner.save(name, revision, round), unavailable).await
    }
}

/// All batches, which have to follow one another, each with the tree that it names and its index.
pub fn batches(table: &MemoryLogTable) -> Vec<LogBatch> {
    let (mut batches, mut edge) = (Vec::new(), ledger_log::RightEdge::default());
    while let Some(batch) = block_on(table.batch_at(edge.size())).unwrap().filter(|b| b.size() > edge.size())
    {
        assert_eq!(batch.first, edge.size(), "batches have neither gaps nor overlaps");
        for commit in &batch.commits {
            edge.push(ledger_log::tree::entry_hash(&commit.leaf.to_bytes()));
        }
        assert_eq!(batch.edge, edge, "the tree of the batch at {}", batch.first);
        block_on(is_indexed(table, &batch));
        batches.push(batch);
    }
    batches
}
