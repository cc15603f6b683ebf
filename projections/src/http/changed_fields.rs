//! The fields that an event changed, for tables. A new event does not compile until it is taken apart here.

use schema::event::ProductCreated;
use schema::{ProductEvent, upcast};
use serde_json::Value;

/// A field with the value before and after the event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct ChangedField {
    /// Its name; an attribute is `attributes.` and its key.
    pub(super) field: String,
    /// The value before; empty if there was none.
    pub(super) from: String,
    /// The value after; empty if there is none.
    pub(super) to: String,
    /// The currency of a price.
    pub(super) currency: String,
}

/// The changed fields of a stored event; none of an event without fields, or of a later build.
pub(super) fn of(event: &Value) -> Vec<ChangedField> {
    match upcast::event(&event["type"], &event["schema_version"], &event["data"]) {
        Ok(event) => known(&event),
        Err(_) => Vec::new(),
    }
}

fn known(event: &ProductEvent) -> Vec<ChangedField> {
    match event {
        ProductEvent::ProductCreated(created) => creation(created),
        ProductEvent::ProductRenamed(renamed) => {
            vec![changed("name", Some(&renamed.previous_name), Some(&renamed.name))]
        }
        ProductEvent::ProductPriceChanged(event) => {
            let (before, after) = (event.previous_currency.to_string(), event.money.currency().to_string());
            let mut fields =
                vec![price(&event.previous_price.to_string(), &event.money.price().to_string(), &after)];
            if before != after {
                fields.push(changed("currency", Some(&before), Some(&after)));
            }
            fields
        }
        ProductEvent::ProductPriceRecorded(recorded) => {
            let money = recorded.money;
            vec![price("", &money.price().to_string(), &money.currency().to_string())]
        }
        ProductEvent::ProductDetailsChanged(details) => {
            details.fields().iter().map(|one| changed(&one.field, one.from, one.to)).collect()
        }
        ProductEvent::ProductDeleted(_) | ProductEvent::ProductRestored(_) => Vec::new(),
    }
}

fn creation(created: &ProductCreated) -> Vec<ChangedField> {
    let (money, details) = (created.money, &created.details);
    let mut fields = vec![
        changed("name", None, Some(&created.name)),
        price("", &money.price().to_string(), &money.currency().to_string()),
    ];
    for (name, value) in
        [("sku", &details.sku), ("category", &details.category), ("description", &details.description)]
    {
        fields.extend(value.as_deref().map(|value| changed(name, None, Some(value))));
    }
    let attributes = details.attributes.iter().flatten();
    fields.extend(attributes.map(|(key, value)| changed(&format!("attributes.{key}"), None, Some(value))));
    fields
}

fn changed(field: &str, from: Option<&str>, to: Option<&str>) -> ChangedField {
    let [from, to] = [from, to].map(|value| value.unwrap_or_default().to_owned());
    ChangedField { field: field.to_owned(), from, to, currency: String::new() }
}

fn price(from: &str, to: &str, currency: &str) -> ChangedField {
    ChangedField { currency: currency.to_owned(), ..changed("price", Some(from), Some(to)) }
}

#[cfg(test)]
mod tests {
    use schema::fixtures;

    use super::*;

    #[test]
    fn every_event_is_taken_apart_into_its_fields() {
        let fields = |event: &ProductEvent| -> Vec<[String; 4]> {
            known(event)
                .into_iter()
                .map(|field| [field.field, field.from, field.to, field.currency])
                .collect()
        };
        let told: Vec<Vec<[String; 4]>> = fixtures::every_event().iter().map(fields).collect();
        let expected: [&[[&str; 4]]; 7] = [
            &[
                ["name", "", "Sport-100 Helmet, Red", ""],
                ["price", "", "33.6442", "USD"],
                ["sku", "", "HL-U509-R", ""],
                ["category", "", "Accessories / Helmets", ""],
                ["attributes.color", "", "Red", ""],
            ],
            &[["name", "Sport-100 Helmet, Red", "Sport-100, Red", ""]],
            &[["price", "33.6442", "34.99", "USD"]],
            &[
                ["category", "Accessories / Helmets", "", ""],
                ["description", "", "Universal fit, well-vented.", ""],
            ],
            &[],
            &[],
            &[["price", "", "29.99", "USD"]],
        ];
        assert_eq!(told, expected);
    }

    #[test]
    fn a_change_of_currency_is_a_field_of_its_own() {
        let ProductEvent::ProductPriceChanged(event) = fixtures::helmet_price_changed() else {
            unreachable!()
        };
        let event = schema::event::ProductPriceChanged { money: fixtures::money("31", "EUR"), ..event };
        let fields = known(&ProductEvent::ProductPriceChanged(event));
        assert_eq!(fields[0], price("33.6442", "31.00", "EUR"));
        assert_eq!(fields[1], changed("currency", Some("USD"), Some("EUR")));
    }
}
