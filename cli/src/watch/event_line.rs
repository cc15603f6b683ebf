//! An event of the bus as a line for people: when it was recorded, its type, its product, and what changed.

use console::style;
use schema::upcast;
use serde_json::Value;

use crate::history::changes;
use crate::text_table::{escaped, moment, shortened};

/// The longest name of a type.
const TYPE: usize = 23;

/// The line of an event with its type and its content; of one that is no entry of the bus, its content.
pub(super) fn of(event: &str, data: &str) -> String {
    let Ok(entry) = serde_json::from_str::<Value>(data) else {
        return escaped(&format!("{event} {}", shortened(data)));
    };
    let metadata = &entry["detail"]["metadata"];
    let name = escaped(metadata["event_name"].as_str().unwrap_or(event));
    let product = escaped(metadata["product_id"].as_str().unwrap_or("-"));
    let replayed =
        if metadata["replay"].is_object() { style("  (replay)").dim().to_string() } else { String::new() };
    format!(
        "{}  {}{}  {}  {}{replayed}",
        moment(metadata["created_at"].as_str()),
        style(&name).bold(),
        " ".repeat(TYPE.saturating_sub(name.len())),
        style(product).cyan(),
        what(&name, metadata, &entry["detail"]["data"])
    )
}

/// What changed, on one line; of an event of a later build, its content.
fn what(name: &str, metadata: &Value, data: &Value) -> String {
    let mut data = data.clone();
    if let Some(fields) = data.as_object_mut() {
        fields.remove("product");
        fields.remove("product_omitted");
    }
    let version =
        metadata["event_version"].as_str().and_then(|version| version.strip_prefix('v')?.parse::<u64>().ok());
    match upcast::event(&stored_name(name).into(), &version.into(), &data) {
        Ok(event) => changes::known(&event, false).replace('\n', "; "),
        Err(_) => escaped(&shortened(&data.to_string())),
    }
}

/// `PRODUCT_PRICE_CHANGED` as `ProductPriceChanged`.
fn stored_name(name: &str) -> String {
    let words = name.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().into_iter().chain(letters.as_str().to_lowercase().chars()).collect::<String>()
    });
    words.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn line(name: &str, metadata: &Value, data: &Value) -> String {
        let mut all = json!({"event_name": name, "product_id": "helmet", "created_at": "2026-11-23T05:20:00.001Z",
            "event_version": "v1"});
        all.as_object_mut().unwrap().extend(metadata.as_object().unwrap().clone());
        let data = json!({"detail-type": name, "detail": {"metadata": all, "data": data}}).to_string();
        console::strip_ansi_codes(&of(name, &data)).into_owned()
    }

    #[test]
    fn a_line_has_time_type_product_and_change() {
        let price = json!({"price": "34.99", "currency": "USD", "previous_price": "33.6442", "previous_currency": "USD",
            "product": {"id": "helmet"}});
        assert_eq!(
            line("PRODUCT_PRICE_CHANGED", &json!({}), &price),
            "2026-11-23 05:20:00  PRODUCT_PRICE_CHANGED    helmet  price: 33.6442 USD → 34.99 USD"
        );
        let created =
            json!({"name": "a\u{1b}", "price": "1.00", "currency": "USD", "sku": "s", "product": {}});
        assert_eq!(
            line("PRODUCT_CREATED", &json!({"replay": {"id": "r"}}), &created),
            "2026-11-23 05:20:00  PRODUCT_CREATED          helmet  created: a\\u{1b}, 1.00 USD; sku: s  (replay)"
        );
    }

    #[test]
    fn what_a_later_build_or_another_server_sends_is_shown_as_it_is_and_steers_no_terminal() {
        let painted = line("PRODUCT_PAINTED", &json!({}), &json!({"colour": "\u{9b}2J", "product": {}}));
        assert_eq!(
            painted,
            "2026-11-23 05:20:00  PRODUCT_PAINTED          helmet  {\"colour\":\"\\u{9b}2J\"}"
        );
        let newer = line("PRODUCT_RENAMED", &json!({"event_version": "v9"}), &json!({"title": "b"}));
        assert!(newer.ends_with("{\"title\":\"b\"}"), "{newer}");
        assert_eq!(of("x", "\u{1b}[2J"), "x \\u{1b}[2J");
    }

    #[test]
    fn every_event_of_this_build_is_described() {
        use schema::fixtures::every_event;
        for event in every_event() {
            let data = serde_json::to_value(&event).unwrap()["data"].clone();
            let name = schema::message::event_name(&event);
            let told = line(name, &json!({}), &data);
            assert!(!told.contains('{'), "{told}");
            assert!(name.len() <= TYPE);
        }
    }
}
