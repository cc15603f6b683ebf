//! Parked products: listed, and retried on request whether time could heal them or not.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use event_store::{Parked, StoreError};
use publisher::CaughtUp;
use schema::ProductId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Desk;
use super::asked::{Undone, answer};
use crate::system::System;

/// How long one product's publication may take.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// How many rows are read at once.
const PAGE: usize = 100;

/// Every row, by consumer and product.
pub(super) async fn list(State(desk): State<Desk>) -> Response {
    answer(desk.stopping, async move |_| Ok(rows(&desk.system).await?))
}

async fn rows(system: &System) -> Result<Vec<Parked>, StoreError> {
    let mut rows = Vec::new();
    for (consumer, parking) in system.consumers() {
        let mut after = None;
        loop {
            let page = parking.list(consumer, after.as_ref(), PAGE).await?;
            after = page.last().map(|row| row.product_id.clone());
            let last = page.len() < PAGE;
            rows.extend(page);
            if last {
                break;
            }
        }
    }
    Ok(rows)
}

/// Which products: those that are named, or all that are parked.
#[derive(Deserialize)]
pub(super) struct Retry {
    #[serde(default)]
    products: BTreeSet<ProductId>,
    #[serde(default)]
    all: bool,
}

/// Brings products up to date and releases them; one line for each. Nothing is done if one of them is not
/// known.
pub(super) async fn retry(State(desk): State<Desk>, Json(retry): Json<Retry>) -> Response {
    answer(desk.stopping, async move |progress| {
        let system = desk.system;
        let parked: BTreeSet<ProductId> =
            rows(&system).await?.into_iter().map(|row| row.product_id).collect();
        for product in retry.products.difference(&parked) {
            must_exist(&system, product).await?;
        }
        let products = if retry.all { parked.clone() } else { retry.products };
        let mut still_parked = 0;
        for product in &products {
            let mut outcome = retried(&system, product).await?;
            still_parked += u64::from(outcome["released"] == false);
            outcome["was_parked"] = parked.contains(product).into();
            progress.found(&outcome).await;
        }
        Ok(json!({"retried": products.len(), "still_parked": still_parked}))
    })
}

/// # Errors
/// [`Undone::Refused`] where the ledger has no commit of the product.
pub(super) async fn must_exist(system: &System, product: &ProductId) -> Result<(), Undone> {
    if system.journal.newest(product, u64::MAX).await?.is_some() {
        return Ok(());
    }
    Err(Undone::Refused(format!("there is no product {product}; nothing was done")))
}

/// Both consumers go on with the product, as far as they can.
pub(super) async fn retried(system: &System, product: &ProductId) -> Result<Value, StoreError> {
    let views = system.projector.retry(product).await?;
    let published = system.publisher.publish_product(product, TIME_LIMIT).await?;
    let reason = match &published {
        CaughtUp::UpTo(_) => None,
        CaughtUp::Parked(trouble) => Some(trouble.reason.clone()),
    };
    let released = views.still_parked == 0 && reason.is_none();
    Ok(
        json!({"product_id": product, "released": released, "views_behind": views.still_parked, "not_published": reason}),
    )
}
