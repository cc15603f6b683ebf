//! `WooCommerce`: a row for each product and each variation. A variation names its parent, whose row has no price and the categories.

use std::collections::HashMap;

use super::{NO_PRICE, Reading, columns};
use crate::import::files::listing::{Listing, Prices};
use crate::import::files::row::Row;
use crate::import::files::sale::SaleDates;

/// How `Parent` names a product that has no SKU.
const BY_ID: &str = "id:";
const MOST_ATTRIBUTES: usize = 50;

/// What variations take from the parents before them, by SKU and by id.
#[derive(Default)]
pub(in crate::import::files) struct WooCommerceRows {
    parents: HashMap<String, Parent>,
}

#[derive(Clone)]
struct Parent {
    name: String,
    categories: String,
}

impl WooCommerceRows {
    pub(super) fn read(&mut self, row: &mut Row) -> Reading {
        let kind = row.get("Type").to_lowercase();
        if kind.contains("variable") {
            self.remember(row);
        }
        if kind.contains("variation")
            && let Some(parent) = self.parents.get(row.get("Parent")).cloned()
        {
            for (column, text) in [("Name", &parent.name), ("Categories", &parent.categories)] {
                if row.get(column).is_empty() {
                    row.set(column, text);
                }
            }
        }
        if row.get("Regular price").is_empty() {
            return Reading::NoProduct(if kind.contains("variable") {
                "the parent of variations"
            } else {
                NO_PRICE
            });
        }
        let options = options(row);
        let prices = Prices::Regular {
            price: row.get("Regular price").to_owned(),
            sale: row.get("Sale price").to_owned(),
            dates: SaleDates {
                from: row.get("Date sale price starts").to_owned(),
                to: row.get("Date sale price ends").to_owned(),
            },
        };
        let (sku, id, parent) = (row.get("SKU"), row.get("ID"), row.get("Parent"));
        let of_parent = match options.as_slice() {
            [] => String::new(),
            _ if parent.is_empty() => String::new(),
            options => {
                let values = options.iter().map(|(_, value)| value.as_str());
                std::iter::once(parent).chain(values).collect::<Vec<_>>().join("/")
            }
        };
        let mut attributes = options;
        attributes.extend(columns(row, &["Brands", "Tags", "GTIN, UPC, EAN, or ISBN", "Parent"]));
        let description = row.first(&["Description", "Short description"]);
        Reading::Product(Box::new(Listing {
            ids: vec![sku.to_owned(), of_parent, id.to_owned()],
            name: row.get("Name").to_owned(),
            sku: sku.to_owned(),
            category: row.get("Categories").to_owned(),
            // Exports write line breaks as two characters.
            description: description.replace("\\n", "\n"),
            prices,
            attributes,
            ..Listing::default()
        }))
    }

    fn remember(&mut self, row: &Row) {
        let parent =
            Parent { name: row.get("Name").to_owned(), categories: row.get("Categories").to_owned() };
        for name in [row.get("SKU").to_owned(), format!("{BY_ID}{}", row.get("ID"))] {
            if !name.is_empty() && name != BY_ID {
                self.parents.insert(name, parent.clone());
            }
        }
    }
}

/// Names and values of attributes, whose columns are numbered.
fn options(row: &Row) -> Vec<(String, String)> {
    let mut options = Vec::new();
    for number in 1..=MOST_ATTRIBUTES {
        let name = format!("Attribute {number} name");
        if row.columns.place(&name).is_none() {
            break;
        }
        let value = row.get(&format!("Attribute {number} value(s)"));
        if !row.get(&name).is_empty() && !value.is_empty() {
            options.push((row.get(&name).to_owned(), value.to_owned()));
        }
    }
    options
}
