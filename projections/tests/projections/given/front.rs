//! The query routes and requests to them.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::request::Builder;
use axum::http::{Request, Response};
use event_store::{Journal, MemoryJournal, MemoryReceipts};
use http_body_util::BodyExt;
use projections::http::QueryApi;
use projections::{MemoryPriceLog, MemoryViews, Views};
use schema::{Clock, Timestamp};
use serde_json::Value;
use tokio::sync::watch;
use tower::ServiceExt;

use super::noon;

/// The query routes on stores in memory.
pub(crate) struct Front {
    pub(crate) router: Router,
    pub(crate) views: Arc<MemoryViews>,
    pub(crate) prices: Arc<MemoryPriceLog>,
    pub(crate) journal: Arc<MemoryJournal>,
    pub(crate) receipts: Arc<MemoryReceipts>,
}

pub(crate) fn front_over(journal: MemoryJournal) -> Front {
    let (views, journal) = (Arc::<MemoryViews>::default(), Arc::new(journal));
    let (prices, receipts) = (Arc::<MemoryPriceLog>::default(), Arc::<MemoryReceipts>::default());
    Front {
        router: finished(QueryApi {
            views: views.clone(),
            prices: prices.clone(),
            journal: journal.clone(),
            receipts: receipts.clone(),
            clock: noon(),
            stopping: Some(watch::channel(false).1),
        }),
        views,
        prices,
        journal,
        receipts,
    }
}

/// The query routes on a product view, with all other stores empty.
pub(crate) fn front(views: Arc<dyn Views>) -> Router {
    routes(views, noon())
}

/// The query routes with a clock that only moves when it is set.
pub(crate) fn front_with_time(views: Arc<dyn Views>) -> (Router, Time) {
    let time = Time::default();
    let clock = time.clone();
    (routes(views, Arc::new(move || clock.now())), time)
}

/// The query routes on a journal, with empty views.
pub(crate) fn front_of(journal: Arc<dyn Journal>) -> Router {
    finished(QueryApi {
        views: Arc::<MemoryViews>::default(),
        prices: Arc::<MemoryPriceLog>::default(),
        journal,
        receipts: Arc::<MemoryReceipts>::default(),
        clock: noon(),
        stopping: None,
    })
}

fn routes(views: Arc<dyn Views>, clock: Clock) -> Router {
    finished(QueryApi {
        views,
        prices: Arc::<MemoryPriceLog>::default(),
        journal: Arc::<MemoryJournal>::default(),
        receipts: Arc::<MemoryReceipts>::default(),
        clock,
        stopping: None,
    })
}

pub(crate) fn finished(api: QueryApi) -> Router {
    web::finish(projections::http::routes(api), web::ClockAndIds::system())
}

#[derive(Clone, Default)]
pub(crate) struct Time(Arc<AtomicI64>);

impl Time {
    pub(crate) fn set(&self, millis: i64) {
        self.0.store(millis, Ordering::Relaxed);
    }

    fn now(&self) -> Timestamp {
        let millis = 1_763_000_000_000 + self.0.load(Ordering::Relaxed);
        Timestamp::new(chrono::DateTime::from_timestamp_millis(millis).unwrap()).unwrap()
    }
}

/// The whole response to a request.
pub(crate) async fn answered(router: &Router, request: Builder) -> Response<Bytes> {
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = router.clone().oneshot(request).await.unwrap().into_parts();
    Response::from_parts(parts, body.collect().await.unwrap().to_bytes())
}

/// Status and JSON of a GET.
pub(crate) async fn asked(router: &Router, uri: &str) -> (u16, Value) {
    let response = answered(router, Request::get(uri)).await;
    let json = serde_json::from_slice(response.body()).unwrap();
    (response.status().as_u16(), json)
}
