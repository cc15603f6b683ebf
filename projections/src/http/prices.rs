//! `GET /products/{id}/prices`: which price was in force when, the lowest one in the 30 days before the newest change, and the
//! prior price of a reduction; never older than the client asks for, or as known at a given time.

use std::convert::Infallible;
use std::sync::Arc;

use async_trait::async_trait;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::IntoResponse;
use schema::{Currency, Price, ProductId, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use web::{Problem, ProblemKind, QueryParameters, RequestContext, Scope, wrong_parameter};

use super::answer::Stored;
use super::csv::{CsvEntry, CsvListing, CsvPart, CsvRequest, Row};
use super::parameters::{days, limit_to, moment, whole};
use super::product::not_yet;
use super::{Answer, Api, Id, Queries, answer, path_id};
use crate::cursor;
use crate::prices::{
    PriceHistory, PricePeriod, PriceReduction, PriceWindow, Prices, PriorPrice, TimelinePosition, Zone,
    lowest_before_newest_change, prior_price, reduction, timeline,
};
use crate::projection::ProjectionError;
use crate::views::View;

/// Default number of days in the window for the prior price.
const DAYS: u16 = 30;

/// The maximum number of periods in a page, and the number without `limit`.
const PAGE: usize = 1_000;

/// The price history of a product.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PriceHistory")]
pub(super) struct PricesBody {
    /// The currency of the newest price.
    currency: Option<Currency>,
    /// The price in force; `null` while the product is deleted, and before its first price.
    current: Option<Price>,
    /// Sequence of the last event included, whether or not it affects the price.
    version: u64,
    /// The lowest price in the 30 days before the newest change; `null` without an earlier price.
    lowest_30_days: Option<LowestPriceBody>,
    /// Whether the price in force is a reduction; `null` while the product is deleted.
    reduction: Option<ReductionBody>,
    /// The prior price; `null` without a reduction or an anchor, and if there is no price in the window.
    reference: Option<PriorPriceBody>,
    /// Oldest first.
    timeline: Vec<PeriodBody>,
    /// The value of `next` for the next page, if there is one.
    next: Option<String>,
}

/// A price and when it came into force.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LowestPrice")]
struct LowestPriceBody {
    /// The price.
    price: Price,
    /// When it came into force.
    since: Timestamp,
}

/// How the price in force compares with the ones before it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PriceReduction")]
struct ReductionBody {
    /// Whether it is lower than the price before it, in the same currency.
    is_reduction: bool,
    /// When it came into force.
    since: Timestamp,
    /// When the series of reductions began that led to it, without an increase in between.
    series_since: Timestamp,
}

/// The lowest price in a window (Directive 98/6/EC, article 6a).
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReferencePrice")]
struct PriorPriceBody {
    /// The price, in the currency of the response.
    price: Price,
    /// When it came into force, possibly before the window.
    since: Timestamp,
    /// Start of the window, inclusive.
    from: Timestamp,
    /// End of the window, exclusive.
    to: Timestamp,
    /// The requested length of the window, in days.
    #[schemars(range(min = 1, max = 365))]
    days: u16,
}

/// A period in which one price was in force.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PricePeriod")]
struct PeriodBody {
    /// The price.
    price: Price,
    /// Its currency.
    currency: Currency,
    /// Start of the period, inclusive.
    from: Timestamp,
    /// End of the period, exclusive; `null` while it lasts.
    to: Option<Timestamp>,
    /// Sequence of the event that started it.
    sequence: u64,
}

/// The parameters of the query.
struct PricesQuery {
    /// By `occurred_at`.
    as_of: Option<Timestamp>,
    /// By `recorded_at`.
    known_at: Option<Timestamp>,
    min_version: u64,
    window: PriceWindow,
    anchor: Option<Timestamp>,
}

pub(super) async fn prices(
    State(queries): Api,
    id: Id,
    mut parameters: QueryParameters,
    context: RequestContext,
    headers: HeaderMap,
    uri: Uri,
) -> Answer {
    context.require(Scope::Audit)?;
    let id = path_id(id)?;
    let stopping = queries.api.stopping.clone();
    let csv = CsvRequest::read(&mut parameters, &headers, stopping.is_some())?;
    let limit = parameters.optional("limit", limit_to(PAGE))?.unwrap_or(PAGE);
    let next = parameters.optional("next", |text| Ok::<_, Infallible>(text.to_owned()))?;
    let query = PricesQuery::of(parameters)?;
    let pages = query.pages(&id);
    let after = next.map(|next| position(&pages, &next)).transpose()?;
    let history = match query.known_at {
        Some(known_at) => queries.prices_known_at(&id, known_at, query.min_version).await?,
        None => queries.prices(&id, query.min_version).await?,
    };
    let timeline = timeline(&history.entries, query.as_of);
    let first = after.map_or(0, |after| timeline.partition_point(|period| position_of(period) <= after));
    let periods = PeriodTable { timeline, first, pages };
    match csv {
        Some(csv) => csv.answer(periods, &uri, stopping).await,
        None => Ok(Json(PricesBody::of(history.folded, &query, periods, limit)).into_response()),
    }
}

impl PricesQuery {
    fn of(mut parameters: QueryParameters) -> Result<Self, Problem> {
        let days = parameters.optional("days", days)?.unwrap_or(DAYS);
        Ok(Self {
            as_of: parameters.optional("as_of", moment)?,
            known_at: parameters.optional("known_at", moment)?,
            min_version: parameters.optional("min_version", whole)?.unwrap_or(0),
            window: PriceWindow { days, zone: parameters.optional("time_zone", Zone::parse)? },
            anchor: parameters.optional("anchor", moment)?,
        })
    }

    /// What the cursors of one timeline depend on.
    fn pages(&self, id: &ProductId) -> Vec<String> {
        let as_of = self.as_of.map(|moment| moment.to_string()).unwrap_or_default();
        let known_at = self.known_at.map(|moment| ["known_at".to_owned(), moment.to_string()]);
        let always = ["prices".to_owned(), id.to_string(), as_of];
        always.into_iter().chain(known_at.into_iter().flatten()).collect()
    }
}

impl Queries {
    /// The history from the view; commits that the view lacks are read from the ledger if the product is unknown to it or the
    /// client asks for a newer version.
    pub(super) async fn prices(&self, id: &ProductId, least: u64) -> Result<PriceHistory, Problem> {
        let generation = self.generations().await?.prices.read;
        let seen = self.api.prices.history(generation, id).await;
        let seen = seen.map_err(answer::failed(Stored::View(View::Prices), Some(id)))?;
        if seen.folded >= least.max(1) {
            return Ok(seen);
        }
        let history = self.extended(id, seen, None).await?;
        match history.folded {
            0 => Err(answer::unknown(id)),
            newest if newest < least => Err(answer::not_reached(newest)),
            _ => Ok(history),
        }
    }

    /// The history recorded by `known_at`, from the ledger alone. The least version has to exist, then or later.
    async fn prices_known_at(
        &self,
        id: &ProductId,
        known_at: Timestamp,
        least: u64,
    ) -> Result<PriceHistory, Problem> {
        let history = self.extended(id, PriceHistory::default(), Some(known_at)).await?;
        if history.folded < least {
            self.reached(id, least).await?;
        }
        if history.folded == 0 {
            let first = self.api.journal.page(id, 0, 1).await;
            let first = first.map_err(answer::failed(Stored::Commits, Some(id)))?;
            return Err(first
                .first()
                .map_or_else(|| answer::unknown(id), |first| not_yet(id, known_at, first)));
        }
        Ok(history)
    }

    async fn extended(
        &self,
        id: &ProductId,
        history: PriceHistory,
        known_at: Option<Timestamp>,
    ) -> Result<PriceHistory, Problem> {
        let ledger = Prices::new(self.api.prices.clone(), Arc::clone(&self.api.journal));
        ledger.extended(id, history, known_at).await.map_err(|error| not_folded(id, &error))
    }
}

fn not_folded(id: &ProductId, error: &ProjectionError) -> Problem {
    tracing::error!(target: "ledger::query", product_id = id.as_str(), reason = error.reason, "a price history cannot be read");
    if error.retryable {
        Problem::unavailable("A store did not answer; try again.")
    } else {
        Problem::new(
            ProblemKind::Internal,
            format!("The history of product {id} cannot be read; `ledger verify {id}` says why."),
        )
    }
}

impl PricesBody {
    /// A page, and what is told of the whole timeline.
    fn of(version: u64, query: &PricesQuery, mut periods: PeriodTable, limit: usize) -> Self {
        let (page, next) = periods.page(limit);
        let timeline = periods.timeline;
        let (newest, window) = (timeline.last(), &query.window);
        Self {
            currency: newest.map(|period| period.money.currency()),
            current: newest.filter(|period| period.to.is_none()).map(|period| period.money.price()),
            version,
            lowest_30_days: lowest_before_newest_change(&timeline)
                .map(|period| LowestPriceBody { price: period.money.price(), since: period.from }),
            reduction: reduction(&timeline).map(ReductionBody::from),
            reference: prior_price(&timeline, window, query.anchor)
                .map(|reference| PriorPriceBody::of(reference, window.days)),
            timeline: page.iter().map(period_body).collect(),
            next,
        }
    }
}

/// The periods of a timeline, page by page.
struct PeriodTable {
    timeline: Vec<PricePeriod>,
    /// The place where the next page begins.
    first: usize,
    /// What its cursors depend on.
    pages: Vec<String>,
}

impl PeriodTable {
    /// The next page, and the cursor behind it if there are more periods.
    fn page(&mut self, limit: usize) -> (Vec<PricePeriod>, Option<String>) {
        let page = self.timeline[self.first..self.timeline.len().min(self.first + limit)].to_vec();
        self.first += page.len();
        let last = page.last().filter(|_| self.first < self.timeline.len());
        let next = last.map(|period| self.cursor(period));
        (page, next)
    }

    fn cursor(&self, period: &PricePeriod) -> String {
        let pages: Vec<&str> = self.pages.iter().map(String::as_str).collect();
        cursor::encode(&pages, &position_of(period).to_string())
    }
}

#[async_trait]
impl CsvListing for PeriodTable {
    const FILE: &'static str = "prices.csv";

    fn columns() -> Vec<&'static str> {
        vec!["price", "currency", "from", "to", "sequence"]
    }

    fn next_parameter(&self) -> &'static str {
        "next"
    }

    async fn part(&mut self, limit: usize) -> Result<CsvPart, Problem> {
        let (page, next) = self.page(limit);
        let entry =
            |period: &PricePeriod| CsvEntry { rows: vec![period_row(period)], place: self.cursor(period) };
        Ok(CsvPart { entries: page.iter().map(entry).collect(), next, ends_page: false })
    }
}

fn period_row(period: &PricePeriod) -> Row {
    vec![
        period.money.price().to_string(),
        period.money.currency().to_string(),
        period.from.to_string(),
        period.to.map(|to| to.to_string()).unwrap_or_default(),
        period.sequence.to_string(),
    ]
}

impl From<PriceReduction> for ReductionBody {
    fn from(PriceReduction { is_reduction, since, series_since }: PriceReduction) -> Self {
        Self { is_reduction, since, series_since }
    }
}

impl PriorPriceBody {
    fn of(PriorPrice { money, since, from, to }: PriorPrice, days: u16) -> Self {
        Self { price: money.price(), since, from, to, days }
    }
}

fn period_body(period: &PricePeriod) -> PeriodBody {
    PeriodBody {
        price: period.money.price(),
        currency: period.money.currency(),
        from: period.from,
        to: period.to,
        sequence: period.sequence,
    }
}

fn position_of(period: &PricePeriod) -> TimelinePosition {
    TimelinePosition { at: period.from, sequence: period.sequence }
}

fn position(pages: &[String], next: &str) -> Result<TimelinePosition, Problem> {
    let pages: Vec<&str> = pages.iter().map(String::as_str).collect();
    let text = cursor::decode(&pages, next).ok();
    text.as_deref()
        .and_then(TimelinePosition::parse)
        .ok_or_else(|| wrong_parameter("next", &cursor::InvalidCursor))
}
