//! The contract of the port `Announcements`, for every adapter.

use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use event_store::announced::MOST_COMMITS;
use event_store::{
    AnnouncedCommit, AnnouncedKey, Announcement, Announcements, DynamoAnnouncements, MemoryAnnouncements,
    announced, sqlite as files, table,
};
use schema::{Hash, ProductId, fixtures};
use sqlite::{Access, Schema};
use ulid::Ulid;

use crate::given::commits::{LAST, awkward_ids};
use crate::given::{Given, Port, Way};

type FeedItems = Given<dyn Announcements>;

impl Port for dyn Announcements {
    type Setting = ();
    const SCHEMA: Schema = files::LEDGER;
    const WAYS: &[Way] = &[];

    async fn memory((): ()) -> Arc<Self> {
        Arc::new(MemoryAnnouncements::default())
    }

    async fn sqlite(_: Access, (): ()) -> Arc<Self> {
        panic!("on SQLite the log follows the commits themselves")
    }

    async fn dynamodb(client: Client, new: bool, (): ()) -> Arc<Self> {
        if new {
            table::create(&client, "items", announced::TABLE).await.unwrap();
        }
        Arc::new(DynamoAnnouncements::new(client, "items"))
    }
}

cases! { dyn event_store::Announcements, [memory dynamodb];
    there_is_nothing_before_the_first
    an_announcement_is_read_as_it_was_stored
    the_same_announcement_stored_again_is_there_once
    pages_are_in_order_of_ids_and_meet_everything_once
    the_largest_announcement_is_stored_whole
    announcements_are_there_when_the_store_is_opened_again
}

fn commit(product: ProductId, sequence: u64) -> AnnouncedCommit {
    let mut digest = [0xa5; 32];
    digest[..8].copy_from_slice(&sequence.to_be_bytes());
    AnnouncedCommit { product, newest: Some(AnnouncedKey { sequence, hash: Hash::of_digest(&digest) }) }
}

/// An announcement of one commit.
fn item(number: u64) -> Announcement {
    let id = Ulid::from_parts(1_763_000_000_000 + number / 2, (number % 2).into());
    Announcement { id, oldest: None, commits: vec![commit(fixtures::id("p"), number + 1)] }
}

async fn there_is_nothing_before_the_first(items: &FeedItems) {
    assert!(items.page(None, 10).await.unwrap().is_empty());
    assert!(items.page(Some(Ulid::from_parts(1, 1)), 10).await.unwrap().is_empty());
}

async fn an_announcement_is_read_as_it_was_stored(items: &FeedItems) {
    let mut commits: Vec<_> = awkward_ids().into_iter().map(|id| commit(id, LAST)).collect();
    commits.push(AnnouncedCommit { product: fixtures::id("unread"), newest: None });
    let oldest = Some(fixtures::at("2026-11-23T05:20:00.123Z"));
    let full = Announcement { oldest, commits, ..item(1) };
    let empty = Announcement { commits: Vec::new(), ..item(2) };
    for stored in [&full, &empty] {
        items.announce(stored).await.unwrap();
    }
    assert_eq!(items.page(None, 10).await.unwrap(), [full, empty]);
}

async fn the_same_announcement_stored_again_is_there_once(items: &FeedItems) {
    for _ in 0..3 {
        items.announce(&item(1)).await.unwrap();
    }
    assert_eq!(items.page(None, 10).await.unwrap(), [item(1)]);
}

async fn pages_are_in_order_of_ids_and_meet_everything_once(items: &FeedItems) {
    for number in [5, 0, 3, 6, 2, 4, 1] {
        items.announce(&item(number)).await.unwrap();
    }
    let all: Vec<_> = (0..7).map(item).collect();
    for limit in 1..=8 {
        let (mut met, mut after) = (Vec::new(), None);
        loop {
            let page = items.page(after, limit).await.unwrap();
            let is_last = page.len() < limit;
            assert!(page.len() <= limit);
            after = page.last().map(|last| last.id).or(after);
            met.extend(page);
            if is_last {
                break;
            }
        }
        assert_eq!(met, all, "{limit} at a time");
    }
    assert!(items.page(None, 0).await.unwrap().is_empty());
}

async fn the_largest_announcement_is_stored_whole(items: &FeedItems) {
    let id = |n: usize| fixtures::id(&format!("{n:0>64}"));
    let commits = (0..MOST_COMMITS).map(|n| commit(id(n), LAST)).collect();
    let largest = Announcement { commits, ..item(1) };
    items.announce(&largest).await.unwrap();
    assert!(items.page(None, 1).await.unwrap() == [largest]);
}

async fn announcements_are_there_when_the_store_is_opened_again(items: &FeedItems) {
    items.announce(&item(1)).await.unwrap();
    assert_eq!(items.opened_again(()).await.page(None, 10).await.unwrap(), [item(1)]);
}
