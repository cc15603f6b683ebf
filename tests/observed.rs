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

/// What a client sent in all the places that are not method, path, product or correlation id.
const SECRET: &str = "s3cr3t";

/// Headers by name.
type Headers = &'static [(&'static str, &'static str)];

/// Requests that are refused because of what they hold: method, path, headers, body and the logged reason.
const REFUSED: [(&str, &str, Headers, &str, Option<&str>); 22] = [
    (
        "GET",
        "/products?limit=s3cr3t",
        &[],
        "",
        Some("The query parameter limit: a number from 1 to 100 is expected."),
    ),
    ("GET", "/products?s3cr3t=1", &[], "", Some("is not a parameter of this route")),
    ("GET", "/products?limit=1&limit=s3cr3t", &[], "", Some("The query parameter limit appears twice.")),
    (
        "GET",
        "/products?sort=s3cr3t",
        &[],
        "",
        Some("The query parameter sort: id, name, price or updated_at is expected."),
    ),
    ("GET", "/products?cursor=s3cr3t", &[], "", None),
    ("GET", "/products/p/prices?time_zone=s3cr3t", &[], "", None),
    ("GET", "/products/p/prices?as_of=s3cr3t", &[], "", None),
    ("GET", "/products/p/history?after=s3cr3t", &[], "", None),
    ("GET", "/events?type=s3cr3t", &[], "", None),
    ("GET", "/events?product=s3cr3t!", &[], "", None),
    ("DELETE", "/products/p?occurred_at=s3cr3t", &[], "", None),
    ("PUT", "/products/p", &[], "s3cr3t", Some("The body is not JSON: expected value at line 1 column 1.")),
    (
        "PUT",
        "/products/p",
        &[],
        r#"{"name":"n","price":"s3cr3t","currency":"s3cr3t","s3cr3t":1,"attributes":{"s3cr3t":1},"occurred_at":"s3cr3t",
            "status":"s3cr3t","version":"s3cr3t","id":"s3cr3t"}"#,
        None,
    ),
    (
        "PATCH",
        "/products/p",
        &[],
        r#"{"currency":"s3cr3t"}"#,
        Some("/currency a currency is an ISO 4217 code in upper case, for example USD"),
    ),
    ("PATCH", "/products/p", &[], r#"{"attributes":{"s3cr3t":1}}"#, Some("/attributes must be a string")),
    (
        "PATCH",
        "/products/p",
        &[],
        r#"{"s3cr3t":1}"#,
        Some("is not a field of this command, or appears twice"),
    ),
    ("PUT", "/products/p", &[("if-match", "s3cr3t")], BODY, None),
    ("PUT", "/products/p", &[("idempotency-key", "s3cr3t s3cr3t")], BODY, None),
    (
        "PUT",
        "/products/p",
        &[("content-type", "text/s3cr3t")],
        BODY,
        Some("Send the body as application/json."),
    ),
    ("PUT", "/products/p", &[("content-encoding", "s3cr3t")], BODY, None),
    ("GET", "/products", &[("host", "s3cr3t.example.com")], "", None),
    ("GET", "/products", &[("origin", "https://s3cr3t.example.com")], "", None),
];

#[tokio::test]
async fn the_line_of_a_refusal_says_why_and_repeats_no_value() {
    let ledger = Ledger::start();
    assert_eq!(ledger.send("PUT", "/products/p", BODY).await.0, 201);
    for (number, (method, path, headers, body, reason)) in REFUSED.into_iter().enumerate() {
        let id = format!("refused-{number}");
        let mut request = ledger.http.request(method.parse().unwrap(), format!("{}{path}", ledger.url));
        request = request.header("x-correlation-id", &id);
        if !headers.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/json");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body).send().await.unwrap();
        assert!((400..500).contains(&response.status().as_u16()), "{method} {path}: {}", response.status());
        let line = line(&ledger, &id).await;
        assert!(!line.to_string().contains(SECRET), "{line}");
        let detail = line["detail"].as_str().unwrap_or_else(|| panic!("no reason in {line}"));
        assert!(reason.is_none_or(|reason| reason == detail) && !detail.is_empty(), "{line}");
    }
}

#[tokio::test]
async fn a_poll_that_is_answered_leaves_no_line_and_one_that_is_refused_does() {
    let ledger = Ledger::start();
    for (id, path) in
        [("health", "/health"), ("metrics", "/metrics"), ("wrong", "/metrics?x=1"), ("other", "/products")]
    {
        let request = ledger.http.get(format!("{}{path}", ledger.url)).header("x-correlation-id", id);
        request.send().await.unwrap();
    }
    line(&ledger, "wrong").await;
    line(&ledger, "other").await;
    let polls = ["health", "metrics"];
    let logged = |line: &Value| polls.iter().any(|id| line["correlation_id"] == *id);
    assert!(!ledger.log().iter().any(logged));
}

/// The metrics of docs/metrics.md: name, kind and labels, as its tables have them.
fn documented() -> BTreeMap<String, (String, String)> {
    let text = std::fs::read_to_string(repository().join("docs/metrics.md")).unwrap();
    let rows = text.lines().filter_map(|line| line.strip_prefix("| `"));
    let rows = rows.filter(|row| row.starts_with("ledger_") || row.starts_with(OF_PROCESS));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(|cell| cell.trim().trim_matches('`')).collect();
        (cells[0].to_owned(), (cells[1].to_owned(), cells[3].replace('`', "")))
    })
    .collect()
}

/// The metrics that a library makes of the process itself.
const OF_PROCESS: &str = "process_";

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
    let mut ours = documented();
    ours.retain(|name, _| !name.starts_with(OF_PROCESS));
    assert_eq!(ours, all.collect());
}

#[test]
fn the_example_of_the_metrics_shows_those_that_exist() {
    let document = server::openapi::document();
    let answer = &document["paths"]["/metrics"]["get"]["responses"]["200"]["content"]["text/plain"];
    let examples = answer["examples"].as_object().unwrap().values();
    let text: Vec<&str> = examples.filter_map(|example| example["value"].as_str()).collect();
    let documented = documented();
    let mut seen = 0;
    for line in text.iter().flat_map(|text| text.lines()) {
        let words: Vec<&str> = line.split([' ', '{']).collect();
        let (name, kind) = match words.as_slice() {
            ["#", "TYPE", name, kind] => (*name, Some(*kind)),
            ["#", "HELP", name, ..] | [name, ..] => (*name, None),
            [] => continue,
        };
        let known = documented.get(name).unwrap_or_else(|| panic!("{name} is no metric"));
        assert!(kind.is_none_or(|kind| kind == known.0), "{line}");
        seen += 1;
    }
    assert!(seen >= 3, "{text:?}");
}

/// The value of a metric without labels.
fn value(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {name}")).parse().unwrap()
}

#[tokio::test]
async fn the_metrics_name_the_build_and_measure_the_process() {
    let ledger = Ledger::start();
    let text = metrics(&ledger).await;
    let version = format!("version=\"{}\"", env!("CARGO_PKG_VERSION"));
    let commit = option_env!("BUILD_COMMIT").map(|commit| format!(",commit=\"{commit}\""));
    let build = format!("ledger_build_info{{{version}{}}} 1", commit.unwrap_or_default());
    assert!(text.lines().any(|line| line == build), "{build} in {text}");
    assert!(value(&text, "process_resident_memory_bytes") > 1_000_000.0);
    assert!(value(&text, "process_open_fds") < value(&text, "process_max_fds"));
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
    let began = now - value(&text, "process_start_time_seconds");
    assert!((-5.0..300.0).contains(&began), "started {began} s ago");
    let opened = value(&text, "process_open_fds");
    let held =
        futures::future::join_all((0..20).map(|_| ledger.http.get(format!("{}/events", ledger.url)).send()))
            .await;
    assert!(
        value(&metrics(&ledger).await, "process_open_fds") >= opened + 20.0,
        "it is measured for each answer"
    );
    drop(held);
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
    // The first run of a reconcile comes after five minutes, on tables alone; only functions look at what protects a table.
    wanted.retain(|name| !name.starts_with("ledger_reconcile") && name != meters::PROTECTION.name);
    // The sequencer of tables alone meets conflicts.
    wanted.remove(meters::LOG_CONFLICTS.name);
    // No bucket is named for the log.
    wanted.remove(meters::LOG_CHECKPOINT_AGE.name);
    // On tables without a bucket nothing is signed, and this log has no witnesses.
    wanted.retain(|name| !on_dynamodb() || name != meters::LOG_SIGNING.name);
    wanted.remove(meters::LOG_COSIGNATURES.name);
    wanted.remove(meters::LOG_WITNESS_REQUESTS.name);
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
