//! `GET /products/{id}/prices`: which price was in force when, and the lowest one of the 30 days before the newest change.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::IntoResponse;
use schema::http::{Kind, Problem, RequestContext, Scope};
use schema::{Currency, Price, ProductId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;

use super::parameters::{Parameters, malformed, moment};
use super::{Answer, Api, Id, Queries, answer, path_id};
use crate::cursor;
use crate::prices::{History, Period, Place, Prices, lowest_before_newest_change, timeline};

/// Periods of one page.
const PAGE: usize = 1_000;

/// Which price was in force when.
#[derive(Serialize, JsonSchema)]
pub(super) struct PriceHistory {
    /// The newest price's.
    currency: Option<Currency>,
    /// The price in force; `null` while the product is deleted.
    current: Option<Price>,
    /// The lowest price of the 30 days before the newest change; `null` without an earlier price.
    lowest_30_days: Option<Lowest>,
    /// Oldest first.
    timeline: Vec<Shown>,
    /// The value for `next` of the next page, if there is one.
    next: Option<String>,
}

/// A price, and since when it was in force.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LowestPrice")]
struct Lowest {
    /// The price.
    price: Price,
    /// Since when it was in force.
    since: Timestamp,
}

/// A time in which one price was in force.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PricePeriod")]
struct Shown {
    /// The price.
    price: Price,
    /// Its currency.
    currency: Currency,
    /// From this moment on.
    from: Timestamp,
    /// Up to this moment; `null`: still.
    to: Option<Timestamp>,
    /// Number of the event that brought it.
    sequence: u64,
}

pub(super) async fn prices(State(queries): Api, id: Id, uri: Uri, context: RequestContext) -> Answer {
    context.require(Scope::Audit)?;
    let id = path_id(id)?;
    let mut parameters = Parameters::of(&uri, &["as_of", "next"])?;
    let as_of = parameters.optional("as_of", moment)?;
    let next = parameters.optional("next", |text| Ok::<_, Infallible>(text.to_owned()))?;
    let moment = as_of.map(|moment| moment.to_string()).unwrap_or_default();
    let query = ["prices", id.as_str(), &moment];
    let after = next.map(|next| place(&query, &next)).transpose()?;
    let history = queries.price_history(&id).await?;
    Ok(Json(PriceHistory::of(&timeline(&history.entries, as_of), after, &query)).into_response())
}

impl Queries {
    /// From the view, or from the ledger when the view does not know the product yet.
    async fn price_history(&self, id: &ProductId) -> Result<History, Problem> {
        let generation = self.lineup().await?.prices.read;
        let history = self.api.prices.history(generation, id).await;
        let history = history.map_err(answer::unavailable)?;
        if history.folded > 0 {
            return Ok(history);
        }
        let ledger = Prices::new(self.api.prices.clone(), Arc::clone(&self.api.journal));
        let history = ledger.from_the_ledger(id).await.map_err(|stuck| {
            tracing::error!(product_id = id.as_str(), reason = stuck.reason, "prices cannot be folded");
            if stuck.retryable {
                Problem::unavailable("The store does not answer at the moment; try again.")
            } else {
                Problem::new(
                    Kind::Internal,
                    format!("The history of product {id} cannot be read; `ledger verify {id}` says why."),
                )
            }
        })?;
        if history.folded == 0 {
            return Err(answer::unknown(id));
        }
        Ok(history)
    }
}

impl PriceHistory {
    fn of(timeline: &[Period], after: Option<Place>, query: &[&str]) -> Self {
        let newest = timeline.last();
        let first = after.map_or(0, |after| timeline.partition_point(|period| place_of(period) <= after));
        let page = &timeline[first..timeline.len().min(first + PAGE)];
        let last = page.last().filter(|_| first + PAGE < timeline.len());
        Self {
            currency: newest.map(|period| period.money.currency()),
            current: newest.filter(|period| period.to.is_none()).map(|period| period.money.price()),
            lowest_30_days: lowest_before_newest_change(timeline)
                .map(|period| Lowest { price: period.money.price(), since: period.from }),
            timeline: page.iter().map(shown).collect(),
            next: last.map(|period| cursor::encode(query, &place_of(period).to_string())),
        }
    }
}

fn shown(period: &Period) -> Shown {
    Shown {
        price: period.money.price(),
        currency: period.money.currency(),
        from: period.from,
        to: period.to,
        sequence: period.sequence,
    }
}

fn place_of(period: &Period) -> Place {
    Place { at: period.from, sequence: period.sequence }
}

fn place(query: &[&str], next: &str) -> Result<Place, Problem> {
    let text = cursor::decode(query, next).ok();
    text.as_deref()
        .and_then(Place::parse)
        .ok_or_else(|| malformed(format!("The query parameter next: {}.", cursor::InvalidCursor)))
}
