//! Malformed input: a record that cannot be read does not affect the others, an event that cannot be read is an error, and the
//! next invocation works as usual.

use loopback::{FunctionResponse, changed};
use serde_json::{Value, json};

use crate::given::{all_well, batch, get, invoke, projector, query_api, recorded, reply, tables};

/// The largest event that Lambda passes to a function.
const LARGEST: usize = 6 * 1024 * 1024;

#[tokio::test]
async fn a_record_that_cannot_be_read_does_not_affect_the_others() {
    let tables = tables().await;
    let (projector, queries) = (projector(&tables).start().await, query_api(&tables).start().await);
    let first = |place: &str| format!("/Records/0/dynamodb{place}");
    let without_image = |keys: Value| {
        let event = changed(batch(), &first("/NewImage"), json!({}));
        changed(event, &first("/Keys"), keys)
    };
    let foreign = json!({"pk": {"S": "order"}, "sk": {"N": "1"}});
    for event in [
        without_image(json!({})),
        without_image(foreign.clone()),
        changed(without_image(foreign.clone()), &first("/NewImage"), foreign),
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
    let records = [json!({}), json!({"Records": {}}), json!({"Records": [1]}), json!({"Records": [{}]})];
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
