//! A row as a product, and the body of the command that records it.
//!
//! The promise: of two prices the one that is in force now is sent as `price`; what is not sent is noted and counted.

use std::collections::BTreeMap;

use rust_decimal::Decimal;
use schema::{Currency, Timestamp};
use serde_json::{Map, Value, json};

use super::price::{DecimalSign, GivenPrice};
use super::sale::{SaleDates, SaleState};
use crate::date_or_time::TimeZoneName;

/// The most characters of a category, of an attribute's key and value, and the most attributes, as the API takes them.
const LONGEST_CATEGORY: usize = 200;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 2_000;
const MOST_ATTRIBUTES: usize = commands::product::MOST_ATTRIBUTES;
const LONGEST_SKU: usize = 64;

/// What a row says of a product; an empty text is none.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Its id as it is.
    pub(super) product_id: String,
    /// Texts of which its id is made: the first that no other row has, or the last.
    pub(super) ids: Vec<String>,
    /// The command, if the row says it.
    pub(super) command: String,
    pub(super) name: String,
    pub(super) sku: String,
    pub(super) category: String,
    pub(super) description: String,
    pub(super) prices: Prices,
    pub(super) currency: String,
    pub(super) occurred_at: String,
    pub(super) attributes: Vec<(String, String)>,
}

/// The prices of a row.
#[derive(Debug, Clone, Default)]
pub(super) enum Prices {
    /// None.
    #[default]
    None,
    /// What it costs, and a higher price that is shown beside it.
    Selling { price: String, list: String },
    /// What it costs otherwise, and what it costs between these dates.
    Regular { price: String, sale: String, dates: SaleDates },
    /// The same, with a discount.
    Reduced { price: String, by: Discount, dates: SaleDates },
}

/// A discount.
#[derive(Debug, Clone)]
pub(super) enum Discount {
    Amount(String),
    Percent(String),
}

/// The command of rows that say none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum RowVerb {
    /// Creates or replaces the product.
    #[default]
    Put,
    /// Creates a product that does not exist or is deleted.
    Create,
    /// Changes the fields that the row has.
    Update,
}

/// How rows are read.
pub(super) struct Terms {
    pub(super) sign: DecimalSign,
    pub(super) currency: Option<Currency>,
    pub(super) ignores_sales: bool,
    pub(super) verb: RowVerb,
    pub(super) zone: Option<TimeZoneName>,
    /// The time of the import.
    pub(super) now: Timestamp,
}

/// The body of a command without its product, and what was not taken into it.
#[derive(Debug)]
pub(super) struct Drawn {
    /// The members of the line.
    pub(super) body: String,
    pub(super) notes: Vec<Note>,
}

/// Something that a row says and that is not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Note {
    /// A sale that has not begun, and its first date.
    FutureSale(String),
    /// A list price.
    ListPrice,
    /// An attribute or a SKU, and why.
    LeftOut(String),
}

/// The price that is sent, and the list price beside it.
struct Chosen {
    price: GivenPrice,
    list: Option<GivenPrice>,
    future: Option<String>,
}

impl RowVerb {
    fn name(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Create => "create",
            Self::Update => "update",
        }
    }
}

impl Prices {
    /// Whether there is a price.
    pub(super) fn is_none(&self) -> bool {
        match self {
            Self::None => true,
            Self::Selling { price, .. } | Self::Regular { price, .. } | Self::Reduced { price, .. } => {
                price.is_empty()
            }
        }
    }

    fn choose(&self, terms: &Terms) -> Result<Option<Chosen>, String> {
        let read = |text: &str| GivenPrice::read(text, terms.sign);
        let optional = |text: &str| if text.is_empty() { Ok(None) } else { read(text).map(Some) };
        let (price, sale, dates) = match self {
            _ if self.is_none() => return Ok(None),
            Self::None => return Ok(None),
            Self::Selling { price, list } => {
                let price = read(price)?;
                // Shops leave the former price there, or a zero.
                let list = optional(list)?.filter(|list| list.price > price.price);
                return Ok(Some(match list {
                    Some(list) if terms.ignores_sales => Chosen { price: list, list: None, future: None },
                    list => Chosen { price, list, future: None },
                }));
            }
            Self::Regular { price, sale, dates } => (read(price)?, optional(sale)?, dates),
            Self::Reduced { price, by, dates } => {
                let price = read(price)?;
                let sale = by.reduced(&price, terms)?;
                (price, sale, dates)
            }
        };
        let Some(sale) = sale.filter(|sale| sale.price < price.price && !terms.ignores_sales) else {
            return Ok(Some(Chosen { price, list: None, future: None }));
        };
        Ok(Some(match dates.state(terms.now, terms.zone.as_ref())? {
            SaleState::InForce => Chosen { price: sale, list: Some(price), future: None },
            SaleState::Future => Chosen { price, list: None, future: Some(dates.from.clone()) },
            SaleState::Ended => Chosen { price, list: None, future: None },
        }))
    }
}

impl Discount {
    /// The price after the discount, rounded to the currency's smallest unit; `None` if there is no discount.
    fn reduced(&self, price: &GivenPrice, terms: &Terms) -> Result<Option<GivenPrice>, String> {
        let (Self::Amount(text) | Self::Percent(text)) = self;
        let number = GivenPrice::read(text.trim_end_matches('%'), terms.sign)?.price.amount();
        let whole = price.price.amount();
        let reduced = match self {
            Self::Amount(_) => whole - number,
            Self::Percent(_) => whole - whole * number / Decimal::ONE_HUNDRED,
        };
        if number.is_zero() {
            return Ok(None);
        }
        if reduced.is_sign_negative() {
            return Err(format!("its discount {text} is more than its price"));
        }
        let decimals = price.currency(None, terms.currency)?.map_or(2, Currency::minor_unit);
        let rounded =
            reduced.round_dp_with_strategy(decimals, rust_decimal::RoundingStrategy::MidpointAwayFromZero);
        price.with_amount(&rounded.to_string()).map(Some)
    }
}

impl Listing {
    /// The members of the line, without its product.
    ///
    /// # Errors
    /// Why the row cannot be sent, for people.
    pub(super) fn draw(&self, terms: &Terms) -> Result<Drawn, String> {
        let mut notes = Vec::new();
        let mut members = Map::new();
        let verb = if self.command.is_empty() { terms.verb.name() } else { &self.command };
        members.insert("command".to_owned(), verb.into());
        for (name, text) in [
            ("name", one_line(&self.name)),
            ("sku", self.sku(&mut notes)),
            ("category", category(&self.category)),
            ("description", self.description.trim().to_owned()),
            ("occurred_at", self.occurred_at.clone()),
        ] {
            if !text.is_empty() {
                members.insert(name.to_owned(), text.into());
            }
        }
        self.draw_prices(terms, &mut members, &mut notes)?;
        let attributes = attributes(&self.attributes, &mut notes);
        if !attributes.is_empty() {
            members.insert("attributes".to_owned(), json!(attributes));
        }
        Ok(Drawn { body: Value::Object(members).to_string(), notes })
    }

    fn draw_prices(
        &self,
        terms: &Terms,
        members: &mut Map<String, Value>,
        notes: &mut Vec<Note>,
    ) -> Result<(), String> {
        let column = match self.currency.as_str() {
            "" => None,
            code => Some(
                Currency::parse(&code.to_ascii_uppercase())
                    .map_err(|error| format!("its currency {code:?}: {error}"))?,
            ),
        };
        let Some(chosen) = self.prices.choose(terms)? else {
            if let Some(currency) = column {
                members.insert("currency".to_owned(), currency.code().into());
            }
            return Ok(());
        };
        let currency = chosen.price.currency(column, terms.currency)?;
        members.insert("price".to_owned(), chosen.price.text.as_str().into());
        if let Some(currency) = currency {
            members.insert("currency".to_owned(), currency.code().into());
        }
        if let Some(list) = &chosen.list {
            if list.currency(column, terms.currency)? != currency {
                return Err("its two prices are in two currencies".to_owned());
            }
            notes.push(Note::ListPrice);
        }
        notes.extend(chosen.future.map(Note::FutureSale));
        Ok(())
    }

    fn sku(&self, notes: &mut Vec<Note>) -> String {
        let sku = one_line(&self.sku);
        if sku.chars().count() <= LONGEST_SKU {
            return sku;
        }
        notes.push(Note::LeftOut(format!("a SKU of more than {LONGEST_SKU} characters")));
        String::new()
    }
}

/// A text in one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Of a list of categories that is too long, the first.
fn category(text: &str) -> String {
    let text = one_line(text);
    if text.chars().count() <= LONGEST_CATEGORY {
        return text;
    }
    text.split([',', '|', ';']).next().unwrap_or_default().trim().to_owned()
}

/// The attributes with a text that a product can have.
fn attributes(given: &[(String, String)], notes: &mut Vec<Note>) -> BTreeMap<String, String> {
    let mut attributes = BTreeMap::new();
    for (key, value) in given {
        let (key, value) = (one_line(key), value.trim());
        if key.is_empty() || value.is_empty() || attributes.contains_key(&key) {
            continue;
        }
        let reason = if key.chars().count() > LONGEST_KEY {
            Some(format!("an attribute whose name has more than {LONGEST_KEY} characters"))
        } else if value.chars().count() > LONGEST_VALUE {
            Some(format!("the attribute {key:?} with more than {LONGEST_VALUE} characters"))
        } else if attributes.len() == MOST_ATTRIBUTES {
            Some(format!("attributes beyond {MOST_ATTRIBUTES} of a product"))
        } else {
            None
        };
        match reason {
            Some(reason) => {
                let note = Note::LeftOut(reason);
                if !notes.contains(&note) {
                    notes.push(note);
                }
            }
            None => drop(attributes.insert(key, value.to_owned())),
        }
    }
    attributes
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> Terms {
        Terms {
            sign: DecimalSign::Point,
            currency: None,
            ignores_sales: false,
            verb: RowVerb::Put,
            zone: None,
            now: Timestamp::parse("2026-06-02T12:00:00Z").unwrap(),
        }
    }

    fn drawn(listing: &Listing, terms: &Terms) -> (Value, Vec<Note>) {
        let drawn = listing.draw(terms).unwrap();
        (serde_json::from_str(&drawn.body).unwrap(), drawn.notes)
    }

    fn priced(prices: Prices) -> Listing {
        Listing { name: "n".into(), prices, ..Listing::default() }
    }

    fn regular(sale: &str, from: &str, to: &str) -> Prices {
        let dates = SaleDates { from: from.into(), to: to.into() };
        Prices::Regular { price: "10 EUR".into(), sale: sale.into(), dates }
    }

    #[test]
    fn of_two_prices_the_one_in_force_is_sent_and_a_sale_to_come_is_noted() {
        let selling = |list: &str| Prices::Selling { price: "8".into(), list: list.into() };
        let reduced = |by| Prices::Reduced { price: "9.99".into(), by, dates: SaleDates::default() };
        let future = Note::FutureSale("2026-06-03".into());
        for (prices, price, notes) in [
            (selling("10"), "8", vec![Note::ListPrice]),
            (selling("8"), "8", vec![]),
            (selling("0.00"), "8", vec![]),
            (selling(""), "8", vec![]),
            (regular("8 EUR", "", ""), "8", vec![Note::ListPrice]),
            (regular("8 EUR", "2026-06-01", "2026-06-02"), "8", vec![Note::ListPrice]),
            (regular("8 EUR", "2026-06-03", ""), "10", vec![future]),
            (regular("8 EUR", "", "2026-06-01"), "10", vec![]),
            (regular("12 EUR", "", ""), "10", vec![]),
            (reduced(Discount::Percent("15".into())), "8.49", vec![Note::ListPrice]),
            (reduced(Discount::Amount("1.50".into())), "8.49", vec![Note::ListPrice]),
            (reduced(Discount::Amount("0".into())), "9.99", vec![]),
        ] {
            let (body, told) = drawn(&priced(prices.clone()), &terms());
            assert_eq!((body["price"].as_str(), told), (Some(price), notes), "{prices:?}");
        }
        let ignoring = Terms { ignores_sales: true, ..terms() };
        for prices in [selling("10"), regular("8 EUR", "", "")] {
            assert_eq!(drawn(&priced(prices), &ignoring).0["price"], "10");
        }
        let two =
            Prices::Regular { price: "10 EUR".into(), sale: "8 USD".into(), dates: SaleDates::default() };
        assert!(priced(two).draw(&terms()).is_err());
    }

    #[test]
    fn empty_texts_are_no_members_and_what_no_product_can_have_is_left_out_and_noted() {
        let mut listing = priced(Prices::None);
        listing.name = "  A\n cap ".into();
        listing.category = format!("{}, x", "c".repeat(199));
        listing.sku = "s".repeat(65);
        listing.attributes = vec![
            ("k".repeat(129), "v".into()),
            ("long".into(), "v".repeat(2_001)),
            ("empty".into(), " ".into()),
            ("a".into(), "1".into()),
            ("a".into(), "2".into()),
        ];
        let (body, notes) = drawn(&listing, &terms());
        let whole =
            json!({"command": "put", "name": "A cap", "category": "c".repeat(199), "attributes": {"a": "1"}});
        assert_eq!((body, notes.len()), (whole, 3));
        listing.attributes = (0..60).map(|n| (format!("k{n:02}"), "v".into())).collect();
        let (body, notes) = drawn(&listing, &terms());
        assert_eq!((body["attributes"].as_object().unwrap().len(), notes.len()), (50, 2));
    }
}
