//! Observability of an invocation: log and metrics, as lines of JSON on standard output only.

use loopback::changed;
use serde_json::{Value, json};

use crate::given::{batch, get, invoke, projector, query_api, reply, tables};

/// All values of a metric in the lines with these dimensions.
fn values(figures: &[Value], name: &str, dimensions: &[(&str, &str)]) -> Vec<Value> {
    let matching = figures.iter().filter(|line| dimensions.iter().all(|(key, value)| line[*key] == *value));
    matching.filter_map(|line| line.get(name).cloned()).collect()
}

#[tokio::test]
async fn the_projector_reports_the_lag_of_each_view_and_its_use_of_the_tables() {
    let tables = tables().await;
    let projector = projector(&tables).start().await;
    invoke(&projector, &batch()).await;
    let log = projector.stop().await;
    assert_eq!(log.messages(), [] as [Value; 0]);
    let figures = log.metrics();
    assert!(figures.iter().all(|line| line["function"] == "ledger-test-projector"), "{}", log.out);
    for view in ["products", "prices"] {
        let lags = values(&figures, "ledger_projection_lag_seconds", &[("view", view)]);
        let [Value::Array(lags)] = lags.as_slice() else { panic!("{}", log.out) };
        assert_eq!(lags.len(), 5, "one for each commit");
    }
    let puts = [("table", "products"), ("operation", "PutItem"), ("result", "ok")];
    assert_eq!(values(&figures, "ledger_dynamodb_requests_total", &puts), [3.0]);
}

#[tokio::test]
async fn a_tampered_commit_is_logged_and_counted() {
    let tables = tables().await;
    let projector = projector(&tables).start().await;
    invoke(&projector, &changed(batch(), "/Records/0/eventName", json!("MODIFY"))).await;
    let log = projector.stop().await;
    let messages = log.messages();
    let [line] = messages.as_slice() else { panic!("{}", log.out) };
    assert_eq!((&line["level"], &line["operation"]), (&json!("ERROR"), &json!("MODIFY")));
    assert_eq!((&line["product_id"], &line["sequence"]), (&json!("helmet"), &json!("1")));
    let tampering = [("consumer", "projector"), ("operation", "MODIFY")];
    assert_eq!(values(&log.metrics(), "ledger_tampering_total", &tampering), [1.0]);
}

#[tokio::test]
async fn a_query_leaves_one_log_line_and_its_metrics() {
    let tables = tables().await;
    let queries = query_api(&tables).start().await;
    reply(&queries, &get("helmet")).await;
    let log = queries.stop().await;
    let messages = log.messages();
    let [line] = messages.as_slice() else { panic!("{}", log.out) };
    assert_eq!((&line["message"], &line["route"]), (&json!("request"), &json!("/products/{id}")));
    assert_eq!((&line["status"], &line["requests"]), (&json!(404), &json!(2)));
    let figures = log.metrics();
    let [figures] = figures.as_slice() else { panic!("{}", log.out) };
    assert_eq!((&figures["function"], &figures["status"]), (&json!("ledger-test-query-api"), &json!("404")));
    assert_eq!(figures["ledger_http_requests_total"], 1.0);
    assert_eq!(figures["ledger_dynamodb_requests_total"], 2.0);
}
