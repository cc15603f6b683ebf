//! The items of the price table: every attribute is named here and in `prices-table.json`, and nowhere else.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use schema::{Money, ProductId, Timestamp};
use serde::{Deserialize, Serialize};

use crate::prices::log::History;
use crate::prices::{Entry, Place, What};
use crate::views::{Generation, Unavailable};

/// An item of the price table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Partition key: `<generation>#<product id>`.
pub(super) const KEY: &str = "key";
/// Sort key: [`CURSOR`], or the entry's place.
pub(super) const PLACE: &str = "place";
/// An entry's event, or the last event that is in the history.
pub(super) const SEQUENCE: &str = "sequence";
/// Below every place, so that the cursor comes with the first page of the history.
pub(super) const CURSOR: &str = "!";

/// Above every place.
const END: &str = "~";

#[derive(Serialize, Deserialize)]
struct EntryItem {
    key: String,
    place: String,
    sequence: u64,
    #[serde(flatten)]
    what: WhatItem,
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WhatItem {
    Priced(Money),
    Status { status: StatusItem },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
enum StatusItem {
    Deleted,
    Restored,
}

pub(super) fn key(generation: Generation, product: &ProductId) -> String {
    format!("{generation}#{product}")
}

pub(super) fn cursor_key(generation: Generation, product: &ProductId) -> Item {
    let text = |text: String| AttributeValue::S(text);
    Item::from([
        (KEY.to_owned(), text(key(generation, product))),
        (PLACE.to_owned(), text(CURSOR.to_owned())),
    ])
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The last place of a history up to a moment.
pub(super) fn last_place(until: Option<Timestamp>) -> String {
    until.map_or_else(|| END.to_owned(), |moment| format!("{moment}#{END}"))
}

pub(super) fn of(generation: Generation, product: &ProductId, entry: &Entry) -> Result<Item, Unavailable> {
    let what = match entry.what {
        What::Priced(money) => WhatItem::Priced(money),
        What::Deleted => WhatItem::Status { status: StatusItem::Deleted },
        What::Restored => WhatItem::Status { status: StatusItem::Restored },
    };
    let item = EntryItem {
        key: key(generation, product),
        place: entry.place.to_string(),
        sequence: entry.place.sequence,
        what,
    };
    serde_dynamo::to_item(item).map_err(unreadable)
}

/// Adds one item of a product's partition.
pub(super) fn read_into(history: &mut History, item: Item) -> Result<(), Unavailable> {
    if item.get(PLACE).and_then(|place| place.as_s().ok()).is_some_and(|place| place == CURSOR) {
        history.folded = sequence(&item)?;
        return Ok(());
    }
    let item: EntryItem = serde_dynamo::from_item(item).map_err(unreadable)?;
    let place =
        Place::parse(&item.place).ok_or_else(|| Unavailable("a price entry without its place".into()))?;
    let what = match item.what {
        WhatItem::Priced(money) => What::Priced(money),
        WhatItem::Status { status: StatusItem::Deleted } => What::Deleted,
        WhatItem::Status { status: StatusItem::Restored } => What::Restored,
    };
    history.entries.push(Entry { place, what });
    Ok(())
}

pub(super) fn sequence(item: &Item) -> Result<u64, Unavailable> {
    let number = item.get(SEQUENCE).and_then(|value| value.as_n().ok());
    number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| Unavailable("a price item without its sequence".into()))
}

fn unreadable(error: serde_dynamo::Error) -> Unavailable {
    Unavailable(error.into())
}
