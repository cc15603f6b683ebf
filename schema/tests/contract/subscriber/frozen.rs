//! `subscriber/fixtures`: one message of every event and version, as it was delivered first. Files are only ever added.

use std::collections::BTreeMap;
use std::path::PathBuf;

use schema::message::event_name;
use schema::{ProductEvent, fixtures};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::super::{asyncapi, folder};

/// The digests of all files, in the form of `sha256sum`.
const DIGESTS: &str = "SHA256SUMS";

fn place(name: &str) -> PathBuf {
    folder("../subscriber/fixtures").join(name)
}

/// What the code makes now: each event, once as a replay, and once without its product.
fn made() -> BTreeMap<String, Value> {
    let mut made = BTreeMap::new();
    for event in fixtures::every_event() {
        let message = asyncapi::delivered(&event);
        made.insert(name_of(&event, ""), message);
    }
    let mut replayed = asyncapi::delivered(&fixtures::helmet_created());
    replayed["detail"]["metadata"]["replay"] =
        json!({"id": "01K9XFV8RR0000000000000001", "requested_at": "2025-11-13T02:14:00.000Z"});
    made.insert(name_of(&fixtures::helmet_created(), ".replayed"), replayed);
    let mut omitted = asyncapi::delivered(&fixtures::helmet_created());
    let data = omitted["detail"]["data"].as_object_mut().unwrap();
    data.remove("product");
    data.insert("product_omitted".into(), true.into());
    made.insert(name_of(&fixtures::helmet_created(), ".omitted"), omitted);
    made
}

fn name_of(event: &ProductEvent, how: &str) -> String {
    format!("messages/{}.v{}{how}.json", event_name(event), event.schema_version())
}

/// Whether everything in `frozen` is in `now`.
fn is_within(frozen: &Value, now: &Value) -> bool {
    match (frozen, now) {
        (Value::Object(frozen), Value::Object(now)) => {
            frozen.iter().all(|(name, member)| now.get(name).is_some_and(|now| is_within(member, now)))
        }
        _ => frozen == now,
    }
}

#[test]
fn a_member_that_was_added_is_allowed_and_no_other_difference() {
    let frozen = json!({"a": {"b": 1}});
    assert!(is_within(&frozen, &json!({"a": {"b": 1, "c": 2}, "d": null})));
    for other in [json!({"a": {"b": 2}}), json!({"a": {}}), json!({}), json!({"a": null})] {
        assert!(!is_within(&frozen, &other), "{other}");
    }
}

#[test]
fn every_message_has_a_frozen_example_that_the_code_still_makes_and_none_was_changed() {
    for (name, now) in made() {
        let path = place(&name);
        if std::env::var_os("LEDGER_ACCEPT").is_some() && !path.exists() {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let text = serde_json::to_string_pretty(&now).unwrap() + "\n";
            std::fs::write(&path, &text).unwrap();
            let line = format!("{}  {name}\n", hex::encode(Sha256::digest(text.as_bytes())));
            let digests = std::fs::read_to_string(place(DIGESTS)).unwrap_or_default() + &line;
            std::fs::write(place(DIGESTS), digests).unwrap();
        }
        let frozen: Value = serde_json::from_slice(&super::super::read(&path)).unwrap();
        assert!(
            is_within(&frozen, &now),
            "{name} is no longer what subscribers receive: raise the event's version"
        );
    }
    none_was_changed_or_taken_away();
}

fn none_was_changed_or_taken_away() {
    let digests = std::fs::read_to_string(place(DIGESTS)).unwrap();
    let listed: BTreeMap<&str, &str> = digests
        .lines()
        .map(|line| line.split_once("  ").unwrap())
        .map(|(digest, name)| (name, digest))
        .collect();
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place("messages")).unwrap() {
        let name = format!("messages/{}", entry.unwrap().file_name().to_str().unwrap());
        let digest = hex::encode(Sha256::digest(std::fs::read(place(&name)).unwrap()));
        assert_eq!(
            listed.get(name.as_str()),
            Some(&digest.as_str()),
            "{name}: frozen messages are only added to"
        );
        found.push(name);
    }
    found.sort();
    assert_eq!(found, listed.keys().map(|name| (*name).to_owned()).collect::<Vec<_>>());
}
