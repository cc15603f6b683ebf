//! The headers of a command. Properties: what is copied into the ledger is well-formed and as it was sent; a condition that
//! held is a documented one; a repeated key gets the first response.

use axum::http::request::Builder;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Request};

use crate::routes::{TestResponse, TestRoutes, id};

/// The bytes are lines of `name: value`; headers that cannot be sent over HTTP are left out.
pub fn check(data: &[u8]) -> bool {
    let headers = headers(data);
    let routes = TestRoutes::of_commands();
    let answer = send(&routes, &headers);
    let answered = answer.headers["x-correlation-id"].to_str().unwrap();
    assert!(is_visible(answered, 128));
    if let Some(given) = first(&headers, "x-correlation-id")
        && is_visible(given, 128)
    {
        assert_eq!(answered, given);
    }
    if !answer.status.is_success() {
        assert_eq!(routes.commits(&id("p")).len(), 1);
        return false;
    }
    if headers.contains_key("if-match") {
        let tags = headers.get_all("if-match").iter().flat_map(|list| list.to_str().unwrap().split(','));
        let mut tags = tags.map(|tag| tag.trim().trim_start_matches("W/"));
        assert!(tags.any(|tag| ["*", "\"1\""].contains(&tag)), "{headers:?}");
    }
    let commits = routes.commits(&id("p"));
    let metadata = &commits[1].0["metadata"];
    assert_eq!(metadata["correlation_id"], answered);
    if let Some(taken) = metadata["traceparent"].as_str() {
        assert_eq!(Some(taken), first(&headers, "traceparent"));
        assert!(is_traceparent(taken), "{taken}");
    }
    if let Some(key) = metadata["idempotency_key"].as_str() {
        assert_eq!(Some(key), first(&headers, "idempotency-key").map(str::trim));
        assert!(is_visible(key, 255), "{key}");
        let again = send(&routes, &headers);
        assert_eq!((again.status, &again.json), (answer.status, &answer.json));
        assert_eq!(again.headers["idempotency-replayed"], "true");
    }
    true
}

fn headers(data: &[u8]) -> HeaderMap {
    let header = |line: &[u8]| {
        let at = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(line[..at].trim_ascii()).ok()?;
        Some((name, HeaderValue::from_bytes(line[at + 1..].trim_ascii()).ok()?))
    };
    let mut headers = HeaderMap::new();
    for (name, value) in data.split(|byte| *byte == b'\n').filter_map(header).take(16) {
        headers.append(name, value);
    }
    headers
}

fn send(routes: &TestRoutes, headers: &HeaderMap) -> TestResponse {
    let mut request: Builder = Request::put("/products/p");
    if let Some(all) = request.headers_mut() {
        all.clone_from(headers);
    }
    routes.send(request, r#"{"name":"Another","price":"1"}"#)
}

fn first<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn is_visible(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| (0x21..=0x7e).contains(&byte))
}

/// W3C Trace Context, version 00, checked byte by byte.
fn is_traceparent(text: &str) -> bool {
    let hex = |part: &str| part.bytes().all(|byte| b"0123456789abcdef".contains(&byte));
    text.len() == 55
        && text.is_ascii()
        && text.starts_with("00-")
        && [&text[35..36], &text[52..53]] == ["-", "-"]
        && hex(&text[3..35])
        && hex(&text[36..52])
        && hex(&text[53..])
        && text[3..35] != "0".repeat(32)
        && text[36..52] != "0".repeat(16)
}
