//! The frozen commit: a commit written by an earlier build still has the hash it carries.

use std::path::Path;

use event_store::{chain::hash_of, seal};
use schema::product::STATE_SCHEMA_VERSION;
use schema::{Metadata, Recent, StoredCommit, Unsealed, fixtures};
use serde_json::Value;

/// A second commit of a helmet, with every optional field.
fn fullest() -> StoredCommit {
    let product = fixtures::id("694215b7-08f7-4c0d-acb1-d734ba44c0c8");
    let (first, _) = seal(fixtures::commit_after(None, &product, vec![fixtures::helmet_created()])).unwrap();
    let story = vec![
        fixtures::helmet_renamed(),
        fixtures::helmet_price_changed(),
        fixtures::helmet_details_changed(),
    ];
    let unsealed = fixtures::commit_after(Some(&first), &product, story);
    let metadata = Metadata {
        traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
        idempotency_key: Some("k-1".into()),
        request_fingerprint: Some("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU".into()),
        ..unsealed.metadata
    };
    let recent = Recent::default().remembering([1; 8], 1).remembering([0xd8; 8], 2);
    seal(Unsealed { metadata, recent, ..unsealed }).unwrap().1
}

#[test]
fn the_frozen_commits_hash_to_what_they_carry_and_the_newest_is_written_the_same_today() {
    let path = |version: u32| {
        let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/samples");
        samples.join(format!("commit.v{version}.json"))
    };
    let newest = path(STATE_SCHEMA_VERSION);
    if std::env::var_os("LEDGER_ACCEPT").is_some() && !newest.exists() {
        std::fs::write(&newest, serde_json::to_string_pretty(&fullest()).unwrap() + "\n").unwrap();
    }
    for version in 1..=STATE_SCHEMA_VERSION {
        let file = path(version);
        let frozen = std::fs::read(&file)
            .unwrap_or_else(|error| panic!("{}: {error}; `just accept` writes it", file.display()));
        let frozen: StoredCommit = serde_json::from_slice(&frozen).unwrap();
        assert_eq!(hash_of(&frozen).unwrap().as_str(), frozen.text("hash").unwrap(), "version {version}");
        assert_eq!(fullest() == frozen, version == STATE_SCHEMA_VERSION);
    }
}

/// The sample of a state version is written once, so it must not lack a field of it.
#[test]
fn the_newest_frozen_commit_has_every_field_of_a_product() {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/json/product.json");
    let schema: Value = serde_json::from_slice(&std::fs::read(schema).unwrap()).unwrap();
    let state = fullest().0["state"].clone();
    // The samples of versions 1 and 2 were written without a category.
    let missing = |field: &str| STATE_SCHEMA_VERSION == 2 && field == "category";
    for field in schema["properties"].as_object().unwrap().keys().filter(|field| !missing(field)) {
        assert!(state.get(field).is_some(), "{field} is missing; add it to `fullest` before `just accept`");
    }
}
