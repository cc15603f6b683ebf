//! The engine's figures, as the proxy counts them, follow `DynamoDB`'s published rules.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes, Put, TransactWriteItem};
use bench::tables::Item;

use super::given::given;

const TABLE: &str = "journal";

/// An item of exactly so many bytes: `aid` and `x` are 3 + 1 and 1 long, `seq_nr` 6 + 2.
fn sized(sequence: u64, bytes: usize) -> Item {
    assert!((1..10).contains(&sequence));
    Item::from([
        ("aid".into(), AttributeValue::S("a".into())),
        ("seq_nr".into(), AttributeValue::N(sequence.to_string())),
        ("x".into(), AttributeValue::S("x".repeat(bytes - 13))),
    ])
}

async fn put(client: &Client, sequence: u64, bytes: usize) {
    let request = client.put_item().table_name(TABLE).set_item(Some(sized(sequence, bytes)));
    request.send().await.unwrap();
}

fn key(sequence: u64) -> Item {
    let mut item = sized(sequence, 100);
    item.remove("x");
    item
}

#[tokio::test]
async fn a_write_costs_a_unit_for_each_kb_or_part_of_it() {
    let given = given().await;
    for (bytes, units) in [(100, 1.0), (1024, 1.0), (1025, 2.0), (2048, 2.0), (2049, 3.0)] {
        put(&given.client, 1, bytes).await;
        assert_eq!(given.proxy.meter.take().writes().units, units, "{bytes} bytes");
    }
}

#[tokio::test]
async fn a_transaction_costs_twice_each_of_its_writes() {
    let given = given().await;
    let write = |sequence, bytes| {
        let put = Put::builder().table_name(TABLE).set_item(Some(sized(sequence, bytes))).build().unwrap();
        TransactWriteItem::builder().put(put).build()
    };
    let request = given.client.transact_write_items().transact_items(write(1, 1024));
    request.transact_items(write(2, 1025)).send().await.unwrap();
    let writes = given.proxy.meter.take().writes();
    assert_eq!((writes.requests, writes.units), (1, 2.0 + 4.0));
}

#[tokio::test]
async fn a_failed_condition_costs_what_the_write_would_have() {
    let given = given().await;
    put(&given.client, 1, 100).await;
    drop(given.proxy.meter.take());
    let again = given.client.put_item().table_name(TABLE).set_item(Some(sized(1, 1025)));
    again.condition_expression("attribute_not_exists(aid)").send().await.unwrap_err();
    let writes = given.proxy.meter.take().writes();
    assert_eq!((writes.requests, writes.refused, writes.units), (1, 1, 2.0));
}

#[tokio::test]
async fn a_query_costs_a_unit_for_each_4_kb_of_all_it_read_and_half_of_it_when_it_may_be_stale() {
    let given = given().await;
    for (sequence, bytes, units) in [(1, 2048, 1.0), (2, 2048, 1.0), (3, 100, 2.0)] {
        put(&given.client, sequence, bytes).await;
        for (consistent, share) in [(true, 1.0), (false, 0.5)] {
            drop(given.proxy.meter.take());
            let query = given.client.query().table_name(TABLE).consistent_read(consistent);
            let query = query.key_condition_expression("aid = :a");
            query.expression_attribute_values(":a", AttributeValue::S("a".into())).send().await.unwrap();
            assert_eq!(given.proxy.meter.take().reads().units, units * share, "{sequence} items");
        }
    }
}

#[tokio::test]
async fn a_read_of_nothing_costs_the_least() {
    let given = given().await;
    let query = given.client.query().table_name(TABLE).consistent_read(true);
    let query = query.key_condition_expression("aid = :a");
    query.expression_attribute_values(":a", AttributeValue::S("none".into())).send().await.unwrap();
    assert_eq!(given.proxy.meter.take().reads().units, 1.0);
    given
        .client
        .get_item()
        .table_name(TABLE)
        .set_key(Some(key(1)))
        .consistent_read(true)
        .send()
        .await
        .unwrap();
    assert_eq!(given.proxy.meter.take().reads().units, 1.0);
}

#[tokio::test]
async fn a_batch_of_reads_costs_each_item_by_itself() {
    let given = given().await;
    for sequence in [1, 2] {
        put(&given.client, sequence, 100).await;
    }
    drop(given.proxy.meter.take());
    let keys = KeysAndAttributes::builder().keys(key(1)).keys(key(2)).consistent_read(true).build().unwrap();
    given.client.batch_get_item().request_items(TABLE, keys).send().await.unwrap();
    let reads = given.proxy.meter.take().reads();
    assert_eq!((reads.requests, reads.units), (1, 2.0));
}

#[tokio::test]
async fn a_page_of_a_query_ends_at_1_mb() {
    let given = given().await;
    for sequence in 1..=4 {
        put(&given.client, sequence, 390_000).await;
    }
    drop(given.proxy.meter.take());
    let query = given.client.query().table_name(TABLE).consistent_read(true);
    let query = query.key_condition_expression("aid = :a");
    let answer = query.expression_attribute_values(":a", AttributeValue::S("a".into())).send().await.unwrap();
    assert!(answer.last_evaluated_key.is_some());
    assert!(answer.count < 4, "{} items", answer.count);
    let units = given.proxy.meter.take().reads().units;
    assert!((190.0..=290.0).contains(&units), "{units} units");
}
