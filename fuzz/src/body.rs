//! A command's body. Promised: a problem or a receipt; the recorded product is the one that was written, its price to the
//! last digit; the same command again changes nothing.

use std::collections::BTreeMap;

use axum::http::{Request, StatusCode};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::front::{Answer, Front, id, json};

/// The first byte chooses the command, the others are its body.
pub fn check(data: &[u8]) -> bool {
    let Some((verb, body)) = data.split_first() else {
        return false;
    };
    let front = Front::of_commands();
    let command = |front: &Front| send(front, *verb, body);
    let answer = command(&front);
    if answer.status.is_success() {
        let product = id(answer.json["product_id"].as_str().unwrap());
        let state = front.commits(&product).pop().unwrap().0["state"].clone();
        assert_eq!(answer.headers["etag"], format!("\"{}\"", state["version"]));
        is_what_was_written(&state, body);
        if verb % 6 != 0 && !deletes_first(*verb) {
            let again = command(&front);
            assert_eq!(again.status, StatusCode::OK);
            assert_eq!(again.json["events"], Value::Array(Vec::new()), "{}", again.json);
        }
    } else if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
        assert!(!answer.json["errors"].as_array().unwrap().is_empty());
        assert_eq!(front.journal.len(), if deletes_first(*verb) { 2 } else { 1 });
    }
    answer.status.is_success()
}

fn send(front: &Front, verb: u8, body: &[u8]) -> Answer {
    let request = match verb % 6 {
        0 => Request::post("/products"),
        1 => Request::put("/products/q"),
        2 => Request::put("/products/p"),
        3 => Request::patch("/products/p"),
        4 => Request::delete("/products/p"),
        _ => {
            let deleted = front.send(Request::delete("/products/p"), "");
            assert_eq!(deleted.status, StatusCode::OK);
            Request::post("/products/p/restore")
        }
    };
    front.send(json(request), body.to_vec())
}

/// A restore is sent to a product that was deleted, which makes its repetition a change.
fn deletes_first(verb: u8) -> bool {
    verb % 6 == 5
}

/// What the body says of name and price is what was recorded.
fn is_what_was_written(state: &Value, body: &[u8]) {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body).unwrap_or_default();
    let text = |raw: &RawValue| serde_json::from_str::<String>(raw.get()).ok();
    if let Some(price) = members.get("price") {
        let written = text(price).unwrap_or_else(|| price.get().to_owned());
        assert_eq!(significant(state["price"].as_str().unwrap()), significant(&written));
    }
    if let Some(name) = members.get("name") {
        assert_eq!(state["name"].as_str().unwrap(), text(name).unwrap().trim());
    }
}

/// A price without the zeros that mean nothing.
fn significant(price: &str) -> &str {
    if price.contains('.') { price.trim_end_matches('0').trim_end_matches('.') } else { price }
}
