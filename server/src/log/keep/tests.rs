//! The kept checkpoint is whole, and never goes back.

use std::sync::Arc;

use ledger_log::{Leaf, NoteSigner, TrustedKeys};
use sequencer::{LogStore, LogWriter, MemoryLog};

use super::*;

struct Grown {
    log: ServedLog,
    signer: Arc<NoteSigner>,
}

impl Grown {
    fn new() -> Self {
        let signer = Arc::new(NoteSigner::from_seed("example.com/log", &[7; 32]).unwrap());
        let store: Arc<dyn LogStore> = Arc::new(MemoryLog::default());
        LogWriter::begin(store.clone(), signer.clone()).unwrap();
        let keys = TrustedKeys::from(signer.verifier_key().clone());
        Self { log: ServedLog { store, keys }, signer }
    }

    /// Adds entries and answers with the checkpoint over them.
    fn grow(&self, entries: std::ops::Range<u8>) -> Vec<u8> {
        let mut writer = LogWriter::open(self.log.clone(), self.signer.clone()).unwrap();
        for byte in entries {
            writer.append(Leaf { parent: [byte; 32], hash: [byte; 32] }).unwrap();
        }
        writer.publish().unwrap();
        writer.note().to_vec()
    }
}

#[test]
fn a_kept_checkpoint_never_goes_back_to_a_smaller_size() {
    let directory = tempfile::tempdir().unwrap();
    let (data, path) = (directory.path().join("data"), directory.path().join("kept"));
    std::fs::create_dir(&data).unwrap();
    let (keep, log) = (KeptCheckpoint::outside(&path, &data).unwrap(), Grown::new());
    assert!(!keep.check(&log.log, "example.com/log").unwrap());
    let (small, large) = (log.grow(0..3), log.grow(3..7));
    for (note, expected) in [(&small, &small), (&large, &large), (&small, &large), (&large, &large)] {
        keep.keep(note).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), *expected);
    }
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 2, "nothing is left beside it");
    assert!(keep.check(&log.log, "example.com/log").unwrap());
}

#[test]
fn a_log_that_has_not_grown_from_the_kept_checkpoint_is_told_with_both_sizes() {
    let directory = tempfile::tempdir().unwrap();
    let (data, path) = (directory.path().join("data"), directory.path().join("kept"));
    std::fs::create_dir(&data).unwrap();
    let keep = KeptCheckpoint::outside(&path, &data).unwrap();
    let (log, shorter, other) = (Grown::new(), Grown::new(), Grown::new());
    keep.keep(&log.grow(0..7)).unwrap();
    shorter.grow(0..5);
    let sizes = |error: KeptCheckpointError| match error {
        KeptCheckpointError::Ahead { kept, size, .. } => (true, kept, size),
        KeptCheckpointError::Differs { kept, size, .. } => (false, kept, size),
        error => panic!("{error}"),
    };
    let check = |log: &Grown| keep.check(&log.log, "example.com/log");
    assert_eq!(sizes(check(&shorter).unwrap_err()), (true, 7, 5));
    other.grow(1..8);
    assert_eq!(sizes(check(&other).unwrap_err()), (false, 7, 7), "of the same size");
    other.grow(8..20);
    assert_eq!(sizes(check(&other).unwrap_err()), (false, 7, 19));
    log.grow(7..20);
    assert!(check(&log).unwrap());
}
