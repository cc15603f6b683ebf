//! The tables of a ledger are verified product by product, several at once, in order of id.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use event_store::heads::Listing;
use event_store::verify::{Batch, Export, Ledger, Patience, Witness};
use event_store::{Journal, Receipts};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use schema::ProductId;

use super::found::Found;
use super::{VerifyArgs, file, views};
use crate::progress;

/// How long all receipts together are waited for that are on their way.
const PAUSES: u32 = 15;
const PAUSE: Duration = Duration::from_millis(200);

/// Rows of one page.
const ROWS: usize = 500;

/// Verifies the ledger, or one product of it.
pub(super) async fn verify(
    arguments: &VerifyArgs,
    mut seen: BTreeMap<String, Vec<Witness>>,
    found: &mut Found,
) -> anyhow::Result<()> {
    let ports = arguments.ledger.open().await?;
    if arguments.views {
        // Before the chains are read: what is committed meanwhile must not look cut off.
        let views = ports
            .views
            .context("--views: there is no file of the views; they are built at the next start")?;
        views::add(&*views, &mut seen).await?;
    }
    if !arguments.receipts
        && arguments.id.is_none()
        && let Some(newest) = ports.journal.newest_row().await?
    {
        let export = Export::witnessed(seen).of_rows();
        let bar = progress::commits(newest + 1);
        return file::chained(rows(ports.journal, newest), |batch| batch.len() as u64, export, found, &bar)
            .await;
    }
    let mut ledger = Ledger::of(ports.journal.clone()).witnessed(seen);
    let receipts = arguments.receipts.then_some(ports.receipts);
    if let Some(receipts) = &receipts {
        ledger = ledger.with_receipts(receipts.clone(), Patience::of(PAUSES, PAUSE));
    }
    if let Some(id) = &arguments.id {
        let bar = progress::looking("commits");
        let report = ledger.telling(telling(&bar)).product(id).await?;
        found.take(report, &bar)?;
        bar.finish_and_clear();
        return Ok(());
    }
    let looking = progress::looking("looking for products: commits");
    let listing = Listing::begin(ports.journal, |met| looking.set_position(met)).await?;
    looking.finish_and_clear();
    let bar = progress::commits(listing.commits());
    let ledger = ledger.telling(telling(&bar));
    let mut reports = ledger.clone().products(listing, file::at_once()).boxed();
    while let Some(report) = reports.try_next().await? {
        found.take(report, &bar)?;
    }
    drop(reports);
    if let Some(receipts) = receipts {
        gone(&ledger, &*receipts, &bar, found).await?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Products that have receipts and no commit: all their commits were removed.
async fn gone(
    ledger: &Ledger,
    receipts: &dyn Receipts,
    bar: &ProgressBar,
    found: &mut Found,
) -> anyhow::Result<()> {
    let mut after = String::new();
    while let Some(products) = receipts.products(&after, ROWS).await? {
        for product in products.iter().filter_map(|id| ProductId::new(id.as_str()).ok()) {
            let report = ledger.product(&product).await?;
            if report.commits == 0 {
                found.take(report, bar)?;
            }
        }
        match products.last().filter(|_| products.len() == ROWS) {
            Some(last) => after.clone_from(last),
            None => break,
        }
    }
    Ok(())
}

/// What a store that keeps lines has up to a position, in pages.
fn rows(journal: Arc<dyn Journal>, up_to: u64) -> impl Stream<Item = anyhow::Result<Batch>> + Send {
    stream::try_unfold((journal, Some(None)), move |(journal, from)| async move {
        let Some(after) = from else { return Ok(None) };
        let page = journal.rows(up_to, after, ROWS).await?.unwrap_or_default();
        let last = page.last().filter(|_| page.len() == ROWS);
        let next = last.map(|row| Some((row.product_id.clone(), row.sequence)));
        Ok(Some((Batch::of(page), (journal, next))))
    })
}

fn telling(bar: &ProgressBar) -> Arc<dyn Fn(u64) + Send + Sync> {
    let bar = bar.clone();
    Arc::new(move |commits| bar.inc(commits))
}
