//! What each invocation does, and what it leaves in log and metrics.

use std::time::Duration;

use loopback::Log;
use serde_json::{Value, json};

use crate::given::{Surroundings, all_well, invoke, member, reconcile, schedule};

/// All values of a metric.
fn values(log: &Log, name: &str) -> Vec<Value> {
    log.metrics().iter().filter_map(|line| line.get(name).cloned()).collect()
}

#[tokio::test]
async fn what_was_there_before_is_logged_by_the_schedule_and_what_is_announced_by_the_stream() {
    let around = Surroundings::new().await;
    let function = around.start().await;
    // Before the beginning is logged, announcements wait.
    let batch = around.announce(&["helmet", "cap", "lamp"]).await;
    assert_eq!(invoke(&function, &batch).await, all_well());
    assert_eq!(around.size().await, Some(0), "the first run begins the log");
    let begun = invoke(&function, &schedule()).await;
    assert_eq!((member(&begun, "logged"), member(&begun, "published")), (json!(5), json!(5)));
    assert_eq!(around.size().await, Some(5));
    // Everything once more changes nothing.
    assert_eq!(invoke(&function, &batch).await, all_well());
    let again = invoke(&function, &schedule()).await;
    assert_eq!((member(&again, "logged"), member(&again, "published")), (json!(0), json!(5)));
    assert!(matches!(invoke(&function, &reconcile()).await, loopback::FunctionResponse::Response(_)));
    let log = function.stop().await;
    assert!(log.messages().iter().all(|line| line["level"] == "INFO"), "{}", log.out);
    assert_eq!(values(&log, "ledger_log_oldest_unlogged_seconds").last(), Some(&json!(0.0)));
    assert!(!values(&log, "ledger_log_checkpoint_age_seconds").is_empty());
    assert!(values(&log, "ledger_log_conflicts_total").is_empty());
}

#[tokio::test]
async fn a_batch_that_was_logged_and_not_published_is_published_by_the_next_run() {
    let around = Surroundings::new().await;
    let function = around.start().await;
    around.kms.refuse(Some("DisabledException"));
    let failed = invoke(&function, &schedule()).await;
    let loopback::FunctionResponse::Error(_, error) = failed else { panic!("{failed:?}") };
    assert!(error.to_string().contains("DisabledException"), "{error}");
    assert_eq!(around.size().await, None);
    around.kms.refuse(None);
    let done = invoke(&function, &schedule()).await;
    assert_eq!((member(&done, "logged"), member(&done, "published")), (json!(0), json!(5)));
    assert_eq!(around.size().await, Some(5));
}

#[tokio::test]
async fn a_file_that_differs_ends_the_signing_and_not_the_logging_and_every_run_says_so() {
    let around = Surroundings::new().await;
    around.bucket.replace("tile/entries/000.p/5", Some(b"another one"));
    let function = around.start().await;
    for _ in 0..2 {
        let run = invoke(&function, &schedule()).await;
        assert_eq!(member(&run, "published"), Value::Null);
        let batch = around.announce(&["helmet"]).await;
        assert_eq!(invoke(&function, &batch).await, all_well(), "the stream has nothing to repeat");
    }
    assert_eq!(around.size().await, Some(0));
    assert_eq!(around.bucket.objects()["tile/entries/000.p/5"], b"another one");
    let log = function.stop().await;
    let kinds: Vec<Value> = log.metrics().iter().filter_map(|line| line.get("kind").cloned()).collect();
    assert_eq!(kinds, vec![json!("file"); 4], "{}", log.out);
    let errors = log.messages().into_iter().filter(|line| line["level"] == "ERROR").count();
    assert_eq!(errors, 4, "{}", log.out);
}

#[tokio::test]
async fn another_key_is_refused_by_every_run_and_commits_are_logged_all_the_same() {
    let around = Surroundings::new().await;
    let first = around.start().await;
    invoke(&first, &schedule()).await;
    drop(first);
    around.kms.replace([8; 32]);
    let function = around.start().await;
    let run = invoke(&function, &schedule()).await;
    assert_eq!(member(&run, "published"), Value::Null);
    let log = function.stop().await;
    let kinds: Vec<Value> = log.metrics().iter().filter_map(|line| line.get("kind").cloned()).collect();
    assert_eq!(kinds, [json!("key")], "{}", log.out);
    assert!(log.out.contains("name that one's key"), "{}", log.out);
    assert_eq!(around.size().await, Some(5));
}

/// What was logged into it could never be removed again, and would contradict what was signed.
#[tokio::test]
async fn nothing_is_logged_into_a_table_that_is_older_than_the_checkpoint() {
    let around = Surroundings::new().await;
    let first = around.start().await;
    invoke(&first, &schedule()).await;
    assert_eq!(around.size().await, Some(5));
    drop(first);
    let client = aws_sdk_dynamodb::Client::new(&around.tables.sdk_config());
    event_store::table::create(&client, "older", sequencer::LOG_TABLE).await.unwrap();
    let function = around.command().with("LEDGER_LOG_TABLE", "older").start().await;
    for _ in 0..2 {
        let run = invoke(&function, &schedule()).await;
        assert_eq!((member(&run, "logged"), member(&run, "published")), (json!(0), Value::Null));
        let batch = around.announce(&["helmet", "cap"]).await;
        assert_eq!(invoke(&function, &batch).await, all_well(), "the stream has nothing to repeat");
    }
    let compared = invoke(&function, &reconcile()).await;
    assert!(matches!(compared, loopback::FunctionResponse::Error(..)), "{compared:?}");
    let (_, found) = around.tables.request("Scan", &json!({"TableName": "older"})).await;
    let partitions: Vec<&Value> =
        found["Items"].as_array().unwrap().iter().map(|item| &item["pk"]["S"]).collect();
    assert_eq!(partitions, ["key"], "whose key signs the log is on record, and nothing else");
    let log = function.stop().await;
    let kinds: Vec<Value> = log.metrics().iter().filter_map(|line| line.get("kind").cloned()).collect();
    assert_eq!(kinds, vec![json!("ledger"); 4], "{}", log.out);
    let is_said =
        |line: &&Value| line["level"] == "ERROR" && line.to_string().contains("run ledger log restore");
    assert_eq!(log.messages().iter().filter(is_said).count(), 4, "{}", log.out);
    assert_eq!(around.size().await, Some(5));
}

/// Whether a table is older can be asked of the bucket alone, and a bucket that does not answer stops nothing.
#[tokio::test]
async fn what_is_announced_is_logged_while_the_bucket_does_not_answer() {
    for fault in [loopback::RequestFault::Refused, loopback::RequestFault::Silent] {
        let around = Surroundings::new().await;
        around.bucket.fail(move |_| Some(fault));
        let function = around.start().await;
        function.invoke_within(schedule().to_string(), Duration::from_secs(12)).await.unwrap();
        let (_, found) = around.tables.request("Scan", &json!({"TableName": "log"})).await;
        let is_batch = |item: &&Value| item["pk"]["S"] == "log";
        assert_eq!(found["Items"].as_array().unwrap().iter().filter(is_batch).count(), 1, "{fault:?}");
        around.bucket.recover();
        assert_eq!(member(&invoke(&function, &schedule()).await, "published"), json!(5));
    }
}

#[tokio::test]
async fn a_rewritten_commit_is_parked_and_never_logged() {
    let around = Surroundings::new().await;
    let function = around.start().await;
    invoke(&function, &schedule()).await;
    // The newest commit of a product is removed and another one recorded in its place.
    let (_, found) = around.tables.request("Scan", &json!({"TableName": "events"})).await;
    let lamp =
        found["Items"].as_array().unwrap().iter().find(|item| item["product_id"]["S"] == "lamp").unwrap();
    let mut other = lamp.clone();
    other["hash"] = json!({"S": "00".repeat(32)});
    around.put("events", &other).await;
    let batch = around.announce(&["lamp"]).await;
    assert_eq!(invoke(&function, &batch).await, all_well());
    assert_eq!((around.size().await, around.parked().await), (Some(5), 1));
    let log = function.stop().await;
    let kinds: Vec<Value> = log.metrics().iter().filter_map(|line| line.get("kind").cloned()).collect();
    assert_eq!(kinds.len(), 1, "{}", log.out);
}

#[tokio::test]
async fn the_settings_of_another_key_replace_the_one_before_it_and_both_sign() {
    let around = Surroundings::new().await;
    let function = around.start().await;
    invoke(&function, &schedule()).await;
    assert_eq!(around.size().await, Some(5));
    function.stop().await;
    around.kms.add("next-key", [8; 32]);
    let former = "1234abcd-12ab-34cd-56ef-1234567890ab";
    let next = |command: loopback::FunctionCommand| command.with("LEDGER_LOG_KEY_ID", "next-key");
    // Without the former key in the settings it is another key, which signs nothing.
    let function = next(around.command()).start().await;
    assert_eq!(member(&invoke(&function, &schedule()).await, "published"), Value::Null);
    function.stop().await;
    let function = next(around.command()).with("LEDGER_LOG_FORMER_KEY_ID", former).start().await;
    let run = invoke(&function, &schedule()).await;
    assert_eq!(member(&run, "published"), json!(5));
    let log = function.stop().await;
    assert!(log.messages().iter().any(|line| line["message"] == "the log has another key"), "{}", log.out);
    let note = String::from_utf8(around.bucket.objects()["checkpoint"].clone()).unwrap();
    assert_eq!(note.lines().filter(|line| line.starts_with('\u{2014}')).count(), 2, "{note}");
    assert_eq!(around.size().await, Some(5), "the former key has signed too");
}
