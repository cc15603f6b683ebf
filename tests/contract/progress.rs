//! The contract of the port `CheckpointStore`, for every adapter: the checkpoint and what was written are one transaction.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use aws_sdk_dynamodb::Client;
use event_store::{
    Checkpoint, CheckpointStore, MemoryCheckpointStore, MemoryParking, Parking, ParkingCause,
    SqliteCheckpointStore, SqliteParking, sqlite as files,
};
use schema::{Timestamp, fixtures};
use sqlite::{Access, Database, Schema, rusqlite};

use crate::given::commits::LAST;
use crate::given::{Given, Port, Way, directory};

cases! { dyn crate::progress::Follower, [memory sqlite];
    before_the_first_there_is_no_checkpoint
    a_checkpoint_is_read_back_as_it_was_kept
    a_checkpoint_at_the_first_position_is_a_checkpoint
    the_greatest_position_is_kept
    a_newer_checkpoint_replaces_the_one_before
    a_checkpoint_may_go_back
    what_is_written_is_there_with_the_checkpoint
    what_is_written_is_there_without_a_checkpoint_after_the_end
    an_end_leaves_the_checkpoint_where_it_is
    an_end_before_the_first_checkpoint_leaves_none
    a_checkpoint_can_be_kept_though_nothing_was_written
    each_beginning_belongs_to_the_next_checkpoint
    both_are_there_when_the_store_is_opened_again
}

// In memory a process loses both together, and no other process reads them.
mod on_files {
    use super::*;

    cases! { dyn crate::progress::Follower, [sqlite];
        nobody_sees_what_is_written_before_it_is_kept
        a_process_that_ends_before_it_keeps_leaves_neither
        a_step_that_fails_takes_nothing_of_the_others_with_it
        after_a_checkpoint_a_write_stands_for_itself
        after_an_end_a_write_stands_for_itself
        a_write_that_joins_nothing_is_there_at_once
    }

    async fn nobody_sees_what_is_written_before_it_is_kept(follower: &Followers) {
        follower.progress().begin();
        written(follower, "p").await;
        assert!(!seen(&**follower, "p").await);
        assert_eq!(follower.progress().checkpoint().await.unwrap(), None);
        follower.progress().keep(&at(1)).await.unwrap();
        assert!(seen(&**follower, "p").await);
    }

    async fn a_process_that_ends_before_it_keeps_leaves_neither(follower: &Followers) {
        follower.progress().begin();
        written(follower, "p").await;
        follower.progress().keep(&at(1)).await.unwrap();
        follower.progress().begin();
        written(follower, "q").await;
        let left = follower.left_on_disk().await;
        assert_eq!(left.progress().checkpoint().await.unwrap(), Some(at(1)));
        assert!(seen(&*left, "p").await);
        assert!(!seen(&*left, "q").await);
    }

    async fn a_step_that_fails_takes_nothing_of_the_others_with_it(follower: &Followers) {
        follower.progress().begin();
        written(follower, "p").await;
        follower.step_that_fails().await;
        written(follower, "q").await;
        follower.progress().keep(&at(1)).await.unwrap();
        assert_eq!(follower.progress().checkpoint().await.unwrap(), Some(at(1)));
        assert!(seen(&**follower, "p").await && seen(&**follower, "q").await);
        assert!(!seen(&**follower, "fails").await);
    }

    async fn after_a_checkpoint_a_write_stands_for_itself(follower: &Followers) {
        follower.progress().begin();
        follower.progress().keep(&at(1)).await.unwrap();
        written(follower, "p").await;
        assert!(seen(&**follower, "p").await);
    }

    async fn after_an_end_a_write_stands_for_itself(follower: &Followers) {
        follower.progress().begin();
        follower.progress().end().await.unwrap();
        written(follower, "p").await;
        assert!(seen(&**follower, "p").await);
    }

    async fn a_write_that_joins_nothing_is_there_at_once(follower: &Followers) {
        written(follower, "p").await;
        assert!(seen(&**follower, "p").await);
        assert!(seen(&*follower.left_on_disk().await, "p").await);
    }
}

/// A consumer whose checkpoint is in the same store as its parking rows.
#[async_trait]
pub trait Follower: Send + Sync {
    fn progress(&self) -> &dyn CheckpointStore;
    /// The follower's access.
    fn parking(&self) -> &dyn Parking;
    /// The access of other readers.
    fn committed(&self) -> &dyn Parking;
    /// Writes something and then fails.
    async fn step_that_fails(&self);
    /// What another process finds if this one ends now.
    async fn left_on_disk(&self) -> Box<dyn Follower>;
}

type Followers = Given<dyn Follower>;

struct InMemory {
    progress: MemoryCheckpointStore,
    parking: MemoryParking,
}

#[async_trait]
impl Follower for InMemory {
    fn progress(&self) -> &dyn CheckpointStore {
        &self.progress
    }

    fn parking(&self) -> &dyn Parking {
        &self.parking
    }

    fn committed(&self) -> &dyn Parking {
        &self.parking
    }

    async fn step_that_fails(&self) {}

    async fn left_on_disk(&self) -> Box<dyn Follower> {
        panic!("memory leaves nothing")
    }
}

struct InFile {
    database: Database,
    progress: SqliteCheckpointStore,
    joined: SqliteParking,
    committed: SqliteParking,
    _directory: Option<tempfile::TempDir>,
}

impl InFile {
    fn of(database: Database, directory: Option<tempfile::TempDir>) -> Self {
        Self {
            progress: SqliteCheckpointStore::new(database.clone(), "consumer"),
            joined: SqliteParking::new(Access::Joined(database.clone())),
            committed: SqliteParking::new(Access::Committed(database.clone())),
            database,
            _directory: directory,
        }
    }
}

#[async_trait]
impl Follower for InFile {
    fn progress(&self) -> &dyn CheckpointStore {
        &self.progress
    }

    fn parking(&self) -> &dyn Parking {
        &self.joined
    }

    fn committed(&self) -> &dyn Parking {
        &self.committed
    }

    async fn step_that_fails(&self) {
        let access = Access::Joined(self.database.clone());
        let failed = access.write(|connection| {
            connection.execute(
                "INSERT INTO parking VALUES ('consumer', 'fails', 1, '', 1, '2026-01-01T00:00:00.000Z', 1)",
                [],
            )?;
            Err::<(), _>(rusqlite::Error::InvalidQuery)
        });
        failed.await.unwrap_err();
    }

    async fn left_on_disk(&self) -> Box<dyn Follower> {
        let copy = directory();
        let name = |path: &Path| path.file_name().unwrap().to_owned();
        for entry in std::fs::read_dir(self.database.path().parent().unwrap()).unwrap() {
            let path = entry.unwrap().path();
            if !path.to_string_lossy().ends_with("-shm") {
                std::fs::copy(&path, copy.path().join(name(&path))).unwrap();
            }
        }
        let database = Database::open(copy.path(), &files::PUBLISHING).unwrap();
        Box::new(Self::of(database, Some(copy)))
    }
}

impl Port for dyn Follower {
    type Setting = ();
    const SCHEMA: Schema = files::PUBLISHING;
    const WAYS: &[Way] = &[Way::Joined];

    async fn memory((): ()) -> Arc<Self> {
        Arc::new(InMemory { progress: MemoryCheckpointStore::default(), parking: MemoryParking::default() })
    }

    async fn sqlite(access: Access, (): ()) -> Arc<Self> {
        let (Access::Committed(database) | Access::Joined(database)) = access;
        Arc::new(InFile::of(database, None))
    }

    async fn dynamodb(_: Client, _: bool, (): ()) -> Arc<Self> {
        panic!("DynamoDB keeps no checkpoints")
    }
}

fn at(position: u64) -> Checkpoint {
    Checkpoint { position, hash: format!("{position:064x}") }
}

async fn written(follower: &Followers, product: &str) {
    let trouble =
        ParkingCause { from_sequence: 1, reason: "r".into(), retryable: true, at: Timestamp::EPOCH };
    follower.parking().park("consumer", &fixtures::id(product), &trouble).await.unwrap();
}

/// Whether others see what was written.
async fn seen(follower: &dyn Follower, product: &str) -> bool {
    follower.committed().of("consumer", &fixtures::id(product)).await.unwrap().is_some()
}

async fn before_the_first_there_is_no_checkpoint(follower: &Followers) {
    assert_eq!(follower.progress().checkpoint().await.unwrap(), None);
}

async fn a_checkpoint_is_read_back_as_it_was_kept(follower: &Followers) {
    let checkpoint = Checkpoint { position: 4_711, hash: "abcdef0123456789".repeat(4) };
    follower.progress().begin();
    follower.progress().keep(&checkpoint).await.unwrap();
    assert_eq!(follower.progress().checkpoint().await.unwrap(), Some(checkpoint));
}

async fn a_checkpoint_at_the_first_position_is_a_checkpoint(follower: &Followers) {
    follower.progress().begin();
    follower.progress().keep(&at(0)).await.unwrap();
    assert_eq!(follower.progress().checkpoint().await.unwrap(), Some(at(0)));
}

async fn the_greatest_position_is_kept(follower: &Followers) {
    follower.progress().begin();
    follower.progress().keep(&at(LAST)).await.unwrap();
    assert_eq!(follower.progress().checkpoint().await.unwrap(), Some(at(LAST)));
}

async fn a_newer_checkpoint_replaces_the_one_before(follower: &Followers) {
    for position in 0..10 {
        follower.progress().begin();
        follower.progress().keep(&at(position)).await.unwrap();
        assert_eq!(follower.progress().checkpoint().await.unwrap(), Some(at(position)));
    }
}

async fn a_checkpoint_may_go_back(follower: &Followers) {
    for position in [9, 3, 0] {
        follower.progress().begin();
        follower.progress().keep(&at(position)).await.unwrap();
        assert_eq!(follower.progress().checkpoint().await.unwrap(), Some(at(position)));
    }
}

async fn what_is_written_is_there_with_the_checkpoint(follower: &Followers) {
    follower.progress().begin();
    for product in ["p", "q", "r"] {
        written(follower, product).await;
    }
    follower.progress().keep(&at(3)).await.unwrap();
    for product in ["p", "q", "r"] {
        assert!(seen(&**follower, product).await);
    }
}

async fn what_is_written_is_there_without_a_checkpoint_after_the_end(follower: &Followers) {
    follower.progress().begin();
    written(follower, "p").await;
    follower.progress().end().await.unwrap();
    assert!(seen(&**follower, "p").await);
}

async fn an_end_leaves_the_checkpoint_where_it_is(follower: &Followers) {
    follower.progress().begin();
    follower.progress().keep(&at(5)).await.unwrap();
    follower.progress().begin();
    written(follower, "p").await;
    follower.progress().end().await.unwrap();
    assert_eq!(follower.progress().checkpoint().await.unwrap(), Some(at(5)));
}

async fn an_end_before_the_first_checkpoint_leaves_none(follower: &Followers) {
    follower.progress().begin();
    written(follower, "p").await;
    follower.progress().end().await.unwrap();
    assert_eq!(follower.progress().checkpoint().await.unwrap(), None);
}

async fn a_checkpoint_can_be_kept_though_nothing_was_written(follower: &Followers) {
    follower.progress().keep(&at(1)).await.unwrap();
    follower.progress().keep(&at(2)).await.unwrap();
    assert_eq!(follower.progress().checkpoint().await.unwrap(), Some(at(2)));
}

async fn each_beginning_belongs_to_the_next_checkpoint(follower: &Followers) {
    for n in 0..6 {
        follower.progress().begin();
        written(follower, &format!("p{n}")).await;
        if n % 2 == 0 {
            follower.progress().keep(&at(n)).await.unwrap();
        } else {
            follower.progress().end().await.unwrap();
        }
        assert!(seen(&**follower, &format!("p{n}")).await);
        assert_eq!(follower.progress().checkpoint().await.unwrap(), Some(at(n - n % 2)));
    }
}

async fn both_are_there_when_the_store_is_opened_again(follower: &Followers) {
    follower.progress().begin();
    written(follower, "p").await;
    follower.progress().keep(&at(7)).await.unwrap();
    let again = follower.opened_again(()).await;
    assert_eq!(again.progress().checkpoint().await.unwrap(), Some(at(7)));
    assert!(seen(&*again, "p").await);
}
