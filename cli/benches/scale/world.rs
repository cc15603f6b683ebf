//! The system in this process on files of its own, and commits as a follower delivers them.

use event_store::follow::ChangeRecord;
use event_store::{Change, FeedEntry, seal};
use schema::settings::Settings;
use schema::{Commit, StoredCommit, fixtures};
use server::backend::Backend;
use server::system::System;
use tempfile::TempDir;
use web::ClockAndIds;

use crate::commits::dearer;
use crate::filled;

/// A ledger without commits.
pub struct World {
    pub system: System,
    _directory: TempDir,
}

impl World {
    pub async fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let system = system(&directory.path().join("data")).await;
        Self { system, _directory: directory }
    }
}

/// The system on a data directory.
pub async fn system(data: &std::path::Path) -> System {
    let (settings, clock_and_ids) = (Settings::read(|_| None).unwrap(), ClockAndIds::system());
    let directory = filled::open(data).await;
    let backend = Backend::on_sqlite(directory, &settings.orders, &clock_and_ids.clock).await.unwrap();
    System::new(backend, None, settings, clock_and_ids)
}

/// Products that get one more commit after the other.
pub struct Stories {
    products: Vec<(String, Option<Commit>)>,
    position: u64,
}

impl Stories {
    pub fn of(products: usize) -> Self {
        let products = (0..products).map(|n| (format!("product-{n:06}"), None)).collect();
        Self { products, position: 0 }
    }

    /// The next commits, in turn of every product, as one batch.
    pub fn batch(&mut self, commits: usize) -> Vec<ChangeRecord> {
        let products = self.products.len();
        (0..commits).map(|n| self.next(n % products)).collect()
    }

    fn next(&mut self, product: usize) -> ChangeRecord {
        let stored = self.append(product);
        let hash = stored.text("hash").unwrap().to_owned();
        self.position += 1;
        ChangeRecord::from(FeedEntry {
            position: self.position,
            hash,
            change: Change::Committed(Box::new(stored)),
        })
    }

    fn append(&mut self, product: usize) -> StoredCommit {
        let (id, before) = &mut self.products[product];
        let events = match &before {
            None => vec![fixtures::helmet_created()],
            Some(commit) => vec![dearer(commit, usize::try_from(commit.sequence).unwrap())],
        };
        let (commit, stored) =
            seal(fixtures::commit_after(before.as_ref(), &fixtures::id(id), events)).unwrap();
        *before = Some(commit);
        stored
    }
}
