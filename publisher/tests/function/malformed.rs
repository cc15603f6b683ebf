//! Malformed input: an unreadable record does not affect the others of its batch, an unreadable event is an error, and the
//! next invocation works.

use loopback::{FunctionResponse, changed};
use serde_json::{Value, json};

use crate::given::{all_well, given, recorded, two_shards};

/// The largest payload of a Lambda invocation.
const LARGEST: usize = 6 * 1024 * 1024;

#[tokio::test]
async fn a_record_that_cannot_be_read_leaves_its_neighbours_alone() {
    let first = |place: &str| format!("/Records/0/dynamodb{place}");
    let without_image = |keys: Value| {
        let event = changed(two_shards(), &first("/NewImage"), json!({}));
        changed(event, &first("/Keys"), keys)
    };
    let foreign = json!({"pk": {"S": "order"}, "sk": {"N": "1"}});
    let nameless = [
        without_image(json!({})),
        without_image(foreign.clone()),
        changed(without_image(foreign.clone()), &first("/NewImage"), foreign),
    ];
    let given = given().await;
    for event in nameless {
        assert_eq!(given.invoke(&event).await, all_well(), "{event}");
    }
    assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (vec![], vec![1, 2, 3]));
    for event in [
        changed(two_shards(), &first("/NewImage/sequence"), json!({"N": "one"})),
        changed(two_shards(), &first("/NewImage/sequence"), json!({"N": "1e400"})),
        changed(two_shards(), &first("/NewImage/state"), json!({"S": "no product"})),
        recorded("keys-only"),
    ] {
        assert_eq!(given.invoke(&event).await, all_well(), "{event}");
    }
    assert_eq!(given.accepted("shard-one"), [1, 2, 3], "the event table was read instead");
    let log = given.function.stop().await;
    let named = |line: &&Value| line["level"] == "ERROR" && line["record"] == "111100000000006544923461";
    assert_eq!(log.messages().iter().filter(named).count(), 3, "{}", log.out);
    let metrics = log.metrics();
    let given_up = metrics.iter().filter_map(|line| line.get("ledger_stream_records_given_up_total"));
    assert_eq!(given_up.collect::<Vec<_>>(), [1.0, 1.0, 1.0], "{}", log.out);
}

#[tokio::test]
async fn a_record_of_a_strange_shape_leads_to_its_product_by_its_keys() {
    let first = |place: &str| format!("/Records/0/dynamodb{place}");
    let mut small = two_shards();
    small.pointer_mut(&first("")).unwrap().as_object_mut().unwrap().remove("SizeBytes");
    let mut grown = two_shards();
    grown.pointer_mut(&first("/NewImage")).unwrap()["more"] = json!({"D": "2026-11-30"});
    for event in [
        small,
        grown,
        changed(two_shards(), &first("/ApproximateCreationDateTime"), json!(1_795_445_144_000_000_u64)),
        changed(two_shards(), &first("/NewImage"), json!([])),
        changed(two_shards(), "/Records/0/awsRegion", Value::Null),
        changed(two_shards(), "/Records/0/eventName", Value::Null),
    ] {
        let given = given().await;
        assert_eq!(given.invoke(&event).await, all_well(), "{event}");
        let all = vec![1, 2, 3];
        assert_eq!((given.accepted("shard-one"), given.accepted("shard-two")), (all.clone(), all), "{event}");
    }
}

/// Nothing can be named of it, so it cannot be handed back alone either.
#[tokio::test]
async fn beside_a_record_without_a_number_the_others_are_published() {
    let given = given().await;
    for nothing in [json!(1), Value::Null, json!({})] {
        let event = changed(two_shards(), "/Records/0", nothing);
        assert_eq!(given.invoke(&event).await, all_well(), "{event}");
        assert_eq!(given.accepted("shard-two"), [1, 2, 3]);
    }
}

#[tokio::test]
async fn an_empty_batch_and_the_largest_one_are_answered() {
    let given = given().await;
    assert_eq!(given.invoke(&json!({"Records": []})).await, all_well());
    let mut event = two_shards();
    let records = event["Records"].as_array_mut().unwrap();
    let each = records.iter().map(|record| record.to_string().len() + 1).max().unwrap();
    *records = records.iter().cycle().take((LARGEST - 1024) / each).cloned().collect();
    let length = event.to_string().len();
    assert!((LARGEST / 2..LARGEST).contains(&length), "{length}");
    assert_eq!(given.invoke(&event).await, all_well());
    assert_eq!(given.bus.accepted().len(), 6);
}

#[tokio::test]
async fn an_event_that_is_neither_a_batch_nor_the_schedule_is_an_error_and_the_next_batch_is_published() {
    let given = given().await;
    let foreign = json!({"source": "aws.events", "detail-type": "RetryParked"});
    let events = [json!({}), json!([]), json!({"Records": {}}), foreign];
    let texts = ["", "{", "null", "\"Records\""].map(str::to_owned);
    for event in events.iter().map(Value::to_string).chain(texts) {
        let answer = given.function.invoke(event.clone()).await;
        let FunctionResponse::Error(_, error) = answer else { panic!("{event}: {answer:?}") };
        let message = error["errorMessage"].as_str().unwrap();
        assert!(!message.is_empty() && !message.contains("panicked"), "{event}: {message}");
    }
    assert_eq!(given.tables.take_requests(), []);
    assert_eq!(given.invoke(&two_shards()).await, all_well());
    assert_eq!(given.bus.accepted().len(), 6);
}
