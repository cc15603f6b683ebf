//! What the proof of one commit reads of a log of a million.

use std::io;
use std::sync::{Arc, Mutex};

use ledger_log::tree::{entry_hash, node_hash};
use ledger_log::{LogCheckpoint, NoteSigner, TrustedKeys};

use super::*;

const SIZE: u64 = 1_000_000;

/// Every entry is the same, so that all subtrees of one height have one hash, and no tile has to be stored.
const LEAF: Leaf = Leaf { parent: [1; 32], hash: [2; 32] };

/// A log of a million entries that notes what is read.
struct MillionEntries {
    note: Vec<u8>,
    /// The hash of the complete subtree of each height.
    subtrees: Vec<TreeHash>,
    read: Mutex<Vec<LogPath>>,
}

impl MillionEntries {
    fn new(signer: &NoteSigner) -> Self {
        let mut subtrees = vec![entry_hash(&LEAF.to_bytes())];
        for height in 0..20 {
            subtrees.push(node_hash(subtrees[height], subtrees[height]));
        }
        let edge = (0..=20).rev().filter(|height| SIZE >> height & 1 == 1).map(|height| subtrees[height]);
        let root = RightEdge::stored(SIZE, edge.collect()).unwrap().root();
        let checkpoint = LogCheckpoint { origin: "example.com/log".into(), size: SIZE, root };
        let note = signer.sign(checkpoint.to_string()).unwrap().to_string().into_bytes();
        Self { note, subtrees, read: Mutex::default() }
    }
}

impl LogStore for MillionEntries {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        self.read.lock().unwrap().push(path);
        Ok(Some(match path {
            LogPath::Checkpoint => self.note.clone(),
            LogPath::Tile { level, width, .. } => {
                self.subtrees[8 * usize::from(level)].0.repeat(usize::from(width))
            }
            LogPath::Entries { .. } => panic!("entries are not needed"),
        }))
    }

    fn write(&self, _: LogPath, _: &[u8]) -> io::Result<()> {
        panic!("nothing is written")
    }

    fn settle(&self, _: &[LogPath]) -> io::Result<()> {
        panic!("nothing is written")
    }

    fn remove_partial(&self, _: LogPath) -> io::Result<()> {
        panic!("nothing is written")
    }
}

#[test]
fn a_proof_in_a_million_entries_reads_three_tiles_at_most_beside_the_right_edge_and_each_once() {
    let signer = NoteSigner::from_seed("example.com/log", &[7; 32]).unwrap();
    let store = Arc::new(MillionEntries::new(&signer));
    let log = ServedLog { store: store.clone(), keys: TrustedKeys::from(signer.verifier_key().clone()) };
    for index in (0..SIZE).step_by(7_919).chain([255, 256, 65_535, 65_536, 999_935, 999_936, SIZE - 1]) {
        store.read.lock().unwrap().clear();
        assert!(prove(&log, index, LEAF).unwrap().is_some(), "{index}");
        let read = store.read.lock().unwrap().clone();
        let once: std::collections::BTreeSet<LogPath> = read.iter().copied().collect();
        assert_eq!(once.len(), read.len(), "{index}: {read:?}");
        let full = |path: &&LogPath| path.width() == 256;
        assert!(read.iter().filter(full).count() <= 3, "{index}: {read:?}");
        // The checkpoint and the right edge of three levels.
        assert!(read.iter().filter(|path| path.width() < 256).count() <= 4, "{index}: {read:?}");
    }
    assert!(prove(&log, SIZE, LEAF).unwrap().is_none());
}
