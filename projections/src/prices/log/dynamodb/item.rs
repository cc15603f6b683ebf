//! The items of the price table: every attribute is named here and in `prices-table.json`, and nowhere else.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use schema::ProductId;
use serde::{Deserialize, Serialize};

use crate::prices::Entry;
use crate::prices::log::FoldedCommit;
use crate::prices::log::stored::StoredEntry;
use crate::views::{Generation, Unavailable};

/// An item of the price table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Partition key: `<generation>#<product id>`.
pub(super) const KEY: &str = "key";
/// Sort key: the sequence of a commit's last event, or [`CURSOR`].
pub(super) const LAST: &str = "last";
/// Up to which event commits without a price follow; of the item at [`CURSOR`] alone.
pub(super) const FOLDED: &str = "folded";

/// Behind every commit: sequences are below 2^53 (`StoredCommit::sequence`). Stored. Never change.
const CURSOR: u64 = 1 << 53;

#[derive(Serialize, Deserialize)]
struct CommitItem {
    key: String,
    last: u64,
    entries: Vec<StoredEntry>,
}

pub(super) fn key(generation: Generation, product: &ProductId) -> String {
    format!("{generation}#{product}")
}

pub(super) fn cursor_key(generation: Generation, product: &ProductId) -> Item {
    Item::from([
        (KEY.to_owned(), AttributeValue::S(key(generation, product))),
        (LAST.to_owned(), number(CURSOR)),
    ])
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn of(
    generation: Generation,
    product: &ProductId,
    commit: &FoldedCommit,
) -> Result<Item, Unavailable> {
    let entries = commit.entries.iter().map(StoredEntry::from).collect();
    let item = CommitItem { key: key(generation, product), last: commit.last, entries };
    serde_dynamo::to_item(item).map_err(unreadable)
}

/// Up to which event an item says that the history goes.
pub(super) fn folded(item: &Item) -> Result<u64, Unavailable> {
    let number = |name| item.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
    let missing = || Unavailable("a price item without its place".into());
    match number(LAST).ok_or_else(missing)? {
        CURSOR => number(FOLDED).ok_or_else(missing),
        last => Ok(last),
    }
}

/// The entries of an item; the one behind all commits has none.
pub(super) fn entries(item: Item) -> Result<Vec<Entry>, Unavailable> {
    if item.contains_key(FOLDED) {
        return Ok(Vec::new());
    }
    let item: CommitItem = serde_dynamo::from_item(item).map_err(unreadable)?;
    Ok(item.entries.into_iter().map(Entry::from).collect())
}

/// Where a scan ended, as a text.
pub(super) fn stop(key: &Item) -> Result<String, Unavailable> {
    let text = |name| match key.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => Ok(text),
        _ => Err(Unavailable("a price item without a key".into())),
    };
    Ok(format!("{} {}", text(LAST)?, text(KEY)?))
}

/// Where a scan goes on that ended there.
pub(super) fn start(stop: &str) -> Result<Item, Unavailable> {
    let (last, key) = stop.split_once(' ').ok_or_else(|| Unavailable("no place of a scan".into()))?;
    Ok(Item::from([
        (KEY.to_owned(), AttributeValue::S(key.to_owned())),
        (LAST.to_owned(), AttributeValue::N(last.to_owned())),
    ]))
}

fn unreadable(error: serde_dynamo::Error) -> Unavailable {
    Unavailable(error.into())
}
