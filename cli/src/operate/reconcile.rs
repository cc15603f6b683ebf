//! Heads of the event table against views and publication: finds what never reached a function at all, and what shows
//! something else than the ledger.
//!
//! The promise: repaired is what was compared again after the repair and found in order, and nothing else.

use std::collections::BTreeSet;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use event_store::Unavailable;
use event_store::heads::{Head, Listing};
use futures::TryStreamExt;
use projections::projection::Difference;
use schema::ProductId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Desk;
use super::asked::{Progress, answer};
use super::parked::retried;
use crate::system::System;

/// How many products are compared at once.
const PARALLEL: usize = 8;

/// Whether to repair what is behind.
#[derive(Deserialize)]
pub(super) struct Reconcile {
    repair: bool,
}

/// What came of it.
#[derive(Default, Serialize)]
struct Reconciled {
    products: u64,
    /// Products that a view or the publication has not come to the end of.
    behind: u64,
    /// Products of which a view shows something else than the ledger.
    differing: u64,
    /// Products that were found in order after a repair.
    repaired: u64,
    /// Products that are behind or differ still.
    left: u64,
}

/// What of a product is not as the ledger says.
#[derive(Default)]
struct Found {
    /// What lags.
    behind: Vec<String>,
    /// What time and a repair cannot heal.
    differs: Vec<String>,
    /// The commands that can.
    remedies: BTreeSet<String>,
}

/// Compares every product; a line for each that is not as the ledger says.
pub(super) async fn reconcile(State(desk): State<Desk>, Json(wanted): Json<Reconcile>) -> Response {
    answer(desk.stopping, async move |progress| {
        Ok(reconciled(&desk.system, wanted.repair, Some(&progress)).await?)
    })
}

/// Brings every product up to date from the event table, without the stream.
///
/// # Errors
/// What cannot be read; it may be tried again.
pub(crate) async fn catch_up(system: &System) -> Result<(), String> {
    let done = reconciled(system, true, None).await.map_err(|error| error.to_string())?;
    tracing::warn!(target: "ledger::operators",
        products = done.products,
        behind = done.behind,
        differing = done.differing,
        repaired = done.repaired,
        left = done.left,
        "caught up from the event table"
    );
    Ok(())
}

/// Every product that is not as the ledger says is told to `progress`.
async fn reconciled(
    system: &System,
    repair: bool,
    progress: Option<&Progress>,
) -> Result<Reconciled, Unavailable> {
    let listing = Listing::begin(system.journal.clone(), |_| {}).await?;
    let told = async |head| {
        let found = compared(system, &head, repair).await?;
        // Here and not where they are counted: what is under way with other products stands still there, with all it holds.
        if let (Some(progress), Some(found)) = (progress, &found) {
            progress.found(found).await;
        }
        Ok(found)
    };
    let compared = listing.heads().map_ok(told);
    let mut compared = std::pin::pin!(compared.try_buffer_unordered(PARALLEL));
    let mut done = Reconciled::default();
    while let Some(found) = compared.try_next().await? {
        done.products += 1;
        if let Some(found) = found {
            let differs = found.get("differs").is_some();
            let repaired = found["repaired"] == true;
            done.differing += u64::from(differs);
            done.behind += u64::from(!differs);
            done.repaired += u64::from(repaired);
            done.left += u64::from(!repaired);
        }
    }
    Ok(done)
}

/// What of a product is not as its head says, `None` if nothing is.
async fn compared(system: &System, head: &Head, repair: bool) -> Result<Option<Value>, Unavailable> {
    let Ok(product) = ProductId::new(head.product_id.clone()) else {
        let told = json!({"product_id": head.product_id, "version": head.version, "behind": [],
            "differs": ["is no product id"], "remedy": ["ledger verify"]});
        return Ok(Some(told));
    };
    let first = look(system, &product, head.version).await?;
    if first.is_nothing() {
        return Ok(None);
    }
    let mut told = json!({"product_id": product, "version": head.version, "behind": first.behind});
    let mut remedies = first.remedies;
    if !first.differs.is_empty() {
        told["differs"] = json!(first.differs);
    }
    if repair {
        let outcome = retried(system, &product).await?;
        let left = look(system, &product, head.version).await?;
        told["repaired"] = json!(left.is_nothing());
        told["not_published"] = outcome["not_published"].clone();
        if !left.is_nothing() {
            told["left"] = json!(left.behind.iter().chain(&left.differs).collect::<Vec<_>>());
        }
        remedies = left.remedies;
    }
    if !remedies.is_empty() {
        told["remedy"] = json!(remedies);
    }
    Ok(Some(told))
}

/// Compares with what the ledger had at `version`; a product that went on meanwhile is not behind because of that.
async fn look(system: &System, product: &ProductId, version: u64) -> Result<Found, Unavailable> {
    let lineup = system.views.generations().await?;
    let mut found = Found::default();
    for projection in &system.read_models {
        let view = projection.view();
        match projection.compare(lineup.of(view).read, product).await {
            Ok(None) => {}
            Ok(Some(Difference::Behind { seen, .. })) if seen >= version => {}
            Ok(Some(lag)) if lag.is_lag() => found.behind.push(format!("{}: {lag}", view.name())),
            Ok(Some(difference)) => {
                found.differs.push(format!("{}: {difference}", view.name()));
                found.remedies.insert(format!("ledger rebuild {}", view.name()));
            }
            Err(stuck) => {
                found.behind.push(format!("{}: {}", view.name(), stuck.reason));
                found.remedies.insert(format!("ledger verify {product}"));
            }
        }
    }
    if let Some(published) = system.publisher.behind(product, version).await? {
        found.behind.push(format!("publisher: published up to {published}"));
    }
    Ok(found)
}

impl Found {
    fn is_nothing(&self) -> bool {
        self.behind.is_empty() && self.differs.is_empty()
    }
}
