//! Checkpoints are made from the batches alone: after any failure the same files, and nothing is signed over a contradiction.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use ledger_log::tree::entry_hash;
use ledger_log::{CheckedLog, LogCheckpoint, LogPath, LogSource, NoteSigner, TrustedKeys, verify};
use sequencer::{
    LogBatch, LogFailure, LogPublisher, LogStop, LogStore, LogTable, LogWriter, MemoryLog, MemoryLogTable,
    ServedLog,
};

use crate::given::Given;

fn signer() -> Arc<NoteSigner> {
    Arc::new(NoteSigner::from_seed("example.com/log", &[7; 32]).unwrap())
}

fn keys() -> TrustedKeys {
    TrustedKeys::from(signer().verifier_key().clone())
}

pub fn served(store: Arc<dyn LogStore>) -> ServedLog {
    ServedLog { store, keys: keys() }
}

pub fn publisher(table: Arc<dyn LogTable>, store: Arc<dyn LogStore>) -> LogPublisher {
    LogPublisher::new(table, served(store), signer())
}

struct Files<'a>(&'a dyn LogStore);

impl LogSource for Files<'_> {
    type Error = io::Error;

    async fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        self.0.read(path)
    }
}

/// The size of the checkpoint that is there, below which everything has to be there.
fn verified(store: &dyn LogStore, kept: Option<&LogCheckpoint>) -> LogCheckpoint {
    let note = store.read(LogPath::Checkpoint).unwrap().unwrap();
    let checkpoint = keys().open(&note).unwrap();
    let checked = block_on(verify::verify(&Files(store), &checkpoint, kept, |_| {})).unwrap();
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
    checkpoint
}

/// What a verification of the log finds.
pub fn checked(store: &dyn LogStore) -> CheckedLog {
    let note = store.read(LogPath::Checkpoint).unwrap().unwrap();
    let checkpoint = keys().open(&note).unwrap();
    block_on(verify::verify(&Files(store), &checkpoint, None, |_| {})).unwrap()
}

pub fn begun() -> Arc<MemoryLog> {
    let store = Arc::<MemoryLog>::default();
    LogWriter::begin(store.clone(), signer()).unwrap();
    store
}

async fn grow(given: &Given, product: &str, commits: usize) {
    let announced = given.commit(product, commits).await;
    given.sequencer().log(&[announced], None).await.unwrap();
}

#[tokio::test]
async fn each_checkpoint_covers_all_batches_and_grows_from_the_one_before() {
    let given = Given::default().begun().await;
    let (store, mut kept) = (begun(), None);
    let publisher = publisher(given.table.clone(), store.clone());
    let mut expected = 0;
    for commits in [1, 254, 1, 1, 300, 1_500] {
        grow(&given, "a", commits).await;
        expected += commits as u64;
        assert_eq!(publisher.publish().await.unwrap(), expected);
        kept = Some(verified(&*store, kept.as_ref()));
    }
    let before = store.read(LogPath::Checkpoint).unwrap();
    assert_eq!(publisher.publish().await.unwrap(), expected);
    assert_eq!(store.read(LogPath::Checkpoint).unwrap(), before, "nothing new");
}

#[tokio::test]
async fn two_publishers_in_turn_make_one_log() {
    let given = Given::default().begun().await;
    let store = begun();
    let publishers = [0, 1].map(|_| publisher(given.table.clone(), store.clone()));
    let mut kept = None;
    for turn in 0..6 {
        grow(&given, "a", 100).await;
        assert_eq!(publishers[turn % 2].publish().await.unwrap(), 100 * (turn as u64 + 1));
        kept = Some(verified(&*store, kept.as_ref()));
    }
}

/// A store whose calls fail, as planned, before or after they did their work.
struct FailingStore {
    inner: Arc<MemoryLog>,
    calls: AtomicUsize,
    fails: Vec<usize>,
    is_after: bool,
}

impl FailingStore {
    fn call<T>(&self, work: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        let fails = self.fails.contains(&call);
        if fails && !self.is_after {
            return Err(io::Error::other("as planned"));
        }
        let done = work();
        if fails { Err(io::Error::other("as planned")) } else { done }
    }
}

impl LogStore for FailingStore {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        self.call(|| self.inner.read(path))
    }

    fn write(&self, path: LogPath, bytes: &[u8]) -> io::Result<()> {
        let written = self.call(|| self.inner.write(path, bytes));
        if path == LogPath::Checkpoint {
            verified(&*self.inner, None);
        }
        written
    }

    fn settle(&self, paths: &[LogPath]) -> io::Result<()> {
        // One that fails ends the signing on a disk; a bucket has nothing to settle.
        self.inner.settle(paths)
    }

    fn remove_partial(&self, full: LogPath) -> io::Result<()> {
        self.call(|| self.inner.remove_partial(full))
    }
}

#[tokio::test]
async fn after_a_failure_of_any_file_the_same_publisher_goes_on() {
    let given = Given::default().begun().await;
    grow(&given, "a", 255).await;
    let failing = |fails: Vec<usize>, is_after| {
        let inner = begun();
        Arc::new(FailingStore { inner, calls: AtomicUsize::default(), fails, is_after })
    };
    let run = async |store: &Arc<FailingStore>| {
        let publisher = publisher(given.table.clone(), store.clone());
        for _ in 0..5 {
            match publisher.publish().await {
                Ok(_) => return,
                Err(LogFailure::Stopped(stop)) => panic!("{stop}"),
                Err(_) => {}
            }
        }
        panic!("it does not end");
    };
    let whole = failing(Vec::new(), false);
    run(&whole).await;
    let calls = whole.calls.load(Ordering::Relaxed);
    assert!(calls > 6, "{calls}");
    for first in 1..=calls {
        for second in first..=2 * calls {
            for is_after in [false, true] {
                let store = failing(vec![first, second], is_after);
                run(&store).await;
                assert_eq!(verified(&*store.inner, None).size, 255);
            }
        }
    }
}

/// A store that notes the sizes of its checkpoints, and takes nothing behind so many.
struct NotingStore {
    inner: Arc<MemoryLog>,
    sizes: Mutex<Vec<u64>>,
    most: usize,
}

impl LogStore for NotingStore {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        self.inner.read(path)
    }

    fn write(&self, path: LogPath, bytes: &[u8]) -> io::Result<()> {
        let mut sizes = self.sizes.lock().unwrap();
        if sizes.len() >= self.most {
            return Err(io::Error::other("as planned"));
        }
        if path == LogPath::Checkpoint {
            sizes.push(keys().open(bytes).unwrap().size);
        }
        self.inner.write(path, bytes)
    }

    fn settle(&self, paths: &[LogPath]) -> io::Result<()> {
        self.inner.settle(paths)
    }

    fn remove_partial(&self, full: LogPath) -> io::Result<()> {
        self.inner.remove_partial(full)
    }
}

#[tokio::test]
async fn many_batches_are_published_in_parts_and_a_run_that_ends_between_two_loses_nothing() {
    let given = Given::default().begun().await;
    for _ in 0..40 {
        grow(&given, "a", 1).await;
    }
    let inner = begun();
    let noting = |most| Arc::new(NotingStore { inner: inner.clone(), sizes: Mutex::default(), most });
    let first = noting(1);
    let failed = publisher(given.table.clone(), first.clone()).publish().await;
    assert!(matches!(failed, Err(LogFailure::File { .. })), "{failed:?}");
    assert_eq!(*first.sizes.lock().unwrap(), [16]);
    let kept = verified(&*inner, None);
    let second = noting(usize::MAX);
    assert_eq!(publisher(given.table.clone(), second.clone()).publish().await.unwrap(), 40);
    assert_eq!(*second.sizes.lock().unwrap(), [32, 40]);
    verified(&*inner, Some(&kept));
}

/// A table with one batch in another form.
async fn with_batch(given: &Given, change: impl FnOnce(&mut LogBatch)) -> Arc<MemoryLogTable> {
    let mut batch = given.table.newest_batch(0).await.unwrap().unwrap();
    change(&mut batch);
    let table = Arc::<MemoryLogTable>::default();
    assert!(table.insert_batch(&batch).await.unwrap());
    table
}

#[tokio::test]
async fn nothing_is_signed_over_a_batch_that_does_not_give_its_tree() {
    let given = Given::default().begun().await;
    grow(&given, "a", 3).await;
    for half in [0, 1] {
        let table = with_batch(&given, |batch| {
            let leaf = &mut batch.commits[1].leaf;
            if half == 0 { leaf.parent[5] ^= 1 } else { leaf.hash[5] ^= 1 }
        })
        .await;
        let store = begun();
        let error = publisher(table, store.clone()).publish().await.unwrap_err();
        assert!(matches!(error, LogFailure::Stopped(LogStop::Batch(0))), "{error}");
        assert_eq!(verified(&*store, None).size, 0);
    }
}

#[tokio::test]
async fn nothing_is_signed_over_a_table_that_was_put_back_or_written_again() {
    let given = Given::default().begun().await;
    grow(&given, "a", 3).await;
    let store = begun();
    publisher(given.table.clone(), store.clone()).publish().await.unwrap();
    let before = store.read(LogPath::Checkpoint).unwrap();
    let behind = publisher(Arc::<MemoryLogTable>::default(), store.clone()).publish().await.unwrap_err();
    assert!(matches!(behind, LogFailure::Stopped(LogStop::Ahead { size: 3, commits: 0 })), "{behind}");
    let other = with_batch(&given, |batch| {
        batch.commits[0].leaf.hash[5] ^= 1;
        batch.edge = batch.commits.iter().map(|commit| entry_hash(&commit.leaf.to_bytes())).collect();
    })
    .await;
    let other = publisher(other, store.clone()).publish().await.unwrap_err();
    assert!(matches!(other, LogFailure::Stopped(LogStop::Batch(0))), "{other}");
    assert_eq!(store.read(LogPath::Checkpoint).unwrap(), before);
}

#[tokio::test]
async fn a_batch_that_is_gone_ends_the_signing() {
    let given = Given::default().begun().await;
    grow(&given, "a", 2).await;
    let table = with_batch(&given, |batch| batch.first += 2).await;
    let error = publisher(table, begun()).publish().await.unwrap_err();
    assert!(matches!(error, LogFailure::Stopped(LogStop::Gap(0))), "{error}");
}

/// Another process publishes between two publications: the first one goes on behind it.
#[tokio::test]
async fn a_checkpoint_of_somebody_elses_key_ends_the_signing() {
    let given = Given::default().begun().await;
    grow(&given, "a", 2).await;
    let store = begun();
    let first = publisher(given.table.clone(), store.clone());
    first.publish().await.unwrap();
    let stranger = NoteSigner::from_seed("example.com/log", &[8; 32]).unwrap();
    let root = given.table.newest_batch(0).await.unwrap().unwrap().edge.root();
    let text = LogCheckpoint { origin: "example.com/log".into(), size: 2, root }.to_string();
    let note = ledger_log::CheckpointSigner::sign(&stranger, text).unwrap();
    store.write(LogPath::Checkpoint, note.to_string().as_bytes()).unwrap();
    grow(&given, "a", 2).await;
    let error = first.publish().await.unwrap_err();
    assert!(matches!(error, LogFailure::Stopped(LogStop::Checkpoint(_))), "{error}");
}

/// Keeps the sizes of all checkpoints that were ever written.
struct WatchedStore(Arc<MemoryLog>, Mutex<Vec<u64>>);

impl LogStore for WatchedStore {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        self.0.read(path)
    }

    fn write(&self, path: LogPath, bytes: &[u8]) -> io::Result<()> {
        if path == LogPath::Checkpoint {
            self.1.lock().unwrap().push(keys().open(bytes).unwrap().size);
        }
        self.0.write(path, bytes)
    }

    fn settle(&self, paths: &[LogPath]) -> io::Result<()> {
        self.0.settle(paths)
    }

    fn remove_partial(&self, full: LogPath) -> io::Result<()> {
        self.0.remove_partial(full)
    }
}

#[tokio::test]
async fn any_number_of_batches_is_one_checkpoint() {
    let given = Given::default().begun().await;
    for _ in 0..10 {
        grow(&given, "a", 7).await;
    }
    let store = Arc::new(WatchedStore(begun(), Mutex::default()));
    publisher(given.table.clone(), store.clone()).publish().await.unwrap();
    assert_eq!(*store.1.lock().unwrap(), [70]);
}
