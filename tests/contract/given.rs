//! The adapters a case is run on, each with an empty store of its own that can be opened again.

pub mod commits;
mod property;

use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use engine::Engine;
use sqlite::{Access, Database, Schema};
use tempfile::TempDir;

pub use property::for_all;

/// A port, with how each of its adapters is made.
pub trait Port {
    /// What a store may be told when it is opened.
    type Setting: Clone + Default;
    /// The file on SQLite.
    const SCHEMA: Schema;
    /// How the adapter on SQLite reaches its file.
    const WAYS: &[Way];

    async fn memory(setting: Self::Setting) -> Arc<Self>;

    async fn sqlite(access: Access, setting: Self::Setting) -> Arc<Self>;

    /// `new`: its table has to be created first.
    async fn dynamodb(client: Client, new: bool, setting: Self::Setting) -> Arc<Self>;
}

/// How an adapter on SQLite reaches its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Each write is a transaction.
    Committed,
    /// Each write would be a part of a follower's transaction, but there is none.
    Joined,
    /// Everything is a part of a follower's transaction.
    Followed,
}

impl Way {
    pub const ALL: &[Self] = &[Self::Committed, Self::Joined, Self::Followed];
}

/// A store, which case it is for, and what it is kept in.
pub struct Given<P: Port + ?Sized> {
    port: Arc<P>,
    kept: Kept,
}

#[derive(Clone)]
enum Kept {
    Memory,
    File(File),
    Engine(Engine),
}

#[derive(Clone)]
struct File {
    directory: Arc<TempDir>,
    database: Database,
    way: Way,
}

impl<P: Port + ?Sized> Deref for Given<P> {
    type Target = P;

    fn deref(&self) -> &P {
        &self.port
    }
}

impl<P: Port + ?Sized> Given<P> {
    /// The port, for tasks.
    pub fn shared(&self) -> Arc<P> {
        self.port.clone()
    }

    /// An empty store of the same adapter.
    pub async fn another(&self, setting: P::Setting) -> Self {
        match &self.kept {
            Kept::Memory => Self::in_memory(setting).await,
            Kept::File(file) => Self::on_sqlite(file.way, setting).await,
            Kept::Engine(_) => Self::on_dynamodb(setting).await,
        }
    }

    /// The same store as another process finds it, after this one has ended. Memory ends with its process, so there it
    /// is the store itself.
    pub async fn opened_again(&self, setting: P::Setting) -> Self {
        match &self.kept {
            Kept::Memory => Self { port: self.port.clone(), kept: Kept::Memory },
            Kept::File(file) => {
                self.committed().await;
                file.database.close().await;
                Self::in_file(file.directory.clone(), file.way, setting).await
            }
            Kept::Engine(engine) => Self::in_engine(engine.clone(), false, setting).await,
        }
    }

    /// What was written in a follower's transaction is committed.
    async fn committed(&self) {
        if let Kept::File(File { database, way: Way::Followed, .. }) = &self.kept {
            database.end().await.unwrap();
        }
    }

    async fn in_memory(setting: P::Setting) -> Self {
        Self { port: P::memory(setting).await, kept: Kept::Memory }
    }

    async fn on_sqlite(way: Way, setting: P::Setting) -> Self {
        Self::in_file(Arc::new(directory()), way, setting).await
    }

    async fn in_file(directory: Arc<TempDir>, way: Way, setting: P::Setting) -> Self {
        let database = Database::open(directory.path(), &P::SCHEMA).unwrap();
        let access = match way {
            Way::Committed => Access::Committed(database.clone()),
            Way::Joined | Way::Followed => Access::Joined(database.clone()),
        };
        let port = P::sqlite(access, setting).await;
        if way == Way::Followed {
            database.begin();
        }
        Self { port, kept: Kept::File(File { directory, database, way }) }
    }

    async fn on_dynamodb(setting: P::Setting) -> Self {
        Self::in_engine(Engine::in_memory().unwrap(), true, setting).await
    }

    async fn in_engine(engine: Engine, new: bool, setting: P::Setting) -> Self {
        let client = Client::new(&engine.sdk_config());
        Self { port: P::dynamodb(client, new, setting).await, kept: Kept::Engine(engine) }
    }
}

/// A walk that a fault never lets end fails too.
async fn in_time(case: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(100), case).await.unwrap();
}

/// In memory where the system offers that: what a sync promises is the business of `tests/faults`, and here it is only slow.
pub fn directory() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

/// Runs a case on the adapter in memory.
pub async fn memory<P: Port + ?Sized>(case: impl AsyncFn(&Given<P>)) {
    in_time(case(&Given::in_memory(P::Setting::default()).await)).await;
}

/// Runs a case on SQLite, once for each way; the last one named is the one that failed.
pub async fn sqlite<P: Port + ?Sized>(case: impl AsyncFn(&Given<P>)) {
    for way in P::WAYS {
        println!("SQLite, {way:?}");
        in_time(case(&Given::on_sqlite(*way, P::Setting::default()).await)).await;
    }
}

/// Runs a case on `DynamoDB`.
pub async fn dynamodb<P: Port + ?Sized>(case: impl AsyncFn(&Given<P>)) {
    in_time(case(&Given::on_dynamodb(P::Setting::default()).await)).await;
}
