//! What only the tables of a ledger tell of its log: which product and sequence an entry is of, and commits that are in no batch.

use event_store::heads::ProductListing;
use event_store::verify::{FaultKind, WitnessSource};
use futures::{StreamExt, TryStreamExt};
use ledger_log::verify::{LedgerDifference, LedgerDifferences};
use schema::ProductId;
use sequencer::BatchedCommit;
use server::backend::TableLog;

use super::{Parents, entries, fault, of_difference, of_log};
use crate::progress;
use crate::verify::lag::Lag;
use crate::verify::report::VerifyReport;

/// Products that are compared at the same time.
const AT_ONCE: usize = 16;

/// Commits of one page.
const PAGE: usize = 1_000;

/// The products of the event table, as they were before the log was read.
pub(super) struct CommitsOnTables<'a> {
    log: &'a TableLog,
    listing: ProductListing,
}

impl<'a> CommitsOnTables<'a> {
    pub(super) async fn of(log: &'a TableLog) -> anyhow::Result<Self> {
        let looking = progress::looking("looking for products: commits");
        let listing =
            ProductListing::begin(log.ports.journal.clone(), |met| looking.set_position(met)).await?;
        looking.finish_and_clear();
        Ok(Self { log, listing })
    }

    /// Reports commits that are in no batch although one behind them is, and counts those behind the newest of their products.
    pub(super) async fn report_unlogged(self, placed: u64, found: &mut VerifyReport) -> anyhow::Result<()> {
        let (log, commits) = (self.log, self.listing.commits());
        let unlogged = self.listing.heads().map(|head| async move {
            let product = ProductId::new(head?.product_id)?;
            let end = log.ports.table.index_end(&product).await?;
            behind(log, &product, end.newest.map_or(0, |newest| newest.sequence)).await
        });
        let unlogged: u64 =
            unlogged.buffered(AT_ONCE).try_fold(0, |sum, more| async move { Ok(sum + more) }).await?;
        if placed + unlogged < commits {
            let left_out = crate::counts::counted(commits - placed - unlogged, "commit");
            let what = format!(
                "{left_out} of the event table are in no batch of the log table, and others behind them are"
            );
            found.take(of_log(what), &indicatif::ProgressBar::hidden())?;
        }
        found.add_lag(Lag::of_log(unlogged));
        Ok(())
    }
}

/// How many commits a product has behind a sequence.
async fn behind(log: &TableLog, product: &ProductId, mut after: u64) -> anyhow::Result<u64> {
    let mut count = 0;
    loop {
        let page = log.ports.journal.page(product, after, PAGE).await?;
        count += page.len() as u64;
        match page.last().filter(|_| page.len() == PAGE) {
            Some(last) => after = last.sequence()?,
            None => return Ok(count),
        }
    }
}

/// Reports what log and ledger differ in. A lost commit in whose place the event table has another one was rewritten.
pub(super) async fn report(
    differences: LedgerDifferences,
    log: &TableLog,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let bar = progress::looking("looking for what the log has: commits");
    for difference in differences.listed {
        let LedgerDifference::Lost { index, leaf, commits, .. } = &difference else {
            found.take(of_difference(difference, &Parents::default()), &bar)?;
            continue;
        };
        let hash = hex::encode(leaf.hash);
        let Some(BatchedCommit { product, sequence, .. }) = placed(log, *index).await? else {
            found.take(of_difference(difference, &Parents::default()), &bar)?;
            continue;
        };
        let there = log.ports.journal.newest(&product, sequence).await?;
        let there = there.filter(|there| there.sequence().is_ok_and(|at| at == sequence));
        let report = if let Some(carried) = there.as_ref().and_then(|there| there.text("hash").ok()) {
            let (seen, carried) = (format!("the commit {hash}"), carried.to_owned());
            let kind = FaultKind::Rewritten { seen_by: WitnessSource::Log, seen, carried };
            fault(product.as_str(), Some(sequence), kind)
        } else {
            let (newest, index, commits) = (sequence.saturating_sub(1), *index, *commits);
            fault(product.as_str(), None, FaultKind::OnlyLogged { commits, index, hash, newest })
        };
        found.take(report, &bar)?;
    }
    if differences.more > 0 {
        found.take(of_log(format!("{} more differ from the ledger", entries(differences.more))), &bar)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// The commit that the log table has at an index.
async fn placed(log: &TableLog, index: u64) -> anyhow::Result<Option<BatchedCommit>> {
    let batch = log.ports.table.batch_at(index).await?;
    Ok(batch.and_then(|batch| {
        let place = usize::try_from(index.checked_sub(batch.first)?).ok()?;
        batch.commits.into_iter().nth(place)
    }))
}
