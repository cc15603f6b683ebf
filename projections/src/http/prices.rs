//! `GET /products/{id}/prices`: which price was in force when, the lowest one of the 30 days before the newest change, and
//! the prior price of a reduction; never older than the client asks for, or as it was known at a moment.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::IntoResponse;
use schema::{Currency, Price, ProductId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Problem, ProblemKind, RequestContext, Scope};

use super::parameters::{Parameters, days, moment, whole, wrong};
use super::{Answer, Api, Id, Queries, answer, past, path_id};
use crate::cursor;
use crate::prices::{
    History, Period, Place, Prices, Reduction, Reference, Window, Zone, lowest_before_newest_change,
    reduction, reference, timeline,
};
use crate::projection::Stuck;

/// Days of the window in which a prior price is looked for, if the client does not say.
const DAYS: u16 = 30;

const PARAMETERS: &[&str] = &["as_of", "known_at", "min_version", "days", "time_zone", "anchor", "next"];

/// Periods of one page.
const PAGE: usize = 1_000;

/// Which price was in force when.
#[derive(Serialize, JsonSchema)]
pub(super) struct PriceHistory {
    /// The newest price's.
    currency: Option<Currency>,
    /// The price in force; `null` while the product is deleted, and before its first price.
    current: Option<Price>,
    /// Number of the last event that is in this answer, whether it touches the price or not.
    version: u64,
    /// The lowest price of the 30 days before the newest change; `null` without an earlier price.
    lowest_30_days: Option<Lowest>,
    /// Whether the price in force is a reduction; `null` while the product is deleted.
    reduction: Option<ShownReduction>,
    /// The prior price; `null` without a reduction or an anchor, and where the window has no price.
    reference: Option<ShownReference>,
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

/// How the price in force came about.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PriceReduction")]
struct ShownReduction {
    /// Whether it is lower than the one in force before it, in the same currency.
    is_reduction: bool,
    /// Since when it is in force.
    since: Timestamp,
    /// Since when prices went down without an increase in between.
    series_since: Timestamp,
}

/// The lowest price of a window (Directive 98/6/EC, article 6a).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReferencePrice")]
struct ShownReference {
    /// The price, in the currency of the answer.
    price: Price,
    /// Since when it was in force, perhaps before the window.
    since: Timestamp,
    /// Beginning of the window, which is part of it.
    from: Timestamp,
    /// End of the window, which is no part of it.
    to: Timestamp,
    /// The days that were asked for.
    #[schemars(range(min = 1, max = 365))]
    days: u16,
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

/// What is asked of the prices.
struct Question {
    /// By `occurred_at`.
    as_of: Option<Timestamp>,
    /// By `recorded_at`.
    known_at: Option<Timestamp>,
    min_version: u64,
    window: Window,
    anchor: Option<Timestamp>,
}

pub(super) async fn prices(State(queries): Api, id: Id, uri: Uri, context: RequestContext) -> Answer {
    context.require(Scope::Audit)?;
    let id = path_id(id)?;
    let mut parameters = Parameters::of(&uri, PARAMETERS)?;
    let next = parameters.optional("next", |text| Ok::<_, Infallible>(text.to_owned()))?;
    let question = Question::of(parameters)?;
    let pages = question.pages(&id);
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let after = next.map(|next| place(&pages, &next)).transpose()?;
    let history = match question.known_at {
        Some(known_at) => queries.prices_known_at(&id, known_at, question.min_version).await?,
        None => queries.prices(&id, question.min_version).await?,
    };
    Ok(Json(PriceHistory::of(&history, &question, after, &pages)).into_response())
}

impl Question {
    fn of(mut parameters: Parameters) -> Result<Self, Problem> {
        let days = parameters.optional("days", days)?.unwrap_or(DAYS);
        Ok(Self {
            as_of: parameters.optional("as_of", moment)?,
            known_at: parameters.optional("known_at", moment)?,
            min_version: parameters.optional("min_version", whole)?.unwrap_or(0),
            window: Window { days, zone: parameters.optional("time_zone", Zone::parse)? },
            anchor: parameters.optional("anchor", moment)?,
        })
    }

    /// What the pages of one timeline have in common.
    fn pages(&self, id: &ProductId) -> Vec<String> {
        let as_of = self.as_of.map(|moment| moment.to_string()).unwrap_or_default();
        let known_at = self.known_at.map(|moment| ["known_at".to_owned(), moment.to_string()]);
        let always = ["prices".to_owned(), id.to_string(), as_of];
        always.into_iter().chain(known_at.into_iter().flatten()).collect()
    }
}

impl Queries {
    /// From the view, and from the ledger what the view does not know yet of a new product or up to the least version.
    async fn prices(&self, id: &ProductId, least: u64) -> Result<History, Problem> {
        let generation = self.lineup().await?.prices.read;
        let seen = self.api.prices.history(generation, id).await.map_err(answer::unavailable)?;
        if seen.folded >= least.max(1) {
            return Ok(seen);
        }
        let history = self.gone_on(id, seen, None).await?;
        match history.folded {
            0 => Err(answer::unknown(id)),
            newest if newest < least => Err(answer::not_reached(newest)),
            _ => Ok(history),
        }
    }

    /// From the ledger alone: what was recorded by a moment. The least version has to exist, then or later.
    async fn prices_known_at(
        &self,
        id: &ProductId,
        known_at: Timestamp,
        least: u64,
    ) -> Result<History, Problem> {
        let history = self.gone_on(id, History::default(), Some(known_at)).await?;
        if history.folded < least {
            self.reached(id, least).await?;
        }
        if history.folded == 0 {
            let first = self.api.journal.page(id, 0, 1).await.map_err(answer::unavailable)?;
            return Err(first
                .first()
                .map_or_else(|| answer::unknown(id), |first| past::not_yet(id, known_at, first)));
        }
        Ok(history)
    }

    async fn gone_on(
        &self,
        id: &ProductId,
        history: History,
        known_at: Option<Timestamp>,
    ) -> Result<History, Problem> {
        let ledger = Prices::new(self.api.prices.clone(), Arc::clone(&self.api.journal));
        ledger.gone_on(id, history, known_at).await.map_err(|stuck| not_folded(id, &stuck))
    }
}

fn not_folded(id: &ProductId, stuck: &Stuck) -> Problem {
    tracing::error!(target: "ledger::query", product_id = id.as_str(), reason = stuck.reason, "prices cannot be folded");
    if stuck.retryable {
        Problem::unavailable("The store does not answer at the moment; try again.")
    } else {
        Problem::new(
            ProblemKind::Internal,
            format!("The history of product {id} cannot be read; `ledger verify {id}` says why."),
        )
    }
}

impl PriceHistory {
    fn of(history: &History, question: &Question, after: Option<Place>, pages: &[&str]) -> Self {
        let timeline = timeline(&history.entries, question.as_of);
        let newest = timeline.last();
        let first = after.map_or(0, |after| timeline.partition_point(|period| place_of(period) <= after));
        let page = &timeline[first..timeline.len().min(first + PAGE)];
        let last = page.last().filter(|_| first + PAGE < timeline.len());
        let window = &question.window;
        Self {
            currency: newest.map(|period| period.money.currency()),
            current: newest.filter(|period| period.to.is_none()).map(|period| period.money.price()),
            version: history.folded,
            lowest_30_days: lowest_before_newest_change(&timeline)
                .map(|period| Lowest { price: period.money.price(), since: period.from }),
            reduction: reduction(&timeline).map(ShownReduction::from),
            reference: reference(&timeline, window, question.anchor)
                .map(|reference| ShownReference::of(reference, window.days)),
            timeline: page.iter().map(shown).collect(),
            next: last.map(|period| cursor::encode(pages, &place_of(period).to_string())),
        }
    }
}

impl From<Reduction> for ShownReduction {
    fn from(Reduction { is_reduction, since, series_since }: Reduction) -> Self {
        Self { is_reduction, since, series_since }
    }
}

impl ShownReference {
    fn of(Reference { money, since, from, to }: Reference, days: u16) -> Self {
        Self { price: money.price(), since, from, to, days }
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
    text.as_deref().and_then(Place::parse).ok_or_else(|| wrong("next", &cursor::InvalidCursor))
}
