//! Describes the changes of an event for people. A new event does not compile until it is described here.

use console::style;
use schema::event::{ProductCreated, ProductDetailsChanged};
use schema::{ProductEvent, StoredCommit, upcast};
use serde_json::Value;

use crate::text_table::{added, escaped, moment, removed, shortened};

/// One text for each event of a commit, including events of a later build. Long texts lose their end unless they are shown in
/// `full`.
pub(crate) fn describe(commit: &StoredCommit, full: bool) -> Vec<String> {
    let events = commit.0.get("events").and_then(Value::as_array);
    let told = |event: &Value| {
        if let Ok(event) = upcast::event(&event["type"], &event["schema_version"], &event["data"]) {
            return known(&event, full);
        }
        let name = event["type"].as_str().unwrap_or("unknown event");
        let data = event["data"].to_string();
        escaped(&format!("{name} version {}: {}", event["schema_version"], shown(&data, full)))
    };
    events.into_iter().flatten().map(told).collect()
}

/// The text, or its beginning.
fn shown(text: &str, full: bool) -> String {
    if full { text.to_owned() } else { shortened(text).into_owned() }
}

pub(crate) fn known(event: &ProductEvent, full: bool) -> String {
    match event {
        ProductEvent::ProductCreated(created) => creation(created, full),
        ProductEvent::ProductRenamed(renamed) => {
            change("name", Some(&renamed.previous_name), Some(&renamed.name), full)
        }
        ProductEvent::ProductPriceChanged(changed) => {
            let before = format!("{} {}", changed.previous_price, changed.previous_currency);
            let after = format!("{} {}", changed.money.price(), changed.money.currency());
            change("price", Some(&before), Some(&after), full)
        }
        ProductEvent::ProductPriceRecorded(recorded) => {
            let price = format!("{} {}", recorded.money.price(), recorded.money.currency());
            format!("price from {}: {}", moment(Some(&recorded.from.to_string())), added(&price))
        }
        ProductEvent::ProductDetailsChanged(changed) => details(changed, full),
        ProductEvent::ProductDeleted(_) => style("deleted").red().to_string(),
        ProductEvent::ProductRestored(_) => style("restored").green().to_string(),
    }
}

fn creation(created: &ProductCreated, full: bool) -> String {
    let price = format!("{} {}", created.money.price(), created.money.currency());
    let mut lines = vec![format!("{}: {}, {price}", style("created").green(), escaped(&created.name))];
    let details = &created.details;
    let texts =
        [("sku", &details.sku), ("category", &details.category), ("description", &details.description)];
    for (name, value) in texts {
        lines.extend(value.as_ref().map(|value| format!("{name}: {}", escaped(&shown(value, full)))));
    }
    for (key, value) in details.attributes.iter().flatten() {
        lines.push(format!("attributes.{}: {}", escaped(key), escaped(&shown(value, full))));
    }
    lines.join("\n")
}

fn details(event: &ProductDetailsChanged, full: bool) -> String {
    let told = event.fields().into_iter().map(|one| change(&escaped(&one.field), one.from, one.to, full));
    told.collect::<Vec<_>>().join("\n")
}

fn change(name: &str, before: Option<&str>, after: Option<&str>, full: bool) -> String {
    let value = |text: Option<&str>| shown(text.unwrap_or("(none)"), full);
    format!("{name}: {} → {}", removed(&value(before)), added(&value(after)))
}

#[cfg(test)]
mod tests {
    use schema::{DetailsChange, fixtures};

    use super::*;

    #[test]
    fn every_event_is_described_with_old_and_new_values() {
        let told: Vec<String> = fixtures::every_event()
            .iter()
            .map(|event| console::strip_ansi_codes(&known(event, false)).into_owned())
            .collect();
        assert_eq!(
            told,
            [
                "created: Sport-100 Helmet, Red, 33.6442 USD\nsku: HL-U509-R\ncategory: Accessories / Helmets\n\
                 attributes.color: Red",
                "name: Sport-100 Helmet, Red → Sport-100, Red",
                "price: 33.6442 USD → 34.99 USD",
                "category: Accessories / Helmets → (none)\ndescription: (none) → Universal fit, well-vented.",
                "deleted",
                "restored",
                "price from 2025-10-01 00:00:00: 29.99 USD",
            ]
        );
    }

    #[test]
    fn attributes_are_compared_pair_by_pair() {
        let pairs = |pairs: &[(&str, &str)]| {
            let pairs = pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
            DetailsChange { attributes: Some(Some(pairs.collect())), ..DetailsChange::default() }
        };
        let event = ProductDetailsChanged {
            previous: pairs(&[("a", "1"), ("b", "2"), ("c", "3")]),
            changed: pairs(&[("a", "1"), ("c", "4"), ("d", "5")]),
        };
        let lines = details(&event, false);
        let told: Vec<_> = lines.lines().map(|line| console::strip_ansi_codes(line).into_owned()).collect();
        assert_eq!(told, ["attributes.b: 2 → (none)", "attributes.c: 3 → 4", "attributes.d: (none) → 5"]);
    }

    #[test]
    fn a_long_text_is_shortened_unless_all_of_it_is_asked_for() {
        let long = "long ".repeat(800);
        let told =
            |full| console::strip_ansi_codes(&change("description", None, Some(&long), full)).into_owned();
        assert!(told(false).len() < 300 && told(false).ends_with('…'), "{}", told(false));
        assert!(told(true).ends_with(&long), "{}", told(true));
    }
}
