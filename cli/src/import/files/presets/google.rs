//! Google Merchant Center: an item is a product, also if it is a variant of a group.

use super::{NO_PRICE, Reading, columns};
use crate::import::files::listing::{Listing, Prices};
use crate::import::files::row::Row;
use crate::import::files::sale::SaleDates;

const ATTRIBUTES: [&str; 14] = [
    "brand",
    "gtin",
    "mpn",
    "item_group_id",
    "color",
    "size",
    "size_system",
    "material",
    "pattern",
    "gender",
    "age_group",
    "condition",
    "link",
    "google_product_category",
];

pub(super) fn read(row: &Row) -> Reading {
    if row.get("price").is_empty() {
        return Reading::NoProduct(NO_PRICE);
    }
    if row.get("id").is_empty() {
        return Reading::Refused("it has no id".to_owned());
    }
    let range = row.get("sale_price_effective_date");
    let (from, to) = range.split_once('/').unwrap_or((range, ""));
    let prices = Prices::Regular {
        price: row.get("price").to_owned(),
        sale: row.get("sale_price").to_owned(),
        dates: SaleDates { from: from.trim().to_owned(), to: to.trim().to_owned() },
    };
    Reading::Product(Box::new(Listing {
        ids: vec![row.get("id").to_owned()],
        name: row.get("title").to_owned(),
        sku: row.get("id").to_owned(),
        category: row.first(&["product_type", "google_product_category"]).to_owned(),
        description: row.get("description").to_owned(),
        prices,
        attributes: columns(row, &ATTRIBUTES),
        ..Listing::default()
    }))
}
