//! Products in order of id from a table without that order, however many of them fit into memory.

use std::sync::Arc;

use event_store::heads::{Head, ProductListing};
use event_store::{Journal, MemoryJournal};
use futures::TryStreamExt;
use schema::fixtures;

use super::given::{helmet, journals, life};

async fn heads(most: usize, journal: Arc<dyn Journal>) -> Vec<Head> {
    let listing = ProductListing::keeping(most, journal, |_| {}).await.unwrap();
    listing.heads().try_collect().await.unwrap()
}

#[tokio::test]
async fn every_product_is_listed_once_in_order_with_its_newest_version_however_little_is_remembered() {
    for (name, journal) in journals().await {
        let mut expected = Vec::new();
        for n in (0..11).rev() {
            let product = format!("p-{n}");
            let commits = if n % 2 == 0 {
                helmet(&product)
            } else {
                life(&product, vec![vec![fixtures::helmet_created(), fixtures::helmet_renamed()]])
            };
            for commit in &commits {
                journal.append(commit).await.unwrap();
            }
            let (version, commits) = if n % 2 == 0 { (6, 5) } else { (2, 1) };
            expected.push(Head { product_id: product, version, commits });
        }
        expected.sort_by(|a, b| a.product_id.cmp(&b.product_id));
        for most in [0, 1, 2, 3, 10, 11, 12, 100] {
            assert_eq!(heads(most, journal.clone()).await, expected, "{name}, {most} at a time");
        }
    }
}

#[tokio::test]
async fn the_walk_counts_all_commits_and_tells_how_far_it_is() {
    let journal = Arc::new(MemoryJournal::default());
    for commit in helmet("a").iter().chain(&helmet("b")) {
        journal.append(commit).await.unwrap();
    }
    let mut told = Vec::new();
    let listing = ProductListing::keeping(1, journal, |commits| told.push(commits)).await.unwrap();
    assert_eq!(listing.commits(), 10);
    assert_eq!(told, [10]);
}

#[tokio::test]
async fn an_empty_table_has_no_products() {
    assert_eq!(heads(10, Arc::new(MemoryJournal::default())).await, []);
}

/// A `Scan` of a real ledger is paid by the size of the table, so it is done once.
#[tokio::test]
async fn the_keys_are_walked_once_however_little_fits_into_memory() {
    let engine = engine::Engine::in_memory().unwrap();
    let (config, recorder) = engine::probe::RequestRecorder::record(&engine.sdk_config());
    let client = event_store::metering::client(&config);
    event_store::table::create(&client, "events", event_store::TABLE).await.unwrap();
    let journal: Arc<dyn Journal> = Arc::new(event_store::DynamoJournal::new(client, "events"));
    let products = 700;
    for n in 0..products {
        for commit in &helmet(&format!("p-{n}"))[..2] {
            journal.append(commit).await.unwrap();
        }
    }
    let mut costs = Vec::new();
    for most in [1_000, 100, 1] {
        recorder.clear();
        assert_eq!(heads(most, journal.clone()).await.len(), products, "{most} at a time");
        let asked = recorder.take();
        assert!(asked.iter().all(|asked| asked.request.operation == "Scan"), "{most} at a time");
        let units: f64 = asked.iter().map(|asked| asked.capacity().unwrap()).sum();
        costs.push((asked.len(), units.round()));
    }
    assert!(costs[0].0 >= 2 && costs[0].1 > 0.0, "{costs:?}");
    assert!(costs.iter().all(|cost| *cost == costs[0]), "{costs:?}");
}

#[tokio::test]
async fn more_runs_than_may_be_open_become_one() {
    let journal = Arc::new(MemoryJournal::default());
    let products = 600;
    for n in 0..products {
        journal.append(&helmet(&format!("p-{n:03}"))[0]).await.unwrap();
    }
    let listed = heads(1, journal).await;
    assert_eq!(listed.len(), products);
    assert!(listed.is_sorted_by_key(|head| head.product_id.clone()));
}
