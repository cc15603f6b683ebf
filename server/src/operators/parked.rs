//! Parked products: listed, and retried on request, including those that the schedule does not retry.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use event_store::announced::LOG_CONSUMER;
use event_store::{Parked, StoreError};
use publisher::CatchUpOutcome;
use schema::ProductId;
use sequencer::Sequencer;

use super::answer::{OperatorError, answer};
use super::context::OperatorContext;
use super::downstream::Downstream;
use super::protocol::{ListParked, RetriedProduct, RetryParked, RetrySummary};
use crate::backend::TableLog;
use crate::system::System;

/// How long one product's publication may take.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// How many rows are read at once.
const PAGE: usize = 100;

/// Answers with every row, by consumer and product.
pub(super) async fn list(State(context): State<OperatorContext>) -> Response {
    answer::<ListParked, _>(context.stopping, async move |_| Ok(rows(&context.system).await?))
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

/// Brings products up to date and releases them, with a line for each. Nothing is done if one of them does not exist.
pub(super) async fn retry(
    State(context): State<OperatorContext>,
    Json(retry): Json<RetryParked>,
) -> Response {
    answer::<RetryParked, _>(context.stopping, async move |progress| {
        let system = context.system;
        let parked: BTreeSet<ProductId> =
            rows(&system).await?.into_iter().map(|row| row.product_id).collect();
        for product in retry.products.difference(&parked) {
            must_exist(&system, product).await?;
        }
        let products = if retry.all { parked.clone() } else { retry.products };
        let mut still_parked = 0;
        for product in &products {
            let CatchUp { views_behind, not_published } =
                catch_up(&system, Downstream::Everything, product).await?;
            let not_logged = !logged(&system, product).await?;
            let released = views_behind == 0 && not_published.is_none() && !not_logged;
            still_parked += u64::from(!released);
            let (product_id, was_parked) = (product.clone(), parked.contains(product));
            let retried =
                RetriedProduct { product_id, released, views_behind, not_published, not_logged, was_parked };
            progress.finding(retried).await;
        }
        Ok(RetrySummary { retried: products.len(), still_parked })
    })
}

/// # Errors
/// [`OperatorError::Refused`] if the ledger has no commit of the product.
pub(super) async fn must_exist(system: &System, product: &ProductId) -> Result<(), OperatorError> {
    if system.journal.newest(product, u64::MAX).await?.is_some() {
        return Ok(());
    }
    Err(OperatorError::Refused(format!("there is no product {product}; nothing was done")))
}

/// Logs a product that is parked for the log of tables; whether it is not parked for it any more.
async fn logged(system: &System, product: &ProductId) -> Result<bool, StoreError> {
    let Some(TableLog { ports, .. }) = &system.table_log else { return Ok(true) };
    let Some(row) = ports.parking.of(LOG_CONSUMER, product).await? else { return Ok(true) };
    let web::ClockAndIds { clock, ids } = system.clock_and_ids.clone();
    let run = Sequencer::new(ports.clone(), clock, ids).retry(product).await?;
    if run.parked > 0 || run.is_beginning { Ok(false) } else { ports.parking.release(&row).await }
}

/// What is left of a product after projector and publisher have gone on with it.
pub(super) struct CatchUp {
    /// Views that are still behind.
    views_behind: usize,
    /// Why it could not be published, if so.
    pub(super) not_published: Option<String>,
}

/// The consumers go on with the product, as far as they can.
pub(super) async fn catch_up(
    system: &System,
    downstream: Downstream,
    product: &ProductId,
) -> Result<CatchUp, StoreError> {
    let mut done = CatchUp { views_behind: 0, not_published: None };
    if downstream != Downstream::Publication {
        done.views_behind = system.projector.retry(product).await?.still_parked;
    }
    if downstream != Downstream::Views
        && let CatchUpOutcome::Parked(trouble) = system.publisher.publish_product(product, TIME_LIMIT).await?
    {
        done.not_published = Some(trouble.reason);
    }
    Ok(done)
}
