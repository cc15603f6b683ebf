//! The verification of a journal: several products at once, reported in order, even if its tables were changed directly.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use event_store::dynamodb::to_item;
use event_store::heads::ProductListing;
use event_store::journal::commits_after;
use event_store::verify::{self, JournalVerifier};
use event_store::{AppendError, DynamoJournal, Journal, KeyPage, ScanPage, ScanPosition, StoreError, table};
use futures::TryStreamExt;
use schema::{ProductId, StoredCommit, fixtures};
use serde_json::json;

use super::given::{Found, helmet, journals, ledger, life, lines, verify as verify_export};

async fn found(journal: &Arc<dyn Journal>) -> Found {
    let listing = ProductListing::begin(journal.clone(), |_| {}).await.unwrap();
    Found::of(JournalVerifier::of(journal.clone()).products(listing, 4).try_collect().await.unwrap())
}

/// The ledger in an engine, and a client that is not held to inserts.
async fn tables() -> (Arc<dyn Journal>, Client) {
    let client = Client::new(&engine::Engine::in_memory().unwrap().sdk_config());
    table::create(&client, "events", event_store::TABLE).await.unwrap();
    let journal = DynamoJournal::new(client.clone(), "events");
    for commit in ledger() {
        journal.append(&commit).await.unwrap();
    }
    (Arc::new(journal), client)
}

#[tokio::test]
async fn the_tables_and_their_export_give_the_same_heads() {
    for (name, journal) in journals().await {
        for commit in ledger().iter().rev() {
            journal.append(commit).await.unwrap();
        }
        let in_table = found(&journal).await;
        let exported = verify_export(&lines(&ledger()));
        assert!(in_table.is_whole(), "{name}: {:?}", in_table.named());
        assert_eq!(in_table.reports, exported.reports, "{name}");
        assert_eq!(in_table.summary.heads(), exported.summary.heads(), "{name}");
    }
}

#[tokio::test]
async fn one_product_is_verified_from_any_stream_of_commits() {
    for (name, journal) in journals().await {
        for commit in ledger() {
            journal.append(&commit).await.unwrap();
        }
        let helmet = fixtures::id("helmet");
        let streamed =
            verify::product(&helmet, commits_after(journal.clone(), helmet.clone(), 0)).await.unwrap();
        assert_eq!((streamed.is_valid(), streamed.commits, streamed.events), (true, 5, 6), "{name}");
        assert_eq!(JournalVerifier::of(journal.clone()).product(&helmet).await.unwrap(), streamed, "{name}");
        let nobody = fixtures::id("nobody");
        assert_eq!(JournalVerifier::of(journal).product(&nobody).await.unwrap().commits, 0, "{name}");
    }
}

/// A product with so many commits.
fn long(commits: usize) -> Vec<StoredCommit> {
    let story = (0..commits).map(|n| match n {
        0 => vec![fixtures::helmet_created()],
        n if n % 2 == 1 => vec![fixtures::helmet_deleted()],
        _ => vec![fixtures::helmet_restored()],
    });
    life("long", story.collect())
}

#[tokio::test]
async fn a_long_product_is_verified_page_by_page_and_every_page_is_told() {
    let commits = long(250);
    for (name, journal) in journals().await {
        for commit in &commits {
            journal.append(commit).await.unwrap();
        }
        let told = Arc::new(AtomicU64::new(0));
        let count = told.clone();
        let ledger = JournalVerifier::of(journal.clone()).with_progress(Arc::new(move |commits| {
            count.fetch_add(commits, Ordering::Relaxed);
        }));
        let listing = ProductListing::begin(journal, |_| {}).await.unwrap();
        let found = Found::of(ledger.products(listing, 2).try_collect().await.unwrap());
        assert!(found.is_whole(), "{name}: {:?}", found.named());
        assert_eq!((found.summary.commits, told.load(Ordering::Relaxed)), (250, 250), "{name}");
    }
}

#[tokio::test]
async fn a_commit_overwritten_in_the_table_is_named() {
    let (journal, client) = tables().await;
    let mut commit = helmet("helmet").remove(1);
    commit.0["events"][1]["data"]["price"] = json!("1.00");
    let item = to_item(&commit).unwrap();
    client.put_item().table_name("events").set_item(Some(item)).send().await.unwrap();
    let named = found(&journal).await.named();
    assert_eq!(named, [("helmet".into(), 2, "changed"), ("helmet".into(), 2, "wrong_state")]);
}

#[tokio::test]
async fn a_commit_deleted_from_the_table_is_named() {
    let (journal, client) = tables().await;
    let request = client.delete_item().table_name("events");
    let request = request.key("product_id", AttributeValue::S("helmet".into()));
    request.key("sequence", AttributeValue::N("4".into())).send().await.unwrap();
    assert_eq!(found(&journal).await.named(), [("helmet".into(), 5, "missing")]);
}

#[tokio::test]
async fn what_is_no_json_and_what_is_no_product_do_not_hide_the_rest() {
    let (journal, client) = tables().await;
    let mut item = to_item(&helmet("helmet")[1]).unwrap();
    item.insert("metadata".into(), AttributeValue::B(Blob::new([1, 2, 3])));
    client.put_item().table_name("events").set_item(Some(item)).send().await.unwrap();
    let mut item = to_item(&helmet("helmet")[0]).unwrap();
    item.insert("product_id".into(), AttributeValue::S("no id!".into()));
    client.put_item().table_name("events").set_item(Some(item)).send().await.unwrap();
    let found = found(&journal).await;
    let named = [
        ("helmet".into(), 2, "changed"),
        ("helmet".into(), 2, "unreadable"),
        ("no id!".into(), 0, "unreadable"),
    ];
    assert_eq!(found.named(), named);
    assert_eq!(found.summary.commits, 8, "the others were verified");
}

/// A journal whose every page is the first one.
struct FirstPageOnly {
    commits: Vec<StoredCommit>,
    pages: AtomicU64,
}

#[async_trait]
impl Journal for FirstPageOnly {
    async fn append(&self, _: &StoredCommit) -> Result<(), AppendError> {
        panic!("verification only reads")
    }

    async fn newest(&self, _: &ProductId, _: u64) -> Result<Option<StoredCommit>, StoreError> {
        panic!("verification reads pages")
    }

    async fn page(&self, _: &ProductId, _: u64, limit: usize) -> Result<Vec<StoredCommit>, StoreError> {
        assert!(self.pages.fetch_add(1, Ordering::Relaxed) < 10, "it does not end");
        Ok(self.commits[..limit].to_vec())
    }

    async fn scan(&self, _: Option<ScanPosition>, _: usize) -> Result<ScanPage, StoreError> {
        panic!("one product is verified")
    }

    async fn scan_keys(&self, _: Option<ScanPosition>, _: usize) -> Result<KeyPage, StoreError> {
        panic!("one product is verified")
    }
}

#[tokio::test]
async fn a_store_that_returns_the_same_page_again_is_an_error_and_not_read_for_ever() {
    let journal = FirstPageOnly { commits: long(100), pages: AtomicU64::new(0) };
    let error = JournalVerifier::of(Arc::new(journal)).product(&fixtures::id("long")).await.unwrap_err();
    assert_eq!(error.to_string(), "the page after sequence 100 has no later commit");
}
