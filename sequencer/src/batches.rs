//! The order in which commits enter the log, and the batches that they make.

use event_store::feed_reader::{CommitDays, CommitSummary};
use ledger_log::RightEdge;
use ledger_log::tree::entry_hash;
use ulid::Ulid;

use crate::due::DueCommit;
use crate::table::{BatchedAcceptance, LogBatch};

/// The end of the log, behind which the next batch goes.
#[derive(Debug, Clone, Default)]
pub(crate) struct LogEnd {
    /// The tree.
    pub(crate) edge: RightEdge,
    /// The newest feed item that was read for the log so far.
    pub(crate) read_to: Option<Ulid>,
    /// As of the newest batch.
    pub(crate) settled_to: Option<Ulid>,
}

impl LogEnd {
    /// The end behind a batch.
    pub(crate) fn of(batch: &LogBatch) -> Self {
        Self { edge: batch.edge.clone(), read_to: batch.read_to, settled_to: batch.settled_to }
    }

    /// The next batch.
    pub(crate) fn batch(
        &self,
        batch_id: Ulid,
        commits: Vec<DueCommit>,
        is_initial: bool,
        read_to: Option<Ulid>,
    ) -> LogBatch {
        let (first, mut edge) = (self.edge.size(), self.edge.clone());
        let (mut summary, mut days) = (CommitSummary::default(), CommitDays::default());
        let commits = commits
            .into_iter()
            .map(|due| {
                edge.push(entry_hash(&due.commit.leaf.to_bytes()));
                summary.merge(&due.summary);
                days.extend(due.days);
                due.commit
            })
            .collect();
        let (read_to, settled_to) = (self.read_to.max(read_to), self.settled_to);
        LogBatch {
            batch_id,
            first,
            commits,
            acceptance: None,
            edge,
            summary,
            days: Some(days),
            is_initial,
            read_to,
            settled_to,
        }
    }

    /// The next batch, of the acceptance of a restore.
    pub(crate) fn accepting(
        &self,
        batch_id: Ulid,
        acceptance: BatchedAcceptance,
        read_to: Option<Ulid>,
    ) -> LogBatch {
        let (first, mut edge) = (self.edge.size(), self.edge.clone());
        edge.push(entry_hash(&acceptance.entry));
        LogBatch {
            batch_id,
            first,
            commits: Vec::new(),
            acceptance: Some(acceptance),
            edge,
            summary: CommitSummary::default(),
            days: Some(CommitDays::default()),
            is_initial: false,
            read_to: self.read_to.max(read_to),
            settled_to: self.settled_to.max(read_to),
        }
    }
}

/// Commits of several products, each in its order, in one order: by the time of recording, as far as the products' own orders
/// allow.
pub(crate) fn in_log_order(products: Vec<Vec<DueCommit>>) -> Vec<DueCommit> {
    let mut keyed = Vec::new();
    for commits in products {
        let mut latest = String::new();
        for due in commits {
            if due.recorded_at > latest {
                latest.clone_from(&due.recorded_at);
            }
            keyed.push((latest.clone(), due));
        }
    }
    let key = |(at, due): &(String, DueCommit)| (at.clone(), due.commit.product.clone(), due.commit.sequence);
    keyed.sort_by_cached_key(key);
    keyed.into_iter().map(|(_, due)| due).collect()
}
