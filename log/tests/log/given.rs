//! Commits of a real ledger, logs of any size in memory, and their proofs.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use futures::executor::block_on;
use ledger_log::files::LogFiles;
use ledger_log::proof::{ProofPlan, TreeNode};
use ledger_log::tree::entry_hash;
use ledger_log::{
    CheckedLog, Leaf, LogCheckpoint, LogFault, LogPath, LogSource, NoteSigner, ProofFile, RightEdge,
    TreeHash, TrustedKeys, verify,
};
use schema::StoredCommit;

/// The origin of the logs of tests.
pub const ORIGIN: &str = "example.com/ledger";

/// The key of the logs of tests.
pub fn signer() -> NoteSigner {
    signer_of(ORIGIN, 1)
}

pub fn signer_of(name: &str, seed: u8) -> NoteSigner {
    NoteSigner::from_seed(name, &[seed; 32]).unwrap()
}

pub fn keys() -> TrustedKeys {
    signer().verifier_key().clone().into()
}

pub fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

/// The export of a ledger with the sample, in its order.
pub fn export() -> Vec<StoredCommit> {
    let mut text = String::new();
    let file = std::fs::File::open(data().join("export.ndjson.gz")).unwrap();
    GzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The same commits as a log has them: by time, then product, then sequence.
pub fn in_order_of_recording(mut commits: Vec<StoredCommit>) -> Vec<StoredCommit> {
    let key = |commit: &StoredCommit| {
        let text = |field| commit.text(field).unwrap().to_owned();
        (text("recorded_at"), text("product_id"), commit.sequence().unwrap())
    };
    commits.sort_by_cached_key(key);
    commits
}

/// So many entries of the sample's log; behind its end one long chain.
pub fn entries(count: usize) -> Vec<Vec<u8>> {
    let logged = in_order_of_recording(export());
    let mut entries: Vec<Vec<u8>> =
        logged.iter().take(count).map(|commit| Leaf::of(commit).unwrap().to_bytes().to_vec()).collect();
    for number in entries.len()..count {
        entries.push(leaf(number as u64, number as u64 + 1));
    }
    entries
}

/// A made-up commit, whose hash follows from its number.
pub fn leaf(parent: u64, number: u64) -> Vec<u8> {
    Leaf { parent: made_up(parent), hash: made_up(number) }.to_bytes().to_vec()
}

pub fn made_up(number: u64) -> [u8; 32] {
    entry_hash(&number.to_be_bytes()).0
}

/// A log in memory.
#[derive(Debug, Clone, Default)]
pub struct Log {
    pub files: BTreeMap<LogPath, Vec<u8>>,
}

impl Log {
    /// The log of these entries, and its checkpoint as the signed note of the fixed key.
    pub fn of(entries: &[Vec<u8>]) -> Self {
        let written = LogFiles::of(entries).unwrap();
        let mut files: BTreeMap<_, _> = written.files.into_iter().collect();
        let note = note(written.size, written.root);
        files.insert(LogPath::Checkpoint, note.into_bytes());
        Self { files }
    }

    pub fn checkpoint(&self) -> LogCheckpoint {
        keys().open(&self.files[&LogPath::Checkpoint]).unwrap()
    }

    pub fn verify(&self, kept: Option<&LogCheckpoint>) -> CheckedLog {
        block_on(verify::verify(self, &self.checkpoint(), kept, |_| ())).unwrap()
    }

    pub fn faults(&self) -> Vec<LogFault> {
        self.verify(None).faults.listed
    }
}

impl LogSource for Log {
    type Error = std::io::Error;

    async fn read(&self, path: LogPath) -> Result<Option<Vec<u8>>, Self::Error> {
        Ok(self.files.get(&path).cloned())
    }
}

/// A signed checkpoint.
pub fn note(size: u64, root: TreeHash) -> String {
    let checkpoint = LogCheckpoint { origin: ORIGIN.to_owned(), size, root };
    signer().sign(checkpoint.to_string()).unwrap().to_string()
}

/// The hash of a complete subtree over entries.
pub fn subtree(entries: &[Vec<u8>], node: TreeNode) -> TreeHash {
    let (first, count) = (usize::try_from(node.index).unwrap() << node.level, 1 << node.level);
    let hashes = entries[first..first + count].iter().map(|entry| entry_hash(entry));
    hashes.collect::<RightEdge>().root()
}

pub fn hashes(plan: &ProofPlan, entries: &[Vec<u8>]) -> Vec<TreeHash> {
    let node = |node| Ok::<_, std::convert::Infallible>(subtree(entries, node));
    plan.hashes(node).unwrap()
}

/// The proof file of an entry that is a commit.
pub fn proof_file(entries: &[Vec<u8>], index: u64) -> ProofFile {
    let size = entries.len() as u64;
    let root = entries.iter().map(|entry| entry_hash(entry)).collect::<RightEdge>().root();
    let leaf = Leaf::read(&entries[usize::try_from(index).unwrap()]).unwrap();
    ProofFile {
        extra: Some(leaf.parent.to_vec()),
        index,
        hashes: hashes(&ProofPlan::of_inclusion(index, size).unwrap(), entries),
        checkpoint: note(size, root),
    }
}
