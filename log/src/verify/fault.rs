//! What can be wrong with a log, each with the words that people read.

use crate::path::LogPath;
use crate::tree::TreeHash;

/// So many faults are listed; further ones are counted.
pub const MOST_FAULTS: usize = 100;

/// A fault of a log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LogFault {
    /// A file that the checkpoint demands is not there.
    #[error("missing: {path} is not there, although the checkpoint covers it")]
    Missing {
        /// The file.
        path: LogPath,
    },
    /// A file has another form.
    #[error("damaged: {path}: {reason}")]
    Damaged {
        /// The file.
        path: LogPath,
        /// What is wrong.
        reason: String,
    },
    /// A tile has other hashes than the entries below it.
    #[error("differs: {path} has other hashes than its entries give, first at number {first}")]
    Differs {
        /// The tile.
        path: LogPath,
        /// The first hash that differs, from 0.
        first: usize,
    },
    /// The same file was read twice and was not the same.
    #[error("changing: entry {index} was another one when it was read again")]
    Changing {
        /// The index of the entry.
        index: u64,
    },
    /// The entries have another root than the checkpoint.
    #[error("wrong_root: the entries have the root {found}, the checkpoint of size {size} names {signed}")]
    WrongRoot {
        /// The size.
        size: u64,
        /// The root of the entries.
        found: TreeHash,
        /// The root that was signed.
        signed: TreeHash,
    },
    /// The log is shorter than it was.
    #[error("rolled_back: the log has {size} entries, and had {kept} in the checkpoint that was kept")]
    RolledBack {
        /// The size now.
        size: u64,
        /// The size then.
        kept: u64,
    },
    /// The log does not begin with what it held before.
    #[error(
        "rewritten: the first {size} entries have the root {found}, and had {kept} in the checkpoint that was kept"
    )]
    Rewritten {
        /// The size then.
        size: u64,
        /// The root of so many entries now.
        found: TreeHash,
        /// Their root then.
        kept: TreeHash,
    },
    /// Two commits follow the same one, or begin the same product.
    #[error(
        "fork: the commits of entries {first} and {second} follow the same one, and no accepted restore names it"
    )]
    Fork {
        /// The earlier entry.
        first: u64,
        /// The later entry.
        second: u64,
    },
    /// A commit is in the log twice.
    #[error("double: the entries {first} and {second} are the same commit, and no accepted restore names it")]
    Double {
        /// The earlier entry.
        first: u64,
        /// The later entry.
        second: u64,
    },
    /// A commit stands before the one that it follows.
    #[error(
        "out_of_order: product {product} sequence {sequence} is entry {index}, before the commit that it follows (entry {after})"
    )]
    OutOfOrder {
        /// The product.
        product: String,
        /// The sequence of the commit's first event.
        sequence: u64,
        /// The index of its entry.
        index: u64,
        /// The index of the commit that it follows.
        after: u64,
    },
    /// A commit of the export is not in the log.
    #[error(
        "omitted: product {product} sequence {sequence} (hash {hash}) is in the export and not in the log"
    )]
    Omitted {
        /// The product.
        product: String,
        /// The sequence of the commit's first event.
        sequence: u64,
        /// The commit's hash.
        hash: String,
    },
    /// An entry is no commit of the export.
    #[error("invented: entry {index} (hash {hash}) is no commit of the export")]
    Invented {
        /// The index of the entry.
        index: u64,
        /// The hash that it has.
        hash: String,
    },
}

impl LogFault {
    pub(super) fn damaged(path: LogPath, reason: String) -> Self {
        Self::Damaged { path, reason }
    }
}

/// The faults of a log: the first ones, and how many more there are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFaults {
    /// The first ones, at most [`MOST_FAULTS`].
    pub listed: Vec<LogFault>,
    /// How many more there are at least.
    pub more: u64,
}

impl LogFaults {
    pub(super) fn add(&mut self, fault: LogFault) {
        if self.is_full() {
            self.more += 1;
        } else {
            self.listed.push(fault);
        }
    }

    /// Whether further faults are only counted, so that it need not be read where they are.
    pub(super) fn is_full(&self) -> bool {
        self.listed.len() >= MOST_FAULTS
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    /// How many there are at least.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.listed.len() as u64 + self.more
    }
}
