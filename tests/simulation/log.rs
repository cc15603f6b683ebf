//! The log of a run: what writes and publishes it on a disk that fails and loses power, and what has to hold of every checkpoint
//! and in the end.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use async_trait::async_trait;
use event_store::backoff::Backoff;
use event_store::{Change, Feed, FeedEntry, FeedSlice, Journal, MemoryJournal, StoreError, seal};
use futures::executor::block_on;
use ledger_log::verify::LogFault;
use ledger_log::{LogCheckpoint, LogPath, LogSource, NoteSigner, TrustedKeys, verify};
use schema::{ProductId, StoredCommit, fixtures};
use sequencer::{LogStore, LogWriter};
use server::log::{LogFollower, LogStarted};
use tokio::sync::watch;

use crate::chaos::{Chaos, process};
use crate::faulty::unavailable;
use crate::world::World;

/// The least time between two checkpoints.
const INTERVAL: Duration = Duration::from_secs(2);
/// The pauses after failures.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(2) };
/// A log that stops so often stops for ever.
const MOST_STARTS: usize = 500;
/// Five minutes of the run, after which a log that has not what is recorded never does.
const MOST_WAITS: u32 = 1_500;
/// In thousandths, how often each call of the disk fails, is done without an answer, or ends in a power failure.
const RATES: [(&str, u32); 3] =
    [("log not written", 40), ("log written without an answer", 40), ("power failed", 20)];
/// Commits of the product that some ledgers have from the beginning, so that tiles become full.
const LONG: usize = 250;

/// The disk of the log. What is not settled is lost with the power.
pub struct LogDisk {
    files: Mutex<Files>,
    chaos: Arc<Chaos>,
    keys: TrustedKeys,
}

#[derive(Default)]
struct Files {
    visible: HeldFiles,
    durable: HeldFiles,
    /// Every checkpoint that a reader could have seen.
    published: Vec<LogCheckpoint>,
}

/// Files by their paths.
pub type HeldFiles = BTreeMap<LogPath, Vec<u8>>;

struct Held<'a>(&'a HeldFiles);

impl LogSource for Held<'_> {
    type Error = io::Error;

    async fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(&path).cloned())
    }
}

/// The faults of the log of a checkpoint in these files, also against one that was published before.
pub fn faults(
    files: &HeldFiles,
    checkpoint: &LogCheckpoint,
    before: Option<&LogCheckpoint>,
) -> Vec<LogFault> {
    block_on(verify::verify(&Held(files), checkpoint, before, |_| {})).unwrap().faults.listed
}

pub fn signer() -> Arc<NoteSigner> {
    Arc::new(NoteSigner::from_seed("example.com/log", &[7; 32]).unwrap())
}

impl LogDisk {
    pub fn new(chaos: Arc<Chaos>) -> Arc<Self> {
        let keys = TrustedKeys::from(signer().verifier_key().clone());
        Arc::new(Self { files: Mutex::default(), chaos, keys })
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap()
    }

    fn call<T>(&self, work: impl FnOnce(&mut Files) -> T) -> io::Result<T> {
        let failed = || io::Error::other("injected fault");
        let [fails, unanswered, power] = RATES.map(|(fault, rate)| self.chaos.happens(fault, rate));
        if fails {
            return Err(failed());
        }
        let mut files = self.files();
        let done = work(&mut files);
        if power {
            files.visible = files.durable.clone();
        }
        if unanswered || power { Err(failed()) } else { Ok(done) }
    }

    /// The size of the newest checkpoint.
    fn size(&self) -> Option<u64> {
        let files = self.files();
        let note = files.visible.get(&LogPath::Checkpoint)?;
        Some(self.keys.open(note).unwrap().size)
    }

    /// Whatever happens next, what a checkpoint needs is there, and what was published before is its beginning.
    fn publish(&self, files: &mut Files, note: &[u8]) {
        let checkpoint = self.keys.open(note).unwrap();
        let before = files.published.iter().rev().find(|before| before.size <= checkpoint.size);
        let found = faults(&files.durable, &checkpoint, before);
        assert!(found.is_empty(), "the checkpoint of size {}: {found:?}", checkpoint.size);
        files.published.push(checkpoint);
    }
}

impl LogStore for LogDisk {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        self.call(|files| files.visible.get(&path).cloned())
    }

    fn write(&self, path: LogPath, bytes: &[u8]) -> io::Result<()> {
        self.call(|files| {
            if path == LogPath::Checkpoint {
                self.publish(files, bytes);
            }
            files.visible.insert(path, bytes.to_vec());
        })
    }

    fn settle(&self, paths: &[LogPath]) -> io::Result<()> {
        self.call(|files| {
            for path in paths {
                if let Some(bytes) = files.visible.get(path) {
                    files.durable.insert(*path, bytes.clone());
                }
            }
        })
    }

    fn remove_partial(&self, full: LogPath) -> io::Result<()> {
        self.call(|files| {
            for held in [&mut files.visible, &mut files.durable] {
                held.retain(|path, _| *path == full || path.full() != full);
            }
        })
    }

    fn blocks(&self) -> bool {
        false
    }
}

/// The order of the commits; reads fail, and the reader is killed.
struct FaultyFeed {
    inner: Arc<MemoryJournal>,
    chaos: Arc<Chaos>,
}

#[async_trait]
impl Feed for FaultyFeed {
    async fn after(&self, position: Option<u64>, limit: usize) -> Result<Vec<FeedEntry>, StoreError> {
        self.chaos.call(self.inner.after(position, limit), unavailable).await
    }

    async fn slice(&self, slice: &FeedSlice) -> Result<Vec<FeedEntry>, StoreError> {
        self.chaos.call(self.inner.slice(slice), unavailable).await
    }

    async fn hash_at(&self, position: u64) -> Result<Option<String>, StoreError> {
        self.chaos.call(self.inner.hash_at(position), unavailable).await
    }

    async fn position_of(&self, product: &ProductId, sequence: u64) -> Result<Option<u64>, StoreError> {
        self.chaos.call(self.inner.position_of(product, sequence), unavailable).await
    }

    async fn newest_position(&self) -> Result<Option<u64>, StoreError> {
        self.chaos.call(self.inner.newest_position(), unavailable).await
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.inner.appended()
    }
}

/// A product that is deleted and restored again and again.
fn long_life() -> Vec<StoredCommit> {
    static LIFE: LazyLock<Vec<StoredCommit>> = LazyLock::new(|| {
        let (mut commits, mut last) = (Vec::new(), None);
        let next = [fixtures::helmet_deleted, fixtures::helmet_restored].into_iter().cycle();
        for event in [fixtures::helmet_created as fn() -> _].into_iter().chain(next).take(LONG) {
            let mut unsealed = fixtures::commit_after(last.as_ref(), &fixtures::id("long"), vec![event()]);
            // Before everything that is recorded in the run.
            unsealed.recorded_at = unsealed.recorded_at.days_before(1);
            unsealed.metadata.occurred_at = unsealed.recorded_at;
            let (commit, stored) = seal(unsealed).unwrap();
            commits.push(stored);
            last = Some(commit);
        }
        commits
    });
    LIFE.clone()
}

impl World {
    /// Gives one ledger in four a long past.
    pub async fn begin_log(&self) {
        if self.chaos.below(4) == 0 {
            for commit in long_life() {
                self.journal.append(&commit).await.unwrap();
            }
        }
    }

    /// Keeps the log until every commit is in a checkpoint, after `finished`. It is started again whenever it was killed or
    /// signs no more.
    pub async fn keep_log(&self, finished: &Cell<bool>) {
        let mut starts = 0;
        loop {
            let (stop, stopping) = watch::channel(false);
            let kept = async {
                let log = self.started_log().await;
                let feed = Arc::new(FaultyFeed { inner: self.journal.clone(), chaos: self.chaos.clone() });
                LogFollower::new(feed, log, INTERVAL).backoff(BACKOFF).run(stopping).await;
            };
            tokio::select! {
                biased;
                () = self.until_logged(finished) => return,
                _ = process(kept) => drop(stop),
            }
            starts += 1;
            assert!(starts < MOST_STARTS, "the log stops again and again");
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    }

    /// The log as a start finds it; the first one begins it.
    async fn started_log(&self) -> LogStarted {
        while self.log.size().is_none() {
            let _ = LogWriter::begin(self.log.clone(), signer());
            self.chaos.pause().await;
        }
        LogStarted::signed_by(signer(), self.log.clone(), 0).unwrap()
    }

    async fn until_logged(&self, finished: &Cell<bool>) {
        let mut left = MOST_WAITS;
        while !finished.get() || self.log.size() != Some(self.journal.len() as u64) {
            left -= u32::from(finished.get());
            assert!(left > 0, "not everything is in a checkpoint, with everything recorded");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// The log is one of the commits by position.
    pub fn log_is_complete(&self) {
        let files = self.log.files();
        let newest = self.log.keys.open(&files.visible[&LogPath::Checkpoint]).unwrap();
        let entries = block_on(self.journal.after(None, usize::MAX)).unwrap();
        assert_eq!(newest.size, self.journal.len() as u64);
        is_log_of(&files.visible, &newest, &files.published, entries);
    }
}

/// The log of a checkpoint has each of these commits once, at its position and the products in their order, and begins with every
/// checkpoint that was ever published.
pub fn is_log_of(
    files: &HeldFiles,
    newest: &LogCheckpoint,
    published: &[LogCheckpoint],
    entries: Vec<FeedEntry>,
) {
    for before in published {
        let found = faults(files, newest, Some(before));
        assert!(found.is_empty(), "since the checkpoint of size {}: {found:?}", before.size);
    }
    let held = Held(files);
    let log = block_on(verify::verify(&held, newest, None, |_| {})).unwrap();
    let mut comparison = log.with_ledger(&held, newest.size);
    let mut sequences: BTreeMap<String, u64> = BTreeMap::new();
    for entry in entries {
        let Change::Committed(commit) = &entry.change else { panic!("{entry:?}") };
        let (product, held) = (commit.text("product_id").unwrap(), commit.sequences().unwrap());
        let before = sequences.insert(product.to_owned(), held.start).unwrap_or(0);
        assert!(before < held.start, "{product}: {} after {before}", held.start);
        let commit = verify::RecordedCommit::of(commit).unwrap();
        block_on(comparison.take(entry.position, Some(commit))).unwrap();
    }
    assert_eq!(block_on(comparison.end()).unwrap().listed, []);
}
