//! What can happen to a product, and how its facts follow from what happened.
//!
//! These names are stored. Never rename; add a version (`upcast.rs`) and a sample.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

use crate::money::Money;

/// Free pairs of text that describe a product.
pub type Attributes = BTreeMap<String, String>;

/// A fact about one product. Stored as `{"type": …, "data": …}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", content = "data")]
pub enum ProductEvent {
    /// The product exists from now on, with these fields.
    ProductCreated(ProductCreated),
    /// The name changed.
    ProductRenamed(ProductRenamed),
    /// The price, its currency, or both changed.
    ProductPriceChanged(ProductPriceChanged),
    /// Optional fields changed.
    ProductDetailsChanged(ProductDetailsChanged),
    /// The product is gone for readers; its history stays.
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
    /// The name until now.
    pub previous_name: String,
}

/// Price and currency before and after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductPriceChanged {
    /// The new `price` and `currency`.
    #[serde(flatten)]
    pub money: Money,
    /// The price until now.
    pub previous_price: crate::money::Price,
    /// The currency until now.
    pub previous_currency: crate::money::Currency,
}

/// The optional fields that changed, and what they were; `null` stands for a field that is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ProductDetailsChanged {
    /// The new values.
    #[serde(flatten)]
    pub changed: DetailsChange,
    /// The values until now, of the same fields.
    pub previous: DetailsChange,
}

/// Nothing more is known than that it was deleted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ProductDeleted {}

/// Nothing more is known than that it was restored.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ProductRestored {}

/// The optional fields of a product; one that is not there is left out.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Details {
    /// Stock keeping unit, 1 to 64 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku: Option<String>,
    /// 1 to 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<String>,
    /// Up to 4,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// At most 50 pairs, keys of 1 to 64 and values of 0 to 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
}

/// A change of optional fields: left out is unchanged, `null` is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DetailsChange {
    /// The SKU, if it changed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub sku: Option<Option<String>>,
    /// The category, if it changed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub category: Option<Option<String>>,
    /// The description, if it changed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub description: Option<Option<String>>,
    /// All attributes, if any of them changed.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "present"
    )]
    pub attributes: Option<Option<Attributes>>,
}

/// A field that is there, be it `null`, is a change; serde alone would read `null` as no change.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

/// Whether readers see the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is there.
    Active,
    /// It was deleted and can be restored.
    Deleted,
}

/// What is true of a product, as the fold of its events.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Facts {
    /// 1 to 200 characters.
    pub name: String,
    /// `price` and `currency`.
    #[serde(flatten)]
    pub money: Money,
    /// The optional fields.
    #[serde(flatten)]
    pub details: Details,
    /// Active or deleted.
    pub status: Status,
}

/// The event cannot follow what happened before; the history is damaged.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{event} cannot follow: {reason}")]
pub struct Misfit {
    event: &'static str,
    reason: &'static str,
}

impl ProductEvent {
    /// The stored name of the event.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::ProductCreated(_) => "ProductCreated",
            Self::ProductRenamed(_) => "ProductRenamed",
            Self::ProductPriceChanged(_) => "ProductPriceChanged",
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
            | Self::ProductDetailsChanged(_)
            | Self::ProductDeleted(_)
            | Self::ProductRestored(_) => 1,
        }
    }
}

impl cqrs_es::DomainEvent for ProductEvent {
    fn event_type(&self) -> String {
        self.name().to_owned()
    }

    fn event_version(&self) -> String {
        self.schema_version().to_string()
    }
}

impl Facts {
    /// The facts after one more event; `None` is a product that does not exist yet.
    ///
    /// # Errors
    /// [`Misfit`] when the event cannot follow, which no decision of this system writes: verify the product's chain.
    pub fn after(before: Option<Self>, event: &ProductEvent) -> Result<Self, Misfit> {
        let misfit = |reason| Misfit {
            event: event.name(),
            reason,
        };
        match (before, event) {
            (None, ProductEvent::ProductCreated(created)) => Ok(Self::created(created)),
            (None, _) => Err(misfit("the product does not exist")),
            (Some(_), ProductEvent::ProductCreated(_)) => Err(misfit("the product exists")),
            (Some(facts), ProductEvent::ProductDeleted(_)) => facts
                .with_status(Status::Active, Status::Deleted)
                .ok_or(misfit("the product is deleted")),
            (Some(facts), ProductEvent::ProductRestored(_)) => facts
                .with_status(Status::Deleted, Status::Active)
                .ok_or(misfit("the product is not deleted")),
            (Some(facts), _) if facts.status == Status::Deleted => Err(misfit("the product is deleted")),
            (Some(facts), ProductEvent::ProductRenamed(renamed)) => {
                if facts.name != renamed.previous_name {
                    return Err(misfit("another name was there"));
                }
                Ok(Self {
                    name: renamed.name.clone(),
                    ..facts
                })
            }
            (Some(facts), ProductEvent::ProductPriceChanged(changed)) => {
                if facts.money.price() != changed.previous_price
                    || facts.money.currency() != changed.previous_currency
                {
                    return Err(misfit("another price was there"));
                }
                Ok(Self {
                    money: changed.money,
                    ..facts
                })
            }
            (Some(facts), ProductEvent::ProductDetailsChanged(changed)) => {
                if facts.details.clone().with(&changed.previous) != facts.details {
                    return Err(misfit("other details were there"));
                }
                let details = facts.details.with(&changed.changed);
                Ok(Self {
                    name: facts.name,
                    money: facts.money,
                    details,
                    status: facts.status,
                })
            }
        }
    }

    fn created(created: &ProductCreated) -> Self {
        Self {
            name: created.name.clone(),
            money: created.money,
            details: created.details.clone(),
            status: Status::Active,
        }
    }

    fn with_status(self, from: Status, to: Status) -> Option<Self> {
        (self.status == from).then_some(Self { status: to, ..self })
    }
}

impl Details {
    /// The details with a change applied.
    #[must_use]
    pub fn with(self, change: &DetailsChange) -> Self {
        Self {
            sku: change.sku.clone().unwrap_or(self.sku),
            category: change.category.clone().unwrap_or(self.category),
            description: change.description.clone().unwrap_or(self.description),
            attributes: change.attributes.clone().unwrap_or(self.attributes),
        }
    }
}

impl DetailsChange {
    /// What differs between two sets of details: the new values of the fields that differ.
    #[must_use]
    pub fn between(before: &Details, after: &Details) -> Self {
        fn differing<T: Clone + PartialEq>(before: &Option<T>, after: &Option<T>) -> Option<Option<T>> {
            (before != after).then(|| after.clone())
        }
        Self {
            sku: differing(&before.sku, &after.sku),
            category: differing(&before.category, &after.category),
            description: differing(&before.description, &after.description),
            attributes: differing(&before.attributes, &after.attributes),
        }
    }

    /// Whether nothing changed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
