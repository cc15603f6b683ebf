//! A data directory whose ledger lost its newest commits: positions that a consumer has handled are never reused.

use event_store::{Checkpoint, Journal, seal};
use schema::fixtures;

use super::*;

async fn open(path: &Path) -> DataDirectory {
    DataDirectory::open(path, &Orders::default(), || "ledger".to_owned()).await.unwrap()
}

async fn append(journal: &SqliteJournal, product: &str) -> Option<u64> {
    let id = fixtures::id(product);
    let unsealed = fixtures::commit_after(None, &id, vec![fixtures::helmet_created()]);
    journal.append(&seal(unsealed).unwrap().1).await.unwrap();
    journal.newest_position().await.unwrap()
}

async fn checkpoint(directory: &DataDirectory, position: u64) {
    let [projector, _] = directory.progress();
    projector.begin();
    projector.keep(&Checkpoint { position, hash: "another".into() }).await.unwrap();
}

#[tokio::test]
async fn a_position_that_a_consumer_has_handled_is_not_reused_after_a_restart() {
    let data = tempfile::tempdir().unwrap();
    let directory = open(data.path()).await;
    assert_eq!(append(&directory.journal().await.unwrap(), "a").await, Some(0));
    checkpoint(&directory, 7).await;
    drop(directory.journal().await.unwrap());
    // Its consumer has corrected it; nothing was recorded since.
    checkpoint(&directory, 0).await;
    directory.close().await;
    drop(directory);
    let again = open(data.path()).await;
    assert_eq!(append(&again.journal().await.unwrap(), "b").await, Some(8));
    assert_eq!(append(&again.journal().await.unwrap(), "c").await, Some(9));
}
