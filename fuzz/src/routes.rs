//! The routes on stores in memory, with a fixed clock and counted ids: equal bytes give equal responses.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::body::Body;
use axum::http::request::Builder;
use axum::http::{HeaderMap, Request, StatusCode};
use commands::Executor;
use commands::http::CommandApi;
use event_store::verify::{Chain, examine};
use event_store::{FeedReader, Journal, MemoryJournal, MemoryReceipts};
use projections::http::QueryApi;
use projections::http::feed::{self, FeedApi};
use projections::views::Generation;
use projections::{Catalogue, MemoryPriceLog, MemoryViews, Prices, Projection};
use schema::{Currency, ProductId, StoredCommit, Timestamp};
use serde_json::Value;
use tokio::runtime::{Builder as RuntimeBuilder, Runtime};
use tokio::sync::watch;
use tower::ServiceExt;
use ulid::Ulid;
use web::{ClockAndIds, finish};

/// The fixed time.
const NOW: &str = "2026-11-23T12:00:00.000Z";

/// The product that exists before most commands.
pub(crate) const HELMET: &str = r#"{"name":"Helmet","price":"34.99","attributes":{"color":"Red"}}"#;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| RuntimeBuilder::new_current_thread().enable_time().build().unwrap());

/// Routes and the ledger that they work on.
pub(crate) struct TestRoutes {
    pub(crate) journal: Arc<MemoryJournal>,
    router: Router,
}

/// A response with its whole body.
pub(crate) struct TestResponse {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) json: Value,
}

impl TestRoutes {
    /// The command routes; product `p` exists at version 1.
    pub(crate) fn of_commands() -> Self {
        let journal = Arc::<MemoryJournal>::default();
        let executor = Executor::new(journal.clone(), clock_and_ids());
        let default_currency = Currency::parse("USD").unwrap();
        let api = CommandApi { executor, clock_and_ids: clock_and_ids(), default_currency };
        let routes = Self { journal, router: finish(commands::http::routes(api), clock_and_ids()) };
        let created = routes.send(json(Request::put("/products/p")), HELMET);
        assert_eq!(created.status, StatusCode::CREATED);
        routes
    }

    /// The query routes on the ledger of the command routes.
    pub(crate) fn of_queries(commands: Self, products: &[ProductId]) -> Self {
        let journal = commands.journal;
        let (views, prices) = (Arc::<MemoryViews>::default(), Arc::<MemoryPriceLog>::default());
        let projections: [&dyn Projection; 2] =
            [&Catalogue::new(views.clone(), journal.clone()), &Prices::new(prices.clone(), journal.clone())];
        for product in products {
            for projection in projections {
                RUNTIME.block_on(projection.catch_up(Generation(1), product)).unwrap();
            }
        }
        let receipts = Arc::<MemoryReceipts>::default();
        let feed = FeedApi {
            feed: FeedReader::with_blocks_of(journal.clone(), 4),
            journal: journal.clone(),
            receipts: receipts.clone(),
            // Nothing is waited for.
            stopping: watch::channel(true).1,
        };
        while RUNTIME.block_on(feed.feed.summarise()).unwrap() {}
        let (clock, stopping) = (clock_and_ids().clock, Some(watch::channel(false).1));
        let api = QueryApi { views, prices, journal: journal.clone(), receipts, clock, stopping };
        let routes = projections::http::routes(api).merge(feed::routes(feed));
        Self { journal, router: finish(routes, clock_and_ids()) }
    }

    /// Other routes, without a ledger.
    pub(crate) fn of_routes(routes: Router) -> Self {
        Self { journal: Arc::default(), router: finish(routes, clock_and_ids()) }
    }

    /// Sends a request; panics on a 5xx and on an error response that is not a problem.
    pub(crate) fn send(&self, request: Builder, body: impl Into<Body>) -> TestResponse {
        let request = request.body(body.into()).unwrap();
        let (parts, body) = RUNTIME.block_on(async {
            let (parts, body) = self.router.clone().oneshot(request).await.unwrap().into_parts();
            (parts, axum::body::to_bytes(body, usize::MAX).await.unwrap())
        });
        let json: Value = serde_json::from_slice(&body).unwrap_or_default();
        assert!(!parts.status.is_server_error(), "{} {json}", parts.status);
        if parts.status.is_client_error() {
            assert_eq!(parts.headers["content-type"], "application/problem+json");
            assert_eq!(json["status"], parts.status.as_u16());
        }
        TestResponse { status: parts.status, headers: parts.headers, json }
    }

    /// The commits of a product, which must be a valid chain.
    pub(crate) fn commits(&self, product: &ProductId) -> Vec<StoredCommit> {
        let commits = RUNTIME.block_on(self.journal.page(product, 0, 1_000)).unwrap();
        let mut chain = Chain::of(product.as_str());
        for commit in &commits {
            chain.follow(&examine(commit));
        }
        assert_eq!(chain.end().faults, []);
        commits
    }
}

/// Runs a future to its end.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

pub(crate) fn json(request: Builder) -> Builder {
    request.header("content-type", "application/json")
}

pub(crate) fn id(text: &str) -> ProductId {
    ProductId::new(text).unwrap()
}

pub(crate) fn clock_and_ids() -> ClockAndIds {
    let now = Timestamp::parse(NOW).unwrap();
    let made = AtomicU64::new(0);
    let ids = move || Ulid::from_parts(1_795_410_936_662, made.fetch_add(1, Ordering::Relaxed).into());
    ClockAndIds { clock: Arc::new(move || now), ids: Arc::new(ids) }
}
