//! What a client can want of a product. The values are valid by themselves; whether they fit is decided.

use std::collections::BTreeMap;

use schema::Details;
use schema::{Currency, Price};

/// A wish, with everything the decision needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Create it under an id nobody uses.
    Create(NewProduct),
    /// Make it exactly this: create, replace or restore.
    Replace(NewProduct),
    /// Change some fields.
    Patch(Patch),
    /// Delete it.
    Delete,
    /// Undo the deletion.
    Restore,
}

impl Command {
    /// Whether it gives a price or a currency to a product that exists.
    #[must_use]
    pub fn gives_price(&self) -> bool {
        match self {
            Self::Replace(_) => true,
            Self::Patch(patch) => patch.price.is_some() || patch.currency.is_some(),
            Self::Create(_) | Self::Delete | Self::Restore => false,
        }
    }
}

/// A whole product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProduct {
    /// Its name.
    pub name: String,
    /// Its price.
    pub price: Price,
    /// The currency the client named.
    pub currency: Option<Currency>,
    /// The currency of a product that has none yet, from the configuration.
    pub default_currency: Currency,
    /// The optional fields.
    pub details: Details,
}

/// A JSON merge patch (RFC 7396): left out is unchanged, `Some(None)` removes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Patch {
    /// The new name.
    pub name: Option<String>,
    /// The new price.
    pub price: Option<Price>,
    /// The new currency.
    pub currency: Option<Currency>,
    /// The new SKU.
    pub sku: Option<Option<String>>,
    /// The new category.
    pub category: Option<Option<String>>,
    /// The new description.
    pub description: Option<Option<String>>,
    /// Changes of single attributes, or the removal of all.
    pub attributes: Option<Option<AttributesPatch>>,
}

/// New values by key; `None` removes the key.
pub type AttributesPatch = BTreeMap<String, Option<String>>;
