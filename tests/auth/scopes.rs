//! The routes that each scope opens, those that it does not, and the public ones.

use reqwest::header::WWW_AUTHENTICATE;
use serde_json::{Value, json};

use super::issuer::{ALL, ISSUER, Key, bearer, claims, key_set, ledger};
use crate::scenario::{Ledger, on_dynamodb};

const BODY: &str = r#"{"name":"n","price":"2"}"#;

/// What the scope for auditors includes.
const SUBSCRIBE: &str = "products/subscribe";

/// The routes of a ledger on files that subscribers may use.
const FOR_SUBSCRIBERS: [&str; 2] = ["/events", "/commits"];

/// Each route with what it needs.
const NEEDS: [(&str, &str, &str); 18] = [
    ("GET", "/products", "products/read"),
    ("GET", "/products?limit=1&sort=name", "products/read"),
    ("GET", "/products?sku=x&category=x", "products/read"),
    ("GET", "/categories", "products/read"),
    ("GET", "/products/p", "products/read"),
    ("GET", "/products/p?min_version=1", "products/read"),
    ("POST", "/products", "products/write"),
    ("PUT", "/products/p", "products/write"),
    ("PATCH", "/products/p", "products/write"),
    ("DELETE", "/products/p", "products/write"),
    ("POST", "/products/p/restore", "products/write"),
    ("GET", "/products/p?version=1", "products/audit"),
    ("GET", "/products/p?as_of=2100-01-01T00:00:00Z", "products/audit"),
    ("GET", "/products?as_of=2100-01-01T00:00:00Z", "products/audit"),
    ("GET", "/products?in_force=2100-01-01T00:00:00Z", "products/audit"),
    ("GET", "/products/p/history", "products/audit"),
    ("GET", "/products/p/prices", "products/audit"),
    ("GET", "/products/p/verification", "products/audit"),
];

struct Given {
    ledger: Ledger,
    key: Key,
    _file: tempfile::NamedTempFile,
}

/// A ledger with one product.
async fn given() -> Given {
    let (key, file) = (Key::ed("k"), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), key_set(&[&key])).unwrap();
    let ledger = ledger(file.path().to_str().unwrap(), &[], &key.token(&claims(json!({}))));
    let (status, _) = ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    assert_eq!(status, 201);
    Given { ledger, key, _file: file }
}

impl Given {
    async fn ask(&self, scope: Option<&str>, method: &str, path: &str) -> reqwest::Response {
        let http = bearer(&self.key.token(&claims(json!({"scope": scope}))));
        let request = http.request(method.parse().unwrap(), format!("{}{path}", self.ledger.url));
        match method {
            "GET" | "DELETE" => request,
            _ if path.ends_with("/restore") => request,
            _ => request.header("content-type", "application/json").body(BODY),
        }
        .send()
        .await
        .unwrap()
    }
}

/// Everything but the scope that is needed, and nothing at all.
fn lacking(needed: &str) -> [String; 3] {
    let includes = |scope: &str| scope == needed || (needed == SUBSCRIBE && scope == "products/audit");
    let others = ALL.split(' ').filter(|scope| !includes(scope)).collect::<Vec<_>>().join(" ");
    // A scope is matched whole, and with its case.
    [others, String::new(), format!("{needed}s x{needed} {} *", needed.to_uppercase())]
}

#[tokio::test]
async fn a_missing_scope_is_a_403_on_every_route_and_nothing_is_written() {
    let given = given().await;
    let subscribers = FOR_SUBSCRIBERS.map(|path| ("GET", path, SUBSCRIBE));
    let audited = [
        "/metrics",
        "/status",
        "/commits/days",
        "/log/checkpoint",
        "/log/key",
        "/log/tile/0/000",
        "/log/tile/entries/000",
        "/products/p/history/1/proof",
    ];
    let audited = audited.map(|path| ("GET", path, "products/audit"));
    let further = subscribers.into_iter().chain(audited);
    let further = further.filter(|(_, path, _)| !path.starts_with("/commits") || !on_dynamodb());
    for (method, path, needed) in NEEDS.into_iter().chain(further) {
        for held in lacking(needed) {
            let answer = given.ask(Some(&held), method, path).await;
            assert_eq!(answer.status(), 403, "{method} {path} with {held:?}");
            let challenge = answer.headers()[WWW_AUTHENTICATE].to_str().unwrap();
            let expected = format!("Bearer error=\"insufficient_scope\", scope=\"{needed}\"");
            assert_eq!(challenge, expected, "{method} {path}");
            let problem: Value = answer.json().await.unwrap();
            assert_eq!(problem["type"], "urn:product-ledger:problem:forbidden", "{method} {path}");
        }
    }
    assert_eq!(given.ask(None, "GET", "/products").await.status(), 403, "a token without any scope");
    assert_eq!(given.ledger.history("p").await.len(), 1);
    let exported = given.ledger.operate(&["export"]);
    assert_eq!(String::from_utf8_lossy(&exported.stdout).lines().count(), 1, "one commit and no other");
}

#[tokio::test]
async fn the_scope_that_is_needed_is_enough() {
    let given = given().await;
    given.ledger.until("/products/p", |status, _| status == 200).await;
    for (method, path, needed) in NEEDS {
        let answer = given.ask(Some(needed), method, path).await;
        let status = answer.status().as_u16();
        assert!(matches!(status, 200 | 201), "{method} {path} with {needed}: {status}");
        if method == "DELETE" {
            assert_eq!(given.ask(Some(needed), "POST", "/products/p/restore").await.status(), 200);
            let answer = given.ask(Some(needed), "DELETE", path).await;
            assert_eq!(answer.status(), 200, "so that the next one has something to restore");
        }
    }
    for path in ["/events", "/metrics"] {
        assert_eq!(given.ask(Some("products/audit"), "GET", path).await.status(), 200, "{path}");
    }
    for path in FOR_SUBSCRIBERS.into_iter().filter(|path| *path != "/commits" || !on_dynamodb()) {
        assert_eq!(given.ask(Some(SUBSCRIBE), "GET", path).await.status(), 200, "{path}");
    }
}

#[tokio::test]
async fn of_the_log_that_is_open_to_all_which_is_said_to_be() {
    let (key, file) = (Key::ed("k"), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), key_set(&[&key])).unwrap();
    let (hashes, entries) = ("/log/tile/0/000", "/log/tile/entries/000");
    for (opened, open, closed) in [
        (&[][..], &[][..], &["/log/checkpoint", "/log/key", hashes, entries][..]),
        (
            &["--log-public", "hashes"],
            &["/log/checkpoint", "/log/key", hashes],
            &[entries, "/log/tile/%65ntries/000"],
        ),
        (
            &["--log-public", "all"],
            &["/log/checkpoint", "/log/key", hashes, entries],
            &["/products/p/history/1/proof"],
        ),
    ] {
        let ledger = ledger(file.path().to_str().unwrap(), opened, &key.token(&claims(json!({}))));
        let status =
            async |path: &str| reqwest::get(format!("{}{path}", ledger.url)).await.unwrap().status().as_u16();
        for path in open {
            // Of a log without entries there are no tiles; on tables there is no log.
            assert!(matches!(status(path).await, 200 | 404), "{opened:?} {path}");
        }
        for path in closed.iter().chain(&["/products", "/metrics"]) {
            assert_eq!(status(path).await, 401, "{opened:?} {path}");
        }
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_told_to_those_with_a_token_only() {
    let given = given().await;
    for (method, path, known) in [("GET", "/nothing", 404), ("POST", "/products/p", 405)] {
        assert_eq!(given.ask(Some(""), method, path).await.status(), known, "{method} {path}");
        let stranger =
            reqwest::Client::new().request(method.parse().unwrap(), given.ledger.url.clone() + path);
        assert_eq!(stranger.send().await.unwrap().status(), 401, "{method} {path}");
    }
}

#[tokio::test]
async fn health_and_documentation_are_public_also_with_a_bad_token() {
    let given = given().await;
    for http in [reqwest::Client::new(), bearer("nonsense")] {
        for path in ["/", "/health", "/openapi.json", "/docs"] {
            let answer = http.get(given.ledger.url.clone() + path).send().await.unwrap();
            assert!(answer.status().is_success(), "{path}: {}", answer.status());
        }
    }
}

#[tokio::test]
async fn a_token_lets_in_under_any_name_of_the_server_and_from_its_own_pages_alone() {
    let given = given().await;
    let url = format!("{}/products", given.ledger.url);
    let name = "ledger.example.com";
    for (origin, with_token, without) in [
        (None, 200, 401),
        (Some("https://ledger.example.com"), 200, 401),
        (Some("https://example.com"), 403, 403),
    ] {
        for (http, expected) in [(&given.ledger.http, with_token), (&reqwest::Client::new(), without)] {
            let mut request = http.get(&url).header("host", name);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            assert_eq!(request.send().await.unwrap().status(), expected, "{origin:?}");
        }
    }
}

#[tokio::test]
async fn one_actor_s_idempotency_key_is_nothing_to_another() {
    let given = given().await;
    for (subject, replayed) in [("one", false), ("one", true), ("another", false)] {
        let http = bearer(&given.key.token(&claims(json!({"sub": subject}))));
        let request = http.post(format!("{}/products", given.ledger.url)).header("idempotency-key", "k");
        let answer = request.header("content-type", "application/json").body(BODY).send().await.unwrap();
        assert_eq!(answer.status(), 201, "{ISSUER} {subject}");
        assert_eq!(answer.headers().contains_key("idempotency-replayed"), replayed, "{subject}");
    }
}
