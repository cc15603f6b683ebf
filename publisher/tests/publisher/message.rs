//! The messages that subscribers receive match `docs/interface.md` and the JSON Schemas exactly.

use std::collections::BTreeSet;

use publisher::message::entry;
use schema::message::{EVENT_NAMES, MessageSource, event_name};
use schema::{Commit, ProductEvent, StoredCommit, fixtures};
use serde_json::{Value, json};

use crate::world::address;

fn commits() -> Vec<Commit> {
    let product = fixtures::id("694215b7-08f7-4c0d-acb1-d734ba44c0c8");
    let mut commits: Vec<Commit> = Vec::new();
    for event in fixtures::every_event() {
        let mut unsealed = fixtures::commit_after(commits.last(), &product, vec![event]);
        unsealed.metadata.traceparent =
            Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into());
        commits.push(event_store::seal(unsealed).unwrap().0);
    }
    commits
}

fn of(commit: &Commit) -> publisher::BusEntry {
    entry(commit, commit.numbered().next().unwrap(), &address(), None).unwrap()
}

fn detail(entry: &publisher::BusEntry) -> Value {
    serde_json::from_str(&entry.detail).unwrap()
}

fn json_schema(event: &ProductEvent) -> jsonschema::Validator {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/json/messages");
    let path = format!("{root}/{}.v1.json", event.name());
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{path}: {error}; `just accept` writes it"));
    jsonschema::validator_for(&serde_json::from_str(&text).unwrap()).unwrap()
}

#[test]
fn every_event_has_a_listed_name() {
    let events = fixtures::every_event();
    let named: BTreeSet<_> = events.iter().map(event_name).collect();
    assert_eq!(named, BTreeSet::from(EVENT_NAMES));
}

#[test]
fn every_event_is_a_message_of_its_json_schema() {
    for commit in commits() {
        let event = &commit.events[0].event;
        let message = detail(&of(&commit));
        let faults: Vec<String> =
            json_schema(event).iter_errors(&message).map(|fault| fault.to_string()).collect();
        assert_eq!(faults, Vec::<String>::new(), "{}", event.name());
    }
}

#[test]
fn a_price_change_is_the_message_of_the_interface() {
    let commits = commits();
    let commit = &commits[2];
    let sent = of(commit);
    assert_eq!(sent.source, "product-ledger.products");
    assert_eq!(sent.detail_type, "PRODUCT_PRICE_CHANGED");
    assert_eq!(sent.bus, "product-ledger");
    assert_eq!(sent.resources, ["694215b7-08f7-4c0d-acb1-d734ba44c0c8"]);
    assert_eq!(sent.trace_header, None);
    let product = json!({
        "id": "694215b7-08f7-4c0d-acb1-d734ba44c0c8", "name": "Sport-100, Red", "price": "34.99", "currency": "USD",
        "sku": "HL-U509-R", "category": "Accessories / Helmets", "attributes": {"color": "Red"}, "status": "active",
        "price_occurred_at": commit.metadata.occurred_at,
        "version": 3, "created_at": commits[0].recorded_at, "updated_at": commit.recorded_at});
    let expected = json!({
        "metadata": {
            "event_id": commit.events[0].event_id.to_string(), "event_name": "PRODUCT_PRICE_CHANGED",
            "event_source": "product-ledger.products", "event_version": "v1",
            "product_id": "694215b7-08f7-4c0d-acb1-d734ba44c0c8", "sequence": 3,
            "commit_id": commit.commit_id.to_string(), "hash": commit.hash, "created_at": commit.recorded_at,
            "occurred_at": commit.metadata.occurred_at, "correlation_id": commit.metadata.correlation_id,
            "causation_id": commit.metadata.causation_id, "actor": "anonymous"},
        "data": {"price": "34.99", "currency": "USD", "previous_price": "33.6442", "previous_currency": "USD",
                 "product": product}});
    assert_eq!(detail(&sent), expected);
}

#[test]
fn where_a_log_is_kept_the_message_names_it() {
    let source = MessageSource { log_origin: Some("ledger.example.com/log".into()), ..address().source };
    let logged = publisher::Address { source, ..address() };
    let commit = &commits()[2];
    let message = detail(&entry(commit, commit.numbered().next().unwrap(), &logged, None).unwrap());
    assert_eq!(message["metadata"]["log_origin"], "ledger.example.com/log");
    let faults = json_schema(&commit.events[0].event);
    assert!(faults.is_valid(&message), "{message}");
    assert_eq!(detail(&of(commit))["metadata"].get("log_origin"), None);
}

#[test]
fn names_are_the_events_names_in_upper_snake_case() {
    for commit in commits() {
        let name = commit.events[0].event.name();
        let mut snake = String::new();
        for character in name.chars() {
            if character.is_uppercase() && !snake.is_empty() {
                snake.push('_');
            }
            snake.push(character.to_ascii_uppercase());
        }
        assert_eq!(of(&commit).detail_type, snake);
    }
}

#[test]
fn a_deletion_still_carries_the_product() {
    let commit = &commits()[4];
    let data = &detail(&of(commit))["data"];
    assert_eq!(data["product"]["status"], "deleted");
    assert_eq!(data.as_object().unwrap().len(), 1);
}

#[test]
fn the_trace_goes_along_in_x_ray_form_when_x_ray_is_on() {
    let with_xray = publisher::Address { xray: true, ..address() };
    let mut commit = commits().remove(0);
    let header = |commit: &Commit| {
        let numbered = commit.numbered().next().unwrap();
        entry(commit, numbered, &with_xray, None).unwrap().trace_header
    };
    assert_eq!(
        header(&commit).as_deref(),
        Some("Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1")
    );
    let unsealed = &mut commit.unsealed;
    unsealed.metadata.traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00".into());
    assert!(header(&commit).unwrap().ends_with("Sampled=0"));
    for broken in ["", "00-1-2-01", "00-4bf92f3577b34da6a3ce929d0e0e473\u{e9}-00f067aa0ba902b7-01"] {
        commit.unsealed.metadata.traceparent = Some(broken.into());
        assert_eq!(header(&commit), None, "{broken}");
    }
}

#[test]
fn the_size_is_the_documented_formula() {
    let mut sent = of(&commits()[0]);
    let (source, kind) = (sent.source.len(), sent.detail_type.len());
    sent.detail = "{\"é\":\"😀\"}".into();
    sent.trace_header = Some("not counted".into());
    assert_eq!(sent.size(), source + kind + 13 + 36);
}

/// A deletion whose product is so large that the size of the whole entry differs from the limit by `beyond` bytes.
fn near_the_limit(beyond: isize) -> publisher::BusEntry {
    let mut commit = commits().remove(4);
    let small = of(&commit).size();
    let missing = publisher::bus::MAX_REQUEST_BYTES.checked_add_signed(beyond).unwrap() - small;
    commit.unsealed.state.facts.name.push_str(&"x".repeat(missing));
    of(&commit)
}

#[test]
fn an_entry_that_would_be_too_large_leaves_the_product_out_and_says_so() {
    let fits = near_the_limit(-1);
    assert_eq!(fits.size(), publisher::bus::MAX_REQUEST_BYTES - 1);
    assert_eq!(detail(&fits)["data"].get("product_omitted"), None);
    let too_large = near_the_limit(0);
    let message = detail(&too_large);
    assert_eq!(message["data"], json!({"product_omitted": true}));
    assert!(too_large.size() < 2_000);
    let event = fixtures::helmet_deleted();
    assert!(json_schema(&event).is_valid(&message));
}

#[test]
fn a_stored_sample_of_every_build_can_still_be_sent() {
    let samples = concat!(env!("CARGO_MANIFEST_DIR"), "/../schema/samples");
    for name in ["commit.v1.json", "commit.v2.json"] {
        let text = std::fs::read_to_string(format!("{samples}/{name}")).unwrap();
        let commit = serde_json::from_str::<StoredCommit>(&text).unwrap().decode().unwrap();
        for numbered in commit.numbered() {
            let message = detail(&entry(&commit, numbered, &address(), None).unwrap());
            assert!(json_schema(&numbered.1.event).is_valid(&message), "{message}");
            assert_eq!(message["metadata"]["sequence"], numbered.0);
        }
    }
}
