//! Records of shapes that AWS does not document, on their way through the SDK.

use serde_json::{Value, json};

use crate::sharded::{CaughtUp, Sharded};
use crate::{Log, done, mapping};

fn of(record: &Value, id: &str) -> bool {
    record["dynamodb"]["Keys"]["id"]["S"] == id
}

/// The ids that arrive where the record of `b` is altered.
async fn arriving(alter: impl Fn(&mut Value) + Send + 'static) -> (Vec<String>, CaughtUp) {
    let sharded = Sharded::new().await;
    sharded
        .streams
        .alter(move |record| {
            if of(record, "b") {
                alter(record);
            }
        })
        .await;
    let (log, caught_up) = (Log::default(), CaughtUp::default());
    sharded.put(["a", "b", "c"]).await;
    let reader = mapping("reader").nameless(|record| !record.change.keys.contains_key("id"));
    let reader = sharded.catching_up(reader, &caught_up);
    let running = sharded.run_as(reader, &log, |_| done());
    log.until_seen("c").await;
    sharded.put(["d"]).await;
    let calls = log.until_seen("d").await;
    running.stop().await;
    // The checkpoint is one to go on from.
    sharded.put(["e"]).await;
    let again = Log::default();
    let running = sharded.run(&again, &caught_up);
    assert_eq!(again.until_seen("e").await, [["e"]]);
    running.stop().await;
    (calls.concat(), caught_up)
}

#[tokio::test]
async fn a_record_with_keys_arrives_whatever_else_it_has() {
    let set = |pointer: &'static str, name: &'static str, value: Value| {
        move |record: &mut Value| record.pointer_mut(pointer).unwrap()[name] = value.clone()
    };
    for (pointer, name, value) in [
        ("/dynamodb/NewImage", "more", json!({"D": "2026-11-30"})),
        ("/dynamodb/NewImage", "more", json!({"L": [{"D": 1}]})),
        ("/dynamodb/NewImage", "more", json!({})),
        ("/dynamodb/NewImage", "more", json!({"S": "a", "N": "1"})),
        ("/dynamodb", "NewImage", json!("text")),
        ("/dynamodb", "SizeBytes", json!("many")),
        ("/dynamodb", "SizeBytes", Value::Null),
        ("/dynamodb", "ApproximateCreationDateTime", json!(1_795_445_144_000_000_u64)),
        ("/dynamodb", "ApproximateCreationDateTime", json!({"seconds": 1})),
        ("", "eventName", json!("UPSERT")),
        ("", "userIdentity", json!(7)),
    ] {
        let (ids, caught_up) = arriving(set(pointer, name, value.clone())).await;
        assert_eq!(
            (ids.as_slice(), caught_up.times()),
            (&["a", "b", "c", "d"].map(str::to_owned)[..], 1),
            "{value}"
        );
    }
}

#[tokio::test]
async fn for_a_record_without_readable_keys_the_table_is_read_and_the_others_arrive() {
    for keys in [
        json!({}),
        json!({"id": {"D": "b"}}),
        json!({"id": "b"}),
        Value::Null,
        json!({"id": {"D": "b"}, "sequence": {"N": "1"}}),
        json!({"id": "b", "sequence": {"N": "1"}}),
    ] {
        let (ids, caught_up) = arriving(move |record| record["dynamodb"]["Keys"] = keys.clone()).await;
        assert_eq!(ids, ["a", "c", "d"]);
        assert!(caught_up.times() == 2 && caught_up.ids().contains("b"), "{}", caught_up.times());
    }
}
