//! The comparison of a log with an export of its ledger: nothing is omitted, nothing is invented, and the commits of a product
//! are in its order.

use schema::{DecodeError, StoredCommit};

use crate::leaf::Leaf;
use crate::verify::CheckedLog;
use crate::verify::commits::{LoggedCommit, Rereader};
use crate::verify::fault::LogFault;
use crate::verify::restores::LostCommits;
use crate::verify::source::LogSource;

/// A comparison of a log with an export, whose commits come in order of product and sequence.
pub struct ExportComparison {
    log: CheckedLog,
    /// Whether the export has the commit of each row.
    seen: Vec<bool>,
    /// The product of the commit before, and the index of its entry.
    before: Option<(String, u64)>,
    commits: u64,
}

impl CheckedLog {
    /// Begins the comparison with an export.
    #[must_use]
    pub fn with_export(mut self) -> ExportComparison {
        self.logged.rows.sort_unstable_by_key(|row| (row.leaf, row.index));
        ExportComparison { seen: vec![false; self.logged.rows.len()], log: self, before: None, commits: 0 }
    }
}

impl ExportComparison {
    /// Takes the next commit of the export.
    ///
    /// # Errors
    /// [`DecodeError`]: the export is damaged; `ledger verify --file` says where.
    pub fn take(&mut self, commit: &StoredCommit) -> Result<(), DecodeError> {
        let (leaf, product) = (Leaf::of(commit)?, commit.text("product_id")?);
        let sequence = commit.sequence()?;
        self.commits += 1;
        let Some((at, index)) = self.row(leaf) else {
            let hash = commit.text("hash")?.to_owned();
            self.log.faults.add(LogFault::Omitted { product: product.to_owned(), sequence, hash });
            return Ok(());
        };
        self.seen[at] = true;
        if let Some((_, after)) = self.before.take_if(|(before, after)| before == product && *after > index) {
            let product = product.to_owned();
            self.log.faults.add(LogFault::OutOfOrder { product, sequence, index, after });
        }
        self.before = Some((product.to_owned(), index));
        Ok(())
    }

    /// The row of a commit and the index of its entry: the newest one, if it was logged anew after a restore.
    fn row(&self, leaf: Leaf) -> Option<(usize, u64)> {
        let rows = &self.log.logged.rows;
        let short = self.log.logged.short(leaf);
        let behind = rows.partition_point(|row| row.leaf <= short);
        let at = behind.checked_sub(1)?;
        (rows[at].leaf == short).then(|| (at, rows[at].index))
    }

    /// Ends the comparison: what the export does not have is invented, unless an accepted restore lost it.
    ///
    /// # Errors
    /// That of the source.
    pub async fn end<S: LogSource>(self, source: &S, size: u64) -> Result<CheckedLog, S::Error> {
        let Self { mut log, seen, .. } = self;
        let rows = std::mem::take(&mut log.logged.rows);
        let is_unseen = |at: usize| !seen[at] && !is_seen_anew(&rows, &seen, at);
        let mut unseen: Vec<LoggedCommit> =
            (0..rows.len()).filter(|at| is_unseen(*at)).map(|at| rows[at]).collect();
        unseen.sort_unstable_by_key(|row| row.index);
        let mut rereader = Rereader::new(source, size);
        let (mut lost, faults) = (LostCommits::of(&log.restores), &mut log.faults);
        for row in unseen {
            if faults.is_full() {
                faults.more += 1;
                continue;
            }
            let Some(leaf) = rereader.leaf(row, &log.logged).await? else {
                faults.add(LogFault::Changing { index: row.index });
                continue;
            };
            if lost.take(row.index, leaf).is_none() {
                faults.add(LogFault::Invented { index: row.index, hash: hex::encode(leaf.hash) });
            }
        }
        log.logged.rows = rows;
        Ok(log)
    }

    /// How many commits the export has.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits
    }
}

/// Whether the same commit was logged later too and is in the export: that is a double or an accepted fork, and reported as such.
fn is_seen_anew(rows: &[LoggedCommit], seen: &[bool], at: usize) -> bool {
    let same = rows[at + 1..].iter().zip(&seen[at + 1..]).take_while(|(row, _)| row.leaf == rows[at].leaf);
    same.into_iter().any(|(_, seen)| *seen)
}
