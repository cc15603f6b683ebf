//! The items of the price table: every attribute is named here and in `prices-table.json` only.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use event_store::StoreError;
use event_store::dynamodb::read_row;
use schema::{Hash, ProductId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::prices::entry::PriceEntry;
use crate::prices::log::stored::StoredPriceEntry;
use crate::prices::log::{CommitOrigin, FoldedCommit, FoldedHead};
use crate::views::Generation;

/// An item of the price table.
pub(super) type PriceItem = HashMap<String, AttributeValue>;

/// Partition key: `<generation>#<product id>`.
pub(super) const KEY: &str = "key";
/// Sort key: the sequence of a commit's last event, or [`CURSOR`].
pub(super) const LAST: &str = "last";
/// The sequence of the last event folded without a price; only in the item at [`CURSOR`].
pub(super) const FOLDED: &str = "folded";
/// Hash of the commit; items of earlier builds do not have it.
pub(super) const HASH: &str = "hash";
/// When the commit was recorded; present together with its hash.
pub(super) const RECORDED_AT: &str = "recorded_at";

/// Sorts after every commit: sequences are below 2^53 (`StoredCommit::sequence`). Stored; never change.
const CURSOR: u64 = 1 << 53;

#[derive(Serialize, Deserialize)]
struct CommitItem {
    key: String,
    last: u64,
    entries: Vec<StoredPriceEntry>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    recorded_at: Option<String>,
}

pub(super) fn key(generation: Generation, product: &ProductId) -> String {
    format!("{generation}#{product}")
}

pub(super) fn cursor_key(generation: Generation, product: &ProductId) -> PriceItem {
    PriceItem::from([
        (KEY.to_owned(), AttributeValue::S(key(generation, product))),
        (LAST.to_owned(), number(CURSOR)),
    ])
}

pub(super) fn commit_key(generation: Generation, product: &ProductId, last: u64) -> PriceItem {
    PriceItem::from([
        (KEY.to_owned(), AttributeValue::S(key(generation, product))),
        (LAST.to_owned(), number(last)),
    ])
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

pub(super) fn of(
    generation: Generation,
    product: &ProductId,
    commit: &FoldedCommit,
) -> Result<PriceItem, StoreError> {
    let entries = commit.entries.iter().map(|entry| StoredPriceEntry::of(product, entry)).collect();
    let origin = commit.origin.as_ref();
    let item = CommitItem {
        key: key(generation, product),
        last: commit.last,
        entries,
        hash: origin.map(|origin| origin.hash.to_string()),
        recorded_at: origin.map(|origin| origin.recorded_at.to_string()),
    };
    serde_dynamo::to_item(item).map_err(unreadable)
}

/// The sequence of the last event that an item includes.
pub(super) fn folded(item: &PriceItem) -> Result<u64, StoreError> {
    let number = |name| item.get(name).and_then(|value| value.as_n().ok()?.parse().ok());
    let missing = || StoreError::unreadable(format!("the item {:?} has no sequence", key_of(item)).into());
    match number(LAST).ok_or_else(missing)? {
        CURSOR => number(FOLDED).ok_or_else(missing),
        last => Ok(last),
    }
}

/// The commit of an item.
pub(super) fn newest(item: &PriceItem) -> Result<FoldedHead, StoreError> {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok());
    let hash = text(HASH).and_then(|text| Hash::try_from(text.clone()).ok());
    let recorded_at = text(RECORDED_AT).and_then(|text| Timestamp::parse(text).ok());
    let origin = hash.zip(recorded_at).map(|(hash, recorded_at)| CommitOrigin { hash, recorded_at });
    Ok(FoldedHead { last: folded(item)?, origin })
}

/// The entries of an item; the cursor item has none.
pub(super) fn entries(item: PriceItem) -> Result<Vec<PriceEntry>, StoreError> {
    if item.contains_key(FOLDED) {
        return Ok(Vec::new());
    }
    let (key, last) = (key_of(&item), folded(&item)?);
    let unreadable = |reason: &dyn std::fmt::Display| {
        StoreError::unreadable(format!("the item {key:?}, {last} cannot be read: {reason}").into())
    };
    let item: Result<CommitItem, _> = read_row(item);
    let product = key.split_once('#').map_or("", |(_, product)| product);
    let entries = item.map_err(|error| unreadable(&error))?.entries.into_iter();
    entries.map(|entry| entry.read(product).map_err(|error| unreadable(&error))).collect()
}

/// The key of an item, for errors.
fn key_of(item: &PriceItem) -> String {
    item.get(KEY).and_then(|key| key.as_s().ok()).cloned().unwrap_or_default()
}

/// Where a scan stopped, as a text.
pub(super) fn stop(key: &PriceItem) -> Result<String, StoreError> {
    let text = |name| match key.get(name) {
        Some(AttributeValue::S(text) | AttributeValue::N(text)) => Ok(text),
        _ => Err(StoreError::new("a price item has no key".into())),
    };
    Ok(format!("{} {}", text(LAST)?, text(KEY)?))
}

/// The key from which a scan continues that stopped there.
pub(super) fn start(stop: &str) -> Result<PriceItem, StoreError> {
    let (last, key) = stop
        .split_once(' ')
        .ok_or_else(|| StoreError::new("the position of a scan cannot be read".into()))?;
    Ok(PriceItem::from([
        (KEY.to_owned(), AttributeValue::S(key.to_owned())),
        (LAST.to_owned(), AttributeValue::N(last.to_owned())),
    ]))
}

fn unreadable(error: serde_dynamo::Error) -> StoreError {
    StoreError::new(error.into())
}
