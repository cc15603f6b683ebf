//! The command routes with a clock and ids of their own, and the shortest way to send them a command.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use commands::Executor;
use commands::execute::TIME_LIMIT;
use commands::http::{CommandApi, routes};
use event_store::{DynamoJournal, Journal, MemoryJournal, table};
use schema::{Currency, StoredCommit, Timestamp, fixtures};
use serde_json::Value;
use tower::ServiceExt;
use ulid::Ulid;
use web::{ClockAndIds, finish};

/// The time at which every test happens; each look at the clock is a millisecond later.
pub const NOW: i64 = 1_795_410_936_662;

/// The command routes over a journal.
#[derive(Clone)]
pub struct Front {
    pub journal: Arc<dyn Journal>,
    router: Router,
}

/// An answer, read whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The last part of the problem's type.
    pub fn problem(&self) -> &str {
        self.body["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default()
    }

    /// Status and problem in one, for tables.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status.as_u16(), self.problem())
    }
}

pub fn clock_and_ids() -> ClockAndIds {
    let ticks = Arc::new(AtomicU64::new(0));
    let clock = {
        let ticks = ticks.clone();
        move || {
            let now = NOW + ticks.fetch_add(1, Ordering::Relaxed).cast_signed();
            Timestamp::new(chrono::DateTime::from_timestamp_millis(now).unwrap()).unwrap()
        }
    };
    let ids =
        move || Ulid::from_parts(NOW.cast_unsigned(), u128::from(ticks.fetch_add(1, Ordering::Relaxed)));
    ClockAndIds { clock: Arc::new(clock), ids: Arc::new(ids) }
}

impl Front {
    pub fn over(journal: Arc<dyn Journal>) -> Self {
        Self::at(journal, clock_and_ids())
    }

    /// Two fronts with one source of ids make no id twice, as two processes do.
    pub fn at(journal: Arc<dyn Journal>, clock_and_ids: ClockAndIds) -> Self {
        let executor = Executor::new(journal.clone(), clock_and_ids.clone());
        Self::of(executor, journal, clock_and_ids)
    }

    /// With the time limit of a command on `DynamoDB`.
    pub fn in_time(journal: Arc<dyn Journal>) -> Self {
        let clock_and_ids = clock_and_ids();
        let executor = Executor::new(journal.clone(), clock_and_ids.clone()).within(TIME_LIMIT);
        Self::of(executor, journal, clock_and_ids)
    }

    fn of(executor: Executor, journal: Arc<dyn Journal>, clock_and_ids: ClockAndIds) -> Self {
        let default_currency = Currency::parse("USD").unwrap();
        let router = finish(
            routes(CommandApi { executor, clock_and_ids: clock_and_ids.clone(), default_currency }),
            clock_and_ids,
        );
        Self { journal, router }
    }

    pub fn in_memory() -> Self {
        Self::over(Arc::new(MemoryJournal::default()))
    }

    /// On `DynamoDB`, wherever the configuration points.
    pub async fn on(config: &aws_config::SdkConfig) -> Self {
        let client = event_store::metering::client(config);
        table::create(&client, "events", event_store::TABLE).await.unwrap();
        Self::over(Arc::new(DynamoJournal::new(client, "events")))
    }

    /// Sends a request whose body, if any, is JSON text.
    pub async fn send(&self, request: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (method, uri) = request.split_once(' ').unwrap();
        let mut built = Request::builder().method(method.parse::<Method>().unwrap()).uri(uri);
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            built = built.header("content-type", "application/json");
        }
        for (name, value) in headers {
            built = built.header(*name, *value);
        }
        let response =
            self.router.clone().oneshot(built.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// The commits of a product.
    pub async fn commits(&self, product: &str) -> Vec<StoredCommit> {
        self.journal.page(&fixtures::id(product), 0, 100_000).await.unwrap()
    }
}

/// A whole product.
pub const HELMET: &str = r#"{"name":" Sport-100 Helmet, Red ","price":33.6442,"sku":"HL-U509-R",
    "category":"Accessories / Helmets","attributes":{"color":"Red"}}"#;
