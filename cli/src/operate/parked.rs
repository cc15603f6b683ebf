//! Parked products: listed, and retried on request whether time could heal them or not.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use event_store::{Parked, Unavailable};
use publisher::CaughtUp;
use schema::ProductId;
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::answer;
use crate::system::System;

/// How long one product's publication may take.
const TIME_LIMIT: Duration = Duration::from_mins(1);
/// How many rows are read at once.
const PAGE: usize = 100;

/// Every row, by consumer and product.
pub(super) async fn list(State(system): State<Arc<System>>) -> Response {
    answer(async move |_| {
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
        Ok::<Vec<Parked>, Unavailable>(rows)
    })
}

/// Which products.
#[derive(Deserialize)]
pub(super) struct Retry {
    products: Vec<ProductId>,
}

/// Brings products up to date and releases them; one line of progress for each.
pub(super) async fn retry(State(system): State<Arc<System>>, Json(retry): Json<Retry>) -> Response {
    answer(async move |progress| {
        let mut still_parked = 0;
        for product in retry.products {
            let outcome = retried(&system, &product).await?;
            still_parked += u64::from(outcome["released"] == false);
            progress.tell(&outcome);
        }
        Ok::<_, Unavailable>(json!({"still_parked": still_parked}))
    })
}

/// Both consumers go on with the product, as far as they can.
pub(super) async fn retried(system: &System, product: &ProductId) -> Result<Value, Unavailable> {
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
