//! The log of tables in a run: what puts the commits into one order and publishes it in a bucket, and what has to hold of every
//! checkpoint and in the end.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use event_store::announced::LOG_CONSUMER;
use event_store::{Announcements, Feed, MemoryAnnouncements, MemoryRounds, Parking};
use futures::executor::block_on;
use futures::future::join_all;
use ledger_log::{LogCheckpoint, LogPath, TrustedKeys};
use schema::Ids;
use sequencer::{
    LogFailure, LogFeed, LogKeeper, LogPublisher, LogStore, LogWriter, MemoryLogTable, SequencerPorts,
    ServedLog,
};
use serde_json::value::to_raw_value;

use crate::chaos::{Chaos, process};
use crate::log::{HeldFiles, faults, is_log_of, signer};
use crate::stream::Stream;
use crate::tables::{FaultyAnnouncements, FaultyLogTable, FaultyRounds, batches};
use crate::world::World;

const MINUTE: Duration = Duration::from_mins(1);
/// From the end of a round of the reconcile to the next, and longer than a commit counts as on its way.
const NEXT_ROUND: Duration = Duration::from_hours(25);
/// What is not logged after so many runs without faults never is.
const MOST_RUNS: usize = 100;
/// In thousandths, how often each call of the bucket fails, or is done without an answer.
const RATES: [(&str, u32); 2] = [("object not written", 30), ("object written without an answer", 30)];

/// Tables and bucket of the log; these are without faults.
#[derive(Clone)]
pub struct TableLog {
    pub table: Arc<MemoryLogTable>,
    pub announcements: Arc<MemoryAnnouncements>,
    pub rounds: Arc<MemoryRounds>,
    pub items: Arc<Stream>,
    bucket: Arc<LogBucket>,
    indexed: Arc<AtomicU64>,
}

impl TableLog {
    pub fn new(chaos: &Arc<Chaos>) -> Self {
        Self {
            table: Arc::default(),
            announcements: Arc::default(),
            rounds: Arc::default(),
            items: Stream::new(chaos.clone()),
            bucket: LogBucket::new(chaos.clone()),
            indexed: Arc::default(),
        }
    }
}

/// The bucket of the log: what is there is replaced only by one who knows it.
struct LogBucket {
    objects: Mutex<Objects>,
    chaos: Arc<Chaos>,
    keys: TrustedKeys,
}

#[derive(Default)]
struct Objects {
    files: HeldFiles,
    /// Every checkpoint that a reader could have seen.
    published: Vec<LogCheckpoint>,
}

impl LogBucket {
    fn new(chaos: Arc<Chaos>) -> Arc<Self> {
        let keys = TrustedKeys::from(signer().verifier_key().clone());
        Arc::new(Self { objects: Mutex::default(), chaos, keys })
    }

    fn objects(&self) -> MutexGuard<'_, Objects> {
        self.objects.lock().unwrap()
    }

    fn call<T>(&self, work: impl FnOnce(&mut Objects) -> T) -> io::Result<T> {
        let failed = || io::Error::other("injected fault");
        let [fails, unanswered] = RATES.map(|(fault, rate)| self.chaos.happens(fault, rate));
        if fails {
            return Err(failed());
        }
        let done = work(&mut self.objects());
        if unanswered { Err(failed()) } else { Ok(done) }
    }
}

impl LogStore for LogBucket {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        self.call(|objects| objects.files.get(&path).cloned())
    }

    fn write(&self, path: LogPath, _: &[u8]) -> io::Result<()> {
        panic!("{path} was written over what is there");
    }

    fn put(&self, path: LogPath, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        self.call(|objects| {
            let found = objects.files.get(&path).cloned();
            if found.is_none() {
                objects.files.insert(path, bytes.to_vec());
            }
            found
        })
    }

    /// Every checkpoint has all that it needs, and the one before it is its beginning.
    fn publish(&self, replaced: &[u8], note: &[u8]) -> io::Result<bool> {
        self.call(|objects| {
            let there = objects.files.get(&LogPath::Checkpoint).map_or(&[][..], Vec::as_slice);
            if there != replaced {
                return there == note;
            }
            let checkpoint = self.keys.open(note).unwrap();
            let before = objects.published.last();
            assert!(
                before.is_none_or(|before| before.size < checkpoint.size),
                "{checkpoint:?} after {before:?}"
            );
            let found = faults(&objects.files, &checkpoint, before);
            assert!(found.is_empty(), "the checkpoint of size {}: {found:?}", checkpoint.size);
            objects.published.push(checkpoint);
            objects.files.insert(LogPath::Checkpoint, note.to_vec());
            true
        })
    }

    fn settle(&self, _: &[LogPath]) -> io::Result<()> {
        Ok(())
    }

    fn remove_partial(&self, full: LogPath) -> io::Result<()> {
        self.call(|objects| objects.files.retain(|path, _| *path == full || path.full() != full))
    }

    fn blocks(&self) -> bool {
        false
    }
}

/// What a process of the sequencer has in memory.
struct SequencerProcess {
    keeper: LogKeeper,
    publisher: LogPublisher,
    bucket: Arc<LogBucket>,
}

impl SequencerProcess {
    async fn follow(&self, event: Event) -> DynamoDbEventResponse {
        let batch: Vec<_> = event.records.iter().map(|record| to_raw_value(record).unwrap()).collect();
        let answer = self.keeper.follow(&batch, MINUTE).await;
        self.publish().await;
        answer
    }

    async fn catch_up(&self) {
        // After an error the next run goes on; what counts is the end.
        let _ = self.keeper.catch_up(MINUTE).await;
        self.publish().await;
        let _ = self.keeper.reconcile(MINUTE).await;
    }

    /// The first one begins the log. No fault may make it stop for ever.
    async fn publish(&self) {
        if let Ok(None) = self.bucket.read(LogPath::Checkpoint) {
            let _ = LogWriter::begin(self.bucket.clone(), signer());
        }
        if !self.bucket.objects().published.is_empty()
            && let Err(LogFailure::Stopped(stop)) = self.publisher.publish().await
        {
            panic!("nothing is signed any more: {stop}");
        }
    }
}

/// A process that is started again after it was killed, unless the run alone was ended and the process goes on.
struct Restarted<'a> {
    world: &'a World,
    process: RefCell<Rc<SequencerProcess>>,
    is_running: Cell<bool>,
}

impl<'a> Restarted<'a> {
    fn new(world: &'a World) -> Self {
        let process = RefCell::new(Rc::new(world.sequencer_process()));
        Self { world, process, is_running: Cell::new(false) }
    }

    async fn run<T>(&self, work: impl AsyncFnOnce(&SequencerProcess) -> T) -> T {
        if self.is_running.replace(true) && self.world.chaos.below(2) == 0 {
            *self.process.borrow_mut() = Rc::new(self.world.sequencer_process());
        }
        let process = self.process.borrow().clone();
        let done = work(&process).await;
        self.is_running.set(false);
        done
    }
}

impl World {
    /// Where projectors announce commits.
    pub fn announcements(&self) -> Arc<dyn Announcements> {
        let TableLog { announcements, items, .. } = self.table_log.clone();
        Arc::new(FaultyAnnouncements { inner: announcements, chaos: self.chaos.clone(), items })
    }

    /// Ids with the time of the run in them, by which feed items are in order.
    pub fn ids_by_time(&self) -> Ids {
        let (clock, chaos) = (self.clock(), self.chaos.clone());
        Arc::new(move || ulid::Ulid::from_parts(clock().millis().unsigned_abs(), chaos.bits()))
    }

    fn sequencer_process(&self) -> SequencerProcess {
        let TableLog { table, bucket, rounds, indexed, .. } = self.table_log.clone();
        let table = Arc::new(FaultyLogTable { inner: table, chaos: self.chaos.clone(), indexed });
        let ports = SequencerPorts {
            journal: self.table(),
            table: table.clone(),
            announcements: self.announcements(),
            parking: self.parking(),
        };
        let rounds = Arc::new(FaultyRounds { inner: rounds, chaos: self.chaos.clone() });
        let keeper = LogKeeper::new(ports, rounds, None, self.clock(), self.ids_by_time());
        let log = ServedLog { store: bucket.clone(), keys: bucket.keys.clone() };
        SequencerProcess { keeper, publisher: LogPublisher::new(table, log, signer()), bucket }
    }

    /// Keeps the log of the tables until everything is logged: one or two processes follow the feed items until everything is
    /// `announced`, and another one is called by the schedule.
    pub async fn sequence(&self, announced: &Cell<bool>) {
        let followers: Vec<_> = (0..=self.chaos.below(2)).map(|_| Restarted::new(self)).collect();
        let following = join_all(followers.iter().map(|follower| {
            let follow = async |event| follower.run(async |process| process.follow(event).await).await;
            self.table_log.items.follow(0, follow, || announced.get())
        }));
        let scheduled = Restarted::new(self);
        let schedule = async {
            while !announced.get() {
                tokio::time::sleep(Duration::from_millis(self.chaos.below(10_000) as u64)).await;
                Box::pin(process(scheduled.run(async |process| process.catch_up().await))).await;
            }
        };
        tokio::join!(following, schedule);
        for _ in 0..MOST_RUNS {
            if self.is_all_published().await {
                return;
            }
            tokio::time::sleep(NEXT_ROUND / 10).await;
            scheduled.run(async |process| process.catch_up().await).await;
        }
        panic!("not everything is in a checkpoint, with everything announced and without faults");
    }

    async fn is_all_published(&self) -> bool {
        let published = self.table_log.bucket.objects().published.last().map(|checkpoint| checkpoint.size);
        let parked = self.parking.list(LOG_CONSUMER, None, 100).await.unwrap();
        assert!(parked.iter().all(|row| row.retryable), "{parked:?}");
        published == Some(self.journal.len() as u64) && parked.is_empty()
    }

    /// The batches are one order of all commits, each with its index, and the bucket has the log of them.
    pub fn table_log_is_complete(&self) {
        let logged = batches(&self.table_log.table).iter().map(|batch| batch.commits.len()).sum::<usize>();
        assert_eq!(logged, self.journal.len(), "each commit once");
        let feed = LogFeed::new(self.journal.clone(), self.table_log.table.clone());
        let entries = block_on(feed.after(None, usize::MAX)).unwrap();
        assert_eq!(entries.len(), logged, "the feed has all commits");
        let objects = self.table_log.bucket.objects();
        let newest = objects.published.last().unwrap();
        assert_eq!(newest.size, logged as u64);
        is_log_of(&objects.files, newest, &objects.published, entries);
    }
}
