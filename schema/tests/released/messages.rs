//! Whether subscribers that rely on one `AsyncAPI` document can go on with another one.

use serde_json::{Map, Value, json};

use super::within::{self, Node, Use};

/// What they would lose.
pub fn broken(released: &Value, now: &Value) -> Vec<String> {
    let mut faults = Vec::new();
    for (key, message) in members(&released["components"]["messages"]) {
        let newer = &now["components"]["messages"][key];
        if newer.is_null() {
            faults.push(format!("message {key}: was removed"));
            continue;
        }
        let (old, new) = (
            Node { schema: &message["payload"], root: released },
            Node { schema: &newer["payload"], root: now },
        );
        faults.extend(within::broken(old, new, Use::Received, &format!("message {key}")));
        same(message, newer, &["name", "contentType", "x-eventbridge"], key, &mut faults);
    }
    for (key, channel) in members(&released["channels"]) {
        same(channel, &now["channels"][key], &["address"], key, &mut faults);
        offers(&channel["messages"], &now["channels"][key]["messages"], key, &mut faults);
    }
    for (key, operation) in members(&released["operations"]) {
        same(operation, &now["operations"][key], &["action", "channel", "x-eventbridge"], key, &mut faults);
    }
    faults
}

fn members(object: &Value) -> impl Iterator<Item = (&String, &Value)> {
    object.as_object().into_iter().flat_map(Map::iter)
}

fn same(released: &Value, now: &Value, names: &[&str], place: &str, faults: &mut Vec<String>) {
    for name in names.iter().filter(|name| now.get(**name) != released.get(**name)) {
        faults.push(format!("{place}: {name} was {}", released[*name]));
    }
}

fn offers(released: &Value, now: &Value, place: &str, faults: &mut Vec<String>) {
    let gone = members(released).filter(|(key, _)| now.get(key).is_none());
    faults.extend(gone.map(|(key, _)| format!("{place}: no longer has {key}")));
}

fn document() -> Value {
    json!({
        "channels": {"products": {"address": null, "messages": {"A.v1": {"$ref": "#/components/messages/A.v1"}}}},
        "operations": {"publish": {"action": "send", "channel": {"$ref": "#/channels/products"}}},
        "components": {
            "messages": {"A.v1": {"name": "A", "contentType": "application/json", "payload": {"$ref": "#/components/schemas/A.v1"}}},
            "schemas": {"A.v1": {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}}
        }
    })
}

#[test]
fn what_subscribers_would_lose_is_named() {
    let cases: [(&str, Value); 7] = [
        ("/components/messages", json!({})),
        ("/components/messages/A.v1/name", json!("B")),
        ("/components/schemas/A.v1/required", json!([])),
        ("/components/schemas/A.v1/properties/a/type", json!("integer")),
        ("/channels/products/messages", json!({})),
        ("/channels/products/address", json!("elsewhere")),
        ("/operations/publish/action", json!("receive")),
    ];
    for (place, value) in cases {
        let mut now = document();
        *now.pointer_mut(place).unwrap() = value;
        assert_ne!(broken(&document(), &now), Vec::<String>::new(), "{place}");
    }
}

#[test]
fn a_further_message_breaks_nobody() {
    let mut now = document();
    now["components"]["messages"]["B.v1"] = now["components"]["messages"]["A.v1"].clone();
    now["channels"]["products"]["messages"]["B.v1"] = json!({"$ref": "#/components/messages/B.v1"});
    assert_eq!(broken(&document(), &now), Vec::<String>::new());
}
