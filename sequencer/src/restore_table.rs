//! Puts batches into a log table again that lacks what the published checkpoint covers, because it was restored to an earlier moment
//! or is a new one: from the entries in the log's files and the commits in the event table.
//!
//! The promise: nothing is put there before the entries give the root that the log's key signed. Killed at any step, it goes on when
//! it is run again.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use event_store::StoreError;
use ledger_log::path::TILE_WIDTH;
use ledger_log::tree::entry_hash;
use ledger_log::{AcceptedRestore, Entry, Leaf, LogCheckpoint, LogPath, bundle};
use schema::{ProductId, StoredCommit};

use crate::api::ServedLog;
use crate::batches::LogEnd;
use crate::due::DueCommit;
use crate::failure::{LogFailure, LogStop};
use crate::round::{BatchPlacement, KnownLog, Sequencer};
use crate::store::{LogStore, needed};
use crate::table::{BatchedAcceptance, BatchedCommit, LogBatch, MOST_LEAVES};

/// Commits that are read at a time.
const PAGE: usize = 1_000;

/// Why a log table was not restored; run it again after an outage.
#[derive(Debug, thiserror::Error)]
pub enum RestoreTableError {
    /// It has everything.
    #[error(
        "there is nothing to restore: the log table has {size} entries, and the newest checkpoint {published}"
    )]
    Nothing {
        /// Entries of the table.
        size: u64,
        /// The size of the checkpoint.
        published: u64,
    },
    /// The table does not begin with the same entries.
    #[error(
        "the {size} entries of the log table and those behind them in the files of the log do not give the root that was signed: a file of the log is \
         damaged (run ledger log verify), or the table was logged into after it was restored (restore it once more, to another name)"
    )]
    Differs {
        /// Entries of the table.
        size: u64,
    },
    /// The event table lacks commits.
    #[error(
        "the event table lacks {commits} of the commits that the log table has to have again, first that of entry {first}: the log has only their \
         hashes. Restore the event table, or the log table, to a later moment"
    )]
    Lost {
        /// How many.
        commits: u64,
        /// The index of the first one.
        first: u64,
    },
    /// A commit cannot be used.
    #[error("product {product}: {conflict}")]
    Unreadable {
        /// Its product.
        product: ProductId,
        /// Why.
        conflict: String,
    },
    /// An entry is of a later build, or names what the log does not have.
    #[error("entry {0} of the log is not understood; take a later build")]
    NotUnderstood(u64),
    /// A sequencer works on the table.
    #[error("another process has put a batch into the log table meanwhile; run it again")]
    Taken,
    /// The files of the log.
    #[error("the log cannot be read: {0}")]
    Files(#[from] LogFailure),
    /// A table did not answer; what was done stays, run it again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Sequencer {
    /// Puts what the newest checkpoint of a log covers and the log table lacks into the table; answers with the checkpoint and how
    /// many entries that were.
    ///
    /// # Errors
    /// [`RestoreTableError`]: its text says what to do.
    pub async fn restore_table(&self, log: ServedLog) -> Result<(LogCheckpoint, u64), RestoreTableError> {
        let mut known = self.turn().await;
        let mut end = self.end(&mut known).await?;
        let size = end.edge.size();
        let (checkpoint, entries) = read(log, size).await?;
        if entries.is_empty() {
            return Err(RestoreTableError::Nothing { size, published: checkpoint.size });
        }
        let mut edge = end.edge.clone();
        for entry in &entries {
            edge.push(entry_hash(entry));
        }
        if edge.root() != checkpoint.root {
            return Err(RestoreTableError::Differs { size });
        }
        let is_unknown = |entry: &Vec<u8>| matches!(Entry::read(entry), Entry::NotUnderstood);
        if let Some((index, _)) = (size..).zip(&entries).find(|(_, entry)| is_unknown(entry)) {
            return Err(RestoreTableError::NotUnderstood(index));
        }
        let commits = self.commits_of(size, &entries).await?;
        let count = entries.len() as u64;
        let mut waiting: Vec<DueCommit> = Vec::new();
        for (index, entry) in (size..).zip(entries) {
            match Entry::read(&entry) {
                Entry::Commit(leaf) => waiting.extend(commits.get(&leaf).cloned()),
                Entry::AcceptedRestore(restore) => {
                    self.put_back(std::mem::take(&mut waiting), &mut end, &mut known).await?;
                    let lost =
                        self.named_by(&restore).await?.ok_or(RestoreTableError::NotUnderstood(index))?;
                    let batch = end.accepting(self.id(), BatchedAcceptance { entry, lost }, None);
                    self.put_batch(&batch, &mut end, &mut known).await?;
                }
                Entry::NotUnderstood => return Err(RestoreTableError::NotUnderstood(index)),
            }
            if waiting.len() == MOST_LEAVES {
                self.put_back(std::mem::take(&mut waiting), &mut end, &mut known).await?;
            }
        }
        self.put_back(waiting, &mut end, &mut known).await?;
        Ok((checkpoint, count))
    }

    /// The commits of these entries, from the event table.
    async fn commits_of(
        &self,
        first: u64,
        entries: &[Vec<u8>],
    ) -> Result<BTreeMap<Leaf, DueCommit>, RestoreTableError> {
        let leaves = || (first..).zip(entries).filter_map(|(index, entry)| Some((index, Leaf::read(entry)?)));
        let wanted: BTreeSet<Leaf> = leaves().map(|(_, leaf)| leaf).collect();
        let (mut found, mut from) = (BTreeMap::new(), None);
        while found.len() < wanted.len() {
            let page = self.ports.journal.scan(from, PAGE).await?;
            for commit in page.commits {
                if let Some(leaf) = Leaf::of(&commit).ok().filter(|leaf| wanted.contains(leaf)) {
                    found.insert(leaf, of_entry(leaf, &commit)?);
                }
            }
            from = page.next;
            if from.is_none() {
                break;
            }
        }
        let lost: Vec<u64> =
            leaves().filter(|(_, leaf)| !found.contains_key(leaf)).map(|(index, _)| index).collect();
        match lost.first() {
            None => Ok(found),
            Some(first) => Err(RestoreTableError::Lost { commits: lost.len() as u64, first: *first }),
        }
    }

    /// The first commits that an accepted restore names as lost; `None` if the log has other ones there.
    async fn named_by(
        &self,
        restore: &AcceptedRestore,
    ) -> Result<Option<Vec<(ProductId, u64)>>, RestoreTableError> {
        let mut lost = Vec::new();
        for fork in &restore.forks {
            let batch = self.ports.table.batch_at(fork.lost).await?;
            let named = batch.and_then(|batch| {
                let at = usize::try_from(fork.lost - batch.first).ok()?;
                batch.commits.into_iter().nth(at).filter(|commit| commit.leaf.hash == fork.hash.digest())
            });
            let Some(named) = named else { return Ok(None) };
            lost.push((named.product, named.sequence));
        }
        Ok(Some(lost))
    }

    /// Puts commits into the log table, each under the branch under which its product's index goes on there.
    async fn put_back(
        &self,
        mut commits: Vec<DueCommit>,
        end: &mut LogEnd,
        known: &mut KnownLog,
    ) -> Result<(), RestoreTableError> {
        if commits.is_empty() {
            return Ok(());
        }
        let mut branches = BTreeMap::new();
        for DueCommit { commit, .. } in &mut commits {
            if !branches.contains_key(&commit.product) {
                let branch = self.ports.table.index_end(&commit.product).await?.branch;
                branches.insert(commit.product.clone(), branch);
            }
            commit.branch = branches.get(&commit.product).copied().flatten();
        }
        let batch = end.batch(self.id(), commits, false, None);
        self.put_batch(&batch, end, known).await
    }

    async fn put_batch(
        &self,
        batch: &LogBatch,
        end: &mut LogEnd,
        known: &mut KnownLog,
    ) -> Result<(), RestoreTableError> {
        match self.place(batch, known).await? {
            BatchPlacement::Here => *end = LogEnd::of(batch),
            BatchPlacement::Taken => return Err(RestoreTableError::Taken),
        }
        Ok(())
    }
}

/// The newest checkpoint of a log, and its entries from a position on.
async fn read(log: ServedLog, from: u64) -> Result<(LogCheckpoint, Vec<Vec<u8>>), LogFailure> {
    let read = tokio::task::spawn_blocking(move || {
        let ServedLog { store, keys } = log;
        let note = store.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint))?;
        let checkpoint = keys.open(&note.ok_or(LogStop::NoCheckpoint)?).map_err(LogStop::from)?;
        let entries = entries(&store, from, checkpoint.size)?;
        Ok((checkpoint, entries))
    });
    read.await.unwrap_or_else(|error| Err(LogFailure::Interrupted(error.to_string())))
}

/// The entries of a log of this size from a position on.
fn entries(store: &Arc<dyn LogStore>, from: u64, size: u64) -> Result<Vec<Vec<u8>>, LogFailure> {
    let width = u64::from(TILE_WIDTH);
    let mut found = Vec::new();
    for index in from / width..size.div_ceil(width) {
        let count = u16::try_from((size - index * width).min(width)).unwrap_or(TILE_WIDTH);
        let path = LogPath::Entries { index, width: count };
        let bytes = needed(&**store, path)?;
        let of_bundle = bundle::read(&bytes, count.into()).map_err(|_| LogStop::Damaged(path))?;
        let passed = usize::try_from(from.saturating_sub(index * width)).unwrap_or(usize::MAX);
        found.extend(of_bundle.into_iter().skip(passed).map(<[u8]>::to_vec));
    }
    Ok(found)
}

/// A commit as its entry has it: it has the hash that it carries, and follows what the entry says.
fn of_entry(leaf: Leaf, commit: &StoredCommit) -> Result<DueCommit, RestoreTableError> {
    let id = commit.text("product_id").map_err(|error| StoreError::unreadable(error.into()))?;
    let product = ProductId::new(id.to_owned()).map_err(|error| StoreError::unreadable(error.into()))?;
    let before = (leaf.parent != Leaf::first_parent(id)).then(|| BatchedCommit {
        product: product.clone(),
        sequence: 0,
        leaf: Leaf { parent: [0; 32], hash: leaf.parent },
        branch: None,
    });
    let read = DueCommit::read(&product, commit, before.as_ref(), None);
    read.map_err(|conflict| RestoreTableError::Unreadable { product, conflict: conflict.to_string() })
}
