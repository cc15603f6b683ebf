//! The files of shop systems and of Google Merchant Center: which of their columns is which field. `docs/import.md` has a table of
//! each.

mod google;
mod magento;
mod prestashop;
mod shopify;
mod woocommerce;

use super::listing::Listing;
use super::map::MappedRows;
use super::row::{ID_COLUMN, Row};

/// Whose file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, clap::ValueEnum)]
pub enum Preset {
    /// An export of products from Shopify.
    Shopify,
    /// An export of products from `WooCommerce`.
    #[value(name = "woocommerce")]
    WooCommerce,
    /// A product feed of Google Merchant Center, as a table or in XML.
    Google,
    /// A file of products for `PrestaShop`, or an export of its catalogue.
    #[value(name = "prestashop")]
    PrestaShop,
    /// An export of products from Magento or Adobe Commerce.
    Magento,
}

/// What a row is.
#[derive(Debug)]
pub(super) enum Reading {
    /// A product.
    Product(Box<Listing>),
    /// None, for a reason that is no fault.
    NoProduct(&'static str),
    /// A product that cannot be read.
    Refused(String),
}

/// Reads rows in their order.
pub(super) enum RowReader {
    Map(MappedRows),
    Shopify(shopify::ShopifyRows),
    WooCommerce(woocommerce::WooCommerceRows),
    Google,
    PrestaShop,
    Magento,
}

/// What a file without a price in a row is told as.
const NO_PRICE: &str = "a row without a price";

impl RowReader {
    pub(super) fn of(preset: Preset) -> Self {
        match preset {
            Preset::Shopify => Self::Shopify(shopify::ShopifyRows::default()),
            Preset::WooCommerce => Self::WooCommerce(woocommerce::WooCommerceRows::default()),
            Preset::Google => Self::Google,
            Preset::PrestaShop => Self::PrestaShop,
            Preset::Magento => Self::Magento,
        }
    }

    /// Reads a row, and completes it with what a row before it says of the same product.
    pub(super) fn read(&mut self, row: &mut Row) -> Reading {
        let mut reading = match self {
            Self::Map(rows) => return rows.read(row),
            Self::Shopify(rows) => rows.read(row),
            Self::WooCommerce(rows) => rows.read(row),
            Self::Google => google::read(row),
            Self::PrestaShop => prestashop::read(row),
            Self::Magento => magento::read(row),
        };
        if let Reading::Product(listing) = &mut reading {
            row.exactly(ID_COLUMN).clone_into(&mut listing.product_id);
            listing.ids.retain(|text| !text.is_empty());
        }
        reading
    }
}

impl Preset {
    /// The columns without which a file is not one of this preset: of each group one.
    pub(super) fn required(self) -> &'static [&'static [&'static str]] {
        match self {
            Self::Shopify => &[&["Handle"], &["Variant Price"]],
            Self::WooCommerce => &[&["Name"], &["Regular price"]],
            Self::Google => &[&["id"], &["title"], &["price"]],
            Self::PrestaShop => &[&["Name"], &prestashop::PRICES],
            Self::Magento => &[&["sku"], &["name"], &["price"]],
        }
    }

    /// The preset whose columns these names have.
    pub(super) fn of_columns(names: &[String]) -> Option<Self> {
        let has = |name: &str| names.iter().any(|known| known.eq_ignore_ascii_case(name));
        if has("Handle") && has("Variant Price") {
            Some(Self::Shopify)
        } else if has("Regular price") && has("Type") {
            Some(Self::WooCommerce)
        } else if has("sku") && (has("attribute_set_code") || has("_attribute_set")) {
            Some(Self::Magento)
        } else if has("title") && (has("image_link") || has("image link")) {
            Some(Self::Google)
        } else if prestashop::PRICES.iter().any(|price| has(price)) {
            Some(Self::PrestaShop)
        } else {
            None
        }
    }
}

/// Attributes from columns, under the names of the columns.
fn columns(row: &Row, names: &[&str]) -> Vec<(String, String)> {
    let named = names.iter().map(|name| ((*name).to_owned(), row.get(name).to_owned()));
    named.filter(|(_, value)| !value.is_empty()).collect()
}
