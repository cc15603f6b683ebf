//! The query routes: read the views, or the event table where the client asks for the past or for a newer version.

mod answer;
mod categories;
mod changed_fields;
mod commit_rows;
mod csv;
mod documented;
pub mod feed;
mod history;
mod list;
pub mod messages;
mod parameters;
mod past;
mod prices;
mod product;
mod product_page;
mod publication;
pub mod status;
mod verification;

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::Response;
use event_store::{Journal, Receipts};
use schema::{Clock, ProductId, Timestamp};
use tokio::sync::watch;
use web::api::{Api as Routes, Describe, Endpoint};
use web::{Problem, ProblemKind};

use crate::prices::PriceLog;
use crate::views::{ViewGenerations, Views};
use answer::{Stored, failed};
pub use csv::harmless;

/// The paths of the listings that are also answered as CSV, where `all` asks for everything.
pub const TABLES: [&str; 4] = [feed::PATH, "/products", "/products/{id}/history", "/products/{id}/prices"];

/// How long queries cache the generations; a rebuild keeps the old ones up to date for longer.
const GENERATIONS_MILLIS: i64 = 5_000;

/// The dependencies of the query routes.
pub struct QueryApi {
    /// The product view.
    pub views: Arc<dyn Views>,
    /// The price history.
    pub prices: Arc<dyn PriceLog>,
    /// The event table, for the past and for commits the views do not have yet.
    pub journal: Arc<dyn Journal>,
    /// The publication receipts.
    pub receipts: Arc<dyn Receipts>,
    /// The current time.
    pub clock: Clock,
    /// Becomes `true` when the server stops; `None` where an answer has to be sent at once, so that none can be a whole listing.
    pub stopping: Option<watch::Receiver<bool>>,
}

struct Queries {
    api: QueryApi,
    generations: Mutex<Option<(Timestamp, ViewGenerations)>>,
}

type Api = axum::extract::State<Arc<Queries>>;
type Id = Result<Path<String>, PathRejection>;
type Answer = Result<Response, Problem>;

/// The query routes, to be wrapped in [`web::finish`].
pub fn routes(api: QueryApi) -> Router {
    let queries = Queries { api, generations: Mutex::default() };
    table().router().with_state(Arc::new(queries))
}

/// The OpenAPI descriptions of the routes.
#[must_use]
pub fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Routes<Arc<Queries>> {
    Routes::new()
        .on(Endpoint::Get("/products"), documented::list, list::products)
        .on(Endpoint::Get("/categories"), documented::categories, categories::categories)
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
    async fn generations(&self) -> Result<ViewGenerations, Problem> {
        let now = (self.api.clock)();
        let fresh = |at: Timestamp| (0..GENERATIONS_MILLIS).contains(&(now.millis() - at.millis()));
        let known = self.generations.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((at, generations)) = known
            && fresh(at)
        {
            return Ok(generations);
        }
        let generations = self.api.views.generations().await.map_err(failed(Stored::Generations, None))?;
        *self.generations.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, generations.clone()));
        Ok(generations)
    }
}

fn path_id(id: Id) -> Result<ProductId, Problem> {
    let Path(id) = id.map_err(|error| Problem::new(ProblemKind::Malformed, error.to_string()))?;
    ProductId::new(id).map_err(|error| Problem::new(ProblemKind::Malformed, format!("{error}.")).loggable())
}
