//! The port to the log table of DynamoDB: the batches in which commits were put into the log, and the index by product.
//!
//! The promise: insert-only. Of two batches at one place exactly one is stored, so two sequencers make one history.

mod dynamodb;
mod item;
mod memory;

use async_trait::async_trait;
use event_store::feed_reader::{CommitDays, CommitSummary, CountedBlock, SummarisedCommits};
use event_store::{ScanPosition, StoreError};
use ledger_log::{Leaf, RightEdge};
use schema::{ProductId, Timestamp};
use ulid::Ulid;

pub use dynamodb::DynamoLogTable;
pub(crate) use dynamodb::insert;
pub use memory::MemoryLogTable;

/// Shape of the log table, as `CreateTable` takes it: one source for this adapter and the infrastructure.
pub const LOG_TABLE: &str = include_str!("../log-table.json");

/// Positions of a block.
pub(crate) const BLOCK: u64 = 1_024;

/// The most commits in a batch: with the longest ids an item then has less than half of the 400 KB that DynamoDB takes.
pub const MOST_LEAVES: usize = 1_024;

/// A commit in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchedCommit {
    /// Its product.
    pub product: ProductId,
    /// The sequence of its first event, which is its key.
    pub sequence: u64,
    /// What the log keeps of it.
    pub leaf: Leaf,
    /// The index of the entry that accepted the last loss of commits of its product before it, if any did.
    pub branch: Option<u64>,
}

/// The acceptance of a restore as an entry of the log, with the products that it is about, which the entry does not name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchedAcceptance {
    /// The entry, as it is in the log.
    pub entry: Vec<u8>,
    /// Of each product the sequence of the first commit that it lost.
    pub lost: Vec<(ProductId, u64)>,
}

/// Commits that were put into the log together, or the acceptance of a restore.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogBatch {
    /// Tells this batch from another one at the same place.
    pub batch_id: Ulid,
    /// The index of its first leaf, which is its key and the size of the log before it.
    pub first: u64,
    /// Its commits, in the order of the log: at least one and at most [`MOST_LEAVES`]; none beside an acceptance.
    pub commits: Vec<BatchedCommit>,
    /// The only entry of this batch, if it is no commit.
    pub acceptance: Option<BatchedAcceptance>,
    /// The tree with it.
    pub edge: RightEdge,
    /// What its commits have in common, so that filters can rule them out.
    pub summary: CommitSummary,
    /// How many of its commits there are of each day; `None` in a batch of an earlier build.
    pub days: Option<CommitDays>,
    /// Whether it was logged from the event table when the log began.
    pub is_initial: bool,
    /// The newest feed item that was read when it was made.
    pub read_to: Option<Ulid>,
    /// The newest feed item that had been read when the last restore was accepted: those up to it say nothing new.
    pub settled_to: Option<Ulid>,
}

/// Where a commit of a product is in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogIndexEntry {
    /// The product.
    pub product: ProductId,
    /// The sequence of the commit's first event.
    pub sequence: u64,
    /// Its index in the log.
    pub index: u64,
    /// Its hash.
    pub hash: [u8; 32],
    /// As of the commit.
    pub branch: Option<u64>,
}

/// That the index of a product goes on behind an accepted loss: what it has from a sequence on, up to the entry that says so, counts
/// no longer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IndexBranch {
    /// The product.
    pub product: ProductId,
    /// The index of the entry that accepts the loss.
    pub at: u64,
    /// The sequence of the first commit that was lost.
    pub from: u64,
}

/// The end of a product's index.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IndexEnd {
    /// The newest entry.
    pub newest: Option<LogIndexEntry>,
    /// The branch under which the index goes on.
    pub branch: Option<u64>,
}

/// A commit in the order in which a log begins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InitialKey {
    /// When it was recorded.
    pub recorded_at: Timestamp,
    /// Its product.
    pub product: ProductId,
    /// The sequence of its first event.
    pub sequence: u64,
}

/// Keys of a part of the event table, in their order, in chunks that are stored beside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRun {
    /// Under which the chunks are stored.
    pub id: Ulid,
    /// The last key of each chunk.
    pub ends: Vec<InitialKey>,
    /// Where the rest of the event table begins, if there is any.
    pub next: Option<ScanPosition>,
}

/// How the log of a ledger began that had commits already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogBeginning {
    /// What was recorded before this is logged first, by the time of recording.
    pub before: Timestamp,
    /// Whether all of it is logged.
    pub is_complete: bool,
}

/// The store of batches and of the index.
///
/// The contract, which `tests/contract/log_table` runs on every adapter:
/// - nothing is ever changed or removed; of two batches at one place exactly one is stored, whole;
/// - after a write returned `Ok` every read sees it; all reads are consistent;
/// - batches are read as they were written;
/// - of a product's entries those count that no branch behind them has passed, and none of these has the sequence of another.
#[async_trait]
pub trait LogTable: Send + Sync {
    /// Inserts a batch; `false` if one is at its place, perhaps this very one: read it and compare the batch id.
    ///
    /// # Errors
    /// [`StoreError`]: it may or may not be stored; read its place and compare the batch id.
    async fn insert_batch(&self, batch: &LogBatch) -> Result<bool, StoreError>;

    /// Inserts entries of the index. Those that are there already are left as they are; answers with those of them that differ.
    ///
    /// # Errors
    /// [`StoreError`]: some may be stored; insert all of them again.
    async fn insert_index(&self, entries: &[LogIndexEntry]) -> Result<Vec<LogIndexEntry>, StoreError>;

    /// Inserts branches of the index; one that is there already stays.
    ///
    /// # Errors
    /// [`StoreError`]: some may be stored; insert all of them again.
    async fn insert_branches(&self, branches: &[IndexBranch]) -> Result<(), StoreError>;

    /// The branches of a product's index, oldest first.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn branches(&self, product: &ProductId) -> Result<Vec<IndexBranch>, StoreError>;

    /// The end of a product's index, in one request unless it has branches.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn index_end(&self, product: &ProductId) -> Result<IndexEnd, StoreError>;

    /// Every entry of a product with this sequence, whether it counts or not.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn entries_at(&self, product: &ProductId, sequence: u64) -> Result<Vec<LogIndexEntry>, StoreError>;

    /// The newest batch whose first index is at least this, which costs next to nothing if there is none.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn newest_batch(&self, from: u64) -> Result<Option<LogBatch>, StoreError>;

    /// The batch with the greatest first index that is at most this.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn batch_at(&self, index: u64) -> Result<Option<LogBatch>, StoreError>;

    /// Up to `limit` batches that begin at `from` or later, in order; fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn batches(&self, from: u64, limit: usize) -> Result<Vec<LogBatch>, StoreError>;

    /// The newest entries of a product that count, with a sequence of at most `at_most`, newest first; fewer than `limit` only at the end.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn newest_entries(
        &self,
        product: &ProductId,
        at_most: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError>;

    /// The entries of a product that count, with a sequence above `after`, oldest first; fewer than `limit` only at the end.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn entries_after(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError>;

    /// Inserts the summary of a block of positions; one that begins at the same position stays.
    ///
    /// # Errors
    /// [`StoreError`]: insert it again.
    async fn insert_block(&self, block: &SummarisedCommits) -> Result<(), StoreError>;

    /// Up to `limit` blocks that begin at `from` or later, in order; fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn blocks(&self, from: u64, limit: usize) -> Result<Vec<SummarisedCommits>, StoreError>;

    /// The last position that a block covers.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn summarised(&self) -> Result<Option<u64>, StoreError>;

    /// Inserts the counts of the days of a block; those of a block that begins at the same position stay.
    ///
    /// # Errors
    /// [`StoreError`]: insert them again.
    async fn insert_counted(&self, block: &CountedBlock) -> Result<(), StoreError>;

    /// Up to `limit` counts of blocks that begin at `from` or later, in order; fewer only at the end.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn counted(&self, from: u64, limit: usize) -> Result<Vec<CountedBlock>, StoreError>;

    /// The counts of the last block that has any.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn newest_counted(&self) -> Result<Option<CountedBlock>, StoreError>;

    /// Inserts a chunk of the keys of a run: at most [`MOST_LEAVES`]. One that is there already stays.
    ///
    /// # Errors
    /// [`StoreError`]: insert it again.
    async fn insert_keys(&self, run: Ulid, chunk: u64, keys: &[InitialKey]) -> Result<(), StoreError>;

    /// A chunk of the keys of a run, if it is there.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn keys(&self, run: Ulid, chunk: u64) -> Result<Option<Vec<InitialKey>>, StoreError>;

    /// Inserts a run whose chunks are all there; `false` if one has its number, perhaps this very one.
    ///
    /// # Errors
    /// [`StoreError`]: it may or may not be stored; read the runs.
    async fn insert_run(&self, number: u64, run: &KeyRun) -> Result<bool, StoreError>;

    /// All runs, in the order of their numbers.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn runs(&self) -> Result<Vec<KeyRun>, StoreError>;

    /// How the log began, if it has.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn beginning(&self) -> Result<Option<LogBeginning>, StoreError>;

    /// Puts on record when the log begins; what is on record already stays.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn begin(&self, before: Timestamp) -> Result<(), StoreError>;

    /// Puts on record that everything from before the beginning is logged.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn complete_beginning(&self) -> Result<(), StoreError>;
}

impl From<LogIndexEntry> for BatchedCommit {
    /// The commit as far as the index knows it, as the one before another.
    fn from(entry: LogIndexEntry) -> Self {
        let leaf = Leaf { parent: [0; 32], hash: entry.hash };
        Self { product: entry.product, sequence: entry.sequence, leaf, branch: entry.branch }
    }
}

impl LogBatch {
    /// The size of the log with it.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.edge.size()
    }

    /// The entries of the index for its commits.
    #[must_use]
    pub fn index_entries(&self) -> Vec<LogIndexEntry> {
        let entry = |(index, commit): (u64, &BatchedCommit)| LogIndexEntry {
            product: commit.product.clone(),
            sequence: commit.sequence,
            index,
            hash: commit.leaf.hash,
            branch: commit.branch,
        };
        (self.first..).zip(&self.commits).map(entry).collect()
    }

    /// The branches of the index that begin with it.
    #[must_use]
    pub fn branches(&self) -> Vec<IndexBranch> {
        let lost = self.acceptance.iter().flat_map(|acceptance| &acceptance.lost);
        lost.map(|(product, from)| IndexBranch { product: product.clone(), at: self.first, from: *from })
            .collect()
    }

    /// Its entries, as they are in the log.
    #[must_use]
    pub fn entries(&self) -> Vec<Vec<u8>> {
        let commits = self.commits.iter().map(|commit| commit.leaf.to_bytes().to_vec());
        commits.chain(self.acceptance.iter().map(|acceptance| acceptance.entry.clone())).collect()
    }
}
