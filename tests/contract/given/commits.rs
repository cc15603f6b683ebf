//! Commits by hand, as small as a journal takes them, and real ones.

use event_store::{Journal, MemoryJournal, seal};
use schema::event::{ProductPriceChanged, ProductRenamed};
use schema::{Commit, ProductEvent, ProductId, StoredCommit, Timestamp, fixtures};
use serde_json::{Value, json};
use ulid::Ulid;

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

/// `p` in so many commits, one event each: names and prices in turn. The commits behind `same` are not those of the product
/// that has them all in common, but were recorded in their places later.
pub fn recorded_anew(length: usize, same: usize) -> Vec<(Commit, StoredCommit)> {
    let mut commits: Vec<(Commit, StoredCommit)> = Vec::new();
    for n in 0..length {
        let head = commits.last().map(|(commit, _)| commit);
        let event = head.map_or_else(fixtures::helmet_created, |head| next_event(head, n, n >= same));
        let mut unsealed = fixtures::commit_after(head, &fixtures::id("p"), vec![event]);
        if n >= same {
            let hours_later = unsealed.recorded_at.millis() + 100_000_000;
            unsealed.recorded_at =
                Timestamp::new(chrono::DateTime::from_timestamp_millis(hours_later).unwrap()).unwrap();
            unsealed.state.updated_at = unsealed.recorded_at;
            unsealed.metadata.occurred_at = unsealed.recorded_at;
            unsealed.events[0].event_id = Ulid::from_parts(hours_later.cast_unsigned(), n as u128);
        }
        commits.push(seal(unsealed).unwrap());
    }
    commits
}

fn next_event(head: &Commit, n: usize, anew: bool) -> ProductEvent {
    let facts = &head.state.facts;
    if n.is_multiple_of(2) == anew {
        let name = format!("{n}, {anew}");
        return ProductEvent::ProductRenamed(ProductRenamed { name, previous_name: facts.name.clone() });
    }
    ProductEvent::ProductPriceChanged(ProductPriceChanged {
        money: fixtures::money(&format!("{n}.{}", u8::from(anew)), "USD"),
        previous_price: facts.money.price(),
        previous_currency: facts.money.currency(),
    })
}

/// A ledger that holds these.
pub async fn ledger_of(commits: &[(Commit, StoredCommit)]) -> std::sync::Arc<MemoryJournal> {
    let journal = MemoryJournal::default();
    for (_, commit) in commits {
        journal.append(commit).await.unwrap();
    }
    std::sync::Arc::new(journal)
}

/// What a follower is told of them.
pub fn records(commits: &[(Commit, StoredCommit)]) -> Vec<event_store::follow::Record> {
    let told = |(_, commit): &(Commit, StoredCommit)| event_store::follow::Record {
        id: commit.sequence().unwrap().to_string(),
        change: event_store::Change::Committed(Box::new(commit.clone())),
    };
    commits.iter().map(told).collect()
}
