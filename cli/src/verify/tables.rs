//! Verifies the tables of a ledger product by product, several in parallel, in order of id.

use std::collections::BTreeMap;
use std::sync::Arc;

use event_store::Journal;
use event_store::heads::ProductListing;
use event_store::poll::PollPolicy;
use event_store::verify::{ExportVerifier, JournalVerifier, LineBatch, Witness};
use futures::{Stream, StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use schema::ProductId;

use super::arguments::VerifyArgs;
use super::lag::{Horizon, Lag};
use super::report::VerifyReport;
use super::views::{ShownViews, ViewComparison};
use super::{file, files, log, views};
use crate::read_only::{ReadOnlyPorts, ReadOnlyViews};
use crate::{out, progress};

/// Rows of one page.
const ROWS: usize = 500;

/// Verifies the ledger, or one product of it.
pub(super) async fn verify(
    arguments: &VerifyArgs,
    mut seen: BTreeMap<String, Vec<Witness>>,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let ports = arguments.ledger.open().await?;
    if let (Err(lost), false) = (ports.receipts(), arguments.receipts) {
        out::message(format_args!("without receipts: {lost}"));
    }
    if arguments.views {
        let views = ports.views.as_ref().map_err(|none| anyhow::anyhow!("--views: {none}"))?;
        // Before the chains are read: commits recorded meanwhile must not look removed.
        let shown = views::add(&*views.products, &mut seen).await?;
        found.remember_products();
        commits(arguments, &ports, seen, found).await?;
        shown_as_recorded(arguments, &ports, (views, shown), found).await?;
    } else {
        commits(arguments, &ports, seen, found).await?;
    }
    if let Some(files) = ports.files.as_ref().filter(|_| arguments.id.is_none()) {
        files::verify(files, &ports, arguments, found).await?;
    }
    if arguments.log {
        log::verify_ledger(arguments, &ports, found).await?;
    }
    Ok(())
}

/// Compares the views with the commits.
async fn shown_as_recorded(
    arguments: &VerifyArgs,
    ports: &ReadOnlyPorts,
    (views, shown): (&ReadOnlyViews, ShownViews),
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let waiting = progress::looking("comparing the views");
    let (products, restore_first) = (found.products(), found.commits_have_faults());
    for report in shown.faults(arguments.id.as_ref(), restore_first) {
        found.take(report, &waiting)?;
    }
    let shown = arguments.id.is_none().then_some(shown.rows);
    let horizon = async || match (&ports.feed, &views.projector) {
        (Some(feed), Some(projector)) => Ok(Horizon::of_checkpoint(&**feed, &**projector).await?),
        _ => Ok(Horizon::of_stream()),
    };
    let comparison = ViewComparison::of(views, &ports.journal, restore_first);
    let compared = comparison.run(products, shown, arguments.polling(), horizon).await?;
    for report in compared.faults {
        found.take(report, &waiting)?;
    }
    found.add_lag(Lag::of_views(compared.behind));
    waiting.finish_and_clear();
    Ok(())
}

/// Verifies the chains, and the receipts if requested.
async fn commits(
    arguments: &VerifyArgs,
    ports: &ReadOnlyPorts,
    seen: BTreeMap<String, Vec<Witness>>,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    if !arguments.receipts
        && arguments.id.is_none()
        && let Some(newest) = ports.journal.newest_row().await?
    {
        let export = ExportVerifier::witnessed(seen).of_rows();
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
    let mut ledger = JournalVerifier::of(ports.journal.clone()).witnessed(seen);
    if arguments.receipts {
        ledger = ledger.with_receipts(ports.receipts()?);
    }
    if let Some(id) = &arguments.id {
        let bar = progress::looking("commits");
        let report = ledger.clone().with_progress(telling(&bar)).product(id).await?;
        found.take(report, &bar)?;
        bar.finish_and_clear();
    } else {
        products(&ledger, ports, arguments.receipts, found).await?;
    }
    if arguments.receipts {
        let lag = published(&ledger, ports, arguments.polling(), found).await?;
        found.add_lag(lag);
    }
    Ok(())
}

/// Verifies all products.
async fn products(
    ledger: &JournalVerifier,
    ports: &ReadOnlyPorts,
    with_receipts: bool,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let looking = progress::looking("looking for products: commits");
    let listing = ProductListing::begin(ports.journal.clone(), |met| looking.set_position(met)).await?;
    looking.finish_and_clear();
    let bar = progress::commits(listing.commits());
    let ledger = ledger.clone().with_progress(telling(&bar));
    let mut reports = ledger.clone().products(listing, crate::export_file::at_once()).boxed();
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

/// Waits for events that are being published; those that the publisher has passed are faults, the others its lag.
async fn published(
    ledger: &JournalVerifier,
    ports: &ReadOnlyPorts,
    policy: PollPolicy,
    found: &mut VerifyReport,
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
        // Once more: what the publisher has done until then is visible now.
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

/// Reports products that have receipts but no commits: all their commits were removed.
async fn gone(
    ledger: &JournalVerifier,
    ports: &ReadOnlyPorts,
    bar: &ProgressBar,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let (receipts, mut after) = (ports.receipts()?, String::new());
    while let Some(products) = receipts.products(&after, ROWS).await? {
        for id in &products {
            let Ok(product) = ProductId::new(id.as_str()) else {
                let what = "receipts or a mark are there, and it is no product id".to_owned();
                found.take(files::unexpected(id, None, what), bar)?;
                continue;
            };
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

/// The rows up to a position, in pages, of a store that keeps lines.
fn rows(journal: Arc<dyn Journal>, up_to: u64) -> impl Stream<Item = anyhow::Result<LineBatch>> + Send {
    stream::try_unfold((journal, Some(None)), move |(journal, from)| async move {
        let Some(after) = from else { return Ok(None) };
        let page = journal.rows(up_to, after, ROWS).await?.unwrap_or_default();
        let last = page.last().filter(|_| page.len() == ROWS);
        let next = last.map(|row| Some((row.product_id.clone(), row.sequence)));
        Ok(Some((LineBatch::of(page), (journal, next))))
    })
}

fn telling(bar: &ProgressBar) -> Arc<dyn Fn(u64) + Send + Sync> {
    let bar = bar.clone();
    Arc::new(move |commits| bar.inc(commits))
}
