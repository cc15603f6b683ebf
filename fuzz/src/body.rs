//! The body of a command. Properties: the response is a problem or a receipt; the recorded product is the one that was sent,
//! with its price to the last digit; repeating the command changes nothing.

use std::collections::BTreeMap;

use axum::http::{Request, StatusCode};
use serde_json::Value;
use serde_json::value::RawValue;

use crate::routes::{TestResponse, TestRoutes, id, json};

/// The first byte selects the command; the rest is its body.
pub fn check(data: &[u8]) -> bool {
    let Some((verb, body)) = data.split_first() else {
        return false;
    };
    let routes = TestRoutes::of_commands();
    let command = |routes: &TestRoutes| send(routes, *verb, body);
    let answer = command(&routes);
    if answer.status.is_success() {
        let product = id(answer.json["product_id"].as_str().unwrap());
        let state = routes.commits(&product).pop().unwrap().0["state"].clone();
        assert_eq!(answer.headers["etag"], format!("\"{}\"", state["version"]));
        is_what_was_written(&state, body);
        if command_of(*verb) != 0 && !deletes_first(*verb) && !names_a_state(body) {
            let again = command(&routes);
            assert_eq!(again.status, StatusCode::OK);
            assert_eq!(again.json["events"], Value::Array(Vec::new()), "{}", again.json);
        }
    } else if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
        assert!(!answer.json["errors"].as_array().unwrap().is_empty());
        assert_eq!(routes.journal.len(), if deletes_first(*verb) { 2 } else { 1 });
    }
    answer.status.is_success()
}

fn send(routes: &TestRoutes, verb: u8, body: &[u8]) -> TestResponse {
    let request = match command_of(verb) {
        0 => Request::post("/products"),
        1 => Request::put("/products/q"),
        2 => Request::put("/products/p"),
        3 => Request::patch("/products/p"),
        4 => Request::delete("/products/p"),
        _ => {
            let deleted = routes.send(Request::delete("/products/p"), "");
            assert_eq!(deleted.status, StatusCode::OK);
            Request::post("/products/p/restore")
        }
    };
    routes.send(json(request), body.to_vec())
}

/// Whether the product is deleted before the command, so that repeating the command is a change.
fn deletes_first(verb: u8) -> bool {
    command_of(verb) == 5
}

/// Whether the body says which state of the product the client read, which is another one afterwards.
fn names_a_state(body: &[u8]) -> bool {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_slice(body).unwrap_or_default();
    ["version", "updated_at", "price_occurred_at"].iter().any(|name| members.contains_key(*name))
}

/// The seeds begin with a digit, so that a further command leaves theirs as they are.
fn command_of(verb: u8) -> u8 {
    verb.wrapping_sub(b'0') % 6
}

/// The recorded name and price are those of the body.
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

/// A price without trailing zeros.
fn significant(price: &str) -> &str {
    if price.contains('.') { price.trim_end_matches('0').trim_end_matches('.') } else { price }
}
