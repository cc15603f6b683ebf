//! The items of the product table: every attribute is named here and in `products-table.json` only.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use schema::{Hash, Product, ProductId, Status};
use serde::{Deserialize, Serialize};

use crate::views::{Generation, Lineup, Order, Row, Shown, Unavailable, shard_of};

/// An item of the product table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Partition key: `<generation>#<product id>`, or [`LINEUP`].
pub(super) const KEY: &str = "key";
/// The product's version, checked on every write.
pub(super) const VERSION: &str = "version";
/// The revision of the generations, checked on every change.
pub(super) const REVISION: &str = "revision";
/// Key of the generations; it has no `#`, so it cannot be the key of a product. Stored; never rename.
pub(super) const LINEUP: &str = "lineup";

/// Hash of the commit that carries the product; rows of earlier builds do not have it.
pub(super) const HASH: &str = "hash";

const PRODUCT: &str = "product";
/// Partition key of the index of all products.
const SHARD: &str = "shard";
/// Partition key of the other indexes; deleted products do not have it.
const LIVE: &str = "live";

/// The index of an order and its attributes.
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

/// The prefix of a generation's keys.
pub(super) fn prefix(generation: Generation) -> String {
    format!("{generation}#")
}

pub(super) fn key(generation: Generation, id: &ProductId) -> String {
    format!("{generation}#{id}")
}

/// The key of an item.
pub(super) fn key_of(mut item: Item) -> Result<String, Unavailable> {
    match item.remove(KEY) {
        Some(AttributeValue::S(key)) => Ok(key),
        _ => Err(Unavailable("a row has no key".into())),
    }
}

pub(super) fn partition(generation: Generation, shard: u8) -> AttributeValue {
    AttributeValue::S(format!("{generation}#{shard}"))
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The item of a row, with the position in every order, kept or not: `DynamoDB` can then fill an index that is added later
/// by itself. The product is one text, so that later builds can add fields without new attributes.
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

/// The row of an item. A hash that cannot be read counts as none.
pub(super) fn shown(mut item: Item) -> Result<Shown, Unavailable> {
    let hash = match item.remove(HASH) {
        Some(AttributeValue::S(text)) => Hash::try_from(text).ok(),
        _ => None,
    };
    Ok(Shown { product: product(item)?, hash })
}

pub(super) fn product(mut item: Item) -> Result<Product, Unavailable> {
    let Some(AttributeValue::S(product)) = item.remove(PRODUCT) else {
        return Err(Unavailable("a row has no product".into()));
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
        return Err(Unavailable("an index row has no position".into()));
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
