//! `PrestaShop`: the file of products that it imports, and the list that its catalogue exports. The price with tax counts where the
//! file has it.

use super::{NO_PRICE, Reading, columns};
use crate::import::files::listing::{Discount, Listing, Prices};
use crate::import::files::row::Row;
use crate::import::files::sale::SaleDates;

/// The columns of prices, those with tax first.
pub(super) const PRICES: [&str; 7] = [
    "Price tax included",
    "Price tax incl.",
    "Price (tax incl.)",
    "Price tax excluded",
    "Price tax excl.",
    "Price (tax excl.)",
    "Price tax excluded or Price tax included",
];
const FEATURES: [&str; 2] = ["Feature (Name:Value:Position:Customized)", "Feature(Name:Value:Position)"];

pub(super) fn read(row: &Row) -> Reading {
    let price = row.first(&PRICES);
    if price.is_empty() {
        return Reading::NoProduct(NO_PRICE);
    }
    let dates = SaleDates {
        from: row.first(&["Discount from (yyyy-mm-dd)", "Discount from"]).to_owned(),
        to: row.first(&["Discount to (yyyy-mm-dd)", "Discount to"]).to_owned(),
    };
    let price = price.to_owned();
    let prices = match (row.get("Discount amount"), row.get("Discount percent")) {
        ("", "") => Prices::Selling { price, list: String::new() },
        (amount, "") => Prices::Reduced { price, by: Discount::Amount(amount.to_owned()), dates },
        ("", percent) => Prices::Reduced { price, by: Discount::Percent(percent.to_owned()), dates },
        (amount, percent) => {
            let is_none = |text: &str| text.chars().all(|letter| matches!(letter, '0' | '.' | ',' | '%'));
            match (is_none(amount), is_none(percent)) {
                (true, _) => Prices::Reduced { price, by: Discount::Percent(percent.to_owned()), dates },
                (_, true) => Prices::Reduced { price, by: Discount::Amount(amount.to_owned()), dates },
                _ => return Reading::Refused("it has a discount as an amount and one in percent".to_owned()),
            }
        }
    };
    let sku = row.first(&["Reference #", "Reference"]).to_owned();
    let id = row.first(&["Product ID", "ID"]).to_owned();
    let mut attributes = columns(row, &["Manufacturer", "Brand", "EAN13", "UPC", "MPN", "Supplier", "Tags"]);
    attributes.extend(features(row.first(&FEATURES)));
    Reading::Product(Box::new(Listing {
        ids: vec![sku.clone(), id],
        name: row.get("Name").to_owned(),
        sku,
        category: row
            .first(&["Categories (x,y,z...)", "Categories (x,y,z…)", "Categories", "Category"])
            .to_owned(),
        description: row.first(&["Description", "Short description"]).to_owned(),
        prices,
        attributes,
        ..Listing::default()
    }))
}

/// Features, parted by commas, with names and values parted by colons.
fn features(text: &str) -> Vec<(String, String)> {
    let parts = text.split(',').map(|feature| feature.split(':').map(str::trim).collect::<Vec<_>>());
    let named = parts.filter_map(|parts| Some((parts.first()?.to_string(), parts.get(1)?.to_string())));
    named.collect()
}
