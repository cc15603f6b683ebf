//! The types of every message and version. Made from the schemas by `schema/tests/contract/subscriber.rs`: do not edit.

use std::collections::BTreeMap;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Value;

/// The `detail` of an event.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// The event's identity, commit and cause.
    pub metadata: MessageMetadata,
    /// The product after the commit. An event that is given to `apply` has it.
    pub product: Option<Product>,
    /// What happened.
    pub data: EventData,
}

impl<'de> Deserialize<'de> for Message {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Detail {
            metadata: MessageMetadata,
            data: Value,
        }
        let Detail { metadata, data } = Detail::deserialize(deserializer)?;
        let product = data.get("product").map(Option::<Product>::deserialize).transpose();
        let product = product.map_err(D::Error::custom)?.flatten();
        let data = EventData::of(&metadata, data).map_err(D::Error::custom)?;
        Ok(Self { metadata, product, data })
    }
}

/// Distinguishes `null` from a member that is left out.
fn told<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// What happened, by event and version.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum EventData {
    /// `PRODUCT_CREATED`, v1.
    ProductCreatedV1(ProductCreatedV1),
    /// `PRODUCT_DELETED`, v1.
    ProductDeletedV1(ProductDeletedV1),
    /// `PRODUCT_DETAILS_CHANGED`, v1.
    ProductDetailsChangedV1(ProductDetailsChangedV1),
    /// `PRODUCT_PRICE_CHANGED`, v1.
    ProductPriceChangedV1(ProductPriceChangedV1),
    /// `PRODUCT_PRICE_RECORDED`, v1.
    ProductPriceRecordedV1(ProductPriceRecordedV1),
    /// `PRODUCT_RENAMED`, v1.
    ProductRenamedV1(ProductRenamedV1),
    /// `PRODUCT_RESTORED`, v1.
    ProductRestoredV1(ProductRestoredV1),
    /// An event or a version that is newer than this package.
    Unknown(Value),
}

impl EventData {
    fn of(metadata: &MessageMetadata, data: Value) -> Result<Self, serde_json::Error> {
        Ok(match (metadata.event_name.as_str(), metadata.event_version.as_str()) {
            ("PRODUCT_CREATED", "v1") => Self::ProductCreatedV1(ProductCreatedV1::deserialize(data)?),
            ("PRODUCT_DELETED", "v1") => Self::ProductDeletedV1(ProductDeletedV1::deserialize(data)?),
            ("PRODUCT_DETAILS_CHANGED", "v1") => Self::ProductDetailsChangedV1(ProductDetailsChangedV1::deserialize(data)?),
            ("PRODUCT_PRICE_CHANGED", "v1") => Self::ProductPriceChangedV1(ProductPriceChangedV1::deserialize(data)?),
            ("PRODUCT_PRICE_RECORDED", "v1") => Self::ProductPriceRecordedV1(ProductPriceRecordedV1::deserialize(data)?),
            ("PRODUCT_RENAMED", "v1") => Self::ProductRenamedV1(ProductRenamedV1::deserialize(data)?),
            ("PRODUCT_RESTORED", "v1") => Self::ProductRestoredV1(ProductRestoredV1::deserialize(data)?),
            _ => Self::Unknown(data),
        })
    }
}

/// Present when the event is replayed.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct MessageMetadataReplay {
    /// ULID of the request.
    pub id: String,
    /// When it was made.
    pub requested_at: String,
}

/// The event's identity, commit and cause.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct MessageMetadata {
    /// Who sent the command.
    pub actor: String,
    /// The command that caused the event.
    pub causation_id: String,
    /// The commit.
    pub commit_id: String,
    /// The conversation the command belonged to.
    pub correlation_id: String,
    /// When the commit was recorded.
    pub created_at: String,
    /// The same on every delivery and replay: discard an id that was received before.
    pub event_id: String,
    /// The event's name in upper snake case.
    pub event_name: String,
    /// The configured source.
    pub event_source: String,
    /// `v` and the version of the event's data.
    pub event_version: String,
    /// The commit's hash.
    pub hash: String,
    /// The name of the log that the commit is in or will soon be in, if one is kept: ask there for the proof of the hash.
    pub log_origin: Option<String>,
    /// When it happened in business terms.
    pub occurred_at: String,
    /// The product.
    pub product_id: String,
    /// Present when the event is replayed.
    pub replay: Option<MessageMetadataReplay>,
    /// The event's sequence within the product, without gaps: a jump shows what was missed.
    pub sequence: u64,
}

/// A product at one of its versions.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct Product {
    /// At most 50 pairs, keys of 1 to 128 and values of 0 to 2,000 characters.
    pub attributes: Option<BTreeMap<String, String>>,
    /// 1 to 200 characters.
    pub category: Option<String>,
    /// `recorded_at` of its first commit.
    pub created_at: String,
    /// An ISO 4217 code in upper case.
    pub currency: String,
    /// Up to 4,000 characters.
    pub description: Option<String>,
    /// Its id.
    pub id: String,
    /// 1 to 200 characters.
    pub name: String,
    /// A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros.
    pub price: String,
    /// `occurred_at` of the price in force. Absent in states that earlier builds wrote, and from then on until the price changes.
    pub price_occurred_at: Option<String>,
    /// Stock keeping unit, 1 to 64 characters.
    pub sku: Option<String>,
    /// Active or deleted.
    pub status: ProductStatus,
    /// `recorded_at` of its newest commit.
    pub updated_at: String,
    /// Sequence of its newest event.
    pub version: u64,
}

/// Active or deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ProductStatus {
    /// `active`.
    Active,
    /// `deleted`.
    Deleted,
    /// One that is newer than this package.
    #[serde(other)]
    Unknown,
}

/// All fields a product starts with.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProductCreatedV1 {
    /// At most 50 pairs, keys of 1 to 128 and values of 0 to 2,000 characters.
    pub attributes: Option<BTreeMap<String, String>>,
    /// 1 to 200 characters.
    pub category: Option<String>,
    /// An ISO 4217 code in upper case.
    pub currency: String,
    /// Up to 4,000 characters.
    pub description: Option<String>,
    /// Its name.
    pub name: String,
    /// A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros.
    pub price: String,
    /// Stock keeping unit, 1 to 64 characters.
    pub sku: Option<String>,
}

/// The deletion has no data.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProductDeletedV1 {}

/// The previous values of the same fields.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProductDetailsChangedV1Previous {
    /// All attributes, if any of them changed.
    #[serde(default, deserialize_with = "told")]
    pub attributes: Option<Option<BTreeMap<String, String>>>,
    /// The category, if it changed.
    #[serde(default, deserialize_with = "told")]
    pub category: Option<Option<String>>,
    /// The description, if it changed.
    #[serde(default, deserialize_with = "told")]
    pub description: Option<Option<String>>,
    /// The SKU, if it changed.
    #[serde(default, deserialize_with = "told")]
    pub sku: Option<Option<String>>,
}

/// The optional fields that changed, with their previous values; `null` is an absent field.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProductDetailsChangedV1 {
    /// All attributes, if any of them changed.
    #[serde(default, deserialize_with = "told")]
    pub attributes: Option<Option<BTreeMap<String, String>>>,
    /// The category, if it changed.
    #[serde(default, deserialize_with = "told")]
    pub category: Option<Option<String>>,
    /// The description, if it changed.
    #[serde(default, deserialize_with = "told")]
    pub description: Option<Option<String>>,
    /// The previous values of the same fields.
    pub previous: ProductDetailsChangedV1Previous,
    /// The SKU, if it changed.
    #[serde(default, deserialize_with = "told")]
    pub sku: Option<Option<String>>,
}

/// Price and currency before and after.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProductPriceChangedV1 {
    /// An ISO 4217 code in upper case.
    pub currency: String,
    /// The currency before.
    pub previous_currency: String,
    /// The price before.
    pub previous_price: String,
    /// A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros.
    pub price: String,
}

/// A price that was stated for a time: one before the time of the price in force, or the price in force itself, stated again for a later time.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProductPriceRecordedV1 {
    /// An ISO 4217 code in upper case.
    pub currency: String,
    /// The time from which it holds: the command's `occurred_at`.
    pub from: String,
    /// A non-negative amount with up to 12 digits before and 4 after the point; equal amounts are equal whatever their zeros.
    pub price: String,
}

/// The name before and after.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProductRenamedV1 {
    /// The new name.
    pub name: String,
    /// The name before.
    pub previous_name: String,
}

/// The restoration has no data.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[non_exhaustive]
pub struct ProductRestoredV1 {}
