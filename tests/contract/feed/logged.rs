//! A journal on `DynamoDB` whose commits are logged one by one as they are appended, so that they have positions.
//!
//! The cases of the contract append commits without a chain, which the sequencer refuses; the batches are made here.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use event_store::feed_reader::CommitSummary;
use event_store::{
    AppendError, DynamoJournal, Feed, FeedEntry, FeedSlice, Journal, KeyPage, ScanPage, ScanPosition,
    StoreError,
};
use ledger_log::tree::entry_hash;
use ledger_log::{Leaf, RightEdge};
use schema::{Hash, ProductId, StoredCommit};
use sequencer::{BatchedCommit, DynamoLogTable, LogBatch, LogFeed, LogTable};
use tokio::sync::watch;
use ulid::Ulid;

pub struct LoggedJournal {
    journal: DynamoJournal,
    table: DynamoLogTable,
    feed: LogFeed,
    made: AtomicU64,
}

impl LoggedJournal {
    pub fn new(client: &Client, events: &str, log: &str) -> Self {
        let journal = DynamoJournal::new(client.clone(), events);
        let table = DynamoLogTable::new(client.clone(), log);
        let feed = LogFeed::new(Arc::new(journal.clone()), Arc::new(table.clone()));
        Self { journal, table, feed: feed.polled_every(Duration::from_millis(5)), made: AtomicU64::new(0) }
    }

    async fn log(&self, commit: &StoredCommit) {
        let hash = Hash::try_from(commit.text("hash").unwrap().to_owned()).unwrap();
        let logged = BatchedCommit {
            product: ProductId::new(commit.text("product_id").unwrap()).unwrap(),
            sequence: commit.sequence().unwrap(),
            leaf: Leaf { parent: [0; 32], hash: hash.digest() },
            branch: None,
        };
        loop {
            let newest = self.table.newest_batch(0).await.unwrap();
            if let Some(newest) = &newest {
                self.table.insert_index(&newest.index_entries()).await.unwrap();
            }
            let mut edge = newest.map_or_else(RightEdge::default, |newest| newest.edge);
            let first = edge.size();
            edge.push(entry_hash(&logged.leaf.to_bytes()));
            let batch = LogBatch {
                batch_id: Ulid::from_parts(
                    1_763_000_000_000,
                    self.made.fetch_add(1, Ordering::Relaxed).into(),
                ),
                first,
                commits: vec![logged.clone()],
                acceptance: None,
                edge,
                summary: CommitSummary::default(),
                days: None,
                is_initial: false,
                read_to: None,
                settled_to: None,
            };
            if self.table.insert_batch(&batch).await.unwrap() {
                return;
            }
        }
    }
}

#[async_trait]
impl Journal for LoggedJournal {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        self.journal.append(commit).await?;
        self.log(commit).await;
        Ok(())
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        self.journal.newest(product, at_most).await
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.journal.page(product, after, limit).await
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.journal.scan(from, limit).await
    }

    async fn scan_keys(&self, from: Option<ScanPosition>, limit: usize) -> Result<KeyPage, StoreError> {
        self.journal.scan_keys(from, limit).await
    }
}

#[async_trait]
impl Feed for LoggedJournal {
    async fn after(&self, position: Option<u64>, limit: usize) -> Result<Vec<FeedEntry>, StoreError> {
        self.feed.after(position, limit).await
    }

    async fn slice(&self, slice: &FeedSlice) -> Result<Vec<FeedEntry>, StoreError> {
        self.feed.slice(slice).await
    }

    async fn hash_at(&self, position: u64) -> Result<Option<String>, StoreError> {
        self.feed.hash_at(position).await
    }

    async fn position_of(&self, product: &ProductId, sequence: u64) -> Result<Option<u64>, StoreError> {
        self.feed.position_of(product, sequence).await
    }

    async fn newest_position(&self) -> Result<Option<u64>, StoreError> {
        self.feed.newest_position().await
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.feed.appended()
    }
}
