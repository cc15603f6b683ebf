//! What was written stays readable, and what others rely on changes only on purpose.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "contract/asyncapi.rs"]
mod asyncapi;
#[path = "contract/subscriber.rs"]
mod subscriber;

use std::collections::BTreeMap;
use std::path::Path;

use schema::event::{
    ProductCreated, ProductDeleted, ProductDetailsChanged, ProductPriceChanged, ProductPriceRecorded,
    ProductRenamed, ProductRestored,
};
use schema::product::STATE_SCHEMA_VERSION;
use schema::{
    CommitReceipt, Facts, Hash, Message, MessageMetadata, Product, ProductEvent, PublicationRecord,
    StoredCommit, fixtures, upcast,
};
use schemars::{JsonSchema, SchemaGenerator, generate::SchemaSettings};
use serde_json::{Value, json};

/// Every event: its name, and the schema of its data. Because of the match a new event does not compile without its row.
fn events() -> Vec<(&'static str, Value)> {
    fn row<T: JsonSchema>(event: &ProductEvent) -> (&'static str, Value) {
        (event.name(), standalone::<T>())
    }
    let row_of = |event: &ProductEvent| match event {
        ProductEvent::ProductCreated(_) => row::<ProductCreated>(event),
        ProductEvent::ProductRenamed(_) => row::<ProductRenamed>(event),
        ProductEvent::ProductPriceChanged(_) => row::<ProductPriceChanged>(event),
        ProductEvent::ProductPriceRecorded(_) => row::<ProductPriceRecorded>(event),
        ProductEvent::ProductDetailsChanged(_) => row::<ProductDetailsChanged>(event),
        ProductEvent::ProductDeleted(_) => row::<ProductDeleted>(event),
        ProductEvent::ProductRestored(_) => row::<ProductRestored>(event),
    };
    fixtures::every_event().iter().map(row_of).collect()
}

fn standalone<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    SchemaGenerator::new(settings).into_root_schema_for::<T>().to_value()
}

fn part<T: JsonSchema>() -> Value {
    let mut schema = standalone::<T>();
    schema.as_object_mut().unwrap().remove("$schema");
    schema
}

fn message_schema(event: &str, mut data: Value) -> Value {
    data.as_object_mut().unwrap().remove("$schema");
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": event,
        "type": "object",
        "required": ["metadata", "data"],
        "properties": {
            "metadata": part::<MessageMetadata>(),
            "data": {
                "allOf": [data],
                "properties": {
                    "product": part::<Product>(),
                    "product_omitted": {"const": true, "description": "The entry would have been too large."}},
                "oneOf": [{"required": ["product"]}, {"required": ["product_omitted"]}]}}
    })
}

fn generated() -> BTreeMap<String, Value> {
    let mut files = BTreeMap::from([
        ("commit.json".to_owned(), standalone::<StoredCommit>()),
        ("product.json".to_owned(), standalone::<Product>()),
        ("command-receipt.json".to_owned(), standalone::<CommitReceipt>()),
        ("publication-record.json".to_owned(), standalone::<PublicationRecord>()),
    ]);
    for (name, data) in events() {
        files.insert(format!("messages/{name}.v1.json"), message_schema(name, data.clone()));
        files.insert(format!("events/{name}.v1.json"), data);
    }
    files.insert("asyncapi.json".to_owned(), asyncapi::document());
    files
}

fn folder(name: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

#[test]
fn the_committed_json_schemas_are_those_of_the_code() {
    for (name, schema) in generated() {
        let path = folder("json").join(&name);
        let text = serde_json::to_string_pretty(&schema).unwrap() + "\n";
        if std::env::var_os("LEDGER_ACCEPT").is_some() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "schema/json/{name} differs from the code; `just accept` takes the new form"
        );
    }
}

#[test]
fn every_event_version_ever_written_still_decodes() {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder("samples")).unwrap() {
        let path = entry.unwrap().path();
        let sample: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        if path.file_name().unwrap().to_string_lossy().starts_with("commit.") {
            continue;
        }
        let event = upcast::event(&sample["type"], &sample["schema_version"], &sample["data"]).unwrap();
        assert_eq!(
            path.file_stem().unwrap().to_str(),
            Some(&*format!("{}.v{}", event.name(), sample["schema_version"]))
        );
        names.push(event.name());
    }
    // With LEDGER_ACCEPT the test below may only now be writing the sample of a new event.
    let accepting = std::env::var_os("LEDGER_ACCEPT").is_some();
    for event in fixtures::every_event().into_iter().filter(|_| !accepting) {
        assert!(names.contains(&event.name()), "{} has no sample", event.name());
    }
}

#[test]
fn the_stored_form_of_every_event_is_the_frozen_sample() {
    for event in fixtures::every_event() {
        let stored = serde_json::to_value(&event).unwrap();
        let path = folder("samples").join(format!("{}.v{}.json", event.name(), event.schema_version()));
        if std::env::var_os("LEDGER_ACCEPT").is_some() && !path.exists() {
            let sample = json!({"type": event.name(), "schema_version": event.schema_version(), "data": stored["data"]});
            std::fs::write(&path, serde_json::to_string_pretty(&sample).unwrap() + "\n").unwrap();
        }
        let sample: Value = serde_json::from_slice(&read(&path)).unwrap();
        assert_eq!(sample["data"], stored["data"], "{}", event.name());
        assert_eq!(sample["type"], stored["type"]);
        assert_eq!(sample["schema_version"], event.schema_version());
    }
}

/// A committed file that `just accept` writes.
fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}; `just accept` writes it", path.display()))
}

fn frozen_commit(version: u32) -> StoredCommit {
    let path = folder("samples").join(format!("commit.v{version}.json"));
    serde_json::from_slice(&read(&path)).unwrap()
}

#[test]
fn the_frozen_commits_decode_and_are_written_the_same_again_in_the_newest_version() {
    let schema = jsonschema::validator_for(&standalone::<StoredCommit>()).unwrap();
    for version in 1..=STATE_SCHEMA_VERSION {
        let mut stored = frozen_commit(version);
        assert!(schema.is_valid(&serde_json::to_value(&stored).unwrap()), "version {version}");
        assert_eq!(stored.0["state"]["schema_version"], version);
        let commit = stored.decode().unwrap();
        let mut written = commit.unsealed.to_json().unwrap();
        written.insert("hash".into(), commit.hash.as_str().into());
        stored.0["state"]["schema_version"] = STATE_SCHEMA_VERSION.into();
        assert_eq!(StoredCommit(written), stored, "version {version}");
    }
}

#[test]
fn the_time_of_the_price_is_unknown_in_what_an_earlier_build_wrote() {
    let time_of = |version| frozen_commit(version).decode().unwrap().state.price_occurred_at;
    assert_eq!((time_of(1), frozen_commit(1).keeps_price_time()), (None, false));
    assert_eq!(
        (time_of(2), frozen_commit(2).keeps_price_time()),
        (Some(fixtures::at("2025-11-13T02:13:22Z")), true)
    );
}

#[test]
fn a_change_of_details_tells_null_from_unchanged() {
    let stored = serde_json::to_value(fixtures::helmet_details_changed()).unwrap();
    let data = &stored["data"];
    assert_eq!(
        *data,
        json!({"category": null, "description": "Universal fit, well-vented.",
        "previous": {"category": "Accessories / Helmets", "description": null}})
    );
    assert_eq!(serde_json::from_value::<ProductEvent>(stored).unwrap(), fixtures::helmet_details_changed());
}

#[test]
fn every_event_knows_what_it_can_follow() {
    let story = fixtures::every_event();
    let created = Facts::after(None, &story[0]).unwrap();
    assert!(Facts::after(Some(created.clone()), &story[0]).is_err(), "created twice");
    assert!(
        Facts::after(Some(created.clone()), &fixtures::helmet_restored()).is_err(),
        "restored while active"
    );
    let deleted = Facts::after(Some(created), &fixtures::helmet_deleted()).unwrap();
    for event in &story[1..] {
        assert!(Facts::after(None, event).is_err(), "{} of an unknown product", event.name());
        let follows = event.name() == "ProductRestored";
        assert_eq!(
            Facts::after(Some(deleted.clone()), event).is_ok(),
            follows,
            "{} when deleted",
            event.name()
        );
    }
}

#[test]
fn an_event_of_a_newer_build_is_named_as_such() {
    let error = upcast::event(&"ProductCreated".into(), &7.into(), &json!({})).unwrap_err();
    assert_eq!(error.to_string(), "ProductCreated version 7 is not known to this build");
}

#[test]
fn a_message_says_what_its_schema_says() {
    let before = fixtures::commit_after(None, &fixtures::id("HL-U509-R"), vec![fixtures::helmet_created()]);
    let data = serde_json::to_value(fixtures::helmet_created()).unwrap()["data"].take();
    let mut message = json!({"metadata": {
        "event_id": "e", "event_name": "PRODUCT_CREATED", "event_source": "s", "event_version": "v1",
        "product_id": "HL-U509-R", "sequence": 1, "commit_id": "c", "hash": Hash::genesis(),
        "created_at": before.recorded_at, "occurred_at": before.recorded_at,
        "correlation_id": "x", "causation_id": "y", "actor": "anonymous"}, "data": data});
    message["data"]["product"] = serde_json::to_value(&before.state).unwrap();
    let schema = message_schema("ProductCreated", standalone::<ProductCreated>());
    assert!(jsonschema::is_valid(&schema, &message));
    let read: Message = serde_json::from_value(message.clone()).unwrap();
    assert_eq!(read.data.product, Some(before.state));
    assert_eq!(serde_json::to_value(&read).unwrap(), message);
}
