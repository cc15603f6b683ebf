//! Traces, as the collector receives them.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use tokio::net::TcpListener;

use crate::scenario::Ledger;

const BODY: &str = r#"{"name":"n","price":"1"}"#;
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

/// What the collector was sent.
type Spans = Arc<Mutex<Vec<Span>>>;

/// A collector on loopback; its address and what it gets.
async fn collector() -> (String, Spans) {
    let spans = Spans::default();
    let take = async |State(spans): State<Spans>, body: Bytes| {
        let request = ExportTraceServiceRequest::decode(body).unwrap();
        let of_scopes = request.resource_spans.into_iter().flat_map(|resource| resource.scope_spans);
        spans.lock().unwrap().extend(of_scopes.flat_map(|scope| scope.spans));
    };
    let routes = Router::new().route("/v1/traces", post(take)).with_state(spans.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (address, spans)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
}

async fn put(ledger: &Ledger, path: &str, traceparent: Option<&str>) {
    let mut request = ledger.http.put(format!("{}{path}", ledger.url));
    if let Some(traceparent) = traceparent {
        request = request.header("traceparent", traceparent);
    }
    let response = request.header("content-type", "application/json").body(BODY).send().await.unwrap();
    assert_eq!(response.status(), 201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_its_projections_and_its_publication_are_one_trace_that_continues_the_client_s() {
    let (collector, spans) = collector().await;
    let ledger = Ledger::start_with(
        &[],
        &[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector), ("OTEL_BSP_SCHEDULE_DELAY", "100")],
    );
    put(&ledger, "/products/p", Some(&format!("00-{TRACE}-00f067aa0ba902b7-01"))).await;
    put(&ledger, "/products/q", None).await;
    ledger.bus(|entries| entries.len() == 2).await;
    let of_trace = |trace: &str| {
        let spans = spans.lock().unwrap();
        spans.iter().filter(|span| hex(&span.trace_id) == trace).cloned().collect::<Vec<_>>()
    };
    let is_whole = |spans: &[Span]| {
        ["PUT /products/{id}", "publish"].iter().all(|name| spans.iter().any(|span| span.name == *name))
            && spans.iter().filter(|span| span.name == "project").count() == 2
    };
    while !is_whole(&of_trace(TRACE)) {
        ledger.get("/health").await;
    }
    let spans_of_p = of_trace(TRACE);
    let command = spans_of_p.iter().find(|span| span.name.starts_with("PUT")).unwrap();
    assert_eq!(hex(&command.parent_span_id), "00f067aa0ba902b7");
    for span in spans_of_p.iter().filter(|span| span.name != command.name) {
        assert_eq!(span.parent_span_id, command.span_id, "{}", span.name);
    }
    // The commit carries the trace on, and so does a trace that began here.
    let kept = ledger.history("p").await[0]["metadata"]["traceparent"].clone();
    assert_eq!(kept, format!("00-{TRACE}-{}-01", hex(&command.span_id)));
    let begun = ledger.history("q").await[0]["metadata"]["traceparent"].as_str().unwrap().to_owned();
    let begun = begun.split('-').nth(1).unwrap().to_owned();
    assert_ne!(begun, TRACE);
    while !is_whole(&of_trace(&begun)) {
        ledger.get("/health").await;
    }
}

#[tokio::test]
async fn without_a_collector_a_traceparent_is_kept_as_it_came() {
    let ledger = Ledger::start();
    let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-00");
    put(&ledger, "/products/p", Some(&traceparent)).await;
    assert_eq!(ledger.history("p").await[0]["metadata"]["traceparent"], traceparent);
    put(&ledger, "/products/q", None).await;
    assert_eq!(ledger.history("q").await[0]["metadata"].get("traceparent"), None);
}

#[tokio::test]
async fn a_collector_that_is_not_there_holds_up_nobody() {
    let mut ledger = Ledger::start_with(&[], &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")]);
    put(&ledger, "/products/p", None).await;
    assert_eq!(ledger.terminate(), Some(0));
}
