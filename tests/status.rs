//! `GET /status`: what the server says of the ledger and of itself.

use std::time::Duration;

use serde_json::{Value, json};

use crate::scenario::{Ledger, on_dynamodb};

#[tokio::test]
async fn the_status_tells_what_the_ledger_has_and_what_waits() {
    let ledger = Ledger::start();
    let (_, empty) = ledger.get("/status").await;
    assert_eq!(empty["parked"], json!([]));
    for id in ["a", "b", "c"] {
        ledger.send("PUT", &format!("/products/{id}"), r#"{"name":"n","price":"1"}"#).await;
    }
    ledger.send("DELETE", "/products/c", "").await;
    ledger.send("PATCH", "/products/a", r#"{"name":"n"}"#).await;
    let settled = |status: &Value| {
        let lags = [&status["views"]["products"], &status["views"]["prices"], &status["bus"]];
        lags.iter().all(|lag| lag["lag_ms"].is_u64())
            && (on_dynamodb() || lags.iter().all(|lag| lag["oldest_behind_ms"] == 0))
    };
    let status = ledger.until("/status", |_, status| settled(status)).await;
    let commands = &status["commands"];
    assert_eq!(
        (&commands["recorded"], &commands["without_effect"], &commands["refused"]),
        (&json!(4), &json!(1), &json!({}))
    );
    // Of six requests; the slowest of ten may be beyond every bucket.
    assert!(commands["p90_ms"].as_f64() > Some(0.0), "{commands}");
    // The request for the status is one.
    let load = &status["load"];
    assert_eq!(load["requests"], json!({"open": 1, "most": 128}), "{load}");
    assert_eq!(
        (&load["streams"], &load["page_streams"]),
        (&json!({"open": 0, "most": 64}), &json!({"open": 0, "most": 64}))
    );
    assert_eq!((&load["turned_away"], load["throttled"].is_u64()), (&json!(0), on_dynamodb()));
    assert_eq!((&status["tampering"], &status["refused"]), (&json!(0), &json!([])));
    assert_eq!(status["build"]["version"], env!("CARGO_PKG_VERSION"));
    if on_dynamodb() {
        for unknown in ["commits", "first_recorded_at", "newest_recorded_at", "products", "log"] {
            assert_eq!(status[unknown], Value::Null, "{unknown}");
        }
        return;
    }
    let first = ledger.history("a").await[0]["recorded_at"].clone();
    let newest = ledger.history("c").await[1]["recorded_at"].clone();
    assert_eq!(
        (&status["commits"], &status["first_recorded_at"], &status["newest_recorded_at"]),
        (&json!(4), &first, &newest)
    );
    // They were counted when the ledger was empty, and are not counted again within a minute.
    assert_eq!(status["products"], empty["products"]);
    assert_eq!((&empty["products"]["active"], &empty["commits"]), (&json!(0), &json!(0)));
    let logged = |status: &Value| status["log"]["size"] == 4;
    let status = ledger.until("/status", |_, status| logged(status)).await;
    let log = &status["log"];
    assert_eq!(
        (&log["unlogged"], &log["oldest_unlogged_ms"], &log["witnesses"]),
        (&json!(0), &json!(0), &json!([]))
    );
    assert!(log["signed_at"].as_str() >= newest.as_str(), "{log}");
}

#[tokio::test]
async fn products_are_counted_by_the_first_who_asks() {
    let ledger = Ledger::start();
    for id in ["a", "b", "c"] {
        ledger.send("PUT", &format!("/products/{id}"), r#"{"name":"n","price":"1"}"#).await;
    }
    ledger.send("DELETE", "/products/c", "").await;
    while !ledger.operate(&["reconcile"]).status.success() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (_, status) = ledger.get("/status").await;
    if on_dynamodb() {
        assert_eq!(status["products"], Value::Null, "counting would read all of them");
        return;
    }
    let products = &status["products"];
    assert_eq!((&products["active"], &products["deleted"]), (&json!(2), &json!(1)));
    assert!(products["counted_at"].is_string());
}

#[tokio::test]
async fn the_status_tells_the_last_problems_and_no_secret() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/a", r#"{"name":"","price":"1"}"#).await;
    let answer =
        ledger.http.get(format!("{}/products/nothing", ledger.url)).header("x-correlation-id", "order-7");
    assert_eq!(answer.send().await.unwrap().status(), 404);
    let (_, status) = ledger.get("/status").await;
    let refused = status["refused"].as_array().unwrap();
    let told: Vec<_> =
        refused.iter().map(|one| (&one["method"], &one["route"], &one["status"], &one["kind"])).collect();
    let json = [
        json!("GET"),
        json!("PUT"),
        json!("/products/{id}"),
        json!(404),
        json!(422),
        json!("product-not-found"),
        json!("invalid"),
    ];
    assert_eq!(told, [(&json[0], &json[2], &json[3], &json[5]), (&json[1], &json[2], &json[4], &json[6])]);
    assert_eq!(refused[0]["correlation_id"], "order-7");
    assert_eq!(refused[1]["errors"][0]["pointer"], "/name");
    assert_eq!(status["commands"]["refused"], serde_json::json!({"invalid": 1}));
    let setting = |name: &str| {
        let settings = status["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["name"] == name).unwrap_or_else(|| panic!("{name}")).clone()
    };
    assert_eq!(
        setting("--max-streams"),
        serde_json::json!({"name": "--max-streams", "value": "64", "from": "default"})
    );
    assert_eq!(setting("--listen")["from"], "flag");
    assert_eq!(setting("LEDGER_DEFAULT_CURRENCY")["value"], "USD");
}
