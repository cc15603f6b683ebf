//! The writes of a restore, in an order that can be interrupted anywhere: a record that it was started, receipts and marks, the
//! commits, the log, and the removal of that record.

use std::fmt;
use std::path::Path;

use anyhow::Context;
use event_store::receipts::{RestoreMark, without_gaps};
use event_store::sqlite::{PlacedEntry, about, keep_about};
use event_store::{Feed, Receipts, SqliteJournal, SqliteReceipts, chain};
use projections::views::BUILDING;
use schema::{ProductId, StoredCommit};
use server::directory::{DataDirectory, UNFINISHED};
use sqlite::Access;

use super::log::RestoredLog;
use super::plan::{PendingCommit, RestorePlan};
use crate::counts::counted;
use crate::export_file::{ExportFile, IndexedPosition, PositionIndex};
use crate::progress;

/// Commits, products or receipts written together.
const GROUP: usize = 1_000;

/// A group ends with the commit that reaches this many bytes.
const GROUP_BYTES: u64 = 8 << 20;

/// What was written in addition to commits.
#[derive(Debug, Default)]
pub(super) struct RestoreSummary {
    receipts: u64,
    marked: u64,
    published_later: bool,
    /// What becomes of the log, if the export has one.
    log: Option<String>,
}

impl fmt::Display for RestoreSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&counted(self.receipts, "receipt"))?;
        if self.published_later {
            f.write_str("; events without one are published after the next start")?;
        } else {
            write!(f, ", {} with events that count as published", counted(self.marked, "product"))?;
        }
        self.log.as_ref().map_or(Ok(()), |log| write!(f, "; {log}"))
    }
}

/// Writes what the ledger does not hold yet; nothing at all if it holds everything.
pub(super) async fn write(
    plan: &mut RestorePlan,
    (export, path): (&ExportFile, &Path),
    (publish, log): (bool, RestoredLog),
    (directory, at): (&DataDirectory, &Path),
) -> anyhow::Result<RestoreSummary> {
    let ledger = Access::Committed(directory.ledger.clone());
    let left = export.positions.as_ref().map_or(plan.pending, |index| index.positions - plan.held);
    if left == 0 && about(&ledger, UNFINISHED).await?.is_none() {
        return Ok(RestoreSummary::default());
    }
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    keep_about(&ledger, UNFINISHED, Some(format!("ledger restore {}", path.display()))).await?;
    let written = publication(plan, publish, directory).await?;
    match &export.positions {
        None => commits(plan, export, directory).await?,
        Some(index) => placed(plan.held, index, export, directory).await?,
    }
    let log = log.write(at, directory).await?;
    // Queries wait until the views hold the restored commits.
    let newest = SqliteJournal::new(directory.ledger.clone()).newest_position().await?;
    let views = Access::Committed(directory.views.clone());
    keep_about(&views, BUILDING, newest.map(|newest| newest.to_string())).await?;
    keep_about(&ledger, UNFINISHED, None).await?;
    Ok(RestoreSummary { log, ..written })
}

/// Writes receipts, and marks for events without one; with `publish`, no marks.
async fn publication(
    plan: &RestorePlan,
    publish: bool,
    directory: &DataDirectory,
) -> anyhow::Result<RestoreSummary> {
    let receipts = SqliteReceipts::new(Access::Committed(directory.publishing.clone()));
    let mut written = RestoreSummary { published_later: publish, ..RestoreSummary::default() };
    let bar = progress::looking("publication of products");
    let mut after = String::new();
    loop {
        let heads = plan.heads(&after, GROUP)?;
        let Some((last, _)) = heads.last() else {
            bar.finish_and_clear();
            return Ok(written);
        };
        bar.inc(heads.len() as u64);
        last.as_str().clone_into(&mut after);
        let (mut records, mut marks) = (Vec::new(), Vec::new());
        for (product, mark) in &heads {
            let mut of_product = plan.receipts_of(product, mark.sequence)?;
            if publish {
                of_product = without_gaps(of_product, receipts.position(product).await?.published);
            } else if (of_product.len() as u64) < mark.sequence {
                marks.push((product.clone(), mark.clone()));
            }
            records.append(&mut of_product);
            if records.len() >= GROUP {
                written.receipts += records.len() as u64;
                receipts.record(&std::mem::take(&mut records)).await?;
            }
        }
        written.receipts += records.len() as u64;
        receipts.record(&records).await?;
        written.marked += marks.len() as u64;
        mark(&receipts, publish, heads, marks).await?;
    }
}

async fn mark(
    receipts: &SqliteReceipts,
    publish: bool,
    heads: Vec<(ProductId, RestoreMark)>,
    marks: Vec<(ProductId, RestoreMark)>,
) -> anyhow::Result<()> {
    if publish {
        return Ok(receipts.unmark(heads.into_iter().map(|(product, _)| product).collect()).await?);
    }
    Ok(receipts.mark(marks).await?)
}

async fn commits(plan: &RestorePlan, export: &ExportFile, directory: &DataDirectory) -> anyhow::Result<()> {
    let journal = directory.journal().await?;
    let bar = progress::commits(plan.pending);
    let mut done = 0;
    loop {
        let pending = plan.next(done, GROUP)?;
        if pending.is_empty() {
            bar.finish_and_clear();
            return Ok(());
        }
        let (mut group, mut bytes) = (Vec::with_capacity(pending.len()), 0);
        for pending in &pending {
            group.push(read(export, pending)?);
            bytes += pending.place.length;
            if bytes >= GROUP_BYTES {
                break;
            }
        }
        journal.append_all(&group).await?;
        done += group.len() as u64;
        bar.inc(group.len() as u64);
    }
}

/// Writes what an export has from a position on, in its order.
async fn placed(
    held: u64,
    index: &PositionIndex,
    export: &ExportFile,
    directory: &DataDirectory,
) -> anyhow::Result<()> {
    let journal = SqliteJournal::new(directory.ledger.clone());
    let bar = progress::commits(index.positions - held);
    let mut next = held;
    loop {
        let (mut group, mut bytes) = (Vec::new(), 0);
        for IndexedPosition { commit, entry, .. } in index.from(next, GROUP)? {
            let entry = entry.context("a line cannot be read")?;
            bytes += commit.map_or(entry.len() as u64, |place| place.length);
            group.push(match commit {
                None => PlacedEntry::Other(entry),
                Some(place) => {
                    let hash = entry.get(entry.len() / 2..).map(hex::encode).unwrap_or_default();
                    PlacedEntry::Commit(read(export, &PendingCommit { hash, place })?)
                }
            });
            if bytes >= GROUP_BYTES {
                break;
            }
        }
        let written = group.len() as u64;
        if written == 0 {
            bar.finish_and_clear();
            return Ok(());
        }
        journal.append_at(next, group).await?;
        next += written;
        bar.inc(written);
    }
}

/// Reads a commit, which must still be the one that was checked.
fn read(export: &ExportFile, pending: &PendingCommit) -> anyhow::Result<StoredCommit> {
    let line = export.at(pending.place).context("the export cannot be read")?;
    let commit = serde_json::from_slice(&line).map(StoredCommit);
    let commit = commit.ok().filter(|commit| {
        let carried = commit.text("hash").is_ok_and(|hash| hash == pending.hash);
        carried && chain::hash_of(commit).is_ok_and(|hash| hash.as_str() == pending.hash)
    });
    commit.context("the export was changed while being read; run the command again")
}
