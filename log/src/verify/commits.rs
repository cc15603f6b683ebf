//! What the commits of a log say about each other: forks and doubles.
//!
//! Of each commit are kept its index and a short keyed hash of its parent and of the whole of it. Equal ones are read again; as
//! nobody knows the key, nobody can make equal ones of different commits, or answer otherwise at the second reading.

use std::hash::{BuildHasher, RandomState};

use crate::entry::Entry;
use crate::leaf::Leaf;
use crate::path::TILE_WIDTH;
use crate::verify::CheckedLog;
use crate::verify::fault::LogFault;
use crate::verify::restores::AcceptedFork;
use crate::verify::source::{LogSource, entries, paths};

/// The commits of a log.
#[derive(Debug, Default)]
pub(super) struct LoggedCommits {
    key: RandomState,
    pub(super) rows: Vec<LoggedCommit>,
}

/// What is kept of a commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LoggedCommit {
    parent: u64,
    pub(super) leaf: u64,
    pub(super) index: u64,
}

impl LoggedCommits {
    pub(super) fn add(&mut self, index: u64, leaf: Leaf) {
        self.rows.push(LoggedCommit {
            parent: self.key.hash_one(leaf.parent),
            leaf: self.short(leaf),
            index,
        });
    }

    pub(super) fn len(&self) -> u64 {
        self.rows.len() as u64
    }

    /// The short hash of a commit.
    pub(super) fn short(&self, leaf: Leaf) -> u64 {
        self.key.hash_one(leaf.to_bytes())
    }

    /// The entries of commits with the same parent, each group in order of index.
    fn siblings(&mut self) -> Vec<Vec<LoggedCommit>> {
        self.rows.sort_unstable_by_key(|row| (row.parent, row.index));
        let groups = self.rows.chunk_by(|one, other| one.parent == other.parent);
        groups.filter(|group| group.len() > 1).map(<[LoggedCommit]>::to_vec).collect()
    }
}

/// Reads commits again.
pub(super) struct Rereader<'a, S> {
    source: &'a S,
    size: u64,
    /// The bundle that was read last.
    last: Option<(u64, Vec<Vec<u8>>)>,
}

impl<'a, S: LogSource> Rereader<'a, S> {
    pub(super) fn new(source: &'a S, size: u64) -> Self {
        Self { source, size, last: None }
    }

    /// The commit of a row; none if it is not what it was.
    pub(super) async fn leaf(
        &mut self,
        row: LoggedCommit,
        commits: &LoggedCommits,
    ) -> Result<Option<Leaf>, S::Error> {
        let leaf = self.bytes(row.index).await?.and_then(Leaf::read);
        Ok(leaf.filter(|leaf| commits.short(*leaf) == row.leaf))
    }

    /// The entry at an index; none if it cannot be read.
    pub(super) async fn entry(&mut self, index: u64) -> Result<Option<Entry>, S::Error> {
        Ok(self.bytes(index).await?.map(Entry::read))
    }

    /// The bytes of the entry at an index; none if they cannot be read.
    pub(super) async fn bytes(&mut self, index: u64) -> Result<Option<&[u8]>, S::Error> {
        let number = index / u64::from(TILE_WIDTH);
        if self.last.as_ref().is_none_or(|(last, _)| *last != number) {
            let read = entries(self.source, paths(number, self.size).0).await?;
            // What cannot be read is not tried again for each of its entries.
            self.last = Some((number, read.unwrap_or_default()));
        }
        let within = usize::try_from(index % u64::from(TILE_WIDTH)).unwrap_or_default();
        let entry = self.last.as_ref().and_then(|(_, entries)| entries.get(within));
        Ok(entry.map(Vec::as_slice))
    }
}

impl CheckedLog {
    /// Finds commits with the same parent. Of each the one before it must be lost, by a restore that was accepted in between.
    pub(super) async fn find_forks<S: LogSource>(&mut self, source: &S, size: u64) -> Result<(), S::Error> {
        let mut rereader = Rereader::new(source, size);
        for group in self.logged.siblings() {
            if self.faults.is_full() {
                self.faults.more += group.len() as u64 - 1;
                continue;
            }
            let mut before: Option<(u64, Leaf)> = None;
            for row in group {
                let Some(leaf) = rereader.leaf(row, &self.logged).await? else {
                    self.faults.add(LogFault::Changing { index: row.index });
                    continue;
                };
                if let Some(before) = before.filter(|(_, before)| before.parent == leaf.parent) {
                    self.judge(before, (row.index, leaf));
                }
                before = Some((row.index, leaf));
            }
        }
        Ok(())
    }

    /// Judges a commit that follows the same one as another before it.
    fn judge(&mut self, (first, before): (u64, Leaf), (second, leaf): (u64, Leaf)) {
        if let Some(restore) = self.restores.naming(first, before, second) {
            self.accepted.push(AcceptedFork { lost: first, anew: second, restore });
        } else if before == leaf {
            self.faults.add(LogFault::Double { first, second });
        } else {
            self.faults.add(LogFault::Fork { first, second });
        }
    }
}
