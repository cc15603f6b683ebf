//! The server without authentication: which requests it accepts, and how it answers the others.

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::scenario::{Ledger, PATIENCE};

#[tokio::test]
async fn a_web_page_cannot_reach_a_server_without_authentication() {
    let ledger = Ledger::start();
    let body = r#"{"name":"n","price":"1"}"#;
    for (name, value) in [
        ("origin", "https://example.com"),
        ("origin", "http://localhost:3000"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("host", "rebound.example.com"),
        ("host", "rebound.example.com:8080"),
    ] {
        let request = ledger.http.put(format!("{}/products/p", ledger.url)).header(name, value);
        let response = request.header("content-type", "application/json").body(body).send().await.unwrap();
        assert_eq!(response.status(), 403, "{name}: {value}");
        let problem: serde_json::Value = response.json().await.unwrap();
        assert_eq!(problem["type"], "urn:product-ledger:problem:foreign-origin", "{name}: {value}");
    }
    assert_eq!(ledger.get("/products/p/history").await.0, 404);
    let own = ledger.http.put(format!("{}/products/p", ledger.url)).header("origin", &ledger.url);
    let response = own.header("content-type", "application/json").body(body).send().await.unwrap();
    assert_eq!(response.status(), 201);
}

/// The status and the problem of a request as it is written, on a connection of its own.
fn raw(ledger: &Ledger, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(ledger.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[tokio::test]
async fn a_request_is_for_one_host_and_its_own_target_tells_which() {
    let ledger = Ledger::start();
    let rest = "connection: close\r\n\r\n";
    for (head, status, problem) in [
        ("GET /health HTTP/1.1\r\nhost: localhost\r\nhost: localhost", 400, ":malformed"),
        ("GET /docs HTTP/1.1\r\nhost: localhost\r\nhost: evil.example", 400, ":malformed"),
        ("GET /health HTTP/1.1", 400, ":malformed"),
        ("GET /health HTTP/1.1\r\nhost: a b", 400, ":malformed"),
        ("GET http://evil.example/health HTTP/1.1\r\nhost: localhost", 403, ":foreign-origin"),
        ("GET http://localhost/health HTTP/1.1\r\nhost: localhost", 200, ""),
        ("GET /health HTTP/1.0\r\nhost: 127.0.0.1", 200, ""),
    ] {
        let (answered, body) = raw(&ledger, &format!("{head}\r\n{rest}"));
        assert_eq!(answered, status, "{head}: {body}");
        let body: serde_json::Value = serde_json::from_str(&body).unwrap();
        assert!(body["type"].as_str().unwrap_or_default().ends_with(problem), "{head}: {body}");
    }
}

#[tokio::test]
async fn the_members_of_a_problem_are_sent_in_the_order_of_the_interface() {
    let ledger = Ledger::start();
    let (_, body) = raw(&ledger, "GET /none HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    let members = ["type", "title", "status", "detail", "instance", "correlation_id"];
    let places: Vec<_> = members.iter().map(|name| body.find(&format!("\"{name}\":")).unwrap()).collect();
    assert!(places.is_sorted() && places[0] == 1, "{body}");
}

#[tokio::test]
async fn one_path_takes_reading_and_writing_and_names_both() {
    let ledger = Ledger::start();
    let response = ledger.http.post(format!("{}/products/p", ledger.url)).send().await.unwrap();
    assert_eq!(response.status(), 405);
    let mut allowed: Vec<_> =
        response.headers()["allow"].to_str().unwrap().split(',').map(str::trim).collect();
    allowed.sort_unstable();
    assert_eq!(allowed, ["DELETE", "GET", "HEAD", "PATCH", "PUT"]);
}

#[tokio::test]
async fn a_huge_body_is_refused_in_a_way_the_client_can_read() {
    let ledger = Ledger::start();
    let body = format!(r#"{{"name":"{}","price":"1"}}"#, "x".repeat(900_000));
    let (status, problem) = ledger.send("PUT", "/products/p", &body).await;
    assert_eq!(status, 413);
    assert!(problem["type"].as_str().unwrap().ends_with("body-too-large"));
}

#[tokio::test]
async fn queries_of_wrong_form_are_refused() {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    for path in [
        "/products?limit=0",
        "/products?limit=101",
        "/products?limit=x",
        "/products?cursor=made-up",
        "/products?sort=weight",
        "/products?order=up",
        "/products?nonsense=1",
        "/products/p?min_version=x",
        "/products/p?min_version=-1",
        "/products/a%20b",
        "/products/p/history?limit=0",
        "/products/p/history?after=-1",
        "/products?cursor=%ff",
    ] {
        let (status, problem) = ledger.get(path).await;
        assert_eq!(status, 400, "{path}: {problem}");
        assert!(problem["type"].as_str().unwrap().ends_with("malformed"), "{path}: {problem}");
    }
}

#[tokio::test]
async fn the_server_says_that_it_is_there_and_which_build_it_is() {
    let (status, health) = Ledger::start().get("/health").await;
    assert_eq!((status, &health["version"]), (200, &env!("CARGO_PKG_VERSION").into()));
}

#[tokio::test]
async fn the_address_itself_says_in_five_lines_where_to_go_on() {
    let ledger = Ledger::start();
    let answer = ledger.http.get(format!("{}/?utm=x", ledger.url)).send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), answer.headers()["content-type"].to_str().unwrap()),
        (200, "text/plain; charset=utf-8")
    );
    let text = answer.text().await.unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((lines.len(), lines[0]), (5, concat!("Product ledger ", env!("CARGO_PKG_VERSION"))));
    for line in &lines[1..] {
        let path = line.split(' ').next().unwrap();
        assert!(
            ledger.http.get(format!("{}{path}", ledger.url)).send().await.unwrap().status().is_success(),
            "{path}"
        );
    }
    assert_eq!(ledger.send("POST", "/", "{}").await.0, 405);
}
