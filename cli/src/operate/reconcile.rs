//! Heads of the event table against views and publication: finds what never reached a function at all.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use event_store::Unavailable;
use event_store::heads::{Head, Listing};
use futures::TryStreamExt;
use schema::ProductId;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::asked::answer;
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
    behind: u64,
    repaired: u64,
}

/// Compares every product; a line of progress for each that is behind.
pub(super) async fn reconcile(State(system): State<Arc<System>>, Json(wanted): Json<Reconcile>) -> Response {
    answer(async move |progress| reconciled(&system, wanted.repair, |found| progress.tell(found)).await)
}

/// Brings every product up to date from the event table, without the stream.
///
/// # Errors
/// What cannot be read; it may be tried again.
pub(crate) async fn catch_up(system: &System) -> Result<(), String> {
    let done = reconciled(system, true, |_| {}).await.map_err(|error| error.to_string())?;
    tracing::warn!(
        products = done.products,
        behind = done.behind,
        repaired = done.repaired,
        "caught up from the event table"
    );
    Ok(())
}

async fn reconciled(system: &System, repair: bool, tell: impl Fn(&Value)) -> Result<Reconciled, Unavailable> {
    let listing = Listing::begin(system.journal.clone(), |_| {}).await?;
    let compared = listing.heads().map_ok(async |head| compared(system, &head, repair).await);
    let mut compared = std::pin::pin!(compared.try_buffer_unordered(PARALLEL));
    let mut done = Reconciled::default();
    while let Some(found) = compared.try_next().await? {
        done.products += 1;
        if let Some(found) = found {
            done.behind += 1;
            done.repaired += u64::from(found["repaired"] == true);
            tell(&found);
        }
    }
    Ok(done)
}

/// What of a product is behind its head, `None` if nothing is.
async fn compared(system: &System, head: &Head, repair: bool) -> Result<Option<Value>, Unavailable> {
    let Ok(product) = ProductId::new(head.product_id.clone()) else {
        return Ok(Some(
            json!({"product_id": head.product_id, "version": head.version, "behind": ["is no product id"]}),
        ));
    };
    let mut behind = views_behind(system, &product).await?;
    if let Some(published) = system.publisher.behind(&product, head.version).await? {
        behind.push(format!("publisher: published up to {published}"));
    }
    if behind.is_empty() {
        return Ok(None);
    }
    let mut found = json!({"product_id": product, "version": head.version, "behind": behind});
    if repair {
        let outcome = retried(system, &product).await?;
        found["repaired"] = outcome["released"].clone();
        found["not_published"] = outcome["not_published"].clone();
    }
    Ok(Some(found))
}

async fn views_behind(system: &System, product: &ProductId) -> Result<Vec<String>, Unavailable> {
    let lineup = system.views.lineup().await.map_err(|error| Unavailable(error.into()))?;
    let mut behind = Vec::new();
    for projection in &system.read_models {
        let view = projection.view();
        match projection.compare(lineup.of(view).read, product).await {
            Ok(None) => {}
            Ok(Some(difference)) => behind.push(format!("{}: {difference}", view.name())),
            Err(stuck) => behind.push(format!("{}: {}", view.name(), stuck.reason)),
        }
    }
    Ok(behind)
}
