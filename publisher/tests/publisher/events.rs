//! `GET /events`: new events only, from the start, and after the last event that the reader received.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::Request;
use engine::Engine;
use futures::StreamExt;
use publisher::bus::BusEntry;
use publisher::http::{EventsApi, routes};
use publisher::{Bus, DynamoBus};
use tokio::sync::watch;
use tower::ServiceExt;
use web::{Actor, ClockAndIds, finish};

use crate::local_bus::{bus_on, entry};

struct Served {
    bus: Arc<DynamoBus>,
    routes: Router,
    stop: watch::Sender<bool>,
}

async fn served() -> Served {
    let engine = Engine::in_memory().unwrap();
    let bus = Arc::new(bus_on(&engine.sdk_config()).await);
    let (stop, stopping) = watch::channel(false);
    let api = EventsApi { bus: bus.clone(), name: "local".into(), stopping };
    Served { bus, routes: finish(routes(api), ClockAndIds::system()), stop }
}

impl Served {
    async fn put(&self, numbers: std::ops::RangeInclusive<u64>) {
        for n in numbers {
            self.bus.put(&[entry("local", n)]).await.unwrap();
        }
    }

    async fn open(&self, path: &str, last: Option<&str>) -> Events {
        let mut request = Request::get(path);
        if let Some(id) = last {
            request = request.header("Last-Event-ID", id);
        }
        let response = self.routes.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Events { stream: response.into_body().into_data_stream() }
    }
}

struct Events {
    stream: BodyDataStream,
}

impl Events {
    /// The next block of lines; `None` at the end of the stream.
    async fn block(&mut self) -> Option<String> {
        let next = tokio::time::timeout(Duration::from_secs(5), self.stream.next()).await.unwrap()?;
        Some(String::from_utf8(next.unwrap().to_vec()).unwrap())
    }

    /// The id by which a reader continues that has received no event.
    async fn place(&mut self) -> String {
        let block = self.block().await.unwrap();
        let id = block.strip_prefix("id: ").and_then(|rest| rest.strip_suffix("\n\n"));
        id.filter(|id| !id.contains('\n')).unwrap_or_else(|| panic!("{block:?}")).to_owned()
    }

    /// The next event: its id, its name and the number in its detail; `None` at the end of the stream.
    async fn next(&mut self) -> Option<(String, String, u64)> {
        let text = self.block().await?;
        let field =
            |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        let data: serde_json::Value = serde_json::from_str(&field("data:")).unwrap();
        assert_eq!(data["detail"]["metadata"]["event_id"], field("id:"));
        Some((field("id:"), field("event:"), data["detail"]["n"].as_u64().unwrap()))
    }

    async fn numbers(&mut self, count: usize) -> Vec<u64> {
        let mut numbers = Vec::new();
        while numbers.len() < count {
            numbers.push(self.next().await.unwrap().2);
        }
        numbers
    }
}

#[tokio::test]
async fn a_reader_from_the_start_sees_retained_events_and_then_new_ones() {
    let served = served().await;
    served.put(1..=150).await;
    let mut events = served.open("/events?from=start", None).await;
    assert_eq!(events.numbers(150).await, (1..=150).collect::<Vec<u64>>());
    served.put(151..=152).await;
    assert_eq!(events.numbers(2).await, [151, 152]);
}

#[tokio::test]
async fn a_reader_without_a_start_sees_only_new_events() {
    let served = served().await;
    served.put(1..=3).await;
    let mut events = served.open("/events", None).await;
    events.place().await;
    served.put(4..=4).await;
    let (_, name, number) = events.next().await.unwrap();
    assert_eq!((name.as_str(), number), ("PRODUCT_DELETED", 4));
}

#[tokio::test]
async fn a_reader_that_reconnects_misses_nothing() {
    let served = served().await;
    served.put(1..=3).await;
    let mut events = served.open("/events?from=start", None).await;
    events.next().await.unwrap();
    let (seen, _, _) = events.next().await.unwrap();
    drop(events);
    served.put(4..=4).await;
    for path in ["/events", "/events?from=start"] {
        let mut events = served.open(path, Some(&seen)).await;
        assert_eq!(events.numbers(2).await, [3, 4], "{path}");
    }
}

/// Also on a bus that was empty, and whatever is put on it again meanwhile.
#[tokio::test]
async fn a_reader_that_reconnects_before_its_first_event_misses_nothing() {
    let served = served().await;
    for before in [0, 3] {
        let mut events = served.open("/events?product=p", None).await;
        let place = events.place().await;
        drop(events);
        served.put(before + 1..=before + 3).await;
        let mut events = served.open("/events", Some(&place)).await;
        assert_eq!(events.numbers(3).await, (before + 1..=before + 3).collect::<Vec<_>>());
    }
    served.put(1..=1).await;
    let mut events = served.open("/events", None).await;
    let place = events.place().await;
    served.put(7..=7).await;
    assert_eq!(
        served.open("/events", Some(&place)).await.numbers(1).await,
        [7],
        "not what event 1 was followed by"
    );
}

#[tokio::test]
async fn an_unknown_id_begins_with_the_oldest_retained_event() {
    let served = served().await;
    served.put(1..=2).await;
    for unknown in ["7", "@3", "@", "@-1", "11710aed-b79e-8468-8000-000000000001"] {
        let mut events = served.open("/events", Some(unknown)).await;
        assert_eq!(events.numbers(2).await, [1, 2], "{unknown}");
    }
}

#[tokio::test]
async fn every_stream_ends_when_the_server_stops() {
    let served = served().await;
    served.put(1..=1).await;
    let mut reading = served.open("/events?from=start", None).await;
    let mut waiting = served.open("/events", None).await;
    reading.next().await.unwrap();
    waiting.place().await;
    served.stop.send(true).unwrap();
    assert_eq!(reading.next().await, None);
    assert_eq!(waiting.next().await, None);
}

#[tokio::test]
async fn the_bus_is_for_subscribers_and_auditors() {
    let served = served().await;
    for (scope, status) in [("products/read", 403), ("products/subscribe", 200), ("products/audit", 200)] {
        let actor = Actor { name: "somebody".into(), scopes: Some(vec![scope.into()]) };
        let request = Request::get("/events").extension(actor).body(Body::empty()).unwrap();
        let response = served.routes.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), status, "{scope}");
    }
}

#[tokio::test]
async fn a_bus_that_cannot_be_read_is_answered_503_with_retry_after() {
    let engine = Engine::in_memory().unwrap();
    let client = event_store::metering::client(&engine.sdk_config());
    let bus = Arc::new(DynamoBus::new(client, "no-such-table", ClockAndIds::system().clock));
    let (_stop, stopping) = watch::channel(false);
    let routes = finish(routes(EventsApi { bus, name: "local".into(), stopping }), ClockAndIds::system());
    let request = Request::get("/events").body(Body::empty()).unwrap();
    let response = routes.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["retry-after"], "1");
}

#[tokio::test]
async fn a_reader_may_want_one_product_and_some_types() {
    let served = served().await;
    for (n, place) in (1..=6).zip(1_usize..) {
        let detail_type = ["PRODUCT_CREATED", "PRODUCT_RENAMED", "PRODUCT_DELETED"][place % 3];
        let product = ["p", "q"][place % 2];
        let entry = BusEntry {
            detail_type: detail_type.into(),
            resources: vec![product.into()],
            ..entry("local", n)
        };
        served.bus.put(&[entry]).await.unwrap();
    }
    for (query, expected) in [
        ("product=p", vec![2, 4, 6]),
        ("type=PRODUCT_RENAMED", vec![1, 4]),
        ("type=PRODUCT_RENAMED&type=PRODUCT_DELETED", vec![1, 2, 4, 5]),
        ("product=q&type=PRODUCT_DELETED", vec![5]),
    ] {
        let mut events = served.open(&format!("/events?from=start&{query}"), None).await;
        assert_eq!(events.numbers(expected.len()).await, expected, "{query}");
    }
    // A filter does not move the place from which a reader resumes.
    let mut events = served.open("/events?product=p", Some("event-3")).await;
    assert_eq!(events.numbers(2).await, [4, 6]);
}

#[tokio::test]
async fn a_parameter_of_wrong_form_is_refused_by_name() {
    let served = served().await;
    for (query, pointer) in [
        ("from=2026-01-01T00:00:00Z", "from"),
        ("from=", "from"),
        ("type=PRODUCT_EXPLODED", "type"),
        ("type=ProductCreated", "type"),
        ("product=a%20b", "product"),
        ("product=p&product=q", "product"),
        ("foo=1", "foo"),
    ] {
        let request = Request::get(format!("/events?{query}")).body(Body::empty()).unwrap();
        let response = served.routes.clone().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 400, "{query}");
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(problem["errors"][0]["pointer"], pointer, "{problem}");
    }
}
