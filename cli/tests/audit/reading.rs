//! `ledger show`, `history` and `prices` against a server that answers as the query API does.

use std::process::Stdio;

use axum::extract::{Path, Query};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::HashMap;

use super::given::{Ran, lives, program, ran};

type Asked = Query<HashMap<String, String>>;

async fn product(
    Path(id): Path<String>,
    Query(asked): Asked,
    headers: HeaderMap,
) -> (StatusCode, Json<Value>) {
    if id == "bad" {
        return (StatusCode::BAD_REQUEST, Json(json!({"detail": "\u{1b}[31mthe\u{9b}2J query\u{7}"})));
    }
    if id != "helmet" {
        return (
            StatusCode::NOT_FOUND,
            Json(json!({"title": "Not found", "detail": format!("There is no product {id}.")})),
        );
    }
    let token = headers.get("authorization").and_then(|value| value.to_str().ok()).unwrap_or_default();
    (StatusCode::OK, Json(json!({"id": id, "version": 3, "asked": asked, "token": token})))
}

async fn history(Query(asked): Asked) -> Json<Value> {
    let after: u64 = asked["after"].parse().unwrap();
    let rest: Vec<Value> = lives()[..6]
        .iter()
        .filter(|commit| commit.sequence().unwrap() > after)
        .map(|commit| {
            let mut shown = commit.0.clone();
            shown.insert("receipts".into(), json!([null]));
            Value::Object(shown)
        })
        .collect();
    let page: Vec<&Value> = rest.iter().take(4).collect();
    let next = (rest.len() > 4).then(|| page[3]["sequence"].clone());
    Json(json!({"commits": page, "next": next}))
}

async fn prices(Query(asked): Asked) -> Json<Value> {
    let period = |sequence: u64, to: Value| json!({"price": "1.00", "currency": "USD", "from": "2026-01-01T00:00:00.000Z", "to": to, "sequence": sequence});
    let (timeline, next) = match asked.get("next").map(String::as_str) {
        None => (period(1, json!("2026-02-01T00:00:00.000Z")), json!("more")),
        Some("more") => (period(2, Value::Null), Value::Null),
        Some(other) => panic!("{other}"),
    };
    Json(
        json!({"currency": "USD", "current": "1.00", "lowest_30_days": null, "timeline": [timeline], "next": next,
            "asked": asked}),
    )
}

/// Runs a command against the server.
async fn run(arguments: &[&str]) -> Ran {
    let routes = Router::new()
        .route("/products/{id}", get(product))
        .route("/products/{id}/history", get(history))
        .route("/products/{id}/prices", get(prices));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, routes).await.unwrap() });
    let mut program = program();
    program.args(arguments).env("LEDGER_URL", url).env("LEDGER_TOKEN", "secret").stderr(Stdio::piped());
    tokio::task::spawn_blocking(move || ran(&mut program)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_product_is_shown_as_it_is_and_as_it_was() {
    let shown = run(&["show", "helmet"]).await;
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.out.lines().any(|line| line == "id       helmet"), "{}", shown.out);
    assert!(!shown.out.contains('\u{1b}'), "no colour where there is no terminal");
    for (arguments, asked) in [
        (&["--version", "2"], json!({"version": "2"})),
        (&["--as-of", "2026-01-01T00:00:00Z"], json!({"as_of": "2026-01-01T00:00:00.000Z"})),
    ] {
        let shown = run(&[&["show", "helmet", "--json"], arguments.as_slice()].concat()).await;
        let json: Value = serde_json::from_str(&shown.out).unwrap();
        assert_eq!((&json["asked"], &json["token"]), (&asked, &json!("Bearer secret")));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_and_an_unreachable_server_are_reported_differently() {
    let refused = run(&["show", "nobody"]).await;
    assert_eq!((refused.code, refused.err.as_str()), (1, "ledger: There is no product nobody.\n"));
    let unreachable = ran(program().args(["show", "helmet", "--url", "http://127.0.0.1:1"]));
    assert_eq!(unreachable.code, 2, "{unreachable:?}");
    assert!(
        unreachable.err.starts_with("ledger: http://127.0.0.1:1 cannot be reached"),
        "{}",
        unreachable.err
    );
    assert_eq!(unreachable.err.lines().count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_question_is_exit_code_2_and_nothing_a_server_says_steers_the_terminal() {
    let wrong = run(&["show", "bad"]).await;
    assert_eq!(wrong.code, 2, "{wrong:?}");
    assert!(wrong.err.contains("\\u{1b}[31mthe\\u{9b}2J query\\u{7}"), "{}", wrong.err);
    assert!(!wrong.err.trim_end().chars().any(char::is_control), "{wrong:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_is_shown_from_its_first_to_its_last_page() {
    let told = run(&["history", "helmet"]).await;
    assert_eq!(told.code, 0, "{told:?}");
    let sequences: Vec<&str> =
        told.out.lines().filter(|line| line.contains("2025-11-13")).map(|line| &line[..1]).collect();
    assert_eq!(sequences, ["1", "2", "3", "4", "5", "6"]);
    assert!(told.out.contains("price: 33.6442 USD → 34.99 USD"), "{}", told.out);
    let json: Value = serde_json::from_str(&run(&["history", "helmet", "--json"]).await.out).unwrap();
    assert_eq!(json["commits"].as_array().map(Vec::len), Some(6));
    assert_eq!(json["commits"][5]["hash"], lives()[5].0["hash"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn dates_become_the_moments_at_which_they_begin_or_end_in_their_zone() {
    let dates = ["--as-of", "2026-07-31", "--known-at", "2026-07-31", "--anchor", "2026-07-31"];
    for (zone, ends, begins) in [
        (&["--time-zone", "Europe/Berlin"][..], "2026-07-31T21:59:59.999Z", "2026-07-30T22:00:00.000Z"),
        (&[], "2026-07-31T23:59:59.999Z", "2026-07-31T00:00:00.000Z"),
    ] {
        let told = run(&[&["prices", "helmet", "--json"], &dates[..], zone].concat()).await;
        let asked = &serde_json::from_str::<Value>(&told.out).unwrap()["asked"];
        assert_eq!((&asked["as_of"], &asked["known_at"]), (&ends.into(), &ends.into()), "{told:?}");
        assert_eq!((&asked["anchor"], asked["time_zone"].as_str()), (&begins.into(), zone.get(1).copied()));
    }
    let wrong = run(&["prices", "helmet", "--as-of", "31.7.2026"]).await;
    assert!(wrong.code == 2 && wrong.err.contains("a date as 2026-01-31"), "{wrong:?}");
    let nowhere = run(&["prices", "helmet", "--time-zone", "Mars/Olympus"]).await;
    assert!(nowhere.code == 2 && nowhere.err.contains("Europe/Berlin"), "{nowhere:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn prices_are_shown_from_their_first_to_their_last_page() {
    let told = run(&["prices", "helmet"]).await;
    assert_eq!(
        told.out.lines().filter(|line| line.contains("1.00 USD") && line.starts_with("2026")).count(),
        2,
        "{told:?}"
    );
    assert!(told.out.contains("current price:      1.00 USD"), "{}", told.out);
    let json: Value = serde_json::from_str(&run(&["prices", "helmet", "--json"]).await.out).unwrap();
    assert_eq!((json["timeline"].as_array().map(Vec::len), &json["next"]), (Some(2), &Value::Null));
}
