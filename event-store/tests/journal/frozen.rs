//! The frozen commit: what was written once still hashes to what it carries.

use std::path::Path;

use event_store::{chain::hash_of, seal};
use schema::{Metadata, Recent, StoredCommit, Unsealed, fixtures};

/// A second commit of a helmet with every optional field there is.
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
fn the_frozen_commit_hashes_to_what_it_carries_and_is_written_the_same_today() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../schema/samples/commit.v1.json");
    if std::env::var_os("LEDGER_ACCEPT").is_some() && !path.exists() {
        std::fs::write(&path, serde_json::to_string_pretty(&fullest()).unwrap() + "\n").unwrap();
    }
    let frozen: StoredCommit = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(hash_of(&frozen).unwrap().as_str(), frozen.text("hash").unwrap());
    assert_eq!(fullest(), frozen);
}
