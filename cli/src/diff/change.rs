//! What differs between two states of a product.

use std::collections::BTreeMap;
use std::fmt;

use schema::Price;
use serde_json::{Map, Value, json};

/// The optional fields, which are compared in the catalogues as recorded.
const DETAILS: [&str; 4] = ["sku", "category", "description", "attributes"];

/// A difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ProductChange {
    /// It was not in the first catalogue; its price in the second one.
    New(Value),
    /// It is not in the second catalogue; its price in the first one.
    Removed(Value),
    /// Its price is higher.
    Dearer(Value, Value),
    /// Its price is lower.
    Cheaper(Value, Value),
    /// Its price is in another currency.
    Currency(Value, Value),
    /// It has another name.
    Renamed(Value, Value),
    /// Another field differs: those that do, before and after.
    Details(Value, Value),
}

use ProductChange::{Cheaper, Currency, Dearer, Details, New, Removed, Renamed};

/// What differs; nothing if the product is the same in both catalogues. `whole`: name and details are compared too.
pub(super) fn changes(was: Option<&Value>, is: Option<&Value>, whole: bool) -> Vec<ProductChange> {
    let (was, is) = match (was, is) {
        (Some(was), Some(is)) => (was, is),
        (None, Some(is)) => return vec![New(money(is))],
        (Some(was), None) => return vec![Removed(money(was))],
        (None, None) => return Vec::new(),
    };
    let mut changes = Vec::from_iter(priced(was, is));
    if whole {
        if was["name"] != is["name"] {
            changes.push(Renamed(was["name"].clone(), is["name"].clone()));
        }
        let differs = |name: &&&str| was[**name] != is[**name];
        let of = |product: &Value| -> Value {
            let fields = DETAILS.iter().filter(differs);
            fields.map(|name| ((*name).to_owned(), product[*name].clone())).collect::<Map<_, _>>().into()
        };
        if DETAILS.iter().any(|name| differs(&name)) {
            changes.push(Details(of(was), of(is)));
        }
    }
    changes
}

fn priced(was: &Value, is: &Value) -> Option<ProductChange> {
    let (before, after) = (money(was), money(is));
    if was["currency"] != is["currency"] {
        return Some(Currency(before, after));
    }
    let amount = |product: &Value| product["price"].as_str().and_then(|price| Price::parse_given(price).ok());
    match amount(was).cmp(&amount(is)) {
        std::cmp::Ordering::Less => Some(Dearer(before, after)),
        std::cmp::Ordering::Greater => Some(Cheaper(before, after)),
        std::cmp::Ordering::Equal => None,
    }
}

fn money(product: &Value) -> Value {
    json!({"price": product["price"], "currency": product["currency"]})
}

impl ProductChange {
    /// Its name in JSON and CSV.
    pub(super) fn name(&self) -> &'static str {
        match self {
            New(_) => "new",
            Removed(_) => "removed",
            Dearer(..) => "dearer",
            Cheaper(..) => "cheaper",
            Currency(..) => "currency",
            Renamed(..) => "renamed",
            Details(..) => "details",
        }
    }

    /// What there was.
    pub(super) fn from(&self) -> Value {
        match self {
            New(_) => Value::Null,
            Removed(was)
            | Dearer(was, _)
            | Cheaper(was, _)
            | Currency(was, _)
            | Renamed(was, _)
            | Details(was, _) => was.clone(),
        }
    }

    /// What there is.
    pub(super) fn to(&self) -> Value {
        match self {
            Removed(_) => Value::Null,
            New(is) | Dearer(_, is) | Cheaper(_, is) | Currency(_, is) | Renamed(_, is) | Details(_, is) => {
                is.clone()
            }
        }
    }
}

impl fmt::Display for ProductChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let price = |money: &Value| format!("{} {}", text(&money["price"]), text(&money["currency"]));
        match self {
            New(is) => write!(f, "new: {}", price(is)),
            Removed(was) => write!(f, "removed: {}", price(was)),
            Dearer(was, is) | Cheaper(was, is) => {
                write!(f, "{}: {} → {}", self.name(), text(&was["price"]), price(is))
            }
            Currency(was, is) => write!(f, "currency: {} → {}", price(was), price(is)),
            Renamed(was, is) => write!(f, "renamed: {} → {}", text(was), text(is)),
            Details(was, _) => {
                let names: Vec<&str> =
                    was.as_object().into_iter().flat_map(Map::keys).map(String::as_str).collect();
                write!(f, "details: {}", names.join(", "))
            }
        }
    }
}

/// How many products changed in which way, and how many did not.
#[derive(Debug, Default)]
pub(super) struct ChangeCounts(BTreeMap<&'static str, u64>);

/// All names, in the order in which they are told.
const NAMES: [&str; 8] = ["new", "removed", "dearer", "cheaper", "currency", "renamed", "details", "same"];

impl ChangeCounts {
    pub(super) fn add(&mut self, changes: &[ProductChange]) {
        if changes.is_empty() {
            *self.0.entry("same").or_default() += 1;
        }
        for change in changes {
            *self.0.entry(change.name()).or_default() += 1;
        }
    }

    pub(super) fn to_json(&self) -> Value {
        let count = |name: &str| self.0.get(name).copied().unwrap_or_default();
        NAMES.iter().map(|name| ((*name).to_owned(), json!(count(name)))).collect::<Map<_, _>>().into()
    }
}

impl fmt::Display for ChangeCounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |name: &&str| {
            Some(format!(
                "{} {}",
                self.0.get(name)?,
                match *name {
                    "currency" => "in another currency",
                    "details" => "with other details",
                    "same" => "the same",
                    other => other,
                }
            ))
        };
        let told: Vec<String> = NAMES.iter().filter_map(told).collect();
        if told.is_empty() { f.write_str("no products") } else { f.write_str(&told.join(", ")) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn product(price: &str, currency: &str, name: &str) -> Value {
        json!({"id": "p", "name": name, "price": price, "currency": currency})
    }

    fn told(was: Option<&Value>, is: Option<&Value>, whole: bool) -> Vec<String> {
        changes(was, is, whole).iter().map(ToString::to_string).collect()
    }

    #[test]
    fn prices_are_compared_as_numbers_and_only_in_one_currency() {
        let nine = product("9.00", "USD", "n");
        for (other, expected) in [
            (product("10.00", "USD", "n"), "dearer: 9.00 → 10.00 USD"),
            (product("8.9999", "USD", "n"), "cheaper: 9.00 → 8.9999 USD"),
            (product("9.00", "EUR", "n"), "currency: 9.00 USD → 9.00 EUR"),
        ] {
            assert_eq!(told(Some(&nine), Some(&other), false), [expected]);
        }
        assert_eq!(told(Some(&nine), Some(&nine), true), [""; 0]);
        assert_eq!(told(None, Some(&nine), false), ["new: 9.00 USD"]);
        assert_eq!(told(Some(&nine), None, false), ["removed: 9.00 USD"]);
    }

    #[test]
    fn names_and_details_are_compared_where_they_are_of_the_time() {
        let was = json!({"id": "p", "name": "a", "price": "1.00", "currency": "USD", "sku": "x"});
        let is =
            json!({"id": "p", "name": "b", "price": "2.00", "currency": "USD", "attributes": {"k": "v"}});
        assert_eq!(told(Some(&was), Some(&is), false), ["dearer: 1.00 → 2.00 USD"]);
        assert_eq!(
            told(Some(&was), Some(&is), true),
            ["dearer: 1.00 → 2.00 USD", "renamed: a → b", "details: attributes, sku"]
        );
        let details = changes(Some(&was), Some(&is), true).pop().unwrap();
        assert_eq!(details.from(), json!({"sku": "x", "attributes": null}));
        assert_eq!(details.to(), json!({"sku": null, "attributes": {"k": "v"}}));
    }

    #[test]
    fn every_product_is_counted_also_those_that_are_the_same() {
        let (one, two) = (product("1", "USD", "n"), product("2", "USD", "n"));
        let mut counts = ChangeCounts::default();
        assert_eq!(counts.to_string(), "no products");
        for (was, is) in [(Some(&one), Some(&two)), (Some(&one), Some(&one)), (Some(&one), Some(&one))] {
            counts.add(&changes(was, is, true));
        }
        assert_eq!(counts.to_string(), "1 dearer, 2 the same");
        assert_eq!(counts.to_json()["new"], 0);
    }
}
