//! A stream whose shard is split, which the double of DynamoDB never does: a script replaces it.

use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use server::mapping::StreamEndpoint;

use crate::{Log, World, done, mapping};

/// A parent with records `a` and `b` in two pages, and two children with `c` and `d`.
#[derive(Debug)]
struct SplitStream;

impl SplitStream {
    fn answer(operation: &str, request: &Value) -> Value {
        let shard = |id: &str, parent: Option<&str>| match parent {
            Some(parent) => json!({ "ShardId": id, "ParentShardId": parent }),
            None => json!({ "ShardId": id }),
        };
        match operation {
            "ListStreams" => json!({ "Streams": [
                { "StreamArn": "arn:new", "StreamLabel": "2026-02", "TableName": "things" },
                { "StreamArn": "arn:old", "StreamLabel": "2026-01", "TableName": "things" },
            ] }),
            "DescribeStream" if request["ExclusiveStartShardId"].is_null() => json!({ "StreamDescription": {
                "StreamArn": request["StreamArn"],
                "Shards": [shard("right", Some("parent")), shard("parent", Some("long gone"))],
                "LastEvaluatedShardId": "parent",
            } }),
            "DescribeStream" => json!({ "StreamDescription": { "Shards": [shard("left", Some("parent"))] } }),
            "GetShardIterator" => {
                json!({ "ShardIterator": format!("{}/0", request["ShardId"].as_str().unwrap()) })
            }
            "GetRecords" => Self::page(request["ShardIterator"].as_str().unwrap()),
            other => panic!("unexpected {other}"),
        }
    }

    fn page(iterator: &str) -> Value {
        let record = |id: &str, number: u8| {
            json!({ "eventID": id, "eventName": "INSERT", "dynamodb": {
                "Keys": { "id": { "S": id } }, "SequenceNumber": format!("{number:021}") } })
        };
        match iterator {
            "parent/0" => json!({ "Records": [record("a", 1)], "NextShardIterator": "parent/1" }),
            "parent/1" => json!({ "Records": [record("b", 2)] }),
            "left/0" => json!({ "Records": [record("c", 3)], "NextShardIterator": "left/1" }),
            "right/0" => json!({ "Records": [record("d", 4)], "NextShardIterator": "right/1" }),
            open => json!({ "Records": [], "NextShardIterator": open }),
        }
    }
}

impl HttpConnector for SplitStream {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap();
        let operation = target.rsplit('.').next().unwrap();
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let answer = Self::answer(operation, &body).to_string();
        HttpConnectorFuture::ready(Ok(HttpResponse::new(200.try_into().unwrap(), SdkBody::from(answer))))
    }
}

#[tokio::test]
async fn a_split_shard_is_read_to_its_end_before_its_children_and_only_once() {
    let world = World::new().await;
    let script = http_client_fn(|_, _| SharedHttpConnector::new(SplitStream));
    let config = world.engine.sdk_config().to_builder().http_client(script).build();
    let log = Log::default();
    let enough = |calls: &[Vec<String>]| {
        calls.iter().flatten().any(|id| id == "c") && calls.iter().flatten().any(|id| id == "d")
    };
    let running = world.run_from(StreamEndpoint::new(&config), mapping("reader"), &log, |_| done());
    let mut calls = log.until(enough).await;
    running.stop().await;
    calls[2..].sort();
    assert_eq!(calls, [["a"], ["b"], ["c"], ["d"]]);

    // After a restart the parent is known to be finished.
    let again = Log::default();
    let running = world.run_from(StreamEndpoint::new(&config), mapping("reader"), &again, |_| done());
    let calls = again.until(enough).await;
    running.stop().await;
    assert!(!calls.iter().flatten().any(|id| id == "a" || id == "b"), "{calls:?}");
}
