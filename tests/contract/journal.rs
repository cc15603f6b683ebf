//! The contract of the port `Journal`, for every adapter.

mod built_upon;
mod concurrent;
mod forms;
mod heads;
mod keys;
mod lines;
mod pages;
mod products;
mod random;
mod scans;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::{
    DynamoJournal, Journal, MemoryJournal, ScanPosition, SqliteJournal, StoreError, sqlite as files, table,
};
use schema::StoredCommit;
use sqlite::{Access, Schema};

use crate::given::{Given, Port, Way};

type Journals = Given<dyn Journal>;

impl Port for dyn Journal {
    type Setting = ();
    const SCHEMA: Schema = files::LEDGER;
    const WAYS: &[Way] = &[Way::Committed];

    async fn memory((): ()) -> Arc<Self> {
        Arc::new(MemoryJournal::default())
    }

    async fn sqlite(access: Access, (): ()) -> Arc<Self> {
        let (Access::Committed(database) | Access::Joined(database)) = access;
        Arc::new(SqliteJournal::new(database))
    }

    async fn dynamodb(client: Client, new: bool, (): ()) -> Arc<Self> {
        if new {
            table::create(&client, "events", event_store::TABLE).await.unwrap();
        }
        Arc::new(DynamoJournal::new(client, "events"))
    }
}

async fn append_all(journal: &dyn Journal, commits: &[StoredCommit]) {
    for commit in commits {
        journal.append(commit).await.unwrap();
    }
}

/// All commits of a scan, sorted by key; its pages must not be longer than requested.
async fn scanned(journal: &dyn Journal, limit: usize) -> Vec<StoredCommit> {
    let (mut commits, mut from) = (Vec::new(), None);
    loop {
        let page = journal.scan(from, limit).await.unwrap();
        assert!(page.commits.len() <= limit, "{} of {limit}", page.commits.len());
        commits.extend(page.commits);
        assert!(commits.len() <= 10_000, "the scan does not end");
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    commits.sort_by_key(key);
    commits
}

/// The keys of a scan of keys, sorted.
async fn scanned_keys(journal: &dyn Journal, limit: usize) -> Vec<(String, u64, u64)> {
    let (mut keys, mut from): (_, Option<ScanPosition>) = (Vec::new(), None);
    loop {
        let page = journal.scan_keys(from, limit).await.unwrap();
        assert!(page.keys.len() <= limit, "{} of {limit}", page.keys.len());
        keys.extend(page.keys.into_iter().map(|key| (key.product_id, key.sequence, key.version)));
        from = page.next;
        if from.is_none() {
            break;
        }
    }
    keys.sort();
    keys
}

fn key(commit: &StoredCommit) -> (String, u64) {
    (commit.text("product_id").unwrap().to_owned(), commit.sequence().unwrap())
}

fn keys(commits: &[StoredCommit]) -> Vec<(String, u64)> {
    commits.iter().map(key).collect()
}

fn sequences(commits: &[StoredCommit]) -> Vec<u64> {
    commits.iter().map(|commit| commit.sequence().unwrap()).collect()
}

async fn whole(journal: &dyn Journal, product: &schema::ProductId) -> Result<Vec<StoredCommit>, StoreError> {
    journal.page(product, 0, 1_000).await
}
