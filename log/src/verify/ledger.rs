//! The comparison of a log with the ledger whose positions are the indexes of its entries: each commit that the checkpoint
//! covers is the entry at its position, and each entry is a commit of the ledger.
//!
//! Only what differs is kept; a ledger that is whole needs no memory.

use std::collections::BTreeMap;

use schema::{DecodeError, StoredCommit};

use crate::entry::Entry;
use crate::leaf::Leaf;
use crate::verify::CheckedLog;
use crate::verify::commits::Rereader;
use crate::verify::restores::{LostCommits, Restores};
use crate::verify::source::LogSource;

/// So many differences are kept of each kind; further ones are counted.
const MOST: usize = 100_000;

/// A commit of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordedCommit {
    /// Its product.
    pub product: String,
    /// The sequence of its first event.
    pub sequence: u64,
    /// What the log has of it.
    pub leaf: Leaf,
}

impl RecordedCommit {
    /// A stored commit, by what it carries.
    ///
    /// # Errors
    /// [`DecodeError`]: it has no product, sequence or hashes, which is a fault of its chain.
    pub fn of(commit: &StoredCommit) -> Result<Self, DecodeError> {
        let (product, sequence) = (commit.text("product_id")?.to_owned(), commit.sequence()?);
        Ok(Self { product, sequence, leaf: Leaf::of(commit)? })
    }
}

/// In what log and ledger differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LedgerDifference {
    /// The log has another commit at the position of this one.
    Rewritten {
        /// The commit of the ledger.
        commit: RecordedCommit,
        /// The hash that was logged.
        logged: [u8; 32],
    },
    /// The commit is another entry of the log than its position says.
    Moved {
        /// The commit of the ledger.
        commit: RecordedCommit,
        /// Its position.
        position: u64,
        /// The index of its entry.
        index: u64,
    },
    /// The checkpoint covers the position of the commit, but the log does not have it.
    Omitted {
        /// The commit of the ledger.
        commit: RecordedCommit,
        /// Its position.
        position: u64,
    },
    /// What the ledger has at a position without a commit is not the entry of the log.
    OtherEntry {
        /// The position.
        position: u64,
    },
    /// Entries that follow one another are no commits of the ledger, and no accepted restore names the first.
    Lost {
        /// The index of the first one.
        index: u64,
        /// The first one.
        leaf: Leaf,
        /// How many there are.
        commits: u64,
        /// The commit of the ledger in whose place the entry before them was logged, if there is one.
        behind: Option<RecordedCommit>,
    },
}

/// What a comparison found.
#[derive(Debug, Default)]
pub struct LedgerDifferences {
    /// Each difference.
    pub listed: Vec<LedgerDifference>,
    /// How many commits or entries differ beside those that were looked at.
    pub more: u64,
}

/// A comparison of a log with the commits of its ledger, which come in order of position.
pub struct LedgerComparison<'a, S> {
    restores: &'a Restores,
    entries: Rereader<'a, S>,
    size: u64,
    /// The first position that was not compared yet.
    next: u64,
    /// Entries that are not the commit at their position.
    logged: Vec<(u64, Leaf)>,
    /// Commits that are not the entry at their position.
    recorded: Vec<(u64, RecordedCommit)>,
    /// Positions without a commit at which the ledger has another entry.
    others: Vec<u64>,
    more: u64,
}

impl CheckedLog {
    /// Begins the comparison with the ledger.
    #[must_use]
    pub fn with_ledger<'a, S: LogSource>(&'a self, source: &'a S, size: u64) -> LedgerComparison<'a, S> {
        LedgerComparison {
            restores: &self.restores,
            entries: Rereader::new(source, size),
            size,
            next: 0,
            logged: Vec::new(),
            recorded: Vec::new(),
            others: Vec::new(),
            more: 0,
        }
    }
}

impl<S: LogSource> LedgerComparison<'_, S> {
    /// Takes what the ledger has at a position without a commit, in any order; behind the checkpoint it is ignored.
    ///
    /// # Errors
    /// That of the source.
    pub async fn take_entry(&mut self, position: u64, entry: &[u8]) -> Result<(), S::Error> {
        // One that cannot be read is a fault of the log, which is known.
        let is_other =
            position < self.size && self.entries.bytes(position).await?.is_some_and(|logged| logged != entry);
        if is_other {
            keep(&mut self.others, position, &mut self.more);
        }
        Ok(())
    }

    /// Takes the commit at the next position; none if it cannot be read. Positions that are left out have no commit, and those
    /// behind the checkpoint are ignored.
    ///
    /// # Errors
    /// That of the source.
    pub async fn take(&mut self, position: u64, commit: Option<RecordedCommit>) -> Result<(), S::Error> {
        self.without_commit(position.min(self.size)).await?;
        if position >= self.size {
            return Ok(());
        }
        self.next = position + 1;
        let entry = self.entries.entry(position).await?;
        match (entry, commit) {
            (Some(Entry::Commit(leaf)), Some(commit)) if leaf == commit.leaf => {}
            (Some(entry), Some(commit)) => {
                if let Entry::Commit(leaf) = entry {
                    keep(&mut self.logged, (position, leaf), &mut self.more);
                }
                keep(&mut self.recorded, (position, commit), &mut self.more);
            }
            // The log, or the ledger, has a fault of its own there.
            (None, _) | (_, None) => {}
        }
        Ok(())
    }

    /// Looks at the entries before a position, for which the ledger has no commit.
    async fn without_commit(&mut self, position: u64) -> Result<(), S::Error> {
        while self.next < position {
            if let Some(Entry::Commit(leaf)) = self.entries.entry(self.next).await? {
                keep(&mut self.logged, (self.next, leaf), &mut self.more);
            }
            self.next += 1;
        }
        Ok(())
    }

    /// Ends the comparison.
    ///
    /// # Errors
    /// That of the source.
    pub async fn end(mut self) -> Result<LedgerDifferences, S::Error> {
        self.without_commit(self.size).await?;
        let places: BTreeMap<Leaf, u64> = self.logged.iter().map(|(index, leaf)| (*leaf, *index)).collect();
        let mut logged: BTreeMap<u64, Leaf> = self.logged.iter().copied().collect();
        let (mut listed, mut others) = (Vec::new(), Vec::new());
        for (position, commit) in self.recorded {
            match places.get(&commit.leaf).filter(|index| logged.remove(index).is_some()) {
                Some(index) => listed.push(LedgerDifference::Moved { commit, position, index: *index }),
                None => others.push((position, commit)),
            }
        }
        let mut rewritten = BTreeMap::new();
        for (position, commit) in others {
            listed.push(match logged.remove(&position) {
                Some(Leaf { hash, .. }) => {
                    rewritten.insert(hash, commit.clone());
                    LedgerDifference::Rewritten { commit, logged: hash }
                }
                None => LedgerDifference::Omitted { commit, position },
            });
        }
        listed.extend(lost(&logged, &rewritten, self.restores));
        listed.extend(self.others.into_iter().map(|position| LedgerDifference::OtherEntry { position }));
        Ok(LedgerDifferences { listed, more: self.more })
    }
}

fn keep<T>(kept: &mut Vec<T>, one: T, more: &mut u64) {
    if kept.len() < MOST {
        kept.push(one);
    } else {
        *more += 1;
    }
}

/// The entries without a commit, those together that follow one another, unless an accepted restore lost them.
fn lost(
    logged: &BTreeMap<u64, Leaf>,
    rewritten: &BTreeMap<[u8; 32], RecordedCommit>,
    restores: &Restores,
) -> Vec<LedgerDifference> {
    let mut accepted = LostCommits::of(restores);
    // The number of the chain whose newest hash it is.
    let (mut newest, mut chains) = (BTreeMap::<[u8; 32], usize>::new(), Vec::new());
    for (index, leaf) in logged {
        if accepted.take(*index, *leaf).is_some() {
            continue;
        }
        let chain = newest.remove(&leaf.parent).unwrap_or(chains.len());
        if chain == chains.len() {
            let behind = rewritten.get(&leaf.parent).cloned();
            chains.push((*index, *leaf, 0, behind));
        }
        chains[chain].2 += 1;
        newest.insert(leaf.hash, chain);
    }
    let chains = chains.into_iter();
    chains
        .map(|(index, leaf, commits, behind)| LedgerDifference::Lost { index, leaf, commits, behind })
        .collect()
}
