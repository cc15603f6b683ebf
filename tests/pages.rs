//! Web pages: which of them the server answers, and what it allows them. `tests/browser.rs` looks at it from inside a browser.

use std::collections::BTreeSet;

use reqwest::header::HeaderMap;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};

use crate::auth::issuer::{Key, claims, key_set, ledger};
use crate::scenario::{Ledger, printed, program};

const SHOP: &str = "https://shop.example.com";
const BODY: &str = r#"{"name":"n","price":"1"}"#;

/// Every documented method and path, of an existing product.
fn routes() -> Vec<(Method, String)> {
    let document = server::openapi::document();
    let mut routes = Vec::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        let path = path.replace("{id}", "p").replace("{asset}", "start.js").replace("{file}", "LICENSES.txt");
        let methods = operations.as_object().unwrap().keys();
        routes.extend(methods.map(|method| (method.to_uppercase().parse().unwrap(), path.clone())));
    }
    assert!(routes.len() > 12, "{routes:?}");
    routes
}

fn request(ledger: &Ledger, method: &Method, path: &str, headers: &[(&str, &str)]) -> RequestBuilder {
    let mut request = ledger.http.request(method.clone(), format!("{}{path}", ledger.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.header("content-type", "application/json").body(BODY)
}

async fn send(ledger: &Ledger, method: &Method, path: &str, headers: &[(&str, &str)]) -> Response {
    request(ledger, method, path, headers).send().await.unwrap()
}

fn listed(headers: &HeaderMap, name: &str) -> BTreeSet<String> {
    let values = headers.get_all(name).iter().flat_map(|value| value.to_str().unwrap().split(','));
    values.map(|value| value.trim().to_lowercase()).collect()
}

fn assert_protected(response: &Response, policy: &str, place: &str) {
    assert_eq!(response.headers()["x-content-type-options"], "nosniff", "{place}");
    assert_eq!(response.headers()["cross-origin-resource-policy"], policy, "{place}");
    assert!(listed(response.headers(), "vary").contains("origin"), "{place}");
}

#[tokio::test]
async fn a_page_of_another_origin_gets_nothing_of_any_route() {
    let ledger = Ledger::start();
    assert_eq!(ledger.send("PUT", "/products/p", BODY).await.0, 201);
    let scripts =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "script")];
    let other_port = [("origin", "http://localhost:3000"), ("sec-fetch-site", "same-site")];
    for (method, path) in routes() {
        for headers in
            [&[("origin", "http://localhost:3000")][..], &other_port, &scripts, &[("origin", SHOP)]]
        {
            let response = send(&ledger, &method, &path, headers).await;
            let place = format!("{method} {path} {headers:?}");
            assert_eq!(response.status(), 403, "{place}");
            assert_protected(&response, "same-origin", &place);
            assert!(
                !response.headers().keys().any(|name| name.as_str().starts_with("access-control-")),
                "{place}"
            );
            let problem: Value = response.json().await.unwrap();
            assert_eq!(problem["type"], "urn:product-ledger:problem:foreign-origin", "{place}");
            assert_eq!(problem["title"], "The request is for another host or from another site", "{place}");
        }
        let asked = [("origin", SHOP), ("access-control-request-method", method.as_str())];
        let preflight = send(&ledger, &Method::OPTIONS, &path, &asked).await;
        assert_eq!(preflight.status(), 403, "{method} {path}");
        assert!(!preflight.headers().contains_key("access-control-allow-origin"), "{method} {path}");
    }
    assert_eq!(ledger.history("p").await.len(), 1, "nothing was executed");
}

#[tokio::test]
async fn a_link_to_a_page_may_be_followed_from_anywhere() {
    let ledger = Ledger::start();
    let link =
        [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    for path in ["/docs", "/products", "/health"] {
        assert_eq!(send(&ledger, &Method::GET, path, &link).await.status(), 200, "{path}");
    }
    let form = send(&ledger, &Method::POST, "/products", &link).await;
    assert_eq!(form.status(), 403);
}

#[tokio::test]
async fn every_answer_forbids_guessing_its_type_and_embedding_it() {
    let ledger = Ledger::start();
    for (method, path) in routes() {
        let response = send(&ledger, &method, &path, &[]).await;
        assert_protected(&response, "same-origin", &format!("{method} {path}: {}", response.status()));
    }
    let known = send(&ledger, &Method::PUT, "/products/q", &[]).await;
    let version = known.headers()["etag"].to_str().unwrap().to_owned();
    for (method, path, headers, status) in [
        (Method::GET, "/products/q?min_version=1", vec![("if-none-match", version.as_str())], 304),
        (Method::TRACE, "/products", vec![], 405),
        (Method::OPTIONS, "/products", vec![], 405),
        (Method::GET, "/no/such/path", vec![], 404),
        (Method::GET, "/products?limit=x", vec![], 400),
        (Method::GET, "/products", vec![("host", "rebound.example.com")], 403),
    ] {
        let response = send(&ledger, &method, path, &headers).await;
        assert_eq!(response.status(), status, "{method} {path}");
        assert_protected(&response, "same-origin", &format!("{method} {path}"));
    }
}

#[tokio::test]
async fn an_allowed_origin_may_ask_for_every_route_and_read_the_answer() {
    let ledger = Ledger::start_with(&["--cors-origin", "http://localhost:3000", "--cors-origin", SHOP], &[]);
    for (method, path) in routes() {
        let asked = [
            ("origin", SHOP),
            ("sec-fetch-site", "cross-site"),
            ("access-control-request-method", method.as_str()),
            ("access-control-request-headers", "authorization,content-type,idempotency-key,if-match"),
        ];
        let preflight = send(&ledger, &Method::OPTIONS, &path, &asked).await;
        assert_eq!(preflight.status(), 204, "{method} {path}");
        let headers = preflight.headers();
        assert_eq!(headers["access-control-allow-origin"], SHOP, "{method} {path}");
        assert!(listed(headers, "access-control-allow-methods").contains(&method.as_str().to_lowercase()));
        let allowed = listed(headers, "access-control-allow-headers");
        for name in
            asked[3].1.split(',').chain(["if-none-match", "traceparent", "x-correlation-id", "last-event-id"])
        {
            assert!(allowed.contains(name), "{name} in {allowed:?}");
        }
        assert_protected(&preflight, "cross-origin", &format!("the preflight of {method} {path}"));
        assert!(preflight.headers().contains_key("x-correlation-id"));

        let response = send(&ledger, &method, &path, &asked[..2]).await;
        let place = format!("{method} {path}: {}", response.status());
        assert_ne!(response.status(), 403, "{place}");
        assert_eq!(response.headers()["access-control-allow-origin"], SHOP, "{place}");
        assert!(!response.headers().contains_key("access-control-allow-credentials"), "{place}");
        let exposed = listed(response.headers(), "access-control-expose-headers");
        let expected =
            ["etag", "location", "link", "retry-after", "x-correlation-id", "idempotency-replayed"];
        assert_eq!(exposed, expected.map(str::to_owned).into(), "{place}");
        assert_protected(&response, "cross-origin", &place);
    }
    for origin in ["http://localhost:3001", "https://shop.example.com.evil.example", "null"] {
        assert_eq!(
            send(&ledger, &Method::GET, "/products", &[("origin", origin)]).await.status(),
            403,
            "{origin}"
        );
    }
    let without_origin = send(&ledger, &Method::GET, "/products", &[]).await;
    assert!(!without_origin.headers().contains_key("access-control-allow-origin"));
    assert_protected(&without_origin, "same-origin", "a program");
    let not_asking = send(&ledger, &Method::OPTIONS, "/products", &[("origin", SHOP)]).await;
    assert_eq!(not_asking.status(), 405, "only a preflight is answered for the route");
}

#[tokio::test]
async fn a_preflight_needs_no_token_and_the_request_after_it_does() {
    let (key, file) = (Key::ed("k"), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), key_set(&[&key])).unwrap();
    let ledger = ledger(file.path().to_str().unwrap(), &["--cors-origin", SHOP], "");
    let asked = [
        ("origin", SHOP),
        ("access-control-request-method", "PUT"),
        ("access-control-request-headers", "authorization"),
    ];
    let without_token = |request: RequestBuilder| {
        let mut request = request.build().unwrap();
        request.headers_mut().remove("authorization");
        reqwest::Client::new().execute(request)
    };
    let preflight = request(&ledger, &Method::OPTIONS, "/products/p", &asked);
    assert_eq!(without_token(preflight).await.unwrap().status(), 204);
    let refused = without_token(request(&ledger, &Method::PUT, "/products/p", &asked[..1])).await.unwrap();
    assert_eq!(refused.status(), 401);
    assert_eq!(refused.headers()["access-control-allow-origin"], SHOP, "the page can read why");
    let token = format!("Bearer {}", key.token(&claims(json!({}))));
    let with = [asked[0], ("authorization", token.as_str())];
    assert_eq!(send(&ledger, &Method::PUT, "/products/p", &with).await.status(), 201);
    let foreign = [("origin", "https://evil.example.com"), with[1]];
    assert_eq!(
        send(&ledger, &Method::PUT, "/products/p", &foreign).await.status(),
        403,
        "a stolen token does not help"
    );
    assert_eq!(
        send(&ledger, &Method::GET, "/health", &foreign[..1]).await.status(),
        403,
        "nor is what is public"
    );
}

#[tokio::test]
async fn allowed_origins_come_from_the_environment_too_and_a_wrong_one_is_named() {
    let ledger = Ledger::start_with(
        &[],
        &[("LEDGER_CORS_ORIGINS", "http://localhost:3000, https://shop.example.com")],
    );
    for origin in ["http://localhost:3000", SHOP] {
        let response = send(&ledger, &Method::GET, "/products", &[("origin", origin)]).await;
        assert_eq!(response.headers()["access-control-allow-origin"], origin);
    }
    // An empty variable counts as unset.
    Ledger::start_with(&[], &[("LEDGER_CORS_ORIGINS", "")]);
    for wrong in ["*", "https://shop.example.com/", "shop.example.com", "null", " "] {
        let mut by_option = program();
        by_option.args(["serve", "--in-memory", "--listen", "127.0.0.1:0", "--cors-origin", wrong]);
        let mut by_variable = program();
        by_variable
            .args(["serve", "--in-memory", "--listen", "127.0.0.1:0"])
            .env("LEDGER_CORS_ORIGINS", wrong);
        for mut command in [by_option, by_variable] {
            let output = command.output().unwrap();
            let text = printed(&output);
            assert_eq!(output.status.code(), Some(2), "{wrong}: {text}");
            assert!(
                text.contains("--cors-origin") && text.contains("scheme://host[:port]"),
                "{wrong}: {text}"
            );
        }
    }
}
