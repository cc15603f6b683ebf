//! Reconciliation: compares the newest version of every product with the views and with its publication. It finds what never
//! reached a function, what a view shows differently from the ledger, and rows of views that belong to no product of it.
//!
//! The promise: a product counts as repaired only after a second comparison, after the repair, has found nothing.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use event_store::StoreError;
use event_store::heads::{Head, ProductListing};
use event_store::verify::RECEIPTS_REMEDY;
use futures::TryStreamExt;
use projections::projection::Difference;
use projections::rebuild::{MetRow, MetRows, unknown_rows};
use projections::views::View;
use schema::ProductId;

use super::answer::{ProgressSender, answer};
use super::context::OperatorContext;
use super::downstream::Downstream;
use super::parked;
use super::protocol::{Discrepancy, Reconcile, ReconcileSummary, Repair};
use crate::system::System;

/// How many products are compared at once.
const PARALLEL: usize = 8;

/// The result of one comparison of a product. What cannot be read differs.
#[derive(Default)]
struct Comparison {
    /// Consumers that are behind.
    behind: Vec<String>,
    /// Views whose content differs, which neither time nor a repair changes.
    differs: Vec<String>,
    /// The commands that correct it.
    remedy: BTreeSet<String>,
    /// What was met in each view, in the order of the read models.
    met: Vec<MetRow>,
    /// How many events the consumer that is behind furthest lacks.
    lacking: u64,
}

/// What was found of a product.
struct Compared {
    /// How it does not agree with its newest version, `None` if it does.
    found: Option<Discrepancy>,
    met: Vec<MetRow>,
    lacking: u64,
}

/// Compares every product, with a line for each that does not agree with the ledger, and for each row of a view that is of no
/// product of the ledger.
pub(super) async fn reconcile(
    State(context): State<OperatorContext>,
    Json(request): Json<Reconcile>,
) -> Response {
    answer::<Reconcile, _>(context.stopping, async move |progress| {
        let everything = Downstream::Everything;
        Ok(reconciled(&context.system, everything, request.repair, Some(&progress)).await?.0)
    })
}

/// Brings what a consumer writes of every product up to date from the event table, without the stream.
///
/// # Errors
/// Why it could not be read; try again.
pub(crate) async fn catch_up(
    system: &System,
    consumer: &'static str,
    downstream: Downstream,
) -> Result<(), String> {
    let caught_up = reconciled(system, downstream, true, None).await;
    let (done, events) = caught_up.map_err(|error| error.to_string())?;
    if done.behind + done.differing == 0 {
        tracing::info!(target: "ledger::operators", consumer, products = done.products, "caught up from the event table; nothing was missing");
        return Ok(());
    }
    tracing::warn!(target: "ledger::operators",
        consumer,
        events,
        products = done.products,
        behind = done.behind,
        differing = done.differing,
        repaired = done.repaired,
        left = done.left,
        "caught up from the event table"
    );
    Ok(())
}

/// Every discrepancy is sent to `progress`. Also returns how many events were missing downstream.
async fn reconciled(
    system: &System,
    downstream: Downstream,
    repair: bool,
    progress: Option<&ProgressSender<Reconcile>>,
) -> Result<(ReconcileSummary, u64), StoreError> {
    let listing = ProductListing::begin(system.journal.clone(), |_| {}).await?;
    let counted = async |head| {
        let Compared { found, met, lacking } = discrepancy(system, downstream, &head, repair).await?;
        let Some(found) = found else { return Ok((head.product_id, met, None)) };
        let repaired = found.repair.as_ref().is_some_and(|repair| repair.repaired);
        let counts = (!found.differs.is_empty(), repaired, lacking);
        // Here and not where they are counted: there, a slow reader would hold up the products in progress, each of which
        // is locked for other writers.
        if let Some(progress) = progress {
            progress.finding(found).await;
        }
        Ok((head.product_id, met, Some(counts)))
    };
    let counted = listing.heads().map_ok(counted);
    let mut counted = std::pin::pin!(counted.try_buffer_unordered(PARALLEL));
    let (mut done, mut events) = (ReconcileSummary::default(), 0);
    let mut met: Vec<MetRows> = system.read_models.iter().map(|_| MetRows::default()).collect();
    while let Some((product, rows, found)) = counted.try_next().await? {
        done.products += 1;
        for (met, row) in met.iter_mut().zip(rows) {
            met.add(&product, row);
        }
        if let Some((differs, repaired, lacking)) = found {
            events += lacking;
            done.differing += u64::from(differs);
            done.behind += u64::from(!differs);
            done.repaired += u64::from(repaired);
            done.left += u64::from(!repaired);
        }
    }
    if let Some(progress) = progress {
        for found in beside(system, &met, repair).await? {
            done.differing += 1;
            done.left += 1;
            progress.finding(found).await;
        }
    }
    Ok((done, events))
}

/// The rows of the views that no product of the ledger has, which only a rebuild removes.
async fn beside(system: &System, met: &[MetRows], repair: bool) -> Result<Vec<Discrepancy>, StoreError> {
    let lineup = system.views.generations().await?;
    let mut found = Vec::new();
    for (projection, met) in system.read_models.iter().zip(met) {
        let (view, journal) = (projection.view(), &*system.journal);
        let rows = unknown_rows(&**projection, journal, lineup.of(view).read, met).await?;
        found.extend(rows.into_iter().map(|(product_id, difference)| {
            let differs = vec![format!("{}: {difference}", view.name())];
            let left = differs.clone();
            let repair = repair.then_some(Repair { repaired: false, not_published: None, left });
            let remedy = BTreeSet::from([rebuild_of(view)]);
            Discrepancy { product_id, version: 0, behind: Vec::new(), differs, repair, remedy }
        }));
    }
    Ok(found)
}

/// The command that corrects a view.
fn rebuild_of(view: View) -> String {
    format!("ledger rebuild {}", view.name())
}

/// Compares a product with its newest version, and repairs it on request.
async fn discrepancy(
    system: &System,
    downstream: Downstream,
    head: &Head,
    repair: bool,
) -> Result<Compared, StoreError> {
    let (product_id, version) = (head.product_id.clone(), head.version);
    let Ok(product) = ProductId::new(product_id.clone()) else {
        let (behind, differs) = (Vec::new(), vec!["is no product id".to_owned()]);
        let remedy = BTreeSet::from(["ledger verify".to_owned()]);
        let found = Discrepancy { product_id, version, behind, differs, repair: None, remedy };
        return Ok(Compared { found: Some(found), met: Vec::new(), lacking: 0 });
    };
    let Comparison { behind, differs, remedy, mut met, lacking } =
        compare(system, downstream, &product, version).await?;
    if behind.is_empty() && differs.is_empty() {
        return Ok(Compared { found: None, met, lacking });
    }
    let mut found = Discrepancy { product_id, version, behind, differs, repair: None, remedy };
    if repair {
        let not_published = parked::catch_up(system, downstream, &product).await?.not_published;
        let Comparison { behind, differs, remedy, met: met_again, .. } =
            compare(system, downstream, &product, version).await?;
        met = met_again;
        let left = [behind, differs].concat();
        found.repair = Some(Repair { repaired: left.is_empty(), not_published, left });
        found.remedy = remedy;
    }
    Ok(Compared { found: Some(found), met, lacking })
}

/// Compares with what the ledger had at `version`: a product that has newer commits since is not behind because of them.
async fn compare(
    system: &System,
    downstream: Downstream,
    product: &ProductId,
    version: u64,
) -> Result<Comparison, StoreError> {
    let mut found = Comparison::default();
    if downstream != Downstream::Publication {
        compare_views(system, product, version, &mut found).await?;
    }
    if downstream != Downstream::Views {
        compare_publication(system, product, version, &mut found).await?;
    }
    Ok(found)
}

async fn compare_views(
    system: &System,
    product: &ProductId,
    version: u64,
    found: &mut Comparison,
) -> Result<(), StoreError> {
    let lineup = system.views.generations().await.map_err(|error| StoreError::new(error.into()))?;
    for projection in &system.read_models {
        let view = projection.view();
        let compared = projection.compare(lineup.of(view).read, product).await;
        found.met.push(compared.as_ref().map_or(MetRow::Absent, |seen| MetRow::of(seen.as_ref())));
        match compared {
            Ok(None) => {}
            Ok(Some(Difference::Behind { seen, .. })) if seen >= version => {}
            Ok(Some(lag)) if lag.is_lag() => {
                let seen = if let Difference::Behind { seen, .. } = lag { seen } else { 0 };
                found.lacking = found.lacking.max(version.saturating_sub(seen));
                found.behind.push(format!("{}: {lag}", view.name()));
            }
            Ok(Some(difference)) => {
                found.differs.push(format!("{}: {difference}", view.name()));
                found.remedy.insert(rebuild_of(view));
            }
            Err(error) => {
                found.behind.push(format!("{}: {}", view.name(), error.reason));
                found.remedy.insert(format!("ledger verify {product}"));
            }
        }
    }
    Ok(())
}

async fn compare_publication(
    system: &System,
    product: &ProductId,
    version: u64,
    found: &mut Comparison,
) -> Result<(), StoreError> {
    match system.publisher.behind(product, version).await {
        Ok(None) => {}
        Ok(Some(published)) => {
            found.lacking = found.lacking.max(version.saturating_sub(published));
            found.behind.push(format!("publisher: published up to {published}"));
        }
        Err(error) if error.is_unreadable() => {
            found.differs.push(format!("publisher: {error}; {RECEIPTS_REMEDY}"));
            found.remedy.insert(format!("ledger verify --receipts {product}"));
        }
        Err(error) => return Err(error),
    }
    Ok(())
}
