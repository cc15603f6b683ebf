//! Time travel: the product as recorded at any version and at any time, at the cost of a binary search at most.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use schema::{Fold, Product, fixtures};
use serde_json::{Value, json};

use crate::given::doubles::Counted;
use crate::given::{Deed, Life, asked, front_of};

/// Every version of the life, by the rules of the schema.
fn versions(life: &Life) -> Vec<Product> {
    let mut fold = Fold::default();
    let mut versions = Vec::new();
    for (commit, _) in &life.commits {
        for (sequence, recorded) in commit.numbered() {
            fold = fold.then(&recorded.event, commit.metadata.occurred_at).unwrap();
            versions.push(Product {
                id: life.id.clone(),
                facts: fold.facts.clone().unwrap(),
                price_occurred_at: fold.price_occurred_at,
                version: sequence,
                created_at: life.commits[0].0.recorded_at,
                updated_at: commit.recorded_at,
            });
        }
    }
    versions
}

/// Commits of one, two and three events, deleted and restored in between.
fn story() -> Life {
    let mut life = Life::of(
        "p",
        &[
            Deed::RenameAndReprice("Hat".into(), "5".into()),
            Deed::DeleteOrRestore,
            Deed::RenameAndReprice("Cap".into(), "6".into()),
        ],
    );
    life.commit(vec![fixtures::helmet_deleted()]);
    life.goes_on(&Deed::Reprice("7".into(), "EUR"));
    life
}

fn shown(product: &Product) -> (u16, Value) {
    if product.facts.status == schema::Status::Deleted {
        (404, json!(product.version))
    } else {
        (200, serde_json::to_value(product).unwrap())
    }
}

fn answer((status, body): (u16, Value)) -> (u16, Value) {
    if status == 200 {
        return (status, body);
    }
    assert_eq!(body["type"], "urn:product-ledger:problem:product-not-found", "{body}");
    (status, body["version"].clone())
}

#[tokio::test]
async fn every_version_is_shown_as_it_was_also_inside_a_commit() {
    let life = story();
    let journal = Arc::<Counted>::default();
    life.recorded_in(&*journal).await;
    let front = front_of(journal.clone());
    let versions = versions(&life);
    assert_eq!(versions.len(), 10);
    for product in &versions {
        let answered = asked(&front, &format!("/products/p?version={}", product.version)).await;
        assert_eq!(answer(answered), shown(product), "{}", product.version);
        let whole = life.commits.iter().any(|(commit, _)| commit.last_sequence() == product.version);
        let reads = journal.reads.swap(0, Ordering::Relaxed);
        assert_eq!(reads, if whole { 1 } else { 2 }, "{}", product.version);
    }
}

#[tokio::test]
async fn an_unknown_version_is_distinguished_from_an_unknown_product() {
    let journal = Arc::<Counted>::default();
    story().recorded_in(&*journal).await;
    let front = front_of(journal);
    for version in ["0", "11", "18446744073709551615"] {
        let (status, problem) = asked(&front, &format!("/products/p?version={version}")).await;
        assert_eq!(status, 404, "{version}");
        assert_eq!(problem["type"], "urn:product-ledger:problem:version-not-found");
    }
    let (status, problem) = asked(&front, "/products/q?version=1").await;
    assert_eq!((status, &problem["type"]), (404, &json!("urn:product-ledger:problem:product-not-found")));
}

#[tokio::test]
async fn at_each_moment_the_product_is_what_was_recorded_until_then() {
    let life = story();
    let journal = Arc::<Counted>::default();
    life.recorded_in(&*journal).await;
    let front = front_of(journal.clone());
    for (commit, _) in &life.commits {
        let millis = commit.recorded_at.millis();
        for (moment, included) in [(millis - 1, false), (millis, true), (millis + 1, true)] {
            let moment = chrono::DateTime::from_timestamp_millis(moment).unwrap().to_rfc3339();
            let uri = format!("/products/p?as_of={}", moment.replace('+', "%2B"));
            let reads_at_most = 1 + 10_usize.ilog2() + 1;
            let answered = asked(&front, &uri).await;
            let before = life.commits.iter().map(|(commit, _)| commit);
            let expected = before.rev().find(|other| other.sequence < commit.sequence + u64::from(included));
            match expected {
                Some(commit) => assert_eq!(answer(answered), shown(&commit.state), "{moment}"),
                None => assert_eq!(answered.0, 404, "{moment}"),
            }
            let reads = journal.reads.swap(0, Ordering::Relaxed);
            assert!(reads <= reads_at_most as usize, "{moment} {reads}");
        }
    }
    let (status, _) = asked(&front, "/products/q?as_of=2026-01-01T00:00:00Z").await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn a_moment_among_many_commits_costs_a_binary_search() {
    let journal = Arc::<Counted>::default();
    let deeds: Vec<Deed> = (0..999).map(|n| Deed::Rename(format!("Hat {n}"))).collect();
    let life = Life::of("p", &deeds);
    life.recorded_in(&*journal).await;
    let front = front_of(journal.clone());
    for index in (0..1000).step_by(83) {
        let moment = life.commits[index].0.recorded_at;
        let (status, product) = asked(&front, &format!("/products/p?as_of={moment}")).await;
        assert_eq!((status, &product["version"]), (200, &json!(index + 1)));
        let reads = journal.reads.swap(0, Ordering::Relaxed);
        assert!(reads <= 11, "{index}: {reads}");
    }
}

#[tokio::test]
async fn only_one_way_of_asking_for_the_past_goes_at_a_time() {
    let front = front_of(Arc::<Counted>::default());
    for query in [
        "version=1&as_of=2026-01-01T00:00:00Z",
        "version=1&min_version=1",
        "as_of=2026-01-01T00:00:00Z&min_version=1",
        "as_of=2026-01-01",
        "as_of=",
        "version=x",
        "version=",
    ] {
        let (status, _) = asked(&front, &format!("/products/p?{query}")).await;
        assert_eq!(status, 400, "{query}");
    }
}
