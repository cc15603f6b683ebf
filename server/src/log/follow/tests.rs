//! What the log of a server promises, without a server: every commit at its position, a checkpoint in each interval at most, and
//! no signature over a contradiction.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use event_store::{FeedEntry, FeedSlice, Journal, MemoryJournal, seal};
use ledger_log::{LogPath, NoteSigner, bundle};
use schema::{ProductId, fixtures};
use tokio::time::timeout;

use super::*;
use sequencer::{LogStore, MemoryLog};

const SECOND: Duration = Duration::from_secs(1);

async fn add(journal: &MemoryJournal, products: std::ops::Range<usize>) {
    for product in products {
        let id = fixtures::id(&format!("p{product}"));
        let unsealed = fixtures::commit_after(None, &id, vec![fixtures::helmet_created()]);
        journal.append(&seal(unsealed).unwrap().1).await.unwrap();
    }
}

fn begun(store: Arc<dyn LogStore>) -> LogStarted {
    let signer = Arc::new(NoteSigner::from_seed("example.com/log", &[7; 32]).unwrap());
    LogWriter::begin(store.clone(), signer.clone()).unwrap();
    LogStarted::signed_by(signer, store, 0).unwrap()
}

/// The size of the checkpoint that is there.
fn size(log: &LogStarted) -> u64 {
    let note = log.log.store.read(LogPath::Checkpoint).unwrap().unwrap();
    log.log.keys.open(&note).unwrap().size
}

/// Runs until so many commits are published.
async fn run_until(feed: Arc<dyn Feed>, log: &LogStarted, size: u64) {
    let (stop, stopping) = watch::channel(false);
    let quick = Backoff { first: Duration::from_millis(1), longest: Duration::from_millis(2) };
    let sequencer = LogFollower::new(feed, log.clone(), SECOND).backoff(quick);
    let mut published = sequencer.published();
    let task = tokio::spawn(sequencer.run(stopping));
    let reached = timeout(Duration::from_mins(5), published.wait_for(|reached| *reached >= size)).await;
    reached.expect("it is published").unwrap();
    stop.send_replace(true);
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn every_commit_is_logged_at_its_position_also_after_a_new_start() {
    let (journal, log) = (Arc::new(MemoryJournal::default()), begun(Arc::new(MemoryLog::default())));
    for count in [3, 300, 301] {
        add(&journal, journal.len()..count).await;
        run_until(journal.clone(), &log, count as u64).await;
        assert_eq!(size(&log), count as u64);
    }
    let mut entries = Vec::new();
    for (name, width) in [("tile/entries/000", 256), ("tile/entries/001.p/45", 45)] {
        let bytes = log.log.store.read(name.parse().unwrap()).unwrap().unwrap();
        entries.extend(bundle::read(&bytes, width).unwrap().into_iter().map(<[u8]>::to_vec));
    }
    let commits = journal.after(None, 1_000).await.unwrap();
    let expected = commits.into_iter().map(|recorded| match recorded.change {
        Change::Committed(commit) => Leaf::of(&commit).unwrap().to_bytes().to_vec(),
        other => panic!("{other:?}"),
    });
    assert_eq!(entries, expected.collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn checkpoints_follow_the_news_with_an_interval_between_two() {
    let (journal, log) = (Arc::new(MemoryJournal::default()), begun(Arc::new(MemoryLog::default())));
    let (stop, stopping) = watch::channel(false);
    let sequencer = LogFollower::new(journal.clone(), log.clone(), SECOND * 5);
    let mut published = sequencer.published();
    let task = tokio::spawn(sequencer.run(stopping));
    let mut times = Vec::new();
    for count in 1..=4 {
        add(&journal, journal.len()..count).await;
        timeout(SECOND * 20, published.wait_for(|size| *size == count as u64)).await.unwrap().unwrap();
        times.push(Instant::now());
    }
    for pair in times.windows(2) {
        let between = pair[1] - pair[0];
        assert!(between >= SECOND * 4 && between <= SECOND * 6, "{between:?}");
    }
    let note = log.log.store.read(LogPath::Checkpoint).unwrap();
    tokio::time::sleep(SECOND * 60).await;
    assert_eq!(
        log.log.store.read(LogPath::Checkpoint).unwrap(),
        note,
        "without news there is nothing to sign"
    );
    stop.send_replace(true);
    task.await.unwrap();
}

/// A store whose first writes fail.
struct FullDisk(MemoryLog, AtomicUsize);

impl LogStore for FullDisk {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        self.0.read(path)
    }

    fn write(&self, path: LogPath, bytes: &[u8]) -> io::Result<()> {
        let left = self.1.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_ok() { Err(io::ErrorKind::StorageFull.into()) } else { self.0.write(path, bytes) }
    }

    fn settle(&self, paths: &[LogPath]) -> io::Result<()> {
        self.0.settle(paths)
    }

    fn remove_partial(&self, full: LogPath) -> io::Result<()> {
        self.0.remove_partial(full)
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_that_fails_is_tried_again_until_it_succeeds() {
    let journal = Arc::new(MemoryJournal::default());
    add(&journal, 0..3).await;
    let store = Arc::new(FullDisk(MemoryLog::default(), AtomicUsize::new(0)));
    let log = begun(store.clone());
    store.1.store(20, Ordering::Relaxed);
    run_until(journal, &log, 3).await;
    assert_eq!((size(&log), store.1.load(Ordering::Relaxed)), (3, 0));
}

/// A feed in which a position has no commit, or one that cannot be read.
struct AlteredFeed {
    journal: Arc<MemoryJournal>,
    position: u64,
    is_there: bool,
}

#[async_trait]
impl Feed for AlteredFeed {
    async fn after(&self, position: Option<u64>, limit: usize) -> Result<Vec<FeedEntry>, StoreError> {
        let mut commits = self.journal.after(position, limit).await?;
        if !self.is_there {
            commits.retain(|commit| commit.position != self.position);
        }
        for commit in commits.iter_mut().filter(|commit| commit.position == self.position) {
            commit.change = Change::Unreadable { product: None, reason: "the line is torn".to_owned() };
        }
        Ok(commits)
    }

    async fn slice(&self, slice: &FeedSlice) -> Result<Vec<FeedEntry>, StoreError> {
        self.journal.slice(slice).await
    }

    async fn hash_at(&self, position: u64) -> Result<Option<String>, StoreError> {
        let found = self.journal.hash_at(position).await?;
        Ok(found.filter(|_| position != self.position || self.is_there))
    }

    async fn position_of(&self, product: &ProductId, sequence: u64) -> Result<Option<u64>, StoreError> {
        self.journal.position_of(product, sequence).await
    }

    async fn newest_position(&self) -> Result<Option<u64>, StoreError> {
        self.journal.newest_position().await
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.journal.appended()
    }
}

/// The log ends by itself, and signs nothing more.
async fn assert_stops(feed: Arc<dyn Feed>, log: &LogStarted, what: &str) {
    let before = log.log.store.read(LogPath::Checkpoint).unwrap();
    let (_stop, stopping) = watch::channel(false);
    let sequencer = LogFollower::new(feed, log.clone(), SECOND);
    timeout(Duration::from_mins(5), sequencer.run(stopping)).await.expect(what);
    assert_eq!(log.log.store.read(LogPath::Checkpoint).unwrap(), before, "{what}");
}

#[tokio::test(start_paused = true)]
async fn a_position_without_a_commit_ends_the_signing_and_is_not_skipped() {
    let journal = Arc::new(MemoryJournal::default());
    add(&journal, 0..10).await;
    for is_there in [false, true] {
        let log = begun(Arc::new(MemoryLog::default()));
        let feed = Arc::new(AlteredFeed { journal: journal.clone(), position: 5, is_there });
        assert_stops(feed, &log, "a position that was not logged").await;
        // It was logged while it was there: the log goes on behind it.
        run_until(journal.clone(), &log, journal.len() as u64).await;
        add(&journal, journal.len()..journal.len() + 1).await;
        let feed = Arc::new(AlteredFeed { journal: journal.clone(), position: 5, is_there });
        run_until(feed, &log, journal.len() as u64).await;
        let newest = Arc::new(AlteredFeed {
            journal: journal.clone(),
            position: journal.len() as u64 - 1,
            is_there: false,
        });
        assert_stops(newest, &log, "the newest that was logged").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_ahead_of_the_ledger_or_of_another_one_is_not_signed() {
    let (journal, shorter, other) = (
        Arc::new(MemoryJournal::default()),
        Arc::new(MemoryJournal::default()),
        Arc::new(MemoryJournal::default()),
    );
    let log = begun(Arc::new(MemoryLog::default()));
    add(&journal, 0..10).await;
    run_until(journal.clone(), &log, 10).await;
    add(&shorter, 0..9).await;
    assert_stops(shorter, &log, "a shorter ledger").await;
    add(&other, 100..120).await;
    assert_stops(other, &log, "another ledger").await;
    add(&journal, 10..11).await;
    run_until(journal, &log, 11).await;
}

#[tokio::test(start_paused = true)]
async fn the_oldest_commit_that_is_not_logged_is_known() {
    let journal = Arc::new(MemoryJournal::default());
    assert_eq!(oldest_unlogged(&*journal, 0).await.unwrap(), None);
    add(&journal, 0..2).await;
    let recorded = |position: usize| {
        let journal = journal.clone();
        async move {
            let commits = journal.after(None, 10).await.unwrap();
            match &commits[position].change {
                Change::Committed(commit) => Timestamp::parse(commit.text("recorded_at").unwrap()).ok(),
                other => panic!("{other:?}"),
            }
        }
    };
    assert_eq!(oldest_unlogged(&*journal, 0).await.unwrap(), recorded(0).await);
    assert_eq!(oldest_unlogged(&*journal, 1).await.unwrap(), recorded(1).await);
    assert_eq!(oldest_unlogged(&*journal, 2).await.unwrap(), None);
    let unreadable = AlteredFeed { journal, position: 1, is_there: true };
    assert_eq!(oldest_unlogged(&unreadable, 1).await.unwrap(), Some(Timestamp::EPOCH));
}
