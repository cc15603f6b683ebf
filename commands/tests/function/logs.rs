//! The observability of an invocation: one line of the log and one of metrics, both on standard output.

use std::collections::BTreeSet;

use serde_json::json;

use crate::given::{given, post, with_body};

#[tokio::test]
async fn each_invocation_leaves_one_line_of_the_log_and_one_of_figures() {
    let given = given().await;
    given.reply(&post()).await;
    given.reply(&with_body(post(), "{}")).await;
    let log = given.function.stop().await;

    let messages = log.messages();
    let [created, refused] = messages.as_slice() else { panic!("{}", log.out) };
    assert_eq!((&created["level"], &created["message"]), (&json!("INFO"), &json!("request")));
    assert_eq!((&created["status"], &created["outcome"]), (&json!(201), &json!("recorded")));
    assert_eq!((&created["requests"], &created["correlation_id"]), (&json!(1), &json!("order-7")));
    assert_eq!((&refused["status"], &refused["problem"]), (&json!(422), &json!("invalid")));

    let figures = log.metrics();
    let [created, refused] = figures.as_slice() else { panic!("{}", log.out) };
    assert_eq!(created["function"], "ledger-test-command-api");
    assert_eq!((&created["command"], &created["outcome"]), (&json!("create"), &json!("recorded")));
    assert_eq!((&created["table"], &created["operation"]), (&json!("events"), &json!("ExecuteStatement")));
    assert_eq!(created["ledger_dynamodb_capacity_units"], json!([1.0]));
    let names = |line: &serde_json::Value| -> BTreeSet<String> {
        let names = line.as_object().unwrap().keys().filter(|name| name.starts_with("ledger_"));
        names.cloned().collect()
    };
    let of_the_front =
        ["ledger_commands_total", "ledger_http_request_duration_seconds", "ledger_http_requests_total"];
    let of_the_table = ["ledger_dynamodb_capacity_units", "ledger_dynamodb_requests_total"];
    assert_eq!(names(refused), BTreeSet::from(of_the_front.map(str::to_owned)));
    assert_eq!(names(created), of_the_front.into_iter().chain(of_the_table).map(str::to_owned).collect());
    for line in &figures {
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Namespace"], "ProductLedger");
    }
}
