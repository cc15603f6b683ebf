//! Commits by hand, as small as a journal takes them, and real ones.

use event_store::seal;
use schema::{Commit, ProductEvent, ProductId, StoredCommit, fixtures};
use serde_json::{Value, json};

/// The greatest sequence there is.
pub const LAST: u64 = (1 << 53) - 1;

/// A commit of one event.
pub fn made(product: &str, sequence: u64) -> StoredCommit {
    made_with(product, sequence, &json!({}))
}

/// The same with a metadata of its own.
pub fn made_with(product: &str, sequence: u64, metadata: &Value) -> StoredCommit {
    let names = product.bytes().fold(sequence, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
    let commit = json!({
        "product_id": product,
        "sequence": sequence,
        "commit_id": format!("{product}/{sequence}"),
        "recorded_at": "2026-11-23T05:20:00.000Z",
        "events": [{"type": "ProductDeleted", "data": {}}],
        "state": {"version": sequence},
        "metadata": metadata,
        "previous_hash": "0".repeat(64),
        "hash": format!("{names:064x}"),
    });
    StoredCommit(commit.as_object().unwrap().clone())
}

/// The commits `1..=last` of a product.
pub fn run(product: &str, last: u64) -> Vec<StoredCommit> {
    (1..=last).map(|sequence| made(product, sequence)).collect()
}

/// A sealed commit of a helmet.
pub fn commit(
    before: Option<&Commit>,
    product: &ProductId,
    events: Vec<ProductEvent>,
) -> (Commit, StoredCommit) {
    seal(fixtures::commit_after(before, product, events)).unwrap()
}

/// A helmet's whole life, one event a commit.
pub fn life(product: &ProductId) -> Vec<(Commit, StoredCommit)> {
    let mut commits: Vec<(Commit, StoredCommit)> = Vec::new();
    for event in fixtures::helmet_story() {
        let next = commit(commits.last().map(|(commit, _)| commit), product, vec![event]);
        commits.push(next);
    }
    commits
}

/// Ids that a careless key would confuse: prefixes, other cases, numbers, every allowed character, the longest there is.
pub fn awkward_ids() -> Vec<ProductId> {
    let longest = "x".repeat(64);
    let almost = "x".repeat(63);
    let ids = [
        "p",
        "pp",
        "p1",
        "p10",
        "p-1",
        "p.1",
        "p_1",
        "p~1",
        "P",
        "1",
        "01",
        "1e1",
        "0",
        "-",
        "~",
        "_",
        "...",
        ".a",
        "null",
        "true",
        "lineup",
        "A-Za-z0-9._~-",
        &longest,
        &almost,
    ];
    ids.into_iter().map(fixtures::id).collect()
}
