//! Look-ups: active products with one SKU or in one category, and the categories of all.
//!
//! Their indexes have keys alone, so that a change of the price or of the description touches none of them.

use schema::{Product, ProductId, Status};

use super::UnreadableRow;
use super::order::ABOVE_IDS;

/// A field by which products are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LookupField {
    /// The SKU.
    Sku,
    /// The category.
    Category,
}

/// A value of a field, compared byte by byte.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lookup {
    /// The field.
    pub field: LookupField,
    /// Its value.
    pub value: String,
}

/// A product that a look-up found, as the index has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRow {
    /// Its position in the order of the slice.
    pub position: String,
    /// The product.
    pub id: ProductId,
}

/// The place of an active product among the categories: by category, then by id, both by bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct CategoryPlace {
    /// The category.
    pub category: String,
    /// The id of the product.
    pub id: String,
}

/// A row of the index of the categories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CategoryRow {
    /// The place of its product.
    pub place: CategoryPlace,
    /// The key of its row in the view, which is the product's id unless somebody else wrote the row.
    pub key: String,
}

/// Rows of a shard, in order, as many as the store returned at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Portion<R> {
    /// The rows.
    pub rows: Vec<R>,
    /// Whether the shard certainly has no more; if `false`, there may be none all the same.
    pub exhausted: bool,
}

impl<R> Portion<R> {
    /// No rows, and none follow.
    #[must_use]
    pub fn end() -> Self {
        Self { rows: Vec::new(), exhausted: true }
    }
}

impl LookupField {
    /// Every field.
    pub const ALL: [Self; 2] = [Self::Sku, Self::Category];

    /// Its name in queries.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Sku => "sku",
            Self::Category => "category",
        }
    }

    /// The value by which an active product is found; `None` if it has none or is deleted.
    #[must_use]
    pub fn value(self, product: &Product) -> Option<&str> {
        let details = &product.facts.details;
        let value = match self {
            Self::Sku => &details.sku,
            Self::Category => &details.category,
        };
        value.as_deref().filter(|_| product.facts.status == Status::Active)
    }
}

impl Lookup {
    /// Whether the product is active and has the value.
    #[must_use]
    pub fn finds(&self, product: &Product) -> bool {
        self.field.value(product) == Some(&self.value)
    }
}

impl CategoryRow {
    /// The place, if the product it counts is that of the row.
    ///
    /// # Errors
    /// [`UnreadableRow`]: the row lies under another key than that of its product.
    pub fn checked(self) -> Result<CategoryPlace, UnreadableRow> {
        let Self { place, key } = self;
        if place.id == key {
            return Ok(place);
        }
        Err(UnreadableRow { key, reason: format!("it counts the product {} in a category", place.id) })
    }
}

impl CategoryPlace {
    /// The longest category that a product can have, in bytes.
    pub const LONGEST: usize = 200 * char::MAX.len_utf8();

    /// The place of a product; `None` if it has no category or is deleted.
    #[must_use]
    pub fn of(product: &Product) -> Option<Self> {
        let category = LookupField::Category.value(product)?.to_owned();
        Some(Self { category, id: product.id.to_string() })
    }

    /// The place behind all products of a category.
    #[must_use]
    pub fn behind(category: String) -> Self {
        Self { category, id: ABOVE_IDS.into() }
    }
}
