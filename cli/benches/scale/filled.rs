//! A data directory with many commits, made quickly: whole chains, sealed here on all processors and put into the event table
//! a hundred at a time, which is not how the ledger writes but leaves the same items.

use std::path::Path;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::{Put, TransactWriteItem};
use cli::system::create_tables;
use engine::Engine;
use event_store::seal;
use futures::{StreamExt, stream};
use schema::settings::Settings;
use schema::{Commit, fixtures};
use tokio::task::spawn_blocking;

use crate::commits::{EVENTS_TABLE, dearer};

/// Events, and so commits, of each product.
pub const LENGTH: usize = 10;

/// Items of one transaction, the most there may be.
const TOGETHER: usize = 100;

/// Fills a new directory with this many events; the stream keeps only the newest.
pub async fn fill(data: &Path, events: usize) {
    let engine = Engine::open(data).unwrap();
    let settings = Settings::read(|_| None).unwrap();
    create_tables(&engine.sdk_config(), &settings).await.unwrap();
    let client = Client::new(&engine.sdk_config());
    let products = TOGETHER / LENGTH;
    stream::iter((0..events / LENGTH).step_by(products))
        .map(|first| spawn_blocking(move || (first..first + products).flat_map(story).collect::<Vec<_>>()))
        .buffered(4)
        .map(|puts| {
            let request = client.transact_write_items().set_transact_items(Some(puts.unwrap()));
            async move { request.send().await.unwrap() }
        })
        .buffer_unordered(4)
        .for_each(|_| async {})
        .await;
    // Records of transactions are numbered by time: everything up to the largest number there can be.
    let newest = (100_000_000_000_000_000_000 + u128::from(i64::MAX.unsigned_abs())).to_string();
    while engine.trim_stream(EVENTS_TABLE, &newest).await.unwrap() > 0 {}
    engine.close().await;
}

/// A product is created and becomes dearer again and again.
fn story(product: usize) -> Vec<TransactWriteItem> {
    let id = fixtures::id(&format!("product-{product:07}"));
    let mut before: Option<Commit> = None;
    let mut puts = Vec::new();
    for n in 0..LENGTH {
        let event = before.as_ref().map_or_else(fixtures::helmet_created, |commit| dearer(commit, n));
        let (commit, stored) = seal(fixtures::commit_after(before.as_ref(), &id, vec![event])).unwrap();
        let item = event_store::dynamodb::to_item(&stored).unwrap();
        let put = Put::builder().table_name(EVENTS_TABLE).set_item(Some(item)).build().unwrap();
        puts.push(TransactWriteItem::builder().put(put).build());
        before = Some(commit);
    }
    puts
}
