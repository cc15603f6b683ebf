//! The contract of the port `Feed`, for every adapter.

mod logged;
mod order;
mod reading;
mod slices;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::{Change, Feed, FeedEntry, Journal, MemoryJournal, SqliteJournal, sqlite as files, table};
use schema::StoredCommit;
use sequencer::LOG_TABLE;
use sqlite::{Access, Schema};

use crate::given::{Given, Port, Way};
use logged::LoggedJournal;

/// A journal with its feed.
pub trait Followed: Journal + Feed {}

impl<L: Journal + Feed> Followed for L {}

type Feeds = Given<dyn Followed>;

impl Port for dyn Followed {
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
            table::create(&client, "log", LOG_TABLE).await.unwrap();
        }
        Arc::new(LoggedJournal::new(&client, "events", "log"))
    }
}

async fn append_all(feed: &Feeds, commits: &[StoredCommit]) {
    for commit in commits {
        feed.append(commit).await.unwrap();
    }
}

/// All commits of the feed.
async fn everything(feed: &Feeds) -> Vec<FeedEntry> {
    feed.after(None, 10_000).await.unwrap()
}

fn commits(recorded: Vec<FeedEntry>) -> Vec<StoredCommit> {
    let commit = |recorded: FeedEntry| match recorded.change {
        Change::Committed(commit) => *commit,
        other => panic!("{other:?}"),
    };
    recorded.into_iter().map(commit).collect()
}

fn positions(recorded: &[FeedEntry]) -> Vec<u64> {
    recorded.iter().map(|recorded| recorded.position).collect()
}
