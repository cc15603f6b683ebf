//! Streams: they hold the writes in order and are deleted with their table.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodbstreams::Client as Streams;
use aws_sdk_dynamodbstreams::types::{Record, ShardIteratorType};
use engine::Engine;

use crate::{TABLE, create_table, put};

async fn records(streams: &Streams, after: Option<&str>) -> Vec<Record> {
    let stream = streams.list_streams().table_name(TABLE).send().await.unwrap().streams.unwrap().remove(0);
    let arn = stream.stream_arn.unwrap();
    let described =
        streams.describe_stream().stream_arn(&arn).send().await.unwrap().stream_description.unwrap();
    let from =
        if after.is_some() { ShardIteratorType::AfterSequenceNumber } else { ShardIteratorType::TrimHorizon };
    let iterator = streams
        .get_shard_iterator()
        .stream_arn(arn)
        .shard_id(described.shards()[0].shard_id().unwrap())
        .shard_iterator_type(from)
        .set_sequence_number(after.map(str::to_owned))
        .send()
        .await
        .unwrap();
    let got =
        streams.get_records().set_shard_iterator(iterator.shard_iterator).limit(1000).send().await.unwrap();
    got.records.unwrap()
}

fn sequence_number(record: &Record) -> &str {
    record.dynamodb().unwrap().sequence_number().unwrap()
}

#[tokio::test]
async fn a_stream_has_each_write_in_order_and_is_read_on_from_any_of_them() {
    let engine = Engine::in_memory().unwrap();
    let (client, streams) = (Client::new(&engine.sdk_config()), Streams::new(&engine.sdk_config()));
    create_table(&client, true).await;
    for id in ["a", "b", "c"] {
        put(&client, id).await;
    }
    let all = records(&streams, None).await;
    let ids: Vec<&str> = all
        .iter()
        .map(|record| record.dynamodb().unwrap().keys().unwrap()["id"].as_s().unwrap().as_str())
        .collect();
    assert_eq!(ids, ["a", "b", "c"]);
    assert_eq!(records(&streams, Some(sequence_number(&all[0]))).await, all[1..]);
}

#[tokio::test]
async fn a_table_created_again_begins_an_empty_stream() {
    let engine = Engine::in_memory().unwrap();
    let client = Client::new(&engine.sdk_config());
    create_table(&client, true).await;
    put(&client, "old").await;
    client.delete_table().table_name(TABLE).send().await.unwrap();
    create_table(&client, true).await;
    assert!(records(&Streams::new(&engine.sdk_config()), None).await.is_empty());
}
