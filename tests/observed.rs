//! Observability: one log line a request, and metrics that are all documented.

use std::collections::{BTreeMap, BTreeSet};

use futures::future::join_all;
use serde_json::{Value, json};
use telemetry::meters::{self, MetricKind};

use crate::scenario::{Ledger, on_dynamodb, repository};

const BODY: &str = r#"{"name":"n","price":"1"}"#;

/// The line of a request, by its correlation id.
async fn line(ledger: &Ledger, id: &str) -> Value {
    loop {
        let lines = ledger.log().into_iter();
        let mut lines: Vec<Value> =
            lines.filter(|line| line["message"] == "request" && line["correlation_id"] == id).collect();
        if let Some(line) = lines.pop() {
            assert!(lines.is_empty(), "{id} has more than one line");
            return line;
        }
        ledger.get("/health").await;
    }
}

async fn metrics(ledger: &Ledger) -> String {
    let response = ledger.http.get(format!("{}/metrics", ledger.url)).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.headers()["content-type"].to_str().unwrap().starts_with("text/plain; version=0.0.4"));
    response.text().await.unwrap()
}

/// Requests of which the line of each is looked at; every one is sent after the one before was answered.
async fn send_one_of_each(ledger: &Ledger) {
    let send = async |id: &str, method: &str, path: &str, key: &str, body: &'static str| {
        let request = ledger.http.request(method.parse().unwrap(), format!("{}{path}", ledger.url));
        let request = request.header("x-correlation-id", id).header("idempotency-key", key);
        request.header("content-type", "application/json").body(body).send().await.unwrap();
    };
    let put = async |id| send(id, "PUT", "/products/p", "k", BODY).await;
    put("recorded").await;
    put("replayed").await;
    send("unchanged", "PATCH", "/products/p", "k2", r#"{"price":"1"}"#).await;
    send("refused", "POST", "/products/p/restore", "k3", "").await;
    send("query", "GET", "/products/p?min_version=1", "k4", "").await;
    send("unknown", "GET", "/no/such/path", "k5", "").await;
}

#[tokio::test]
async fn each_request_leaves_one_line_that_says_who_did_what_with_which_outcome() {
    let ledger = Ledger::start();
    send_one_of_each(&ledger).await;
    for (id, expected) in [
        (
            "recorded",
            json!({"method": "PUT", "route": "/products/{id}", "product_id": "p", "actor": "anonymous",
            "command": "replace", "outcome": "recorded", "version": 1, "status": 201}),
        ),
        ("replayed", json!({"command": "replace", "outcome": "replayed", "version": 1, "status": 201})),
        ("unchanged", json!({"command": "patch", "outcome": "unchanged", "version": 1, "status": 200})),
        (
            "refused",
            json!({"route": "/products/{id}/restore", "command": "restore", "outcome": "refused",
            "problem": "product-not-deleted", "status": 409}),
        ),
        (
            "query",
            json!({"method": "GET", "route": "/products/{id}", "product_id": "p", "status": 200,
            "command": null, "outcome": null}),
        ),
        ("unknown", json!({"route": "unmatched", "problem": "not-found", "status": 404})),
    ] {
        let line = line(&ledger, id).await;
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(line.get(name).unwrap_or(&Value::Null), value, "{name} in {line}");
        }
        assert!(line["millis"].is_u64() && line["timestamp"].is_string(), "{line}");
    }
}

#[tokio::test]
async fn a_line_says_who_was_refused_and_stays_short_whatever_was_sent() {
    let ledger = Ledger::start();
    let long = |length: usize| "x".repeat(length);
    for (id, method, path, status) in [
        ("method", long(40_000), "/products/p".to_owned(), 405),
        ("path", "GET".to_owned(), format!("/products/{}/history", long(40_000)), 414),
        ("id", "GET".to_owned(), format!("/products/{}", long(7_000)), 400),
        ("query", "GET".to_owned(), format!("/health?{}=1", long(7_000)), 400),
    ] {
        let request = ledger.http.request(method.parse().unwrap(), format!("{}{path}", ledger.url));
        let response = request.header("x-correlation-id", id).send().await.unwrap();
        assert_eq!(response.status(), status, "{id}");
        let body = response.text().await.unwrap();
        assert!(body.len() < 2_000, "{id}: {} bytes", body.len());
        let line = line(&ledger, id).await;
        assert!(line.to_string().len() < 1_000, "{line}");
        if status == 400 {
            assert_eq!(line["actor"], "anonymous", "{line}");
        }
    }
}

#[tokio::test]
async fn the_line_names_requests_and_capacity_units_where_there_is_dynamodb_and_nowhere_else() {
    let ledger = Ledger::start();
    send_one_of_each(&ledger).await;
    for (id, requests, units) in [
        ("recorded", 2, Some(2.0)),
        ("replayed", 1, Some(1.0)),
        ("unchanged", 1, None),
        ("unknown", 0, Some(0.0)),
    ] {
        let line = line(&ledger, id).await;
        if on_dynamodb() {
            assert_eq!(line["requests"], requests, "{line}");
            assert!(units.is_none_or(|units| line["capacity_units"] == units), "{line}");
        } else {
            assert!(line.get("requests").is_none() && line.get("capacity_units").is_none(), "{line}");
        }
    }
}

/// The metrics of docs/metrics.md: name, kind and labels, as its tables have them.
fn documented() -> BTreeMap<String, (String, String)> {
    let text = std::fs::read_to_string(repository().join("docs/metrics.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `ledger_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        (format!("ledger_{}", cells[0]), (cells[1].to_owned(), cells[3].replace('`', "")))
    })
    .collect()
}

#[test]
fn the_page_of_metrics_has_every_metric_with_its_kind_and_labels() {
    let kind = |kind: MetricKind| match kind {
        MetricKind::Counter => "counter",
        MetricKind::Gauge => "gauge",
        MetricKind::Histogram => "histogram",
    };
    let all = meters::ALL
        .iter()
        .map(|metric| (metric.name.to_owned(), (kind(metric.kind).to_owned(), metric.labels.join(" "))));
    assert_eq!(documented(), all.collect());
}

/// Sends what makes every metric appear that a running server can be brought to record.
async fn exercise(ledger: &Ledger) {
    for turn in 0..4 {
        // Each round of a race has a winner, so that four writers need four of their ten attempts at most.
        let all = (0..4).map(|n| async move {
            let body = format!(r#"{{"name":"{turn}-{n}","price":"1"}}"#);
            ledger.send("PUT", "/products/p", &body).await
        });
        for (status, problem) in join_all(all).await {
            assert!([200, 201].contains(&status), "{problem}");
        }
    }
    ledger.bus(|entries| entries.len() >= 16).await;
    ledger.until("/products/p", |status, product| status == 200 && product["version"] == 16).await;
}

#[tokio::test]
async fn the_server_exports_exactly_the_documented_metrics() {
    let ledger = Ledger::start();
    exercise(&ledger).await;
    let mut wanted: BTreeSet<String> = documented().into_keys().collect();
    // Nobody is waited for here, and no request goes to DynamoDB where there is none.
    wanted.remove(meters::COMMANDS_DELAYED.name);
    wanted.retain(|name| on_dynamodb() || !name.starts_with("ledger_dynamodb_"));
    loop {
        let text = metrics(&ledger).await;
        let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE "));
        let exported: BTreeMap<&str, &str> = types.filter_map(|line| line.split_once(' ')).collect();
        for (name, kind) in &exported {
            assert_eq!(documented().get(*name).map(|(kind, _)| kind.as_str()), Some(*kind), "{name}");
            assert!(text.contains(&format!("# HELP {name} ")), "{name} says nothing of itself");
        }
        if exported.keys().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>() == wanted {
            break;
        }
        // Publishing and the schedule for parked products record a moment after the command was answered.
        ledger.get("/health").await;
    }
    let text = metrics(&ledger).await;
    assert!(text.contains(r#"ledger_commands_total{command="replace",outcome="recorded"} 16"#), "{text}");
    assert!(text.contains(r#"ledger_tampering_total{consumer="projector",operation="MODIFY"} 0"#), "{text}");
    assert!(!text.contains("\"p\"") && !text.contains("/products/p"), "{text}");
}
