//! The items of the product table: every attribute is named here and in `products-table.json`, and nowhere else.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use schema::{Hash, Product, ProductId, Status};
use serde::{Deserialize, Serialize};

use crate::views::{Generation, Lineup, Order, Row, Shown, Unavailable, shard_of};

/// An item of the product table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Partition key: `<generation>#<product id>`, or [`LINEUP`].
pub(super) const KEY: &str = "key";
/// The product's version, which guards its row.
pub(super) const VERSION: &str = "version";
/// The lineup's revision, which guards it.
pub(super) const REVISION: &str = "revision";
/// Key of the lineup; no product's key, since it has no `#`.
pub(super) const LINEUP: &str = "lineup";

/// Hash of the commit that carries the product; rows that were written before it was kept do not have it.
pub(super) const HASH: &str = "hash";

const PRODUCT: &str = "product";
/// Partition of the index that knows all products.
const SHARD: &str = "shard";
/// Partition of the other indexes, which deleted products leave by not having it.
const LIVE: &str = "live";

/// Which index answers an order, and by which attributes.
pub(super) struct Index {
    pub(super) name: &'static str,
    pub(super) partition: &'static str,
    pub(super) position: &'static str,
}

#[derive(Serialize, Deserialize)]
struct LineupItem {
    key: String,
    #[serde(flatten)]
    lineup: Lineup,
}

pub(super) fn index(order: Order) -> Index {
    let live = |name| Index { name, partition: LIVE, position: name };
    match order {
        Order::Id => live("by_id"),
        Order::Name => live("by_name"),
        Order::Price => live("by_price"),
        Order::Changes => Index { name: "changes", partition: SHARD, position: "by_updated_at" },
    }
}

/// How the keys of a generation begin.
pub(super) fn begin(generation: Generation) -> String {
    format!("{generation}#")
}

pub(super) fn key(generation: Generation, id: &ProductId) -> String {
    format!("{generation}#{id}")
}

/// The key of an item.
pub(super) fn key_of(mut item: Item) -> Result<String, Unavailable> {
    match item.remove(KEY) {
        Some(AttributeValue::S(key)) => Ok(key),
        _ => Err(Unavailable("a row without its key".into())),
    }
}

pub(super) fn partition(generation: Generation, shard: u8) -> AttributeValue {
    AttributeValue::S(format!("{generation}#{shard}"))
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The row of a product, with its place in every order it stands in: also in those that are not kept, whose attributes no
/// index holds, so that `DynamoDB` fills the index of an order that is kept later by itself. The product is one text, so that
/// a field of a later build needs no new row.
pub(super) fn of(generation: Generation, shown: &Shown) -> Result<Item, Unavailable> {
    let product = &shown.product;
    let shard = partition(generation, shard_of(&product.id));
    let text = serde_json::to_string(product).map_err(|error| Unavailable(error.into()))?;
    let mut item = Item::from([
        (KEY.to_owned(), AttributeValue::S(key(generation, &product.id))),
        (VERSION.to_owned(), number(product.version)),
        (PRODUCT.to_owned(), AttributeValue::S(text)),
        (SHARD.to_owned(), shard.clone()),
    ]);
    if let Some(hash) = &shown.hash {
        item.insert(HASH.to_owned(), AttributeValue::S(hash.to_string()));
    }
    if product.facts.status == Status::Active {
        item.insert(LIVE.to_owned(), shard);
    }
    for order in Order::ALL {
        if let Some(position) = order.position(product) {
            item.insert(index(order).position.to_owned(), AttributeValue::S(position));
        }
    }
    Ok(item)
}

/// The row of an item. A hash that cannot be read is none.
pub(super) fn shown(mut item: Item) -> Result<Shown, Unavailable> {
    let hash = match item.remove(HASH) {
        Some(AttributeValue::S(text)) => Hash::try_from(text).ok(),
        _ => None,
    };
    Ok(Shown { product: product(item)?, hash })
}

pub(super) fn product(mut item: Item) -> Result<Product, Unavailable> {
    let Some(AttributeValue::S(product)) = item.remove(PRODUCT) else {
        return Err(Unavailable("a row without a product".into()));
    };
    let product: Product = serde_json::from_str(&product).map_err(|error| Unavailable(error.into()))?;
    let guard = item.get(VERSION).and_then(|version| version.as_n().ok());
    match guard.filter(|guard| **guard != product.version.to_string()) {
        None => Ok(product),
        Some(guard) => {
            let (id, version) = (&product.id, product.version);
            let differs =
                format!("the row of {id} says version {guard}, and its product is version {version}");
            Err(Unavailable(differs.into()))
        }
    }
}

pub(super) fn row(mut item: Item, position: &str) -> Result<Row, Unavailable> {
    let Some(AttributeValue::S(position)) = item.remove(position) else {
        return Err(Unavailable("an index row without its position".into()));
    };
    Ok(Row { position, product: product(item)? })
}

pub(super) fn lineup(item: Item) -> Result<Lineup, Unavailable> {
    let item: LineupItem = serde_dynamo::from_item(item).map_err(unconvertible)?;
    Ok(item.lineup)
}

pub(super) fn of_lineup(lineup: &Lineup) -> Result<Item, Unavailable> {
    let item = LineupItem { key: LINEUP.to_owned(), lineup: lineup.clone() };
    serde_dynamo::to_item(item).map_err(unconvertible)
}

fn unconvertible(error: serde_dynamo::Error) -> Unavailable {
    Unavailable(error.into())
}
