//! The query routes: from a request to a view, and from what the view says to an answer with its version.

mod answer;
mod documented;
mod history;
mod list;
mod parameters;
mod past;
mod prices;
mod product;
mod verification;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use event_store::{Journal, Receipts};
use schema::{Clock, ProductId, Timestamp};
use web::api::{Api as Routes, Describe, Endpoint};
use web::{Problem, ProblemKind};

use crate::prices::PriceLog;
use crate::views::{Lineup, Views};

/// How long queries go on with the generations they know; a rebuild keeps the old ones up to date for longer.
const LINEUP_MILLIS: i64 = 5_000;

/// What the query routes need.
pub struct QueryApi {
    /// The product view.
    pub views: Arc<dyn Views>,
    /// The price history.
    pub prices: Arc<dyn PriceLog>,
    /// The event table, for the past and for what the views do not know yet.
    pub journal: Arc<dyn Journal>,
    /// What became of the publication of each event.
    pub receipts: Arc<dyn Receipts>,
    /// The time.
    pub clock: Clock,
}

struct Queries {
    api: QueryApi,
    lineup: Mutex<Option<(Timestamp, Lineup)>>,
}

type Api = axum::extract::State<Arc<Queries>>;
type Id = Result<Path<String>, PathRejection>;
type Answer = Result<Response, Problem>;

/// The routes that read. [`web::finish`] has to be laid around them.
pub fn routes(api: QueryApi) -> Router {
    let queries = Queries { api, lineup: Mutex::default() };
    table().router().with_state(Arc::new(queries))
}

/// What the routes say of themselves.
#[must_use]
pub fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Routes<Arc<Queries>> {
    Routes::new()
        .on(Endpoint::Get("/products"), documented::list, list::products)
        .on(Endpoint::Get("/products/{id}"), documented::product, product::product)
        .on(Endpoint::Get("/products/{id}/history"), documented::history, history::history)
        .on(Endpoint::Get("/products/{id}/prices"), documented::prices, prices::prices)
        .on(
            Endpoint::Get("/products/{id}/verification"),
            documented::verification,
            verification::verification,
        )
}

impl Queries {
    /// The generations to read, at most 5 seconds old.
    async fn lineup(&self) -> Result<Lineup, Problem> {
        let now = (self.api.clock)();
        let fresh = |at: Timestamp| (0..LINEUP_MILLIS).contains(&(now.millis() - at.millis()));
        let known = self.lineup.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, lineup)) = known
            && fresh(at)
        {
            return Ok(lineup);
        }
        let lineup = self.api.views.lineup().await.map_err(answer::unavailable)?;
        *self.lineup.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, lineup.clone()));
        Ok(lineup)
    }
}

fn path_id(id: Id) -> Result<ProductId, Problem> {
    let Path(id) = id.map_err(|error| Problem::new(ProblemKind::Malformed, error.to_string()))?;
    ProductId::new(id).map_err(|error| Problem::new(ProblemKind::Malformed, format!("{error}.")))
}
