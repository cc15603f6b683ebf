//! The types read every frozen message, and those of a later version too.

use std::collections::BTreeSet;

use ledger_subscriber::LedgerEvent;
use ledger_subscriber::messages::{EventData, ProductStatus};
use serde_json::{Value, json};

use crate::beside;

fn read(name: &str) -> Value {
    serde_json::from_slice(&std::fs::read(beside("fixtures/messages").join(name)).unwrap()).unwrap()
}

fn names() -> Vec<String> {
    let files = std::fs::read_dir(beside("fixtures/messages")).unwrap();
    let mut names: Vec<String> = files.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn every_frozen_message_is_of_a_known_type() {
    let mut kinds = BTreeSet::new();
    for name in names() {
        let event = LedgerEvent::try_from(read(&name)).unwrap();
        let message = event.message().unwrap();
        assert!(!matches!(message.data, EventData::Unknown(_)), "{name}");
        assert_eq!(event.is_omitted(), name.contains(".omitted."), "{name}");
        assert_eq!(message.product.is_none(), event.is_omitted(), "{name}");
        assert_eq!(event.is_replay(), name.contains(".replayed."), "{name}");
        assert_eq!(message.metadata.replay.is_some(), event.is_replay(), "{name}");
        assert_eq!(message.metadata.product_id, "HL-U509-R");
        kinds.insert(message.metadata.event_name);
    }
    assert!(kinds.len() >= 7, "{kinds:?}");
}

#[test]
fn what_the_messages_say_is_read() {
    let message = |name: &str| LedgerEvent::try_from(read(name)).unwrap().message().unwrap();
    let created = message("PRODUCT_CREATED.v1.json");
    let product = created.product.unwrap();
    assert_eq!((product.price.as_str(), product.status), ("33.6442", ProductStatus::Active));
    let EventData::ProductCreatedV1(data) = created.data else { panic!("{:?}", created.data) };
    assert_eq!(data.attributes.unwrap()["color"], "Red");
    // `null` and a member that is left out mean different things here.
    let changed = message("PRODUCT_DETAILS_CHANGED.v1.json");
    let EventData::ProductDetailsChangedV1(data) = changed.data else { panic!("{:?}", changed.data) };
    assert_eq!((data.category, data.sku), (Some(None), None));
    assert_eq!(data.previous.category, Some(Some("Accessories / Helmets".to_owned())));
    let recorded = message("PRODUCT_PRICE_RECORDED.v1.json");
    let EventData::ProductPriceRecordedV1(data) = recorded.data else { panic!("{:?}", recorded.data) };
    assert_eq!((data.from.as_str(), data.price.as_str()), ("2025-10-01T00:00:00.000Z", "29.99"));
}

#[test]
fn what_a_later_version_of_the_ledger_sends_is_read() {
    let mut later = read("PRODUCT_RENAMED.v1.json");
    later["detail"]["data"]["product"]["status"] = json!("archived");
    later["detail"]["data"]["reason"] = json!("added");
    let message = |json: &Value| LedgerEvent::try_from(json.clone()).unwrap().message().unwrap();
    let known = message(&later);
    assert!(matches!(known.data, EventData::ProductRenamedV1(_)));
    assert_eq!(known.product.unwrap().status, ProductStatus::Unknown);
    for (name, version) in [("PRODUCT_RENAMED", "v2"), ("PRODUCT_MOVED", "v1")] {
        later["detail"]["metadata"]["event_name"] = json!(name);
        later["detail"]["metadata"]["event_version"] = json!(version);
        let unknown = message(&later);
        assert!(matches!(unknown.data, EventData::Unknown(data) if data["reason"] == "added"));
        assert_eq!(unknown.product.unwrap().name, "Sport-100, Red");
    }
}

#[test]
fn what_is_malformed_is_refused() {
    let mut wrong = read("PRODUCT_RENAMED.v1.json");
    wrong["detail"]["data"]["name"] = json!(1);
    assert!(LedgerEvent::try_from(wrong).unwrap().message().is_err());
}
