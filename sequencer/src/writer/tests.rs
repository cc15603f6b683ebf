//! Where every call fails, singly and in pairs, where the power fails at every step: no checkpoint is ever there without all that
//! it needs, and each is a prefix of the next.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Mutex, MutexGuard};

use futures::executor::block_on;
use ledger_log::{LogSource, verify};
use sha2::{Digest, Sha256};

use super::*;
use ledger_log::{NoteSigner, TrustedKeys};

use crate::store::MemoryLog;

fn signer() -> Arc<NoteSigner> {
    Arc::new(NoteSigner::from_seed("example.com/log", &[7; 32]).unwrap())
}

fn served(store: Arc<dyn LogStore>) -> ServedLog {
    ServedLog { store, keys: TrustedKeys::from(signer().verifier_key().clone()) }
}

/// The entries of a ledger of one product.
fn leaves(count: u64) -> Vec<Leaf> {
    let hash = |number: u64| Sha256::digest(number.to_be_bytes()).into();
    (0..count).map(|number| Leaf { parent: hash(number), hash: hash(number + 1) }).collect()
}

/// What becomes of the call that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Failure {
    /// It does nothing.
    Before,
    /// It does all of it, and answers an error.
    After,
    /// It does all of it, then the power fails: names that were not settled are lost.
    Power,
}

#[derive(Default)]
struct Disk {
    visible: BTreeMap<LogPath, Vec<u8>>,
    durable: BTreeMap<LogPath, Vec<u8>>,
    calls: usize,
    checkpoints: Vec<Vec<u8>>,
}

/// A store some of whose calls fail. Whenever a checkpoint is put there, it must be whole.
struct FailingStore {
    disk: Mutex<Disk>,
    fails: Vec<usize>,
    how: Failure,
}

struct Files<'a>(&'a BTreeMap<LogPath, Vec<u8>>);

impl LogSource for Files<'_> {
    type Error = io::Error;

    async fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(&path).cloned())
    }
}

/// The checkpoint that is there, which must be whole and have grown from an earlier one.
fn whole(files: &BTreeMap<LogPath, Vec<u8>>, kept: Option<&LogCheckpoint>) -> LogCheckpoint {
    let keys = TrustedKeys::from(signer().verifier_key().clone());
    let checkpoint = keys.open(&files[&LogPath::Checkpoint]).unwrap();
    let checked = block_on(verify::verify(&Files(files), &checkpoint, kept, |_| {})).unwrap();
    assert!(checked.faults.is_empty(), "{:?}", checked.faults);
    checkpoint
}

impl FailingStore {
    fn new(fails: &[usize], how: Failure) -> Arc<Self> {
        Arc::new(Self { disk: Mutex::default(), fails: fails.to_vec(), how })
    }

    fn disk(&self) -> MutexGuard<'_, Disk> {
        self.disk.lock().unwrap()
    }

    fn call<T>(&self, work: impl FnOnce(&mut Disk) -> T) -> io::Result<T> {
        let mut disk = self.disk();
        disk.calls += 1;
        let fails = self.fails.contains(&disk.calls);
        let failed = || io::Error::other("as planned");
        if fails && self.how == Failure::Before {
            return Err(failed());
        }
        let done = work(&mut disk);
        if fails && self.how == Failure::Power {
            disk.visible = disk.durable.clone();
        }
        if fails { Err(failed()) } else { Ok(done) }
    }
}

impl LogStore for FailingStore {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        self.call(|disk| disk.visible.get(&path).cloned())
    }

    fn write(&self, path: LogPath, bytes: &[u8]) -> io::Result<()> {
        self.call(|disk| {
            disk.visible.insert(path, bytes.to_vec());
            if path == LogPath::Checkpoint {
                // What it needs must be there whatever happens next.
                let mut durable = disk.durable.clone();
                durable.insert(path, bytes.to_vec());
                whole(&durable, None);
                disk.checkpoints.push(bytes.to_vec());
            }
        })
    }

    fn settle(&self, paths: &[LogPath]) -> io::Result<()> {
        self.call(|disk| {
            for path in paths {
                if let Some(bytes) = disk.visible.get(path) {
                    disk.durable.insert(*path, bytes.clone());
                }
            }
        })
    }

    fn remove_partial(&self, full: LogPath) -> io::Result<()> {
        self.call(|disk| {
            for files in [&mut disk.visible, &mut disk.durable] {
                files.retain(|path, _| *path == full || path.full() != full);
            }
        })
    }
}

/// Logs all entries in rounds, again and again until it is done, as a server does that is started again after a failure.
fn log_all(store: &Arc<FailingStore>, leaves: &[Leaf], rounds: &[usize]) -> usize {
    let mut failures = 0;
    loop {
        let store: Arc<dyn LogStore> = store.clone();
        match attempt(&store, leaves, rounds) {
            Ok(()) => return failures,
            Err(_) => failures += 1,
        }
        assert!(failures < 5, "it does not recover");
    }
}

fn attempt(store: &Arc<dyn LogStore>, leaves: &[Leaf], rounds: &[usize]) -> Result<(), LogFailure> {
    let is_new = store.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint))?.is_none();
    if is_new {
        LogWriter::begin(store.clone(), signer())?;
    }
    let mut writer = LogWriter::open(served(store.clone()), signer())?;
    for round in
        rounds.iter().filter(|round| **round as u64 > writer.published()).copied().collect::<Vec<_>>()
    {
        let from = usize::try_from(writer.size()).unwrap();
        leaves[from..round].iter().try_for_each(|leaf| writer.append(*leaf))?;
        writer.publish()?;
    }
    Ok(())
}

const ROUNDS: [usize; 6] = [1, 3, 255, 256, 300, 520];

fn expected(leaves: &[Leaf]) -> BTreeMap<LogPath, Vec<u8>> {
    let entries: Vec<_> = leaves.iter().map(|leaf| leaf.to_bytes()).collect();
    ledger_log::files::LogFiles::of(&entries).unwrap().files.into_iter().collect()
}

#[test]
fn wherever_it_fails_it_ends_with_the_same_log_and_each_checkpoint_is_whole_and_a_prefix_of_the_next() {
    let leaves = leaves(520);
    let untroubled = FailingStore::new(&[], Failure::Before);
    assert_eq!(log_all(&untroubled, &leaves, &ROUNDS), 0);
    let calls = untroubled.disk().calls;
    assert!(calls > 40, "{calls}");
    let expected = expected(&leaves);
    for how in [Failure::Before, Failure::After, Failure::Power] {
        for first in 1..=calls {
            // A gap of 0: it fails once.
            for gap in [0, 1] {
                let store = FailingStore::new(&[first, first + gap], how);
                assert!(log_all(&store, &leaves, &ROUNDS) > 0, "{first} {gap}");
                let disk = store.disk();
                let mut kept = None;
                for note in &disk.checkpoints {
                    let keys = TrustedKeys::from(signer().verifier_key().clone());
                    let checkpoint = keys.open(note).unwrap();
                    let grown = kept.as_ref().is_none_or(|kept: &LogCheckpoint| kept.size <= checkpoint.size);
                    assert!(grown || how == Failure::Power, "{how:?} {first} {gap}");
                    kept = Some(checkpoint);
                }
                let newest = whole(&disk.durable, kept.as_ref());
                assert_eq!(newest.size, 520, "{how:?} {first} {gap}");
                let found = disk.visible.iter().filter(|(path, _)| **path != LogPath::Checkpoint);
                let found: BTreeMap<_, _> = found.map(|(path, bytes)| (*path, bytes.clone())).collect();
                let same = expected.iter().all(|(path, bytes)| found.get(path) == Some(bytes));
                assert!(same, "{how:?} {first} {gap}");
            }
        }
    }
}

#[test]
fn partial_files_of_the_newest_checkpoint_are_there_and_those_of_full_ones_are_not() {
    let (store, leaves) = (FailingStore::new(&[], Failure::Before), leaves(770));
    log_all(&store, &leaves, &[1, 200, 255, 511]);
    let paths = |store: &FailingStore| -> Vec<String> {
        store.disk().visible.keys().map(ToString::to_string).collect()
    };
    let found = paths(&store);
    for kept in ["tile/0/001.p/255", "tile/entries/001.p/255", "tile/1/000.p/1"] {
        assert!(found.iter().any(|path| path == kept), "{kept} in {found:?}");
    }
    assert!(!found.iter().any(|path| path.starts_with("tile/0/000.p")), "{found:?}");
    assert!(!found.iter().any(|path| path.starts_with("tile/entries/000.p")), "{found:?}");
    // Behind a checkpoint whose partial files have given way to full ones, the log goes on from these.
    let before = store.disk().visible[&LogPath::Checkpoint].clone();
    log_all(&store, &leaves, &[600]);
    assert!(!paths(&store).iter().any(|path| path == "tile/0/001.p/255"));
    store.disk().visible.insert(LogPath::Checkpoint, before);
    log_all(&store, &leaves, &[770]);
    assert_eq!(whole(&store.disk().visible, None).size, 770);
}

fn stopped(result: Result<(), LogFailure>) -> String {
    match result {
        Err(LogFailure::Stopped(reason)) => reason.to_string(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_differs_from_what_was_signed_or_is_to_be_written_is_never_signed_over() {
    let (leaves, path) = (leaves(770), |text: &str| text.parse::<LogPath>().unwrap());
    for (name, files) in [
        ("tile/0/001.p/44", [300, 770]),
        ("tile/entries/001.p/44", [300, 770]),
        ("tile/1/000.p/1", [300, 770]),
        ("checkpoint", [300, 770]),
    ] {
        for is_lost in [false, true] {
            let store = FailingStore::new(&[], Failure::Before);
            log_all(&store, &leaves, &[files[0]]);
            let mut disk = store.disk();
            if is_lost {
                disk.visible.remove(&path(name));
            } else {
                disk.visible.get_mut(&path(name)).unwrap()[17] ^= 1;
            }
            let before = disk.visible.clone();
            drop(disk);
            let again: Arc<dyn LogStore> = store.clone();
            let opened = LogWriter::open(served(again), signer()).map(drop);
            stopped(opened);
            assert_eq!(store.disk().visible, before, "{name}");
        }
    }
    // Another file lies where the next one belongs.
    let store = FailingStore::new(&[], Failure::Before);
    log_all(&store, &leaves, &[300]);
    store.disk().visible.insert(path("tile/0/001"), vec![0; 8_192]);
    let again: Arc<dyn LogStore> = store.clone();
    assert!(stopped(attempt(&again, &leaves, &[770])).starts_with("tile/0/001 "));
    assert_eq!(whole(&store.disk().durable, None).size, 300);
}

#[test]
fn a_checkpoint_that_somebody_else_put_there_is_not_replaced() {
    let (leaves, store) = (leaves(20), Arc::new(MemoryLog::default()));
    let store: Arc<dyn LogStore> = store;
    attempt(&store, &leaves, &[10]).unwrap();
    let mut writer = LogWriter::open(served(store.clone()), signer()).unwrap();
    attempt(&store, &leaves, &[15]).unwrap();
    let newer = store.read(LogPath::Checkpoint).unwrap();
    leaves[10..12].iter().for_each(|leaf| writer.append(*leaf).unwrap());
    assert!(stopped(writer.publish()).contains("somebody else"));
    assert_eq!(store.read(LogPath::Checkpoint).unwrap(), newer);
}
