//! `GET /status` of the query function: what tables and the bucket of the log tell, and how many requests that takes.

use aws_sdk_dynamodb::Client;
use event_store::receipts::EventPublication;
use event_store::{DynamoReceipts, Receipts};
use loopback::FunctionProcess;
use projections::http::status::MOST_REQUESTS;
use schema::{PublicationReceipt, PublicationRecord, fixtures};
use serde_json::{Value, json};

use crate::given::{invoke, projector, reconcile, reply};
use crate::log::{AUDIT, Logged, asked};

async fn status(function: &FunctionProcess, scope: Option<&str>) -> Value {
    let answer = reply(function, &asked("/status", Value::Null, "/status", scope)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.body
}

/// Requests to the tables and to the bucket since the last question.
fn requests(logged: &Logged) -> usize {
    logged.tables.take_requests().len() + logged.bucket.take_requests().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_function_tells_what_the_tables_and_the_bucket_tell_with_few_requests() {
    let logged = Logged::new().await;
    let function = logged.queries().start().await;
    let empty = status(&function, AUDIT).await;
    assert_eq!(
        (&empty["commits"], &empty["newest_recorded_at"]),
        (&json!(0), &Value::Null),
        "nothing has a position"
    );
    assert_eq!(
        (&empty["products"], &empty["log"], &empty["parked"]),
        (&Value::Null, &Value::Null, &json!([]))
    );
    logged.keep().await;
    let projector = projector(&logged.tables).start().await;
    invoke(&projector, &reconcile()).await;

    let function = logged.queries().start().await;
    requests(&logged);
    let full = status(&function, AUDIT).await;
    let needed = requests(&logged);
    assert!((8..=MOST_REQUESTS).contains(&needed), "{needed}");
    assert_eq!(status(&function, AUDIT).await, full);
    assert_eq!(requests(&logged), 0, "it is told again");
    assert_eq!(full["commits"], 5);
    assert!(
        full["first_recorded_at"].as_str() <= full["newest_recorded_at"].as_str()
            && full["first_recorded_at"].is_string()
    );
    assert_eq!((&full["products"]["active"], &full["products"]["deleted"]), (&json!(3), &json!(0)));
    let log = &full["log"];
    assert_eq!(
        (&log["size"], &log["unlogged"], &log["oldest_unlogged_ms"]),
        (&json!(5), &json!(0), &json!(0))
    );
    assert!(log["signed_at"].is_string(), "{log}");
    let none = json!({"lag_ms": null, "oldest_behind_ms": null});
    assert_eq!((&full["views"]["products"], &full["views"]["prices"], &full["bus"]), (&none, &none, &none));
    for unknown in ["tampering", "commands", "load", "refused"] {
        assert_eq!(full[unknown], Value::Null, "{unknown}");
    }
    let settings = full["settings"].as_array().unwrap();
    assert!(
        settings
            .iter()
            .any(|setting| setting["name"] == "LEDGER_EVENTS_TABLE" && setting["value"] == "events")
    );
    let may_not = reply(&function, &asked("/status", Value::Null, "/status", Some("products/read"))).await;
    may_not.problem("forbidden", 403, "order-8");
}

#[tokio::test(flavor = "multi_thread")]
async fn how_late_the_bus_had_the_newest_commit_is_known_once_all_its_events_have_receipts() {
    let logged = Logged::new().await;
    logged.keep().await;
    let function = logged.queries().start().await;
    let mut newest = asked("/commits", Value::Null, "/commits", AUDIT);
    newest["multiValueQueryStringParameters"] = json!({"order": ["desc"], "limit": ["1"]});
    newest["queryStringParameters"] = Value::Null;
    let page = reply(&function, &newest).await.body;
    let commit = &page["commits"][0]["commit"];
    let product = fixtures::id(commit["product_id"].as_str().unwrap());
    let recorded = commit["recorded_at"].as_str().unwrap();
    let published = fixtures::at("2030-01-01T00:00:00.250Z");
    let late = published.millis() - fixtures::at(recorded).millis();
    let last = commit["sequence"].as_u64().unwrap() + commit["events"].as_array().unwrap().len() as u64 - 1;
    let receipts = DynamoReceipts::new(Client::new(&logged.tables.sdk_config()), "receipts");
    for sequence in 1..=last {
        let receipt = PublicationReceipt { published_at: published, ..fixtures::receipt(sequence) };
        let outcome = PublicationRecord::Receipt(receipt);
        let lag = status(&logged.queries().start().await, AUDIT).await["bus"]["lag_ms"].clone();
        assert_eq!(lag, Value::Null, "{sequence} of {last} is missing");
        receipts.record(&[EventPublication { product: product.clone(), sequence, outcome }]).await.unwrap();
    }
    let told = status(&logged.queries().start().await, AUDIT).await;
    assert_eq!(told["bus"], json!({"lag_ms": late, "oldest_behind_ms": null}));
}
