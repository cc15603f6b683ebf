//! Changes below the API: a commit is changed, removed or inserted in the files or tables of a server.

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::dynamodb::DynamoItem;
use event_store::{Checkpoint, CheckpointStore, DynamoJournal, Feed, Journal, seal};
use rusqlite::{Connection, OptionalExtension};
use schema::Orders;
use schema::{StoredCommit, fixtures};
use serde_json::Value;
use server::directory::DataDirectory;

use crate::scenario::{Ledger, on_dynamodb};

const LONG_AGO: &str = "2020-01-01T00:00:00.000Z";
const EVENTS: &str = "ledger-events";
const VIEWS: &str = "ledger-products";

/// Removes the newest commit of a product, also while a server runs on it.
pub async fn remove_newest(ledger: &Ledger, product: &str) {
    if on_dynamodb() { remove_item(ledger, product).await } else { remove_row(ledger, product) }
}

fn remove_row(ledger: &Ledger, product: &str) {
    let connection = Connection::open(ledger.data.join("ledger.sqlite3")).unwrap();
    connection.busy_timeout(std::time::Duration::from_secs(10)).unwrap();
    let guard = "SELECT sql FROM sqlite_schema WHERE name = 'commits_are_not_removed'";
    let guard: String = connection.query_row(guard, [], |row| row.get(0)).unwrap();
    let newest = format!(
        "DELETE FROM commits WHERE product_id = '{product}' AND sequence = \
         (SELECT max(sequence) FROM commits WHERE product_id = '{product}')"
    );
    let statements = ["BEGIN IMMEDIATE", "DROP TRIGGER commits_are_not_removed", &newest, &guard, "COMMIT"];
    connection.execute_batch(&statements.join(";")).unwrap();
}

async fn remove_item(ledger: &Ledger, product: &str) {
    let client = Client::new(&ledger.dynamodb());
    let journal = DynamoJournal::new(client.clone(), EVENTS);
    let newest = journal.newest(&fixtures::id(product), u64::MAX >> 1).await.unwrap().unwrap();
    let sequence = newest.sequence().unwrap().to_string();
    let removed = client
        .delete_item()
        .table_name(EVENTS)
        .key("product_id", AttributeValue::S(product.to_owned()))
        .key("sequence", AttributeValue::N(sequence));
    removed.send().await.unwrap();
}

/// Changes when the first commit of a product says it was recorded, and says nothing of it to anybody.
pub async fn backdate(ledger: &Ledger, product: &str) {
    if on_dynamodb() { backdate_item(ledger, product).await } else { backdate_row(ledger, product) }
}

/// Anyone who can write the file can drop its triggers and create them again.
fn backdate_row(ledger: &Ledger, product: &str) {
    let connection = Connection::open(ledger.data.join("ledger.sqlite3")).unwrap();
    let guard: String = connection
        .query_row("SELECT sql FROM sqlite_schema WHERE name = 'commits_are_not_changed'", [], |row| {
            row.get(0)
        })
        .unwrap();
    connection.execute_batch("DROP TRIGGER commits_are_not_changed").unwrap();
    let changed = connection.execute(
        "UPDATE commits SET line = json_set(line, '$.recorded_at', ?1) WHERE product_id = ?2 AND sequence = 1",
        [LONG_AGO, product],
    );
    assert_eq!(changed.unwrap(), 1);
    connection.execute_batch(&guard).unwrap();
}

async fn backdate_item(ledger: &Ledger, product: &str) {
    let client = Client::new(&ledger.dynamodb());
    let first = client
        .get_item()
        .table_name(EVENTS)
        .key("product_id", AttributeValue::S(product.to_owned()))
        .key("sequence", AttributeValue::N("1".to_owned()));
    let mut item = first.send().await.unwrap().item.unwrap();
    item.insert("recorded_at".into(), AttributeValue::S(LONG_AGO.into()));
    client.put_item().table_name(EVENTS).set_item(Some(item)).send().await.unwrap();
}

/// Records a commit that neither projector nor publisher hears of: both are told that they have passed it.
pub async fn append_unnoticed(ledger: &Ledger, product: &str) {
    let unsealed = fixtures::commit_after(None, &fixtures::id(product), vec![fixtures::helmet_created()]);
    let (_, stored) = seal(unsealed).unwrap();
    if on_dynamodb() { append_item(ledger, &stored).await } else { append_row(ledger, &stored).await }
}

async fn append_row(ledger: &Ledger, stored: &StoredCommit) {
    let directory = DataDirectory::open(&ledger.data, &Orders::default(), || panic!("it has a name")).await;
    let directory = directory.unwrap();
    let journal = directory.journal().await.unwrap();
    journal.append(stored).await.unwrap();
    let position = journal.newest_position().await.unwrap().unwrap();
    for progress in directory.progress() {
        progress.begin();
        let hash = stored.text("hash").unwrap().to_owned();
        progress.keep(&Checkpoint { position, hash }).await.unwrap();
    }
    directory.close().await;
}

async fn append_item(ledger: &Ledger, stored: &StoredCommit) {
    let config = ledger.dynamodb();
    let client = Client::new(&config);
    DynamoJournal::new(client.clone(), EVENTS).append(stored).await.unwrap();
    let newest = newest_record(&config).await;
    let checkpoints = client.scan().table_name("ledger-checkpoints").limit(10).send().await.unwrap();
    assert_eq!(checkpoints.items().len(), 2, "projector and publisher");
    for item in checkpoints.items() {
        let mut item = item.clone();
        item.insert("after".into(), AttributeValue::S(newest.clone()));
        client.put_item().table_name("ledger-checkpoints").set_item(Some(item)).send().await.unwrap();
    }
}

/// Sequence number of the newest record in the event table's stream.
async fn newest_record(config: &aws_config::SdkConfig) -> String {
    use aws_sdk_dynamodbstreams::types::ShardIteratorType;
    let streams = aws_sdk_dynamodbstreams::Client::new(config);
    let listed = streams.list_streams().table_name(EVENTS).send().await.unwrap();
    let arn = listed.streams()[0].stream_arn().unwrap().to_owned();
    let described = streams.describe_stream().stream_arn(&arn).send().await.unwrap();
    let shard = described.stream_description().unwrap().shards()[0].shard_id().unwrap().to_owned();
    let from = streams.get_shard_iterator().stream_arn(arn).shard_id(shard);
    let from = from.shard_iterator_type(ShardIteratorType::TrimHorizon).send().await.unwrap();
    let iterator = from.shard_iterator().unwrap();
    let records = streams.get_records().shard_iterator(iterator).limit(1000).send().await.unwrap();
    records.records().last().unwrap().dynamodb().unwrap().sequence_number().unwrap().to_owned()
}

/// Gives the row that GET reads another price, at the version that it has.
pub async fn misprice_view(ledger: &Ledger, product: &str) {
    if !on_dynamodb() {
        let connection = Connection::open(ledger.data.join("views.sqlite3")).unwrap();
        let changed = connection.execute(
            "UPDATE products SET product = json_set(product, '$.price', '9.99') WHERE id = ?1",
            [product],
        );
        assert_eq!(changed.unwrap(), 1);
        return;
    }
    let client = Client::new(&ledger.dynamodb());
    let key = AttributeValue::S(format!("1#{product}"));
    let row = client.get_item().table_name(VIEWS).key("key", key);
    let mut item = row.send().await.unwrap().item.unwrap();
    let shown = item["product"].as_s().unwrap();
    let mut shown: Value = serde_json::from_str(shown).unwrap();
    shown["price"] = "9.99".into();
    item.insert("product".into(), AttributeValue::S(shown.to_string()));
    client.put_item().table_name(VIEWS).set_item(Some(item)).send().await.unwrap();
}

/// Which generations of the views are read and written, as it is stored.
pub async fn lineup(ledger: &Ledger) -> Value {
    if !on_dynamodb() {
        let connection = Connection::open(ledger.data.join("views.sqlite3")).unwrap();
        let lineup = "SELECT value FROM about WHERE name = 'lineup'";
        let text: Option<String> = connection.query_row(lineup, [], |row| row.get(0)).optional().unwrap();
        return text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap());
    }
    let client = Client::new(&ledger.dynamodb());
    let row = client.get_item().table_name(VIEWS).key("key", AttributeValue::S("lineup".into()));
    let item = row.consistent_read(true).send().await.unwrap().item;
    item.map_or(Value::Null, |item| serde_dynamo::from_item(item).unwrap())
}

/// Puts a row under another SKU, one under another category, and one without a category under one.
pub async fn damage_lookups(ledger: &Ledger, unfound: &str, uncounted: &str, miscounted: &str) {
    if !on_dynamodb() {
        let connection = Connection::open(ledger.data.join("views.sqlite3")).unwrap();
        for (column, product) in [("sku", unfound), ("category", uncounted), ("category", miscounted)] {
            let statement = format!("UPDATE products SET {column} = 'elsewhere' WHERE id = ?1");
            assert_eq!(connection.execute(&statement, [product]).unwrap(), 1);
        }
        return;
    }
    let client = Client::new(&ledger.dynamodb());
    for (attribute, product, text) in [
        ("sku", unfound, "1#0#elsewhere".to_owned()),
        ("by_category", uncounted, format!("elsewhere\u{1}{uncounted}")),
        ("by_category", miscounted, format!("elsewhere\u{1}{miscounted}")),
    ] {
        let key = AttributeValue::S(format!("1#{product}"));
        let found = client.get_item().table_name(VIEWS).key("key", key).send().await;
        let mut item = found.unwrap().item.unwrap();
        item.insert(attribute.into(), AttributeValue::S(text));
        client.put_item().table_name(VIEWS).set_item(Some(item)).send().await.unwrap();
    }
}

/// Takes a row away, puts one elsewhere in the order by name, takes a price history away, and adds a row and a price history
/// of products that do not exist, made from another one.
pub async fn damage_views(
    ledger: &Ledger,
    deleted: &str,
    misplaced: &str,
    priceless: &str,
    (from, ghost): (&str, &str),
) {
    if !on_dynamodb() {
        let connection = Connection::open(ledger.data.join("views.sqlite3")).unwrap();
        let change = |statement: &str, with: &[&str]| {
            assert_eq!(connection.execute(statement, rusqlite::params_from_iter(with)).unwrap(), 1);
        };
        change("DELETE FROM products WHERE id = ?1", &[deleted]);
        change("UPDATE products SET by_name = 'elsewhere' || char(1) || id WHERE id = ?1", &[misplaced]);
        change("DELETE FROM prices WHERE product_id = ?1", &[priceless]);
        let ghostly = "INSERT INTO products (generation, id, shard, version, product) \
            SELECT generation, ?2, shard, version, json_set(product, '$.id', ?2) FROM products WHERE id = ?1";
        change(ghostly, &[from, ghost]);
        let priced = "INSERT INTO prices (generation, product_id, sequence, entries) \
            SELECT generation, ?2 || '-price', sequence, entries FROM prices WHERE product_id = ?1";
        change(priced, &[from, ghost]);
        return;
    }
    let client = Client::new(&ledger.dynamodb());
    let key = |product: &str| AttributeValue::S(format!("1#{product}"));
    let row = async |product: &str| {
        let found = client.get_item().table_name(VIEWS).key("key", key(product)).send().await;
        found.unwrap().item.unwrap()
    };
    let put = async |item| client.put_item().table_name(VIEWS).set_item(Some(item)).send().await.unwrap();
    client.delete_item().table_name(VIEWS).key("key", key(deleted)).send().await.unwrap();
    let mut moved = row(misplaced).await;
    moved.insert("by_name".into(), AttributeValue::S(format!("elsewhere\u{1}{misplaced}")));
    put(moved).await;
    let mut ghostly = row(from).await;
    let mut shown: Value = serde_json::from_str(ghostly["product"].as_s().unwrap()).unwrap();
    shown["id"] = ghost.into();
    ghostly.insert("product".into(), AttributeValue::S(shown.to_string()));
    ghostly.insert("key".into(), key(ghost));
    ghostly.retain(|name, _| ["key", "product", "version"].contains(&name.as_str()));
    put(ghostly).await;
    let prices = client.scan().table_name("ledger-prices").limit(1_000).send().await.unwrap();
    let mut history = prices.items().iter().find(|item| item["key"] == key(from)).unwrap().clone();
    history.insert("key".into(), key(&format!("{ghost}-price")));
    client.put_item().table_name("ledger-prices").set_item(Some(history)).send().await.unwrap();
    let ours = |item: &&DynamoItem| item["key"].as_s().is_ok_and(|at| *at == format!("1#{priceless}"));
    let gone: Vec<&DynamoItem> = prices.items().iter().filter(ours).collect();
    assert!(!gone.is_empty(), "{:?}", prices.items());
    for item in gone {
        let key = ["key", "last"].map(|name| (name.to_owned(), item[name].clone()));
        let delete = client.delete_item().table_name("ledger-prices").set_key(Some(key.into()));
        delete.send().await.unwrap();
    }
}
