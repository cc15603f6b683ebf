//! The events of a product.
//!
//! These names are stored. Never rename; add a version (`upcast.rs`) and a sample.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::details::{Attributes, Details, DetailsChange};
use crate::money::{Currency, Money, Price};
use crate::time::Timestamp;

/// Something that happened to a product. Stored as `{"type": …, "data": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum ProductEvent {
    /// The product was created with these fields.
    ProductCreated(ProductCreated),
    /// The name changed.
    ProductRenamed(ProductRenamed),
    /// The price, its currency, or both changed.
    ProductPriceChanged(ProductPriceChanged),
    /// A price of an earlier or later time became known, which leaves the product's price as it is.
    ProductPriceRecorded(ProductPriceRecorded),
    /// Optional fields changed.
    ProductDetailsChanged(ProductDetailsChanged),
    /// The product was deleted; its history stays.
    ProductDeleted(ProductDeleted),
    /// The deletion was undone.
    ProductRestored(ProductRestored),
}

/// All fields a product starts with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductCreated {
    /// Its name.
    pub name: String,
    /// `price` and `currency`.
    #[serde(flatten)]
    pub money: Money,
    /// The optional fields.
    #[serde(flatten)]
    pub details: Details,
}

/// The name before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductRenamed {
    /// The new name.
    pub name: String,
    /// The name before.
    pub previous_name: String,
}

/// Price and currency before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductPriceChanged {
    /// The new `price` and `currency`.
    #[serde(flatten)]
    pub money: Money,
    /// The price before.
    pub previous_price: Price,
    /// The currency before.
    pub previous_currency: Currency,
}

/// A price that was stated for a time: one before the time of the price in force, or the price in force itself, stated
/// again for a later time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductPriceRecorded {
    /// The `price` and `currency` of that time.
    #[serde(flatten)]
    pub money: Money,
    /// The time from which it holds: the command's `occurred_at`.
    pub from: Timestamp,
}

/// The optional fields that changed, with their previous values; `null` is an absent field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductDetailsChanged {
    /// The new values.
    #[serde(flatten)]
    pub changed: DetailsChange,
    /// The previous values of the same fields.
    pub previous: DetailsChange,
}

/// A field with its value before and after an event; `None`: it is absent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange<'a> {
    /// Its name; an attribute is `attributes.` and its key.
    pub field: Cow<'a, str>,
    /// The value before.
    pub from: Option<&'a str>,
    /// The value after.
    pub to: Option<&'a str>,
}

impl ProductDetailsChanged {
    /// Each field that changed, attributes by key.
    #[must_use]
    pub fn fields(&self) -> Vec<FieldChange<'_>> {
        let (before, after) = (&self.previous, &self.changed);
        let texts = [
            ("sku", &before.sku, &after.sku),
            ("category", &before.category, &after.category),
            ("description", &before.description, &after.description),
        ];
        let mut fields = Vec::new();
        for (name, before, after) in texts {
            if let Some(after) = after {
                let from = before.as_ref().and_then(Option::as_deref);
                fields.push(FieldChange { field: Cow::Borrowed(name), from, to: after.as_deref() });
            }
        }
        if let Some(after) = &after.attributes {
            let before = before.attributes.as_ref().and_then(Option::as_ref);
            fields.extend(changed_attributes(before, after.as_ref()));
        }
        fields
    }
}

fn changed_attributes<'a>(
    before: Option<&'a Attributes>,
    after: Option<&'a Attributes>,
) -> impl Iterator<Item = FieldChange<'a>> {
    let keys: BTreeSet<&String> = before.into_iter().chain(after).flat_map(BTreeMap::keys).collect();
    let value = |attributes: Option<&'a Attributes>, key| Some(attributes?.get(key)?.as_str());
    keys.into_iter().filter_map(move |key| {
        let (from, to) = (value(before, key), value(after, key));
        (from != to).then(|| FieldChange { field: format!("attributes.{key}").into(), from, to })
    })
}

/// The deletion has no data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ProductDeleted {}

/// The restoration has no data.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ProductRestored {}

impl ProductEvent {
    /// The stored name of every event.
    pub const NAMES: [&str; 7] = [
        "ProductCreated",
        "ProductRenamed",
        "ProductPriceChanged",
        "ProductPriceRecorded",
        "ProductDetailsChanged",
        "ProductDeleted",
        "ProductRestored",
    ];

    /// The stored name of the event.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ProductCreated(_) => "ProductCreated",
            Self::ProductRenamed(_) => "ProductRenamed",
            Self::ProductPriceChanged(_) => "ProductPriceChanged",
            Self::ProductPriceRecorded(_) => "ProductPriceRecorded",
            Self::ProductDetailsChanged(_) => "ProductDetailsChanged",
            Self::ProductDeleted(_) => "ProductDeleted",
            Self::ProductRestored(_) => "ProductRestored",
        }
    }

    /// The version in which this build writes the event's data.
    #[must_use]
    pub fn schema_version(&self) -> u32 {
        match self {
            Self::ProductCreated(_)
            | Self::ProductRenamed(_)
            | Self::ProductPriceChanged(_)
            | Self::ProductPriceRecorded(_)
            | Self::ProductDetailsChanged(_)
            | Self::ProductDeleted(_)
            | Self::ProductRestored(_) => 1,
        }
    }
}

#[cfg(feature = "cqrs-es")]
impl cqrs_es::DomainEvent for ProductEvent {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }

    fn event_version(&self) -> String {
        self.schema_version().to_string()
    }
}
