//! Malformed input: a record that cannot be read does not affect the others, an event that cannot be read is an error, and the
//! next invocation works as usual.

use loopback::{FunctionResponse, changed};
use serde_json::{Value, json};

use crate::given::{all_well, batch, get, invoke, projector, query_api, reconcile, recorded, reply, tables};

/// The largest event that Lambda passes to a function.
const LARGEST: usize = 6 * 1024 * 1024;

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_affect_the_others() {
    let tables = tables().await;
    let (projector, queries) = (projector(&tables).start().await, query_api(&tables).start().await);
    let first = |place: &str| format!("/Records/0/dynamodb{place}");
    for event in [
        changed(batch(), &first("/NewImage"), json!({})),
        changed(batch(), &first("/NewImage/sequence"), json!({"N": "one"})),
        changed(batch(), &first("/NewImage/sequence"), json!({"N": "1e400"})),
        changed(batch(), &first("/NewImage/state"), json!({"S": "no product"})),
        changed(batch(), &first("/NewImage/product_id"), json!({"S": ""})),
    ] {
        assert_eq!(invoke(&projector, &event).await, all_well(), "{event}");
    }
    // The first record is one of helmet's two, so helmet is whole as well: the event table was asked.
    for product in ["helmet", "cap", "lamp"] {
        assert_eq!(reply(&queries, &get(product)).await.status, 200, "{product}");
    }
}

/// The batch with a record of helmet, which is the first, of a shape that AWS does not document.
fn strange() -> Vec<Value> {
    let first = |place: &str| format!("/Records/0/dynamodb{place}");
    let mut small = batch();
    small.pointer_mut(&first("")).unwrap().as_object_mut().unwrap().remove("SizeBytes");
    let mut grown = batch();
    grown.pointer_mut(&first("/NewImage")).unwrap()["more"] = json!({"D": "2026-11-30"});
    vec![
        small,
        grown,
        changed(batch(), &first("/ApproximateCreationDateTime"), json!(1_795_445_144_000_000_u64)),
        changed(batch(), &first("/StreamViewType"), json!("NEW_IMAGE_AND_MORE")),
        changed(batch(), &first("/NewImage"), json!([])),
        changed(batch(), "/Records/0/awsRegion", Value::Null),
        changed(batch(), "/Records/0/eventName", Value::Null),
    ]
}

#[tokio::test]
async fn a_record_of_a_strange_shape_leads_to_its_product_by_its_keys() {
    for event in strange() {
        let tables = tables().await;
        let (projector, queries) = (projector(&tables).start().await, query_api(&tables).start().await);
        assert_eq!(invoke(&projector, &event).await, all_well(), "{event}");
        for (product, version) in [("helmet", "\"2\""), ("cap", "\"3\""), ("lamp", "\"1\"")] {
            let reply = reply(&queries, &get(product)).await;
            assert_eq!((reply.status, reply.header("etag")), (200, Some(version)), "{product}: {event}");
        }
        let log = projector.stop().await;
        assert!(log.messages().iter().all(|line| line["level"] != "ERROR"), "{event}: {}", log.out);
    }
}

#[tokio::test]
async fn a_record_that_does_not_say_of_which_product_it_is_is_given_up_counted_and_found_by_a_reconcile() {
    let first = |place: &str| format!("/Records/3/dynamodb{place}");
    let foreign = json!({"pk": {"S": "order"}, "sk": {"N": "1"}});
    let number = batch().pointer(&first("/SequenceNumber")).unwrap().clone();
    for keys in [json!({}), Value::Null, json!({"product_id": {"D": "lamp"}}), foreign] {
        let tables = tables().await;
        let (projector, queries) = (projector(&tables).start().await, query_api(&tables).start().await);
        let event = changed(batch(), &first("/NewImage"), keys.clone());
        let event = changed(event, &first("/Keys"), keys);
        assert_eq!(invoke(&projector, &event).await, all_well(), "{event}");
        for (product, status) in [("helmet", 200), ("cap", 200), ("lamp", 404)] {
            assert_eq!(reply(&queries, &get(product)).await.status, status, "{product}");
        }
        let round = FunctionResponse::Response(json!({"compared": 3, "complete": true}));
        assert_eq!(invoke(&projector, &reconcile()).await, round);
        assert_eq!(reply(&queries, &get("lamp")).await.status, 200);
        let log = projector.stop().await;
        let error = |line: &Value| line["level"] == "ERROR" && line["record"] == number;
        assert!(log.messages().iter().any(error), "{}", log.out);
        assert_eq!(given_up(&log.metrics()), [json!(1.0)], "{}", log.out);
    }
}

/// What each line of metrics counts of records that were given up.
fn given_up(metrics: &[Value]) -> Vec<Value> {
    let of_projector = metrics.iter().filter(|line| line["consumer"] == "projector");
    of_projector.filter_map(|line| line.get("ledger_stream_records_given_up_total").cloned()).collect()
}

/// Nothing can be named of it, so it cannot be handed back alone either.
#[tokio::test]
async fn beside_a_record_without_a_number_the_others_are_projected() {
    let tables = tables().await;
    let (projector, queries) = (projector(&tables).start().await, query_api(&tables).start().await);
    for nothing in [json!(1), Value::Null, json!({})] {
        let event = changed(batch(), "/Records/3", nothing);
        assert_eq!(invoke(&projector, &event).await, all_well(), "{event}");
        assert_eq!(reply(&queries, &get("cap")).await.status, 200);
    }
    let log = projector.stop().await;
    assert_eq!(given_up(&log.metrics()), [json!(1.0), json!(1.0), json!(1.0)], "{}", log.out);
}

#[tokio::test]
async fn an_empty_batch_and_the_largest_one_are_answered() {
    let tables = tables().await;
    let projector = projector(&tables).start().await;
    assert_eq!(invoke(&projector, &json!({"Records": []})).await, all_well());
    let mut event = batch();
    let records = event["Records"].as_array_mut().unwrap();
    let each = records.iter().map(|record| record.to_string().len() + 1).max().unwrap();
    *records = records.iter().cycle().take((LARGEST - 1024) / each).cloned().collect();
    let length = event.to_string().len();
    assert!((LARGEST / 2..LARGEST).contains(&length), "{length}");
    assert_eq!(invoke(&projector, &event).await, all_well());
}

#[tokio::test]
async fn an_event_that_is_neither_a_batch_nor_scheduled_is_an_error_and_the_next_batch_is_projected() {
    let tables = tables().await;
    let projector = projector(&tables).start().await;
    let records = [json!({}), json!({"Records": {}})];
    let foreign =
        [json!({"source": "aws.events", "detail-type": "RetryParked"}), json!([]), recorded("get-product")];
    let texts = ["", "{", "null", "\"Records\""].map(str::to_owned);
    for event in records.iter().chain(&foreign).map(Value::to_string).chain(texts) {
        let answer = projector.invoke(event.clone()).await;
        let FunctionResponse::Error(_, error) = answer else { panic!("{event}: {answer:?}") };
        let message = error["errorMessage"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains("panicked"), "{event}: {message}");
    }
    assert_eq!(tables.take_requests(), []);
    assert_eq!(invoke(&projector, &batch()).await, all_well());
}

#[tokio::test]
async fn an_event_that_is_not_a_request_is_an_error_and_the_next_one_is_answered() {
    let tables = tables().await;
    let queries = query_api(&tables).start().await;
    for event in [json!({}), json!([]), Value::Null, batch(), changed(get("helmet"), "/path", Value::Null)] {
        let answer = invoke(&queries, &event).await;
        assert!(matches!(&answer, FunctionResponse::Error(..)), "{event}: {answer:?}");
    }
    assert_eq!(reply(&queries, &get("helmet")).await.status, 404);
}
