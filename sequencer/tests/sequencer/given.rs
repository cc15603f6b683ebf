//! A ledger with its log in memory, and ports of it whose calls fail, wait or never end, as planned.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use event_store::feed_reader::{CountedBlock, SummarisedCommits};
use event_store::{
    AnnouncedCommit, AnnouncedKey, Announcement, Announcements, AppendError, Journal, MemoryAnnouncements,
    MemoryJournal, MemoryParking, Parking, ScanPage, ScanPosition, StoreError, seal,
};
use ledger_log::tree::entry_hash;
use ledger_log::{Leaf, RightEdge};
use schema::{Commit, Hash, Ids, ProductId, StoredCommit, Timestamp, fixtures};
use sequencer::{
    BatchedCommit, IndexBranch, IndexEnd, InitialKey, KeyRun, LogBatch, LogBeginning, LogIndexEntry,
    LogTable, MemoryLogTable, Sequencer, SequencerPorts,
};
use tokio::sync::Notify;
use ulid::Ulid;

/// As long as a run has.
pub const MINUTE: Duration = Duration::from_mins(1);

/// A ledger in memory.
pub struct Given {
    pub journal: Arc<MemoryJournal>,
    pub table: Arc<MemoryLogTable>,
    pub announcements: Arc<MemoryAnnouncements>,
    pub parking: Arc<MemoryParking>,
    pub ids: Ids,
    pub newest: Mutex<BTreeMap<String, Commit>>,
}

/// Ids one after the other, a second apart.
pub fn ids() -> Ids {
    let made = AtomicU64::new(0);
    Arc::new(move || {
        let number = made.fetch_add(1, Ordering::Relaxed);
        Ulid::from_parts(1_763_000_000_000 + number * 1_000, number.into())
    })
}

pub fn noon() -> Timestamp {
    fixtures::at("2026-11-23T12:00:00Z")
}

impl Default for Given {
    fn default() -> Self {
        Self {
            journal: Arc::default(),
            table: Arc::default(),
            announcements: Arc::default(),
            parking: Arc::default(),
            ids: ids(),
            newest: Mutex::default(),
        }
    }
}

impl Given {
    pub fn ports(&self) -> SequencerPorts {
        SequencerPorts {
            journal: self.journal.clone(),
            table: self.table.clone(),
            announcements: self.announcements.clone(),
            parking: self.parking.clone(),
        }
    }

    /// A sequencer whose calls go as planned.
    pub fn planned(&self, plan: &Arc<Plan>) -> Sequencer {
        let ports = SequencerPorts {
            journal: Arc::new(Planned(self.journal.clone(), plan.clone())),
            table: Arc::new(Planned(self.table.clone(), plan.clone())),
            announcements: Arc::new(Planned(self.announcements.clone(), plan.clone())),
            parking: self.parking.clone(),
        };
        Sequencer::new(ports, Arc::new(noon), self.ids.clone())
    }

    pub fn sequencer(&self) -> Sequencer {
        Sequencer::new(self.ports(), Arc::new(noon), self.ids.clone())
    }

    /// The log of a ledger without commits has begun.
    pub async fn begun(self) -> Self {
        assert!(!self.sequencer().drain(MINUTE).await.unwrap().is_beginning);
        self
    }

    /// Records the next commits of a product; answers with the newest as it is announced.
    pub async fn commit(&self, product: &str, commits: usize) -> AnnouncedCommit {
        for _ in 0..commits {
            let (commit, stored) = self.next(product);
            self.journal.append(&stored).await.unwrap();
            self.newest.lock().unwrap().insert(product.to_owned(), commit);
        }
        self.announced(product)
    }

    /// The next commit of a product, not recorded.
    pub fn next(&self, product: &str) -> (Commit, StoredCommit) {
        let newest = self.newest.lock().unwrap().get(product).cloned();
        let event = match newest.as_ref().map_or(0, |commit| commit.last_sequence()) {
            0 => fixtures::helmet_created(),
            n if n % 2 == 1 => fixtures::helmet_deleted(),
            _ => fixtures::helmet_restored(),
        };
        seal(fixtures::commit_after(newest.as_ref(), &fixtures::id(product), vec![event])).unwrap()
    }

    /// The newest commit of a product as it is announced.
    pub fn announced(&self, product: &str) -> AnnouncedCommit {
        let newest = self.newest.lock().unwrap()[product].clone();
        let newest = AnnouncedKey { sequence: newest.sequence, hash: newest.hash };
        AnnouncedCommit { product: fixtures::id(product), newest: Some(newest) }
    }

    /// Announces commits.
    pub async fn announce(&self, commits: Vec<AnnouncedCommit>) {
        let announcement = Announcement { id: (self.ids)(), oldest: None, commits };
        self.announcements.announce(&announcement).await.unwrap();
    }

    /// The log, which has to be one history of what was recorded.
    pub async fn log(&self) -> Vec<BatchedCommit> {
        let mut logged: Vec<BatchedCommit> = Vec::new();
        let mut edge = RightEdge::default();
        while let Some(batch) = self.table.newest_batch(edge.size()).await.unwrap().map(|_| edge.size()) {
            let batch = self.table.batch_at(batch).await.unwrap().unwrap();
            assert_eq!(batch.first, edge.size(), "batches have neither gaps nor overlaps");
            for commit in &batch.commits {
                edge.push(entry_hash(&commit.leaf.to_bytes()));
                logged.push(commit.clone());
            }
            assert_eq!(batch.edge, edge);
        }
        self.check(&logged).await;
        logged
    }

    async fn check(&self, logged: &[BatchedCommit]) {
        let mut reached: BTreeMap<&ProductId, &BatchedCommit> = BTreeMap::new();
        for (index, commit) in (0..).zip(logged) {
            let before = reached.insert(&commit.product, commit);
            let parent = before.map_or_else(
                || Leaf::first_parent(commit.product.as_str()),
                |before| {
                    assert!(before.sequence < commit.sequence, "once and in order");
                    before.leaf.hash
                },
            );
            assert_eq!(commit.leaf.parent, parent, "nothing of {} is left out", commit.product);
            let entries = self.table.newest_entries(&commit.product, commit.sequence, 1).await.unwrap();
            let hash = commit.leaf.hash;
            let (product, sequence) = (commit.product.clone(), commit.sequence);
            assert_eq!(entries, [LogIndexEntry { product, sequence, index, hash, branch: None }]);
        }
    }

    /// Everything that was recorded is logged.
    pub async fn all_is_logged(&self) -> Vec<BatchedCommit> {
        let logged = self.log().await;
        let key = |product: &str, sequence| (product.to_owned(), sequence);
        let in_log: BTreeSet<_> =
            logged.iter().map(|commit| key(commit.product.as_str(), commit.sequence)).collect();
        let recorded = self.journal.scan(None, 100_000).await.unwrap().commits;
        let recorded: BTreeSet<_> = recorded
            .iter()
            .map(|commit| key(commit.text("product_id").unwrap(), commit.sequence().unwrap()))
            .collect();
        assert_eq!(in_log, recorded);
        assert_eq!(in_log.len(), logged.len(), "each once");
        logged
    }

    /// The products that are parked for the log, and whether they are tried again.
    pub async fn parked(&self) -> Vec<(String, bool)> {
        let rows = self.parking.list("log", None, 100).await.unwrap();
        rows.into_iter().map(|row| (row.product_id.to_string(), row.retryable)).collect()
    }
}

/// The hash of a commit that nobody recorded.
pub fn another_hash() -> Hash {
    Hash::of_digest(&[7; 32])
}

/// What becomes of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Deed {
    /// It fails and does nothing.
    FailBefore,
    /// It does its work, and the answer is lost.
    FailAfter,
    /// It waits before its work until the plan goes on.
    WaitBefore,
    /// The same after its work.
    WaitAfter,
}

pub const FAILURES: [Deed; 2] = [Deed::FailBefore, Deed::FailAfter];
pub const WAITS: [Deed; 2] = [Deed::WaitBefore, Deed::WaitAfter];

/// Which calls go wrong, by their number from 1.
#[derive(Default)]
pub struct Plan {
    calls: AtomicUsize,
    deeds: BTreeMap<usize, Deed>,
    /// A call waits.
    pub waiting: Notify,
    /// It goes on.
    pub goes_on: Notify,
}

impl Plan {
    pub fn of(deeds: impl IntoIterator<Item = (usize, Deed)>) -> Arc<Self> {
        Arc::new(Self { deeds: deeds.into_iter().collect(), ..Self::default() })
    }

    pub fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    async fn call<T>(&self, work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let lost = || StoreError::new("as planned".into());
        let wait = async || {
            self.waiting.notify_one();
            self.goes_on.notified().await;
        };
        match self.deeds.get(&number) {
            None => work.await,
            Some(Deed::FailBefore) => Err(lost()),
            Some(Deed::FailAfter) => {
                work.await?;
                Err(lost())
            }
            Some(Deed::WaitBefore) => {
                wait().await;
                work.await
            }
            Some(Deed::WaitAfter) => {
                let done = work.await;
                wait().await;
                done
            }
        }
    }
}

/// A port whose calls go as planned.
pub struct Planned<P>(pub Arc<P>, pub Arc<Plan>);

#[async_trait]
impl Journal for Planned<MemoryJournal> {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        self.0.append(commit).await
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        self.1.call(self.0.newest(product, at_most)).await
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.1.call(self.0.page(product, after, limit)).await
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.1.call(self.0.scan(from, limit)).await
    }
}

#[async_trait]
impl LogTable for Planned<MemoryLogTable> {
    async fn insert_batch(&self, batch: &LogBatch) -> Result<bool, StoreError> {
        self.1.call(self.0.insert_batch(batch)).await
    }

    /// One entry after the other, so that a part of them may be written.
    async fn insert_index(&self, entries: &[LogIndexEntry]) -> Result<Vec<LogIndexEntry>, StoreError> {
        let mut different = Vec::new();
        for entry in entries {
            different.extend(self.1.call(self.0.insert_index(std::slice::from_ref(entry))).await?);
        }
        Ok(different)
    }

    async fn insert_branches(&self, branches: &[IndexBranch]) -> Result<(), StoreError> {
        for branch in branches {
            self.1.call(self.0.insert_branches(std::slice::from_ref(branch))).await?;
        }
        Ok(())
    }

    async fn branches(&self, product: &ProductId) -> Result<Vec<IndexBranch>, StoreError> {
        self.1.call(self.0.branches(product)).await
    }

    async fn index_end(&self, product: &ProductId) -> Result<IndexEnd, StoreError> {
        self.1.call(self.0.index_end(product)).await
    }

    async fn entries_at(&self, product: &ProductId, sequence: u64) -> Result<Vec<LogIndexEntry>, StoreError> {
        self.1.call(self.0.entries_at(product, sequence)).await
    }

    async fn newest_batch(&self, from: u64) -> Result<Option<LogBatch>, StoreError> {
        self.1.call(self.0.newest_batch(from)).await
    }

    async fn batch_at(&self, index: u64) -> Result<Option<LogBatch>, StoreError> {
        self.1.call(self.0.batch_at(index)).await
    }

    async fn batches(&self, from: u64, limit: usize) -> Result<Vec<LogBatch>, StoreError> {
        self.1.call(self.0.batches(from, limit)).await
    }

    async fn newest_entries(
        &self,
        product: &ProductId,
        at_most: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        self.1.call(self.0.newest_entries(product, at_most, limit)).await
    }

    async fn entries_after(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<LogIndexEntry>, StoreError> {
        self.1.call(self.0.entries_after(product, after, limit)).await
    }

    async fn insert_block(&self, block: &SummarisedCommits) -> Result<(), StoreError> {
        self.1.call(self.0.insert_block(block)).await
    }

    async fn blocks(&self, from: u64, limit: usize) -> Result<Vec<SummarisedCommits>, StoreError> {
        self.1.call(self.0.blocks(from, limit)).await
    }

    async fn summarised(&self) -> Result<Option<u64>, StoreError> {
        self.1.call(self.0.summarised()).await
    }

    async fn insert_counted(&self, block: &CountedBlock) -> Result<(), StoreError> {
        self.1.call(self.0.insert_counted(block)).await
    }

    async fn counted(&self, from: u64, limit: usize) -> Result<Vec<CountedBlock>, StoreError> {
        self.1.call(self.0.counted(from, limit)).await
    }

    async fn newest_counted(&self) -> Result<Option<CountedBlock>, StoreError> {
        self.1.call(self.0.newest_counted()).await
    }

    async fn insert_keys(&self, run: Ulid, chunk: u64, keys: &[InitialKey]) -> Result<(), StoreError> {
        self.1.call(self.0.insert_keys(run, chunk, keys)).await
    }

    async fn keys(&self, run: Ulid, chunk: u64) -> Result<Option<Vec<InitialKey>>, StoreError> {
        self.1.call(self.0.keys(run, chunk)).await
    }

    async fn insert_run(&self, number: u64, run: &KeyRun) -> Result<bool, StoreError> {
        self.1.call(self.0.insert_run(number, run)).await
    }

    async fn runs(&self) -> Result<Vec<KeyRun>, StoreError> {
        self.1.call(self.0.runs()).await
    }

    async fn beginning(&self) -> Result<Option<LogBeginning>, StoreError> {
        self.1.call(self.0.beginning()).await
    }

    async fn begin(&self, before: Timestamp) -> Result<(), StoreError> {
        self.1.call(self.0.begin(before)).await
    }

    async fn complete_beginning(&self) -> Result<(), StoreError> {
        self.1.call(self.0.complete_beginning()).await
    }
}

#[async_trait]
impl Announcements for Planned<MemoryAnnouncements> {
    async fn announce(&self, announcement: &Announcement) -> Result<(), StoreError> {
        self.1.call(self.0.announce(announcement)).await
    }

    async fn page(&self, after: Option<Ulid>, limit: usize) -> Result<Vec<Announcement>, StoreError> {
        self.1.call(self.0.page(after, limit)).await
    }
}
