//! The proof file (C2SP tlog-proof): that a commit is in a log, with the signed checkpoint inside, to be checked offline.
//!
//! The promise: a proof file is read only in the form in which it is written, and proves one entry alone.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{CheckpointFault, LogCheckpoint, TrustedKeys, number};
use crate::leaf::Leaf;
use crate::note;
use crate::proof::root_of_inclusion;
use crate::tree::{TreeHash, entry_hash};

/// The first line.
const HEADER: &str = "c2sp.org/tlog-proof@v1\n";

/// The most hashes of a proof.
const MOST_HASHES: usize = 63;

/// The longest proof file, in bytes: its checkpoint, 63 lines of 45 bytes, and the lines before them.
pub const MOST_BYTES: usize = note::MOST_BYTES + (8 << 10);

/// A proof file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofFile {
    /// What comes with the proof: the parent of the commit, which its receipt does not tell. Nobody vouches for it but the proof
    /// itself, since it is a part of the leaf.
    pub extra: Option<Vec<u8>>,
    /// The index of the entry.
    pub index: u64,
    /// The proof, the sibling of the entry first.
    pub hashes: Vec<TreeHash>,
    /// The signed checkpoint, verbatim.
    pub checkpoint: String,
}

/// The bytes are not a proof file.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProofFileError {
    /// It does not begin as one of version 1.
    #[error("is not a proof file: its first line is not {}", HEADER.trim_end())]
    Other,
    /// A part of it has another form.
    #[error("the proof file is damaged: {0}")]
    Damaged(&'static str),
}

/// What a proof file proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvedEntry {
    /// The index of the entry.
    pub index: u64,
    /// The log, of the size at which the entry is in it.
    pub checkpoint: LogCheckpoint,
}

/// A proof does not prove that a commit is in the log.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProofRefuted {
    /// Its checkpoint is none of the log.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointFault),
    /// The parent that comes with it is not that of the commit.
    #[error("the proof is of a commit with another previous hash")]
    Parent,
    /// It has no parent, and the commit is not at hand.
    #[error(
        "the proof does not name the previous hash, and a hash alone does not tell it; give the commit (--commit)"
    )]
    NoParent,
    /// It leads to another root.
    #[error(
        "the proof does not lead from this commit to the signed root: at index {index} of {size} there is another entry"
    )]
    Root {
        /// The index that the proof names.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
}

impl ProofFile {
    /// Reads a proof file.
    ///
    /// # Errors
    /// [`ProofFileError`]: it is none, or was damaged on its way.
    pub fn read(bytes: &[u8]) -> Result<Self, ProofFileError> {
        use ProofFileError::Damaged;
        let body = bytes.strip_prefix(HEADER.as_bytes()).ok_or(ProofFileError::Other)?;
        if bytes.len() > MOST_BYTES {
            return Err(Damaged("it is too long"));
        }
        let body = std::str::from_utf8(body).map_err(|_| Damaged("it is not text"))?;
        let (proof, checkpoint) = body.split_once("\n\n").ok_or(Damaged("there is no empty line"))?;
        let mut lines = proof.split('\n').peekable();
        let extra = lines.next_if(|line| line.starts_with("extra ")).map(|line| STANDARD.decode(&line[6..]));
        let extra = extra.transpose().map_err(|_| Damaged("the line extra is not base64"))?;
        let index = lines.next().and_then(|line| number(line.strip_prefix("index ")?));
        let index = index.ok_or(Damaged("the line index is missing or is not a number"))?;
        let hashes =
            lines.map(|line| TreeHash::parse(line).ok_or(Damaged("a line of the proof is not a hash")));
        let hashes = hashes.collect::<Result<Vec<_>, _>>()?;
        if hashes.len() > MOST_HASHES {
            return Err(Damaged("it has more hashes than any proof"));
        }
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Proves that a commit is in the log of these keys.
    ///
    /// # Errors
    /// [`ProofRefuted`]: it is not proved.
    pub fn prove_commit(&self, leaf: Leaf, keys: &TrustedKeys) -> Result<ProvedEntry, ProofRefuted> {
        if self.extra.as_deref().is_some_and(|extra| extra != leaf.parent) {
            return Err(ProofRefuted::Parent);
        }
        let checkpoint = keys.open(self.checkpoint.as_bytes())?;
        let root = root_of_inclusion(self.index, checkpoint.size, entry_hash(&leaf.to_bytes()), &self.hashes);
        if root != Some(checkpoint.root) {
            return Err(ProofRefuted::Root { index: self.index, size: checkpoint.size });
        }
        Ok(ProvedEntry { index: self.index, checkpoint })
    }

    /// Proves that a commit with this hash is in the log of these keys.
    ///
    /// # Errors
    /// [`ProofRefuted`]: it is not proved.
    pub fn prove_hash(&self, hash: [u8; 32], keys: &TrustedKeys) -> Result<ProvedEntry, ProofRefuted> {
        let parent = self.extra.as_deref().ok_or(ProofRefuted::NoParent)?;
        let parent = parent.try_into().map_err(|_| ProofRefuted::Parent)?;
        self.prove_commit(Leaf { parent, hash }, keys)
    }
}

impl fmt::Display for ProofFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEADER)?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
