//! A small ledger, ways to change it, and the shortest way to verify what came of it.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::verify::{Batch, Export, Fault, ProductReport, Summary, Verdict, Witness};
use event_store::{DynamoJournal, Journal, MemoryJournal, chain, export, seal, table};
use schema::event::{ProductCreated, ProductPriceChanged};
use schema::{Attributes, Commit, Metadata, ProductEvent, Recent, StoredCommit, Unsealed, fixtures};
use serde_json::{Value, json};

/// An empty journal of each kind, with its name.
pub async fn journals() -> Vec<(&'static str, Arc<dyn Journal>)> {
    let client = Client::new(&engine::Engine::in_memory().unwrap().sdk_config());
    table::create(&client, "events", event_store::TABLE).await.unwrap();
    vec![
        ("memory", Arc::new(MemoryJournal::default())),
        ("embedded", Arc::new(DynamoJournal::new(client, "events"))),
    ]
}

/// Three products: a helmet with every event and every optional field, a short one, and one with attribute keys that
/// sort differently by UTF-16 code units and by code points.
pub fn ledger() -> Vec<StoredCommit> {
    let mut commits = helmet("helmet");
    commits.extend(life("lamp", vec![vec![fixtures::helmet_created(), fixtures::helmet_renamed()]]));
    commits.extend(strange("strange"));
    commits
}

/// Five commits of six events.
pub fn helmet(product: &str) -> Vec<StoredCommit> {
    life(
        product,
        vec![
            vec![fixtures::helmet_created()],
            vec![fixtures::helmet_renamed(), fixtures::helmet_price_changed()],
            vec![fixtures::helmet_details_changed()],
            vec![fixtures::helmet_deleted()],
            vec![fixtures::helmet_restored()],
        ],
    )
}

/// A product whose attribute keys are the test vector of RFC 8785.
fn strange(product: &str) -> Vec<StoredCommit> {
    let ProductEvent::ProductCreated(created) = fixtures::helmet_created() else { panic!("not a creation") };
    let keys = ["\u{fb33}", "\u{1f600}", "\u{20ac}", "1", "\u{f6}"];
    let mut details = created.details.clone();
    details.attributes =
        Some(Attributes::from(keys.map(|key| (key.to_owned(), "\u{1f600}\u{7f}\"\\/".to_owned()))));
    let created = ProductEvent::ProductCreated(ProductCreated { details, ..created });
    let dearer = ProductEvent::ProductPriceChanged(ProductPriceChanged {
        money: fixtures::money("35", "USD"),
        previous_price: fixtures::money("33.6442", "USD").price(),
        previous_currency: fixtures::money("33.6442", "USD").currency(),
    });
    life(product, vec![vec![created], vec![dearer]])
}

/// A product that lived through these commits, with all metadata there can be.
pub fn life(product: &str, story: Vec<Vec<ProductEvent>>) -> Vec<StoredCommit> {
    let mut last: Option<Commit> = None;
    let mut commits = Vec::new();
    for (n, events) in (1..).zip(story) {
        let unsealed = fixtures::commit_after(last.as_ref(), &fixtures::id(product), events);
        let metadata = Metadata {
            traceparent: Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".into()),
            idempotency_key: Some(format!("key-{n}")),
            request_fingerprint: Some("47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU".into()),
            ..unsealed.metadata
        };
        let before = last.map(|commit| commit.recent.clone()).unwrap_or_default();
        let recent: Recent = before.remembering([n; 8], unsealed.sequence);
        let (commit, stored) = seal(Unsealed { metadata, recent, ..unsealed }).unwrap();
        commits.push(stored);
        last = Some(commit);
    }
    commits
}

/// Gives a commit the hash of what is in it.
pub fn rehash(commit: &mut StoredCommit) {
    commit.0["hash"] = json!(chain::hash_of(commit).unwrap().as_str());
}

/// Gives every commit from `from` on the link to the one before it and its own hash, as long as they are of one product.
pub fn rechain(commits: &mut [StoredCommit], from: usize) {
    for at in from..commits.len() {
        if at > from && commits[at].0["product_id"] == commits[at - 1].0["product_id"] {
            commits[at].0["previous_hash"] = commits[at - 1].0["hash"].clone();
        }
        rehash(&mut commits[at]);
    }
}

/// The export of commits, in the order they are given.
pub fn lines(commits: &[StoredCommit]) -> Vec<u8> {
    commits.iter().flat_map(|commit| export::line(commit).unwrap()).collect()
}

/// What a verification found.
#[derive(Debug)]
pub struct Found {
    pub reports: Vec<ProductReport>,
    pub summary: Summary,
}

impl Found {
    pub fn of(reports: Vec<ProductReport>) -> Self {
        let mut summary = Summary::default();
        for report in &reports {
            summary.add(report);
        }
        Self { reports, summary }
    }

    pub fn is_whole(&self) -> bool {
        self.summary.verdict() == Verdict::Whole
    }

    pub fn faults(&self) -> Vec<&Fault> {
        self.reports.iter().flat_map(|report| &report.faults).collect()
    }

    /// Product, sequence and name of each fault.
    pub fn named(&self) -> Vec<(String, u64, &'static str)> {
        let name = |fault: &&Fault| {
            (fault.product_id.clone(), fault.sequence.unwrap_or_default(), fault.kind.name())
        };
        self.faults().iter().map(name).collect()
    }

    /// The heads as an earlier verification would have written them down.
    pub fn witnesses(&self) -> BTreeMap<String, Vec<Witness>> {
        let seen = |report: &ProductReport| (report.product_id.clone(), vec![report.witness()]);
        self.reports.iter().map(seen).collect()
    }
}

/// Verifies an export.
pub fn verify(export: &[u8]) -> Found {
    verify_with(Export::default(), export)
}

/// Verifies commits as an export in the order they are given.
pub fn verify_commits(commits: &[StoredCommit]) -> Found {
    verify(&lines(commits))
}

/// Verifies an export that is held against something.
pub fn verify_with(mut verification: Export, export: &[u8]) -> Found {
    let mut reader = BufReader::new(export);
    let mut reports = Vec::new();
    while let Some(batch) = Batch::read(&mut reader).unwrap() {
        for line in batch.examine() {
            reports.extend(verification.line(&line));
        }
    }
    reports.extend(verification.end());
    Found::of(reports)
}

/// Every place in a value that holds no further places: its JSON pointer.
pub fn leaves(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (escaped(name), value)).collect(),
        Value::Array(values) => values.iter().enumerate().map(|(n, value)| (n.to_string(), value)).collect(),
        _ => return vec![String::new()],
    };
    let below = |(name, value): (String, &Value)| {
        leaves(value).into_iter().map(move |rest| format!("/{name}{rest}")).collect::<Vec<_>>()
    };
    children.into_iter().flat_map(below).collect()
}

fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
