//! A page of products as JSON, and a product as a row of a table.

use schema::Product;
use schemars::JsonSchema;
use serde::Serialize;

use super::csv::{Row, harmless};

/// A page of products.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ProductPage")]
pub(super) struct ListBody {
    /// In the requested order.
    pub(super) products: Vec<Product>,
    /// The value of `cursor` for the next page, if there is one.
    pub(super) next: Option<String>,
}

/// The file in which a browser keeps a table of products.
pub(super) const PRODUCTS_FILE: &str = "products.csv";

/// The names of the columns.
pub(super) const PRODUCT_COLUMNS: [&str; 10] = [
    "product_id",
    "sku",
    "name",
    "category",
    "price",
    "currency",
    "status",
    "version",
    "recorded_at",
    "description",
];

pub(super) fn product_row(product: &Product) -> Row {
    let facts = &product.facts;
    let given = |text: &Option<String>| harmless(text.as_deref().unwrap_or_default()).into_owned();
    let row: [String; PRODUCT_COLUMNS.len()] = [
        product.id.to_string(),
        given(&facts.details.sku),
        harmless(&facts.name).into_owned(),
        given(&facts.details.category),
        facts.money.price().to_string(),
        facts.money.currency().to_string(),
        facts.status.name().to_owned(),
        product.version.to_string(),
        product.updated_at.to_string(),
        given(&facts.details.description),
    ];
    row.into()
}
