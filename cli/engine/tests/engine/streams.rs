//! Streams: they wake, they last, and they are trimmed.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodbstreams::Client as Streams;
use aws_sdk_dynamodbstreams::types::{Record, ShardIteratorType};
use engine::{Engine, TrimError};

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
async fn a_stream_is_read_on_after_a_restart() {
    let directory = tempfile::tempdir().unwrap();
    let engine = Engine::open(directory.path()).unwrap();
    let client = Client::new(&engine.sdk_config());
    create_table(&client, true).await;
    put(&client, "a").await;
    put(&client, "b").await;
    let first = records(&Streams::new(&engine.sdk_config()), None).await.remove(0);
    engine.close().await;

    let engine = Engine::open(directory.path()).unwrap();
    let rest = records(&Streams::new(&engine.sdk_config()), Some(sequence_number(&first))).await;
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].dynamodb().unwrap().keys().unwrap()["id"].as_s().unwrap(), "b");
    engine.close().await;
}

#[tokio::test]
async fn a_write_wakes_and_only_one_with_a_stream_wakes_stream_readers() {
    let engine = Engine::in_memory().unwrap();
    let client = Client::new(&engine.sdk_config());
    create_table(&client, true).await;
    let (mut writes, mut stream_writes) = (engine.writes(), engine.stream_writes());
    put(&client, "a").await;
    assert!(writes.has_changed().unwrap() && stream_writes.has_changed().unwrap());
    writes.mark_unchanged();
    stream_writes.mark_unchanged();

    client.list_tables().send().await.unwrap();
    let select = format!("SELECT * FROM \"{TABLE}\"");
    client.execute_statement().statement(select).limit(1).send().await.unwrap();
    assert!(!writes.has_changed().unwrap());

    // Deleting what is not there writes, but no record.
    client.delete_item().table_name(TABLE).key("id", crate::text("none")).send().await.unwrap();
    assert!(writes.has_changed().unwrap() && !stream_writes.has_changed().unwrap());
}

#[tokio::test]
async fn trimming_deletes_what_was_passed_and_keeps_the_newest_record() {
    let engine = Engine::in_memory().unwrap();
    let client = Client::new(&engine.sdk_config());
    let streams = Streams::new(&engine.sdk_config());
    create_table(&client, true).await;
    for id in ["a", "b", "c", "d"] {
        put(&client, id).await;
    }
    let before = records(&streams, None).await;
    assert_eq!(engine.trim_stream(TABLE, sequence_number(&before[1])).await.unwrap(), 2);
    let after = records(&streams, None).await;
    assert_eq!(after, before[2..]);

    assert_eq!(engine.trim_stream(TABLE, sequence_number(&before[3])).await.unwrap(), 1);
    assert_eq!(engine.trim_stream("another", sequence_number(&before[3])).await.unwrap(), 0);
    let newest = records(&streams, None).await;
    assert_eq!(newest, before[3..]);
    put(&client, "e").await;
    let newer = records(&streams, Some(sequence_number(&newest[0]))).await;
    assert_eq!(newer.len(), 1);

    let refused = engine.trim_stream(TABLE, "seven").await.unwrap_err();
    assert!(matches!(refused, TrimError::SequenceNumber(_)), "{refused}");
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
