//! The tables of each system, and writing items to them without the proxy.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use event_store::table;

/// An item of any table.
pub type Item = HashMap<String, AttributeValue>;

/// The greatest number of items in a transaction.
const TRANSACTION: usize = 100;

/// dynamo-es, from its `db/dynamo_db.yaml`.
const DYNAMO_ES: [(&str, &str); 2] = [
    (
        "Events",
        r#"{"AttributeDefinitions":[{"AttributeName":"AggregateTypeAndId","AttributeType":"S"},
            {"AttributeName":"AggregateIdSequence","AttributeType":"N"}],
            "KeySchema":[{"AttributeName":"AggregateTypeAndId","KeyType":"HASH"},
            {"AttributeName":"AggregateIdSequence","KeyType":"RANGE"}]}"#,
    ),
    (
        "Snapshots",
        r#"{"AttributeDefinitions":[{"AttributeName":"AggregateTypeAndId","AttributeType":"S"}],
            "KeySchema":[{"AttributeName":"AggregateTypeAndId","KeyType":"HASH"}]}"#,
    ),
];

/// event-store-adapter: journal, snapshot with the index of its history, head.
const EVENT_STORE_ADAPTER: [(&str, &str); 3] = [
    (
        "journal",
        r#"{"AttributeDefinitions":[{"AttributeName":"aid","AttributeType":"S"},
            {"AttributeName":"seq_nr","AttributeType":"N"}],
            "KeySchema":[{"AttributeName":"aid","KeyType":"HASH"},
            {"AttributeName":"seq_nr","KeyType":"RANGE"}]}"#,
    ),
    (
        "snapshot",
        r#"{"AttributeDefinitions":[{"AttributeName":"aid","AttributeType":"S"},
            {"AttributeName":"skey","AttributeType":"N"},
            {"AttributeName":"active_history_seq_nr","AttributeType":"N"}],
            "KeySchema":[{"AttributeName":"aid","KeyType":"HASH"},{"AttributeName":"skey","KeyType":"RANGE"}],
            "GlobalSecondaryIndexes":[{"IndexName":"snapshot-history",
            "KeySchema":[{"AttributeName":"aid","KeyType":"HASH"},
            {"AttributeName":"active_history_seq_nr","KeyType":"RANGE"}],
            "Projection":{"ProjectionType":"KEYS_ONLY"}}]}"#,
    ),
    (
        "head",
        r#"{"AttributeDefinitions":[{"AttributeName":"aid","AttributeType":"S"}],
            "KeySchema":[{"AttributeName":"aid","KeyType":"HASH"}]}"#,
    ),
];

/// castore, from the description of its single-table adapter; and snapshots, as an application can keep them.
const CASTORE: [(&str, &str); 2] = [
    (
        "castore",
        r#"{"AttributeDefinitions":[{"AttributeName":"aggregateId","AttributeType":"S"},
        {"AttributeName":"version","AttributeType":"N"},{"AttributeName":"eventStoreId","AttributeType":"S"},
        {"AttributeName":"timestamp","AttributeType":"S"}],
        "KeySchema":[{"AttributeName":"aggregateId","KeyType":"HASH"},
        {"AttributeName":"version","KeyType":"RANGE"}],
        "GlobalSecondaryIndexes":[{"IndexName":"initialEvents",
        "KeySchema":[{"AttributeName":"eventStoreId","KeyType":"HASH"},
        {"AttributeName":"timestamp","KeyType":"RANGE"}],"Projection":{"ProjectionType":"KEYS_ONLY"}}]}"#,
    ),
    (
        "castore-snapshots",
        r#"{"AttributeDefinitions":[{"AttributeName":"aggregateId","AttributeType":"S"}],
        "KeySchema":[{"AttributeName":"aggregateId","KeyType":"HASH"}]}"#,
    ),
];

/// The ledger's event table.
pub const OURS: &str = "ledger-events";

/// Creates the tables of every system.
///
/// # Errors
/// The engine rejects one.
pub async fn create_all(client: &Client) -> anyhow::Result<()> {
    table::create(client, OURS, event_store::TABLE).await?;
    for (name, shape) in DYNAMO_ES.iter().chain(&EVENT_STORE_ADAPTER).chain(&CASTORE) {
        table::create(client, name, shape).await?;
    }
    Ok(())
}

/// Writes items unchanged.
///
/// # Errors
/// The engine rejects a transaction.
pub async fn put_all(client: &Client, table: &str, items: Vec<Item>) -> anyhow::Result<()> {
    let mut items = items.into_iter().peekable();
    while items.peek().is_some() {
        let put = |item| {
            let put = Put::builder().table_name(table).set_item(Some(item)).build()?;
            anyhow::Ok(TransactWriteItem::builder().put(put).build())
        };
        let writes = items.by_ref().take(TRANSACTION).map(put).collect::<Result<Vec<_>, _>>()?;
        client.transact_write_items().set_transact_items(Some(writes)).send().await?;
    }
    Ok(())
}

/// All items of a table by key, for tests of what the systems write.
///
/// # Errors
/// The engine does not answer.
pub async fn partition(client: &Client, table: &str, key: &str, value: &str) -> anyhow::Result<Vec<Item>> {
    let answer = client
        .query()
        .table_name(table)
        .key_condition_expression("#key = :key")
        .expression_attribute_names("#key", key)
        .expression_attribute_values(":key", AttributeValue::S(value.to_owned()))
        .send();
    Ok(answer.await?.items.unwrap_or_default())
}
