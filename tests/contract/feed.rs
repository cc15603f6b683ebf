//! What everything that is followed by position must do.

mod order;
mod reading;

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::{Change, Feed, Journal, MemoryJournal, Recorded, SqliteJournal, sqlite as files};
use schema::StoredCommit;
use sqlite::{Access, Schema};

use crate::given::{Given, Port, Way};

/// A journal that is followed.
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

    async fn dynamodb(_: Client, _: bool, (): ()) -> Arc<Self> {
        panic!("DynamoDB knows no positions")
    }
}

async fn append_all(feed: &Feeds, commits: &[StoredCommit]) {
    for commit in commits {
        feed.append(commit).await.unwrap();
    }
}

/// Everything from the first position on.
async fn everything(feed: &Feeds) -> Vec<Recorded> {
    feed.after(None, 10_000).await.unwrap()
}

fn commits(recorded: Vec<Recorded>) -> Vec<StoredCommit> {
    let commit = |recorded: Recorded| match recorded.change {
        Change::Committed(commit) => *commit,
        other => panic!("{other:?}"),
    };
    recorded.into_iter().map(commit).collect()
}

fn positions(recorded: &[Recorded]) -> Vec<u64> {
    recorded.iter().map(|recorded| recorded.position).collect()
}
