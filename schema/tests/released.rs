//! The API and the schemas of events and messages keep what the last release promised; additions pass.
//!
//! `released/` holds the released form; CONTRIBUTING says how a release moves it.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "released/api.rs"]
mod api;
#[path = "released/api_rules.rs"]
mod api_rules;
#[path = "released/flat.rs"]
mod flat;
#[path = "released/messages.rs"]
mod messages;
#[path = "released/rules.rs"]
mod rules;
#[path = "released/within.rs"]
mod within;

use std::path::{Path, PathBuf};

use serde_json::Value;
use within::{Node, Use};

/// Intended breaking changes, each with its reason, until the next release.
const DECIDED: [&str; 3] = [
    // On AWS a `Location` has always begun with the stage.
    "POST /products 201 header Location: may be what it was not: pattern is \"^/products/\" on one side, \"^/(.+/)?products/\" \
     on the other",
    "PUT /products/{id} 201 header Location: may be what it was not: pattern is \"^/products/\" on one side, \
     \"^/(.+/)?products/\" on the other",
    // Restored events have no receipt of this ledger, and must not look unpublished either.
    "GET /products/{id}/history 200 application/json/commits/items/receipts/items: may be what it was not: the \
     alternative {\"$ref\":\"#/components/schemas/Restored\",\"description\":\"The event was restored from an export without its \
     receipt; it counts as published.\"} is on one side only",
];

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn read(path: &Path) -> Option<Value> {
    std::fs::read(path).ok().map(|text| serde_json::from_slice(&text).unwrap())
}

/// Every JSON file below a folder, by its path inside it.
fn files(folder: &Path, inside: &str) -> Vec<String> {
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.join(inside)).unwrap() {
        let entry = entry.unwrap();
        let name = format!("{inside}{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            names.extend(files(folder, &format!("{name}/")));
        } else {
            names.push(name);
        }
    }
    names.sort();
    names
}

/// What those who rely on the released form would lose.
fn broken(name: &str, released: &Value, now: Option<&Value>) -> Vec<String> {
    let Some(now) = now else {
        return vec![format!("{name}: was removed")];
    };
    if name == "openapi.json" {
        return api::broken(released, now);
    }
    if name == "asyncapi.json" {
        return messages::broken(released, now);
    }
    within::broken(Node::root(released), Node::root(now), Use::Received, name)
}

#[test]
fn nothing_that_was_released_is_taken_away() {
    let (released, json) = (folder("released"), folder("json"));
    let names = files(&released, "");
    assert!(names.contains(&"openapi.json".to_owned()) && names.len() >= 17, "{names:?}");
    let faults: Vec<String> = names
        .iter()
        .flat_map(|name| broken(name, &read(&released.join(name)).unwrap(), read(&json.join(name)).as_ref()))
        .collect();
    let (decided, faults): (Vec<String>, Vec<String>) =
        faults.into_iter().partition(|fault| DECIDED.contains(&fault.as_str()));
    assert_eq!(decided.len(), DECIDED.len(), "a decided break that is none any more is taken from the list");
    assert!(
        faults.is_empty(),
        "breaks what was released; add instead of changing, or raise the version of the event or the API:\n{}",
        faults.join("\n")
    );
}

#[test]
fn a_schema_that_is_gone_is_named() {
    assert_eq!(broken("events/X.v1.json", &serde_json::json!({}), None), ["events/X.v1.json: was removed"]);
}
