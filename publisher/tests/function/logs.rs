//! The observability of an invocation: logs and metrics, as lines of JSON on standard output and nowhere else.

use serde_json::{Value, json};

use crate::given::{given, recorded, two_shards};

#[tokio::test]
async fn what_was_published_is_counted_with_its_lag() {
    let given = given().await;
    given.invoke(&two_shards()).await;
    let log = given.function.stop().await;
    assert_eq!(log.messages(), [] as [Value; 0]);
    let figures = log.metrics();
    assert!(figures.iter().all(|line| line["function"] == "ledger-test-publisher"), "{}", log.out);
    let published: Vec<&Value> =
        figures.iter().filter_map(|line| line.get("ledger_events_published_total")).collect();
    assert_eq!(published, [6.0]);
    let lags: Vec<&Value> =
        figures.iter().filter_map(|line| line.get("ledger_publish_lag_seconds")).collect();
    let [Value::Array(lags)] = lags.as_slice() else { panic!("{}", log.out) };
    assert_eq!(lags.len(), 6);
}

#[tokio::test]
async fn a_changed_commit_is_logged_and_counted() {
    let given = given().await;
    given.invoke(&recorded("insert-modify-remove")).await;
    let log = given.function.stop().await;
    let touched: Vec<Value> = log
        .messages()
        .into_iter()
        .filter(|line| line["tampering"] == 1)
        .map(|line| line["operation"].clone())
        .collect();
    assert_eq!(touched, [json!("MODIFY"), json!("REMOVE"), json!("REMOVE")]);
    let mut counted: Vec<(Value, Value)> = log.metrics().iter().filter_map(counted).collect();
    counted.sort_by_key(|(operation, _)| operation.to_string());
    assert_eq!(counted, [(json!("MODIFY"), json!(1.0)), (json!("REMOVE"), json!(2.0))]);
}

fn counted(line: &Value) -> Option<(Value, Value)> {
    Some((line["operation"].clone(), line.get("ledger_tampering_total")?.clone()))
}
