//! The commands of a product. Their values are valid in themselves; whether the product allows them is decided.

use std::collections::BTreeMap;

use schema::Details;
use schema::{Currency, Price};

/// A command, with everything the decision needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Create the product, whose id must be unused.
    Create(NewProduct),
    /// Create, replace or restore the product, so that it is exactly this.
    Replace(NewProduct),
    /// Change some fields.
    Patch(Patch),
    /// Delete it.
    Delete,
    /// Undo the deletion.
    Restore,
}

impl Command {
    /// Whether it sets a price or a currency of an existing product.
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
    /// The configured currency of a new product, if the client named none.
    pub default_currency: Currency,
    /// The optional fields.
    pub details: Details,
}

/// A JSON merge patch (RFC 7396): `None` leaves a field unchanged, `Some(None)` removes it.
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
