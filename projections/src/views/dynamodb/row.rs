//! The items of the product table: every attribute is named here and in `products-table.json` only.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use event_store::StoreError;
use event_store::dynamodb::read_row;
use schema::{Hash, Product, ProductId, Status};
use serde::{Deserialize, Serialize};

use crate::views::lookup::{CategoryPlace, CategoryRow, FoundRow, Lookup, LookupField};
use crate::views::order::{ABOVE_IDS, TIE};
use crate::views::{
    Generation, PositionRange, ProductRow, RowOrder, UnreadableRow, ViewGenerations, id_of, product_of,
    shard_of,
};

/// An item of the product table.
pub(super) type ViewItem = HashMap<String, AttributeValue>;

/// Partition key: `<generation>#<product id>`, or [`GENERATIONS`].
pub(super) const KEY: &str = "key";
/// The product's version, checked on every write.
pub(super) const VERSION: &str = "version";
/// The revision of the generations, checked on every change.
pub(super) const REVISION: &str = "revision";
/// Key of the generations; it has no `#`, so it cannot be the key of a product. Stored; never rename.
pub(super) const GENERATIONS: &str = "lineup";

/// Hash of the commit that carries the product; rows of earlier builds do not have it.
pub(super) const HASH: &str = "hash";

const PRODUCT: &str = "product";
/// Partition key of the index of all products.
const SHARD: &str = "shard";
/// Partition key of the other indexes; of deleted products another one than of active ones, in the index by id alone.
const LIVE: &str = "live";

/// The categories with their products: `<category>` [`TIE`] `<product id>`, of active products.
pub(super) const BY_CATEGORY: &str = "by_category";

/// The index of an order and its attributes.
pub(super) struct OrderIndex {
    pub(super) name: &'static str,
    pub(super) partition: &'static str,
    pub(super) position: &'static str,
}

/// What to ask an index for in a look-up. An index has keys alone, so a change of other fields does not touch it.
pub(super) struct LookupIndex {
    pub(super) index: OrderIndex,
    pub(super) value: AttributeValue,
    pub(super) range: PositionRange,
    /// Precedes the position in the order.
    pub(super) prefix: String,
}

#[derive(Serialize, Deserialize)]
struct GenerationsItem {
    key: String,
    #[serde(flatten)]
    generations: ViewGenerations,
}

pub(super) fn index(order: RowOrder) -> OrderIndex {
    let live = |name| OrderIndex { name, partition: LIVE, position: name };
    match order {
        RowOrder::Id => live("by_id"),
        RowOrder::Name => live("by_name"),
        RowOrder::Price => live("by_price"),
        RowOrder::Changes => OrderIndex { name: "changes", partition: SHARD, position: "by_updated_at" },
    }
}

/// The indexes of look-ups that are read in this order.
pub(super) fn lookup_indexes(order: RowOrder) -> &'static [&'static str] {
    match order {
        RowOrder::Id => &["by_sku", BY_CATEGORY],
        RowOrder::Name => &["by_sku_name", "by_category_name"],
        RowOrder::Price | RowOrder::Changes => &[],
    }
}

/// The index of a look-up and what to ask it for. Of one SKU, and of one category by name, a part of an index has the rows;
/// those of a category by id are a range of all categories.
pub(super) fn lookup(
    generation: Generation,
    shard: u8,
    lookup: &Lookup,
    (order, range): (RowOrder, &PositionRange),
) -> LookupIndex {
    let field = lookup.field.name();
    let name = match (lookup.field, order) {
        (LookupField::Sku, RowOrder::Name) => "by_sku_name",
        (LookupField::Sku, _) => "by_sku",
        (LookupField::Category, RowOrder::Name) => "by_category_name",
        (LookupField::Category, _) => {
            let prefix = format!("{}{TIE}", lookup.value);
            // No id is above it, and a key has at most 1,024 bytes.
            let above = ABOVE_IDS.to_string();
            let to = range.to.as_str().min(&above);
            let range =
                PositionRange { from: format!("{prefix}{}", range.from), to: format!("{prefix}{to}") };
            let index = OrderIndex { name: BY_CATEGORY, partition: LIVE, position: BY_CATEGORY };
            return LookupIndex { index, value: partition(generation, shard), range, prefix };
        }
    };
    LookupIndex {
        index: OrderIndex { name, partition: field, position: index(order).position },
        value: found(generation, shard, &lookup.value),
        range: range.clone(),
        prefix: String::new(),
    }
}

/// The index of the categories, and what to ask it for.
pub(super) fn categories(generation: Generation, shard: u8, after: &CategoryPlace) -> LookupIndex {
    LookupIndex {
        index: OrderIndex { name: BY_CATEGORY, partition: LIVE, position: BY_CATEGORY },
        value: partition(generation, shard),
        range: PositionRange { from: place(after), to: PositionRange::all().to }.behind(&place(after), false),
        prefix: String::new(),
    }
}

/// Partition key of a look-up: `<generation>#<shard>#<value>`.
fn found(generation: Generation, shard: u8, value: &str) -> AttributeValue {
    AttributeValue::S(format!("{generation}#{shard}#{value}"))
}

fn place(place: &CategoryPlace) -> String {
    format!("{}{TIE}{}", place.category, place.id)
}

/// The prefix of a generation's keys.
pub(super) fn prefix(generation: Generation) -> String {
    format!("{generation}#")
}

pub(super) fn key(generation: Generation, id: &str) -> String {
    format!("{generation}#{id}")
}

/// The key of an item.
pub(super) fn key_of(mut item: ViewItem) -> Result<String, StoreError> {
    match item.remove(KEY) {
        Some(AttributeValue::S(key)) => Ok(key),
        _ => Err(StoreError::new("a row has no key".into())),
    }
}

pub(super) fn partition(generation: Generation, shard: u8) -> AttributeValue {
    AttributeValue::S(format!("{generation}#{shard}"))
}

/// The part of the index by id with the deleted products of a shard.
pub(super) fn deleted(generation: Generation, shard: u8) -> AttributeValue {
    AttributeValue::S(format!("{generation}#{shard}#deleted"))
}

pub(super) fn number(value: u64) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// The item of a row, with the position in every order, kept or not: `DynamoDB` can then fill an index that is added later
/// by itself. The product is one text, so that later builds can add fields without new attributes.
pub(super) fn of(generation: Generation, shown: &ProductRow) -> Result<ViewItem, StoreError> {
    let product = &shown.product;
    let number_of_shard = shard_of(&product.id);
    let shard = partition(generation, number_of_shard);
    let text = serde_json::to_string(product).map_err(|error| StoreError::new(error.into()))?;
    let mut item = ViewItem::from([
        (KEY.to_owned(), AttributeValue::S(key(generation, product.id.as_str()))),
        (VERSION.to_owned(), number(product.version)),
        (PRODUCT.to_owned(), AttributeValue::S(text)),
        (SHARD.to_owned(), shard.clone()),
    ]);
    if let Some(hash) = &shown.hash {
        item.insert(HASH.to_owned(), AttributeValue::S(hash.to_string()));
    }
    match product.facts.status {
        Status::Active => {
            item.insert(LIVE.to_owned(), shard);
        }
        Status::Deleted => {
            item.insert(LIVE.to_owned(), deleted(generation, number_of_shard));
            item.insert(index(RowOrder::Id).position.to_owned(), AttributeValue::S(product.id.to_string()));
        }
    }
    for order in RowOrder::ALL {
        if let Some(position) = order.position(product) {
            item.insert(index(order).position.to_owned(), AttributeValue::S(position));
        }
    }
    for field in LookupField::ALL {
        if let Some(value) = field.value(product) {
            item.insert(field.name().to_owned(), found(generation, number_of_shard, value));
        }
    }
    if let Some(of) = CategoryPlace::of(product) {
        item.insert(BY_CATEGORY.to_owned(), AttributeValue::S(place(&of)));
    }
    Ok(item)
}

/// The row of an item. A hash that cannot be read counts as none.
pub(super) fn shown(mut item: ViewItem) -> Result<ProductRow, UnreadableRow> {
    let hash = match item.remove(HASH) {
        Some(AttributeValue::S(text)) => Hash::try_from(text).ok(),
        _ => None,
    };
    Ok(ProductRow { product: product(&item)?, hash })
}

/// The product of an item, whose key is there in every index too.
pub(super) fn product(item: &ViewItem) -> Result<Product, UnreadableRow> {
    let text = |name| item.get(name).and_then(|value| value.as_s().ok());
    let key = text(KEY).and_then(|key| Some(key.split_once('#')?.1)).unwrap_or_default();
    let version = item.get(VERSION).and_then(|version| version.as_n().ok());
    let product = text(PRODUCT).map(String::as_str).ok_or_else(|| "it has no product".to_owned());
    product_of(key, version.map(String::as_str), product)
}

/// The id of a row of the index by id.
pub(super) fn id_in_index(mut item: ViewItem) -> Result<ProductId, StoreError> {
    Ok(id_of(text(&mut item, index(RowOrder::Id).position)?)?)
}

/// The position of an item in an order.
pub(super) fn position(item: &ViewItem, attribute: &str) -> Result<String, StoreError> {
    let position = item.get(attribute).and_then(|value| value.as_s().ok());
    position.cloned().ok_or_else(|| StoreError::new("an index row has no position".into()))
}

/// A row of a look-up's index, which has keys alone.
pub(super) fn found_row(mut item: ViewItem, from: &LookupIndex) -> Result<FoundRow, StoreError> {
    let (place, key) = (text(&mut item, from.index.position)?, text(&mut item, KEY)?);
    let id = id_of(key.split_once('#').map_or("", |(_, id)| id).to_owned())?;
    match place.strip_prefix(&from.prefix) {
        Some(position) => Ok(FoundRow { position: position.to_owned(), id }),
        None => Err(StoreError::new(format!("an index row has the key {key:?} at {place:?}").into())),
    }
}

/// A row of the index of the categories.
pub(super) fn category_row(mut item: ViewItem) -> Result<CategoryRow, StoreError> {
    let (place, key) = (text(&mut item, BY_CATEGORY)?, text(&mut item, KEY)?);
    let key = key.split_once('#').map_or("", |(_, key)| key).to_owned();
    match place.rsplit_once(TIE) {
        Some((category, id)) => {
            Ok(CategoryRow { place: CategoryPlace { category: category.to_owned(), id: id.to_owned() }, key })
        }
        None => Err(StoreError::new(format!("an index row has no category: {place:?}").into())),
    }
}

/// A key of an index row.
fn text(item: &mut ViewItem, attribute: &str) -> Result<String, StoreError> {
    match item.remove(attribute) {
        Some(AttributeValue::S(text)) => Ok(text),
        _ => Err(StoreError::new(format!("an index row has no {attribute}").into())),
    }
}

pub(super) fn generations(item: ViewItem) -> Result<ViewGenerations, StoreError> {
    let item: Result<GenerationsItem, _> = read_row(item);
    let damaged = |error: serde_dynamo::Error| {
        let reason = format!(
            "the generations in its item {GENERATIONS} cannot be read: {error}; restore it from a backup"
        );
        StoreError::unreadable(reason.into())
    };
    item.map(|item| item.generations).map_err(damaged)
}

pub(super) fn of_generations(generations: &ViewGenerations) -> Result<ViewItem, StoreError> {
    let item = GenerationsItem { key: GENERATIONS.to_owned(), generations: generations.clone() };
    serde_dynamo::to_item(item).map_err(unconvertible)
}

fn unconvertible(error: serde_dynamo::Error) -> StoreError {
    StoreError::new(error.into())
}
