//! The optional fields of a product, and changes of them.
//!
//! These names are stored. Never rename; add a version (`upcast.rs`) and a sample.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// Free key-value pairs of text that describe a product.
pub type Attributes = BTreeMap<String, String>;

/// The optional fields of a product; absent ones are left out.
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
    /// At most 50 pairs, keys of 1 to 128 and values of 0 to 2,000 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attributes: Option<Attributes>,
}

/// A change of optional fields: a field left out is unchanged, `null` is absent.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DetailsChange {
    /// The SKU, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub sku: Option<Option<String>>,
    /// The category, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub category: Option<Option<String>>,
    /// The description, if it changed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub description: Option<Option<String>>,
    /// All attributes, if any of them changed.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "present")]
    pub attributes: Option<Option<Attributes>>,
}

/// A field that is present, even as `null`, is a change; serde alone would read `null` as unchanged.
fn present<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
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
    /// The new values of the fields that differ between two sets of details.
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
