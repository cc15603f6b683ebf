//! Shopify: a row for each variant, and further rows for images. What all variants share stands in the first row of a handle.

use std::rc::Rc;

use super::{Reading, columns};
use crate::import::files::listing::{Listing, Prices};
use crate::import::files::row::{Columns, Row};

/// What a column of metafields names in brackets.
const METAFIELD: &str = "(product.metafields.";
/// The value of an option where there are no variants.
const NO_OPTION: &str = "Default Title";
const OPTIONS: [(&str, &str); 3] =
    [("Option1 Name", "Option1 Value"), ("Option2 Name", "Option2 Value"), ("Option3 Name", "Option3 Value")];
/// Columns that are of a variant or an image alone, by how their comparable names begin.
const OF_A_VARIANT: [&str; 7] =
    ["variant", "image", "cost per item", "price", "compare at", "included", "unit price"];

/// The first row of the handle, from which the others are completed.
#[derive(Default)]
pub(in crate::import::files) struct ShopifyRows {
    first: Option<Row>,
    /// Places of the columns that all variants share, of these columns.
    shared: Option<(Rc<Columns>, Vec<usize>)>,
}

impl ShopifyRows {
    pub(super) fn read(&mut self, row: &mut Row) -> Reading {
        let handle = row.get("Handle").to_owned();
        if handle.is_empty() {
            return Reading::Refused("it has no handle".to_owned());
        }
        match &self.first {
            Some(first) if first.get("Handle") == handle && row.get("Title").is_empty() => {
                let first = first.clone();
                self.complete(row, &first);
            }
            _ => self.first = Some(row.clone()),
        }
        if row.get("Variant Price").is_empty() {
            return Reading::NoProduct("an image, or a row without a price");
        }
        if row.get("Title").is_empty() {
            return Reading::Refused(
                "it has no title, and no row of its handle before it has one".to_owned(),
            );
        }
        let options = options(row);
        let mut handle_and_options = vec![handle.as_str()];
        handle_and_options.extend(options.iter().map(|(_, value)| value.as_str()));
        let ids = vec![row.get("Variant SKU").to_owned(), handle_and_options.join("/")];
        let mut attributes = options;
        attributes.extend(columns(row, &["Vendor", "Tags", "Status", "Variant Barcode"]));
        attributes.extend(metafields(row));
        let prices = Prices::Selling {
            price: row.get("Variant Price").to_owned(),
            list: row.get("Variant Compare At Price").to_owned(),
        };
        Reading::Product(Box::new(Listing {
            ids,
            name: row.get("Title").to_owned(),
            sku: row.get("Variant SKU").to_owned(),
            category: row.first(&["Type", "Product Category"]).to_owned(),
            description: row.get("Body (HTML)").to_owned(),
            prices,
            attributes,
            ..Listing::default()
        }))
    }

    fn complete(&mut self, row: &mut Row, first: &Row) {
        let known = self.shared.as_ref().filter(|(columns, _)| Rc::ptr_eq(columns, &row.columns));
        let places = match known {
            Some((_, places)) => places.clone(),
            None => {
                let places: Vec<usize> =
                    (0..row.columns.names.len()).filter(|place| is_shared(row, *place)).collect();
                self.shared = Some((row.columns.clone(), places.clone()));
                places
            }
        };
        row.values.resize(row.columns.names.len(), String::new());
        for place in places {
            if row.at(place).is_empty() {
                first.at(place).clone_into(&mut row.values[place]);
            }
        }
    }
}

fn is_shared(row: &Row, place: usize) -> bool {
    let name = row.columns.names[place].to_lowercase();
    let is_value = OPTIONS.iter().any(|(_, value)| value.eq_ignore_ascii_case(&name));
    !is_value && !OF_A_VARIANT.iter().any(|of| name.starts_with(of)) && name != "product_id"
}

/// Name and value of each option; none if there are no variants.
fn options(row: &Row) -> Vec<(String, String)> {
    let options = OPTIONS.iter().map(|(name, value)| (row.get(name), row.get(value)));
    let given = options.filter(|(_, value)| !value.is_empty());
    let given: Vec<(String, String)> = given
        .zip(1..)
        .map(|((name, value), number)| {
            let name = if name.is_empty() { format!("Option{number}") } else { name.to_owned() };
            (name, value.to_owned())
        })
        .collect();
    if given.len() == 1 && given[0].1 == NO_OPTION { Vec::new() } else { given }
}

/// Metafields, under the names that Shopify knows them by.
fn metafields(row: &Row) -> Vec<(String, String)> {
    let pairs = row.pairs().filter_map(|(name, value)| {
        let key = name.rsplit_once(METAFIELD)?.1.strip_suffix(')')?;
        Some((key.to_owned(), value.to_owned()))
    });
    pairs.collect()
}
