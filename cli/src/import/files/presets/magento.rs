//! Magento and Adobe Commerce: a row for each product, a simple one for each variant. Rows for the texts of a store's view, and those
//! without a SKU that continue a row, are no products.

use super::{NO_PRICE, Reading, columns};
use crate::import::files::listing::{Listing, Prices};
use crate::import::files::row::Row;
use crate::import::files::sale::{SaleDates, from_american};

pub(super) fn read(row: &Row) -> Reading {
    let sku = row.get("sku");
    if sku.is_empty() {
        return Reading::NoProduct("the continuation of a row");
    }
    if !matches!(row.first(&["store_view_code", "_store"]), "" | "all" | "admin") {
        return Reading::NoProduct("the texts of a store's view");
    }
    if row.get("price").is_empty() {
        return Reading::NoProduct(NO_PRICE);
    }
    let date = |names: &[&str]| from_american(row.first(names));
    let prices = Prices::Regular {
        price: row.get("price").to_owned(),
        sale: row.get("special_price").to_owned(),
        dates: SaleDates {
            from: date(&["special_price_from_date", "special_from_date"]),
            to: date(&["special_price_to_date", "special_to_date"]),
        },
    };
    let mut attributes = columns(row, &["product_type", "_type", "manufacturer", "color", "size", "url_key"]);
    attributes.extend(additional(row.get("additional_attributes")));
    Reading::Product(Box::new(Listing {
        ids: vec![sku.to_owned()],
        name: row.get("name").to_owned(),
        sku: sku.to_owned(),
        category: row.first(&["categories", "_category"]).to_owned(),
        description: row.first(&["description", "short_description"]).to_owned(),
        prices,
        attributes,
        ..Listing::default()
    }))
}

/// Attributes as `name=value`, parted by commas, which values may have too.
fn additional(text: &str) -> Vec<(String, String)> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    for part in text.split(',') {
        let is_name = |name: &str| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        };
        match (part.split_once('=').filter(|(name, _)| is_name(name)), attributes.last_mut()) {
            (Some((name, value)), _) => attributes.push((name.to_owned(), value.to_owned())),
            (None, Some((_, value))) => {
                value.push(',');
                value.push_str(part);
            }
            (None, None) => {}
        }
    }
    attributes
}
