//! What of a product is due: its commits behind the newest one in the log, if they continue its chain.
//!
//! The promise: a commit is only due if the commit before it is logged, or due before it, and has the hash that it names. A
//! commit that the log has otherwise is a conflict: it is never skipped in silence, and never logged.

use std::fmt;

use event_store::chain::hash_of;
use event_store::feed_reader::{CommitDays, CommitSummary};
use event_store::{AnnouncedKey, Journal, StoreError};
use ledger_log::Leaf;
use schema::{Hash, ProductId, StoredCommit};

use crate::table::{BatchedCommit, IndexEnd, LogIndexEntry, LogTable};

/// Commits of a product that are read at a time.
const PAGE: usize = 100;

/// A commit that is due.
#[derive(Debug, Clone)]
pub(crate) struct DueCommit {
    /// As the log has it.
    pub(crate) commit: BatchedCommit,
    /// When it was recorded: the order of texts is the order of time.
    pub(crate) recorded_at: String,
    /// What a batch of it alone would say.
    pub(crate) summary: CommitSummary,
    /// Its days.
    pub(crate) days: CommitDays,
}

/// What is due of a product.
#[derive(Debug)]
pub(crate) enum Due {
    /// Everything is logged.
    Nothing,
    /// These, in their order.
    Commits {
        /// At least one.
        commits: Vec<DueCommit>,
        /// Whether everything is logged with them; otherwise look again.
        is_all: bool,
    },
    /// Nothing, and it cannot go on.
    Conflict(LogConflict),
}

/// Why a product cannot be logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LogConflict {
    /// The sequence of the commit.
    pub(crate) sequence: u64,
    /// What is wrong with it.
    pub(crate) kind: ConflictKind,
}

/// What is wrong with a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConflictKind {
    /// There is another commit than the one that was logged or announced, or another one before it.
    Rewritten,
    /// It was logged or announced, and the event table does not have it.
    Missing,
    /// It cannot be read, or does not have the hash that it carries.
    Unreadable(String),
}

impl ConflictKind {
    /// The label in the metric.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Rewritten => "rewritten",
            Self::Missing => "missing",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl fmt::Display for LogConflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sequence = self.sequence;
        match &self.kind {
            ConflictKind::Rewritten => write!(
                f,
                "rewritten: the event table, the log and what was announced have different commits at sequence {sequence} or before it; run `ledger verify`"
            ),
            ConflictKind::Missing => write!(
                f,
                "missing: the event table does not have the commit at sequence {sequence}, which was logged or announced; run `ledger verify`"
            ),
            ConflictKind::Unreadable(reason) => {
                write!(f, "the commit at sequence {sequence} cannot be logged: {reason}; run `ledger verify`")
            }
        }
    }
}

impl LogConflict {
    pub(crate) fn rewritten(sequence: u64) -> Self {
        Self { sequence, kind: ConflictKind::Rewritten }
    }

    pub(crate) fn missing(sequence: u64) -> Self {
        Self { sequence, kind: ConflictKind::Missing }
    }

    fn unreadable(sequence: u64, reason: impl fmt::Display) -> Self {
        Self { sequence, kind: ConflictKind::Unreadable(reason.to_string()) }
    }
}

impl DueCommit {
    /// Reads a commit behind another one, whose hash the log has or will have before it, for a branch of the index.
    pub(crate) fn read(
        product: &ProductId,
        commit: &StoredCommit,
        before: Option<&BatchedCommit>,
        branch: Option<u64>,
    ) -> Result<Self, LogConflict> {
        let sequence = commit.sequence().map_err(|error| {
            LogConflict::unreadable(before.map_or(1, |before| before.sequence + 1), error)
        })?;
        let leaf = Leaf::of(commit).map_err(|error| LogConflict::unreadable(sequence, error))?;
        let own = hash_of(commit).map_err(|error| LogConflict::unreadable(sequence, error))?;
        let is_of_product = commit.text("product_id").is_ok_and(|id| id == product.as_str());
        if own.digest() != leaf.hash || !is_of_product {
            return Err(LogConflict::unreadable(
                sequence,
                "it does not have the hash or the product that it names",
            ));
        }
        let parent = before.map_or_else(|| Leaf::first_parent(product.as_str()), |before| before.leaf.hash);
        if leaf.parent != parent {
            return Err(LogConflict::rewritten(sequence));
        }
        let mut summary = CommitSummary::default();
        summary.add(commit);
        let mut days = CommitDays::default();
        days.add(commit);
        let recorded_at = commit.text("recorded_at").unwrap_or_default().to_owned();
        let commit = BatchedCommit { product: product.clone(), sequence, leaf, branch };
        Ok(Self { commit, recorded_at, summary, days })
    }
}

/// The event table and the log.
#[derive(Clone, Copy)]
pub(crate) struct DueReader<'a> {
    pub(crate) journal: &'a dyn Journal,
    pub(crate) table: &'a dyn LogTable,
}

impl DueReader<'_> {
    /// What is due of a product of which these commits were announced; `None` among them asks the event table for the newest.
    pub(crate) async fn due(
        self,
        product: &ProductId,
        announced: &[Option<AnnouncedKey>],
    ) -> Result<Due, StoreError> {
        let end = self.table.index_end(product).await?;
        let logged = end.newest.as_ref();
        let mut newer = Vec::new();
        for key in announced {
            let (key, is_announced) = match key {
                Some(key) => (Some(key.clone()), true),
                None => match self.head(product, logged).await? {
                    Ok(head) => (head, false),
                    Err(conflict) => return Ok(Due::Conflict(conflict)),
                },
            };
            let Some(key) = key else { continue };
            let found = self.find(product, &key, logged).await?;
            if found == Some(key.hash.digest()) {
                continue;
            }
            if is_announced && end.branch.is_some() && self.is_lost(product, &key).await? {
                continue;
            }
            match found {
                Some(_) => return Ok(Due::Conflict(LogConflict::rewritten(key.sequence))),
                None => newer.push(key),
            }
        }
        if newer.is_empty() {
            return Ok(Due::Nothing);
        }
        self.gap(product, &end, &newer).await
    }

    /// Whether a commit was logged whose loss was accepted since, so that its announcement is an old one. One that the event table
    /// has again is not lost.
    async fn is_lost(self, product: &ProductId, key: &AnnouncedKey) -> Result<bool, StoreError> {
        let logged = self.table.entries_at(product, key.sequence).await?;
        if logged.iter().all(|entry| entry.hash != key.hash.digest()) {
            return Ok(false);
        }
        let found = self.journal.newest(product, key.sequence).await?;
        let hash = key.hash.to_string();
        let is_there = found.is_some_and(|found| found.text("hash").is_ok_and(|found| found == hash));
        Ok(!is_there)
    }

    /// The hash that the log has at the sequence of a commit; one of zeros if the log has passed it without a commit there, and
    /// `None` if the log has not got so far.
    async fn find(
        self,
        product: &ProductId,
        key: &AnnouncedKey,
        newest: Option<&LogIndexEntry>,
    ) -> Result<Option<[u8; 32]>, StoreError> {
        let Some(newest) = newest.filter(|newest| newest.sequence >= key.sequence) else { return Ok(None) };
        if newest.sequence == key.sequence {
            return Ok(Some(newest.hash));
        }
        let at = self.table.newest_entries(product, key.sequence, 1).await?.pop();
        Ok(Some(at.filter(|at| at.sequence == key.sequence).map_or([0; 32], |at| at.hash)))
    }

    /// The newest commit in the event table, which must not be behind the log.
    async fn head(
        self,
        product: &ProductId,
        logged: Option<&LogIndexEntry>,
    ) -> Result<Result<Option<AnnouncedKey>, LogConflict>, StoreError> {
        let Some(head) = self.journal.newest(product, u64::MAX).await? else {
            return Ok(logged.map_or(Ok(None), |logged| Err(LogConflict::missing(logged.sequence))));
        };
        let of_logged = logged.map_or(0, |logged| logged.sequence);
        let key = head.sequence().and_then(|sequence| Ok((sequence, head.text("hash")?.to_owned())));
        let (sequence, hash) = match key {
            Ok(key) => key,
            Err(error) => return Ok(Err(LogConflict::unreadable(of_logged + 1, error))),
        };
        if sequence < of_logged {
            return Ok(Err(LogConflict::missing(of_logged)));
        }
        let hash = Hash::try_from(hash).map_err(|error| LogConflict::unreadable(sequence, error));
        Ok(hash.map(|hash| Some(AnnouncedKey { sequence, hash })))
    }

    /// The commits behind the newest one in the log, up to one that does not continue it, among which the announced ones are.
    async fn gap(
        self,
        product: &ProductId,
        IndexEnd { newest: logged, branch }: &IndexEnd,
        newer: &[AnnouncedKey],
    ) -> Result<Due, StoreError> {
        let logged = logged.as_ref();
        let page = self.journal.page(product, logged.map_or(0, |logged| logged.sequence), PAGE).await?;
        let is_end = page.len() < PAGE;
        let newest = logged.cloned().map(BatchedCommit::from);
        let (mut commits, mut conflict) = (Vec::<DueCommit>::new(), None);
        for commit in &page {
            let before = commits.last().map(|due| &due.commit).or(newest.as_ref());
            match DueCommit::read(product, commit, before, *branch) {
                Ok(due) => commits.push(due),
                Err(found) => {
                    conflict = Some(found);
                    break;
                }
            }
        }
        let reached = commits.last().map_or(0, |due| due.commit.sequence);
        for key in newer {
            let at = commits.iter().find(|due| due.commit.sequence == key.sequence);
            let found = match at {
                Some(due) if due.commit.leaf.hash == key.hash.digest() => continue,
                Some(_) => LogConflict::rewritten(key.sequence),
                None if key.sequence < reached => LogConflict::rewritten(key.sequence),
                None if is_end && conflict.is_none() => LogConflict::missing(key.sequence),
                None => continue,
            };
            if conflict.as_ref().is_none_or(|conflict| found.sequence < conflict.sequence) {
                conflict = Some(found);
            }
        }
        if let Some(conflict) = &conflict {
            commits.retain(|due| due.commit.sequence < conflict.sequence);
        }
        Ok(match conflict {
            Some(conflict) if commits.is_empty() => Due::Conflict(conflict),
            conflict => Due::Commits { is_all: is_end && conflict.is_none(), commits },
        })
    }
}
