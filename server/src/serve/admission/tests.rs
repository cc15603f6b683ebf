//! Admission around routes that wait until they are told to go on.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::{get, post};
use futures::FutureExt;
use tokio::sync::Semaphore;
use tower::ServiceExt;
use web::{ClockAndIds, finish_authenticated};

use super::*;

/// What the routes share: leave to go on, and how many requests began, ended and were cut short.
#[derive(Clone)]
struct World {
    leave: Arc<Semaphore>,
    began: Arc<AtomicUsize>,
    ended: Arc<AtomicUsize>,
    cut: Arc<AtomicUsize>,
}

struct Cut(Option<Arc<AtomicUsize>>);

impl Drop for Cut {
    fn drop(&mut self) {
        if let Some(cut) = self.0.take() {
            cut.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn wait(State(world): State<World>) -> &'static str {
    let mut cut = Cut(Some(world.cut.clone()));
    world.began.fetch_add(1, Ordering::SeqCst);
    world.leave.acquire().await.unwrap().forget();
    world.ended.fetch_add(1, Ordering::SeqCst);
    cut.0 = None;
    "done"
}

fn server(limits: Limits) -> (Router, World, Admission) {
    let world = World {
        leave: Arc::new(Semaphore::new(0)),
        began: Arc::default(),
        ended: Arc::default(),
        cut: Arc::default(),
    };
    let stream =
        || async { Body::from_stream(futures::stream::pending::<Result<Bytes, std::convert::Infallible>>()) };
    let routes = Router::new()
        .route("/products", post(wait).get(wait))
        .route("/panics", post(|| async { assert!(std::env::args().count() == 0, "on purpose") }))
        .route("/events", get(stream))
        .route("/commits", get(wait))
        .route("/health", get(|| async { "{}" }))
        .with_state(world.clone());
    let admission = Admission::new(limits);
    let layer = admission.clone();
    (
        finish_authenticated(
            move |routes| layer.wrap(|routes| routes, routes),
            routes,
            ClockAndIds::system(),
        ),
        world,
        admission,
    )
}

async fn ask(server: &Router, method: &str, path: &str) -> Response {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    server.clone().oneshot(request).await.unwrap()
}

async fn until(condition: impl Fn() -> bool) {
    while !condition() {
        tokio::task::yield_now().await;
    }
}

fn is_told_to_come_again(response: &Response) -> bool {
    response.status() == 503 && response.headers().contains_key("retry-after")
}

#[tokio::test]
async fn requests_over_the_limit_are_rejected_and_admitted_again_later() {
    let (server, world, _) = server(Limits { max_requests: 2, ..Limits::DEFAULT });
    let first: Vec<_> = (0..2)
        .map(|_| {
            let server = server.clone();
            tokio::spawn(async move { ask(&server, "POST", "/products").await })
        })
        .collect();
    until(|| world.began.load(Ordering::SeqCst) == 2).await;
    assert!(is_told_to_come_again(&ask(&server, "POST", "/products").await));
    assert_eq!(ask(&server, "GET", "/health").await.status(), 200);
    world.leave.add_permits(3);
    for answer in first {
        assert_eq!(answer.await.unwrap().status(), 200);
    }
    assert_eq!(ask(&server, "POST", "/products").await.status(), 200);
}

#[tokio::test]
async fn a_command_whose_client_timed_out_keeps_its_slot_and_runs_to_its_end() {
    let (server, world, admission) =
        server(Limits { max_requests: 1, request_timeout: Duration::from_secs(1), ..Limits::DEFAULT });
    assert!(is_told_to_come_again(&ask(&server, "POST", "/products").await));
    assert_eq!(world.began.load(Ordering::SeqCst), 1);
    assert!(is_told_to_come_again(&ask(&server, "POST", "/products").await));
    assert_eq!(world.began.load(Ordering::SeqCst), 1, "the place was given away");
    assert!(admission.idle().now_or_never().is_none());
    world.leave.add_permits(1);
    admission.idle().await;
    assert_eq!((world.ended.load(Ordering::SeqCst), world.cut.load(Ordering::SeqCst)), (1, 0));
}

#[tokio::test]
async fn a_command_whose_client_is_gone_runs_to_its_end_and_a_query_does_not() {
    let (server, world, admission) = server(Limits::DEFAULT);
    for (method, ended) in [("POST", 1), ("GET", 0)] {
        world.began.store(0, Ordering::SeqCst);
        world.ended.store(0, Ordering::SeqCst);
        let (server, began) = (server.clone(), world.began.clone());
        let client = tokio::spawn(async move { ask(&server, method, "/products").await });
        until(|| began.load(Ordering::SeqCst) == 1).await;
        client.abort();
        assert!(client.await.unwrap_err().is_cancelled());
        if method == "POST" {
            world.leave.add_permits(1);
        }
        admission.idle().await;
        assert_eq!(world.ended.load(Ordering::SeqCst), ended, "{method}");
    }
    assert_eq!(world.cut.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_answered_408_and_takes_no_slot() {
    let (server, world, admission) =
        server(Limits { max_requests: 1, body_timeout: Duration::from_secs(1), ..Limits::DEFAULT });
    let body = Body::from_stream(futures::stream::pending::<Result<Bytes, std::convert::Infallible>>());
    let request = Request::builder().method("POST").uri("/products").body(body).unwrap();
    let slow = tokio::spawn(server.clone().oneshot(request));
    tokio::task::yield_now().await;
    admission.idle().await;
    let response = slow.await.unwrap().unwrap();
    assert_eq!((response.status().as_u16(), world.began.load(Ordering::SeqCst)), (408, 0));
    assert_eq!(response.headers()["connection"], "close");
}

#[tokio::test]
async fn streams_have_slots_of_their_own_and_free_them() {
    let (server, _, admission) = server(Limits { max_streams: 1, ..Limits::DEFAULT });
    let open = ask(&server, "GET", "/events").await;
    assert_eq!(open.status(), 200);
    assert!(is_told_to_come_again(&ask(&server, "GET", "/events").await));
    admission.idle().await;
    drop(open);
    assert_eq!(ask(&server, "GET", "/events").await.status(), 200);
}

#[tokio::test]
async fn streams_of_pages_have_slots_of_their_own() {
    let (server, _, _) = server(Limits { max_streams: 1, max_page_streams: 2, ..Limits::DEFAULT });
    let by_page = async || {
        let request = Request::builder().uri("/events").header("sec-fetch-mode", "cors");
        server.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
    };
    let pages = [by_page().await, by_page().await];
    assert!(pages.iter().all(|page| page.status() == 200));
    assert!(is_told_to_come_again(&by_page().await));
    let subscriber = ask(&server, "GET", "/events").await;
    assert_eq!(subscriber.status(), 200, "pages take no slot of a subscriber");
    assert!(is_told_to_come_again(&ask(&server, "GET", "/events").await));
    drop(pages);
    assert_eq!(by_page().await.status(), 200);
}

#[tokio::test(start_paused = true)]
async fn a_wait_for_commits_has_the_slot_of_a_stream_and_more_time() {
    let (server, world, _) = server(Limits { max_streams: 1, max_requests: 1, ..Limits::DEFAULT });
    for query in ["wait=20", "after=1&wait=20", "all=true", "%77ait=20"] {
        let (asked, uri) = (server.clone(), format!("/commits?{query}"));
        let waiting = tokio::spawn(async move { ask(&asked, "GET", &uri).await });
        until(|| world.began.load(Ordering::SeqCst) == 1).await;
        assert!(is_told_to_come_again(&ask(&server, "GET", "/commits?wait=1").await), "{query}");
        tokio::time::sleep(Limits::DEFAULT.request_timeout + Duration::from_secs(1)).await;
        world.leave.add_permits(1);
        assert_eq!(waiting.await.unwrap().status(), 200, "{query}");
        world.began.store(0, Ordering::SeqCst);
    }
}

#[tokio::test]
async fn a_route_that_panics_is_answered_and_frees_its_slot() {
    let (server, _, _) = server(Limits { max_requests: 1, ..Limits::DEFAULT });
    for _ in 0..2 {
        let response = ask(&server, "POST", "/panics").await;
        assert_eq!(response.status(), 500);
        assert_eq!(response.headers()["content-type"], "application/problem+json");
    }
}

#[tokio::test]
async fn long_paths_and_large_headers_are_refused_as_problems() {
    let (server, _, _) = server(Limits::DEFAULT);
    let fits = format!("/health?{}", "x".repeat(LONGEST_URI - "/health?".len()));
    assert_eq!(ask(&server, "GET", &fits).await.status(), 200);
    assert_eq!(ask(&server, "GET", &format!("{fits}x")).await.status(), 414);
    let with = async |count: usize, length: usize| {
        let mut request = Request::builder().uri("/health");
        for n in 0..count {
            request = request.header(format!("x-{n:03}"), "v".repeat(length - 5));
        }
        server.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status().as_u16()
    };
    assert_eq!([with(100, 10).await, with(101, 10).await], [200, 431]);
    assert_eq!([with(16, 1024).await, with(16, 1025).await], [200, 431]);
}
