//! The tables of a ledger are verified product by product, several at once, in order of id.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context;
use event_store::Journal;
use event_store::heads::Listing;
use event_store::poll::PollPolicy;
use event_store::verify::{Batch, Export, Ledger, Witness};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use schema::ProductId;

use super::found::Found;
use super::lag::{Horizon, Lag};
use super::orders::Shown;
use super::views::Comparison;
use super::{VerifyArgs, file, views};
use crate::progress;
use crate::read_only::{Ports, ReadViews};

/// Rows of one page.
const ROWS: usize = 500;

/// Verifies the ledger, or one product of it.
pub(super) async fn verify(
    arguments: &VerifyArgs,
    mut seen: BTreeMap<String, Vec<Witness>>,
    found: &mut Found,
) -> anyhow::Result<()> {
    let ports = arguments.ledger.open().await?;
    if !arguments.views {
        return commits(arguments, &ports, seen, found).await;
    }
    let views = ports
        .views
        .as_ref()
        .context("--views: there is no file of the views; they are built at the next start")?;
    // Before the chains are read: what is committed meanwhile must not look cut off.
    let shown = views::add(&*views.products, &mut seen).await?;
    found.remember_products();
    commits(arguments, &ports, seen, found).await?;
    shown_as_recorded(arguments, &ports, (views, shown), found).await
}

/// Compares what is shown with what is recorded.
async fn shown_as_recorded(
    arguments: &VerifyArgs,
    ports: &Ports,
    (views, shown): (&ReadViews, Shown),
    found: &mut Found,
) -> anyhow::Result<()> {
    let waiting = progress::looking("comparing the views");
    let products = found.products();
    let shown = arguments.id.is_none().then_some(shown);
    let horizon = async || match (&ports.feed, &views.projector) {
        (Some(feed), Some(projector)) => Ok(Horizon::of_checkpoint(&**feed, &**projector).await?),
        _ => Ok(Horizon::of_stream()),
    };
    let comparison = Comparison::of(views, &ports.journal);
    let compared = comparison.run(products, shown, arguments.polling(), horizon).await?;
    for report in compared.faults {
        found.take(report, &waiting)?;
    }
    found.lags(Lag::of_views(compared.behind));
    waiting.finish_and_clear();
    Ok(())
}

/// Verifies the chains, and the receipts where that is asked for.
async fn commits(
    arguments: &VerifyArgs,
    ports: &Ports,
    seen: BTreeMap<String, Vec<Witness>>,
    found: &mut Found,
) -> anyhow::Result<()> {
    if !arguments.receipts
        && arguments.id.is_none()
        && let Some(newest) = ports.journal.newest_row().await?
    {
        let export = Export::witnessed(seen).of_rows();
        let bar = progress::commits(newest + 1);
        return file::chained(
            rows(ports.journal.clone(), newest),
            |batch| batch.len() as u64,
            export,
            found,
            &bar,
        )
        .await;
    }
    let mut ledger = Ledger::of(ports.journal.clone()).witnessed(seen);
    if arguments.receipts {
        ledger = ledger.with_receipts(ports.receipts.clone());
    }
    if let Some(id) = &arguments.id {
        let bar = progress::looking("commits");
        let report = ledger.clone().telling(telling(&bar)).product(id).await?;
        found.take(report, &bar)?;
        bar.finish_and_clear();
    } else {
        products(&ledger, ports, arguments.receipts, found).await?;
    }
    if arguments.receipts {
        let lag = published(&ledger, ports, arguments.polling(), found).await?;
        found.lags(lag);
    }
    Ok(())
}

/// Verifies all products.
async fn products(
    ledger: &Ledger,
    ports: &Ports,
    with_receipts: bool,
    found: &mut Found,
) -> anyhow::Result<()> {
    let looking = progress::looking("looking for products: commits");
    let listing = Listing::begin(ports.journal.clone(), |met| looking.set_position(met)).await?;
    looking.finish_and_clear();
    let bar = progress::commits(listing.commits());
    let ledger = ledger.clone().telling(telling(&bar));
    let mut reports = ledger.clone().products(listing, file::at_once()).boxed();
    while let Some(report) = reports.try_next().await? {
        found.take(report, &bar)?;
    }
    drop(reports);
    if with_receipts {
        gone(&ledger, ports, &bar, found).await?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Waits for what is on its way to the bus; what the publisher has passed and left is a fault, the rest is its lag.
async fn published(
    ledger: &Ledger,
    ports: &Ports,
    policy: PollPolicy,
    found: &mut Found,
) -> anyhow::Result<Lag> {
    let waiting = progress::looking("waiting for the publisher");
    let settled = ledger.settle(policy).await?;
    for report in settled.faults {
        found.take(report, &waiting)?;
    }
    let mut lag = Lag::default();
    if !settled.unpublished.is_empty() || settled.more > 0 {
        let horizon = match (&ports.feed, &ports.publisher) {
            (Some(feed), Some(publisher)) => Horizon::of_checkpoint(&**feed, &**publisher).await?,
            _ => Horizon::of_stream(),
        };
        // Looked at once more: what the publisher did until then is there now.
        let settled = ledger.settle(PollPolicy::once()).await?;
        let passed;
        (lag, passed) = Lag::of(settled, &horizon);
        for event in passed {
            found.take(event.fault(), &waiting)?;
        }
    }
    waiting.finish_and_clear();
    Ok(lag)
}

/// Products that have receipts and no commit: all their commits were removed.
async fn gone(ledger: &Ledger, ports: &Ports, bar: &ProgressBar, found: &mut Found) -> anyhow::Result<()> {
    let mut after = String::new();
    while let Some(products) = ports.receipts.products(&after, ROWS).await? {
        for product in products.iter().filter_map(|id| ProductId::new(id.as_str()).ok()) {
            if ports.journal.newest(&product, u64::MAX >> 1).await?.is_none() {
                found.take(ledger.product(&product).await?, bar)?;
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
