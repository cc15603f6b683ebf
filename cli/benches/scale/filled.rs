//! Makes a data directory with many commits quickly: whole chains are sealed on all processors and appended in groups.
//! The ledger does not write like that, but the rows are the same.

use std::path::Path;

use futures::{StreamExt, stream};
use schema::Orders;
use schema::{Commit, StoredCommit, fixtures};
use server::directory::DataDirectory;
use tokio::task::spawn_blocking;
use web::ClockAndIds;

use crate::commits::dearer;
use event_store::seal;

/// Events, and so commits, of each product.
pub const LENGTH: usize = 10;

/// Commits of one transaction.
const TOGETHER: usize = 1_000;

/// Fills a new directory with this many events; neither projector nor publisher has seen one.
pub async fn fill(data: &Path, events: usize) {
    let directory = open(data).await;
    let journal = directory.journal().await.unwrap();
    let products = TOGETHER / LENGTH;
    let journal = &journal;
    stream::iter((0..events / LENGTH).step_by(products))
        .map(|first| {
            let beyond = (first + products).min(events / LENGTH);
            spawn_blocking(move || (first..beyond).flat_map(story).collect::<Vec<_>>())
        })
        .buffered(4)
        .for_each(|commits| async move { journal.append_all(&commits.unwrap()).await.unwrap() })
        .await;
    directory.close().await;
}

/// The files of a data directory.
pub async fn open(data: &Path) -> DataDirectory {
    let name = || (ClockAndIds::system().ids)().to_string();
    DataDirectory::open(data, &Orders::default(), name).await.unwrap()
}

/// A product is created and becomes dearer again and again.
fn story(product: usize) -> Vec<StoredCommit> {
    let id = fixtures::id(&format!("product-{product:07}"));
    let mut before: Option<Commit> = None;
    let mut commits = Vec::new();
    for n in 0..LENGTH {
        let event = before.as_ref().map_or_else(fixtures::helmet_created, |commit| dearer(commit, n));
        let (commit, stored) = seal(fixtures::commit_after(before.as_ref(), &id, vec![event])).unwrap();
        commits.push(stored);
        before = Some(commit);
    }
    commits
}
