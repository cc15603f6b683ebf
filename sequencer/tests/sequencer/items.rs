//! The stored form of the log table: items that were written once are read and written the same for ever.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::announced::{self, DynamoAnnouncements};
use event_store::feed_reader::{CountedBlock, SummarisedCommits};
use event_store::{AnnouncedCommit, Announcement, Announcements, Journal, MemoryJournal, seal, table};
use schema::fixtures;
use sequencer::{DynamoLogTable, LOG_TABLE, LogTable, Sequencer, SequencerPorts};
use serde_json::{Map, Value, json};
use ulid::Ulid;

use crate::given::{Given, MINUTE, ids, noon};

const LOG: &str = "log";
const ITEMS: &str = "items";

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// An attribute as DynamoDB's JSON has it.
fn wire(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(digits) => json!({"N": digits}),
        AttributeValue::Bool(value) => json!({"BOOL": value}),
        AttributeValue::Null(value) => json!({"NULL": value}),
        AttributeValue::B(bytes) => json!({"B as hex": hex::encode(bytes.as_ref())}),
        AttributeValue::L(values) => json!({"L": values.iter().map(wire).collect::<Vec<_>>()}),
        AttributeValue::M(members) => {
            let members: Map<String, Value> =
                members.iter().map(|(name, value)| (name.clone(), wire(value))).collect();
            json!({"M": members})
        }
        other => panic!("{other:?} is stored by nothing"),
    }
}

/// The attribute of DynamoDB's JSON.
fn unwire(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    match kind.as_str() {
        "S" => AttributeValue::S(value.as_str().unwrap().to_owned()),
        "N" => AttributeValue::N(value.as_str().unwrap().to_owned()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "B as hex" => AttributeValue::B(hex::decode(value.as_str().unwrap()).unwrap().into()),
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(unwire).collect()),
        "M" => AttributeValue::M(members(value).collect()),
        other => panic!("{other} is stored by nothing"),
    }
}

fn members(object: &Value) -> impl Iterator<Item = (String, AttributeValue)> {
    object.as_object().unwrap().iter().map(|(name, value)| (name.clone(), unwire(value)))
}

/// All items of a table, in order of their keys.
async fn items(client: &Client, table: &str) -> Vec<Value> {
    let scanned = client.scan().table_name(table).send().await.unwrap();
    let mut items: Vec<Value> = scanned
        .items()
        .iter()
        .map(|item| Value::Object(item.iter().map(|(name, value)| (name.clone(), wire(value))).collect()))
        .collect();
    items.sort_by_key(|item| format!("{} {}", item["pk"], item["sk"]));
    items
}

async fn tables() -> (Client, DynamoLogTable, DynamoAnnouncements) {
    let client = Client::new(&engine::Engine::in_memory().unwrap().sdk_config());
    table::create(&client, LOG, LOG_TABLE).await.unwrap();
    table::create(&client, ITEMS, announced::TABLE).await.unwrap();
    (client.clone(), DynamoLogTable::new(client.clone(), LOG), DynamoAnnouncements::new(client, ITEMS))
}

fn same(name: &str, written: &[Value]) {
    let file = sample(name);
    if std::env::var_os("LEDGER_ACCEPT").is_some() && !file.exists() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, serde_json::to_string_pretty(written).unwrap() + "\n").unwrap();
    }
    let frozen: Vec<Value> = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    assert_eq!(written, frozen, "{}", file.display());
}

#[tokio::test]
async fn the_items_of_a_log_are_written_as_they_always_were_and_read_again() {
    let given = Given::default();
    given.commit("helmet", 2).await;
    let (client, table, announcements) = tables().await;
    let ports = SequencerPorts {
        table: Arc::new(table.clone()),
        announcements: Arc::new(announcements),
        ..given.ports()
    };
    let sequencer = Sequencer::new(ports, Arc::new(noon), ids());
    sequencer.drain(MINUTE).await.unwrap();
    let announced = [given.commit("helmet", 1).await, given.commit("cap", 1).await];
    sequencer.log(&announced, Some(Ulid::from_parts(1_763_000_000_000, 9))).await.unwrap();
    let block = SummarisedCommits {
        first: 0,
        last: 1_023,
        summary: table.batch_at(0).await.unwrap().unwrap().summary,
    };
    table.insert_block(&block).await.unwrap();
    assert_eq!(table.blocks(0, 10).await.unwrap(), [block]);
    let days = table.batch_at(2).await.unwrap().unwrap().days.unwrap();
    let counted = CountedBlock { first: 0, last: 1_023, behind: 1_026, days };
    table.insert_counted(&counted).await.unwrap();
    assert_eq!(table.counted(0, 10).await.unwrap(), [counted]);
    same("log-table.with-days.v1.json", &items(&client, LOG).await);
    is_the_log_of(&given, &table, true).await;
}

/// What is read is what is written: the tables in memory agree with it.
async fn is_the_log_of(given: &Given, table: &DynamoLogTable, has_days: bool) {
    let (first, second) =
        (table.batch_at(0).await.unwrap().unwrap(), table.batch_at(2).await.unwrap().unwrap());
    assert_eq!((first.is_initial, second.is_initial), (true, false));
    for batch in [first, second] {
        assert_eq!(batch.days.is_some(), has_days);
        assert!(given.table.insert_batch(&batch).await.unwrap());
        given.table.insert_index(&batch.index_entries()).await.unwrap();
    }
    assert_eq!(given.all_is_logged().await.len(), 4);
}

/// Builds that know no branches read by `leaves` and `sequences`, and stop at an item that lacks one of them.
#[tokio::test]
async fn the_items_of_an_accepted_restore_are_written_as_they_always_were_and_stop_earlier_builds() {
    let given = Given::default().begun().await;
    let (client, table, _) = tables().await;
    let before = given.commit("helmet", 1).await;
    let ports = SequencerPorts { table: Arc::new(table.clone()), ..given.ports() };
    let sequencer = Sequencer::new(ports, Arc::new(noon), ids());
    sequencer.drain(MINUTE).await.unwrap();
    let kept = given.journal.page(&before.product, 0, 10).await.unwrap();
    sequencer.log(&[given.commit("helmet", 1).await], None).await.unwrap();
    let journal = MemoryJournal::default();
    journal.append(&kept[0]).await.unwrap();
    let mut unsealed = fixtures::commit_after(
        Some(&kept[0].decode().unwrap()),
        &before.product,
        vec![fixtures::helmet_renamed()],
    );
    unsealed.metadata.actor = "a rival".into();
    journal.append(&seal(unsealed).unwrap().1).await.unwrap();
    let ports =
        SequencerPorts { table: Arc::new(table.clone()), journal: Arc::new(journal), ..given.ports() };
    let sequencer = Sequencer::new(ports, Arc::new(noon), ids());
    let accepted = sequencer.accept_restore("disk lost", None, MINUTE).await.unwrap();
    assert_eq!(accepted.index, Some(2));
    sequencer.retry(&before.product).await.unwrap();
    let written = items(&client, LOG).await;
    same("log-table-restored.v1.json", &written);
    let at = |pk: &str, sk: &str| {
        written.iter().find(|item| item["pk"]["S"] == pk && item["sk"]["N"] == sk).unwrap()
    };
    assert!(at("log", "2").get("leaves").is_none());
    assert!(at("log", "3").get("sequences").is_none());
    assert_eq!(at("p#helmet", "9007199254740994")["from"]["N"], "2");
    assert_eq!(at("p#helmet#2", "2")["index"]["N"], "3");
}

/// A later build may store what this one does not know.
#[tokio::test]
async fn a_batch_of_a_later_build_stops_this_one_with_a_message_that_says_so() {
    let given = Given::default().begun().await;
    let (client, table, _) = tables().await;
    let batch = {
        given.sequencer().log(&[given.commit("a", 1).await], None).await.unwrap();
        given.table.newest_batch(0).await.unwrap().unwrap()
    };
    table.insert_batch(&batch).await.unwrap();
    let mut item = client.scan().table_name(LOG).send().await.unwrap().items.unwrap().remove(0);
    item.remove("leaves");
    item.insert("something".to_owned(), AttributeValue::S("new".to_owned()));
    client.put_item().table_name(LOG).set_item(Some(item)).send().await.unwrap();
    let error = table.newest_batch(0).await.unwrap_err();
    assert!(error.is_unreadable() && error.to_string().contains("use a later build"), "{error}");
}

/// The first build stored no days and no sorted keys.
#[tokio::test]
async fn the_items_of_the_first_build_are_read() {
    let given = Given::default();
    given.commit("helmet", 3).await;
    given.commit("cap", 1).await;
    let (client, table, _) = tables().await;
    let frozen: Vec<Value> =
        serde_json::from_slice(&std::fs::read(sample("log-table.v1.json")).unwrap()).unwrap();
    for item in &frozen {
        let item = members(item).collect();
        client.put_item().table_name(LOG).set_item(Some(item)).send().await.unwrap();
    }
    is_the_log_of(&given, &table, false).await;
    assert_eq!(table.blocks(0, 10).await.unwrap().len(), 1);
    assert!(table.beginning().await.unwrap().unwrap().is_complete);
}

#[tokio::test]
async fn a_feed_item_is_written_as_it_always_was_and_read_again() {
    let given = Given::default();
    let (client, _, announcements) = tables().await;
    let unread = AnnouncedCommit { product: fixtures::id("boots"), newest: None };
    let commits = vec![given.commit("helmet", 2).await, unread];
    let oldest = Some(fixtures::at("2026-11-23T05:20:00Z"));
    let announcement = Announcement { id: Ulid::from_parts(1_763_000_000_000, 7), oldest, commits };
    announcements.announce(&announcement).await.unwrap();
    same("feed-item.v1.json", &items(&client, ITEMS).await);
    assert_eq!(announcements.page(None, 10).await.unwrap(), [announcement]);
}

/// Whatever is changed in a batch by hand is noticed where the batch is read, or by the publisher.
#[tokio::test]
async fn a_batch_of_another_shape_is_not_read() {
    let given = Given::default();
    let (client, table, _) = tables().await;
    let ports = SequencerPorts { table: Arc::new(table.clone()), ..given.ports() };
    let sequencer = Sequencer::new(ports, Arc::new(noon), ids());
    sequencer.drain(MINUTE).await.unwrap();
    sequencer.log(&[given.commit("helmet", 3).await], None).await.unwrap();
    let scanned = client.scan().table_name(LOG).send().await.unwrap();
    let is_batch = |item: &&std::collections::HashMap<String, AttributeValue>| item.contains_key("leaves");
    let whole = scanned.items().iter().find(is_batch).unwrap().clone();
    let bytes = |length: usize| AttributeValue::B(vec![0_u8; length].into());
    let text = AttributeValue::S("x".to_owned());
    for (name, value) in [
        ("leaves", Some(bytes(191))),
        ("leaves", Some(bytes(128))),
        ("leaves", None),
        ("products", Some(AttributeValue::L(vec![text.clone(); 2]))),
        ("products", Some(AttributeValue::L(vec![AttributeValue::N("1".to_owned()); 3]))),
        ("sequences", Some(AttributeValue::L(vec![text.clone(); 3]))),
        ("size", Some(AttributeValue::N("4".to_owned()))),
        ("root", Some(bytes(32))),
        ("edge", Some(bytes(64))),
        ("edge", Some(bytes(63))),
        ("batch_id", Some(text.clone())),
        ("read_to", Some(text.clone())),
        ("summary", None),
        ("summary", Some(text.clone())),
        ("days", Some(text)),
    ] {
        let mut item = whole.clone();
        match &value {
            Some(value) => item.insert(name.to_owned(), value.clone()),
            None => item.remove(name),
        };
        client.put_item().table_name(LOG).set_item(Some(item)).send().await.unwrap();
        let error = table.newest_batch(0).await.unwrap_err();
        assert!(error.is_unreadable(), "{name} {value:?}: {error}");
    }
    client.put_item().table_name(LOG).set_item(Some(whole)).send().await.unwrap();
    assert_eq!(table.newest_batch(0).await.unwrap().unwrap().commits.len(), 3);
}
