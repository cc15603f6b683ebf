//! The limits of the server, tested by clients that misbehave, and its shutdown.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

use crate::scenario::{Ledger, PATIENCE, json};

const BODY: &str = r#"{"name":"n","price":"1"}"#;

fn connect(ledger: &Ledger) -> TcpStream {
    let stream = TcpStream::connect(ledger.url.trim_start_matches("http://")).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Sends the head of a command, and waits until the server asks for its body.
fn begin(stream: &mut TcpStream, path: &str) {
    let head = format!(
        "PUT {path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
         expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        BODY.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let asked = "HTTP/1.1 100 Continue\r\n\r\n";
    let mut answer = vec![0; asked.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(String::from_utf8_lossy(&answer), asked);
}

/// Everything until the server closes the connection; a reset counts as its end.
fn rest(stream: &mut TcpStream) -> String {
    let mut all = Vec::new();
    match stream.read_to_end(&mut all) {
        Err(error) if error.kind() != ErrorKind::ConnectionReset => panic!("{error}"),
        _ => String::from_utf8(all).unwrap(),
    }
}

/// The status of an answer and its problem, if it is one.
fn problem(answer: &str) -> (u16, String) {
    let status = answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer: {answer:?}")).parse().unwrap();
    let body = answer.split_once("\r\n\r\n").unwrap().1;
    let kind = serde_json::from_str::<serde_json::Value>(body).unwrap_or_default();
    (status, kind["type"].as_str().unwrap_or_default().rsplit(':').next().unwrap_or_default().to_owned())
}

#[tokio::test]
async fn paths_headers_and_bodies_have_limits_and_a_client_learns_which() {
    let ledger = Ledger::start();
    let long = |length: usize| "x".repeat(length);
    for (request, status, kind) in [
        (
            format!("GET /products?cursor={} HTTP/1.1\r\nhost: localhost\r\n\r\n", long(9_000)),
            414,
            "uri-too-long",
        ),
        (
            format!("GET /products HTTP/1.1\r\nhost: localhost\r\nx: {}\r\n\r\n", long(17_000)),
            431,
            "headers-too-large",
        ),
        (
            format!("GET /products HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(150)),
            431,
            "headers-too-large",
        ),
        // Beyond this hyper answers without reading to the end, and without a problem.
        (format!("GET /products HTTP/1.1\r\nhost: localhost\r\n{}\r\n", "x: y\r\n".repeat(300)), 431, ""),
    ] {
        let request = request.replacen("\r\n", "\r\nconnection: close\r\n", 1);
        let mut stream = connect(&ledger);
        stream.write_all(request.as_bytes()).unwrap();
        assert_eq!(problem(&rest(&mut stream)), (status, kind.to_owned()));
    }
    assert_eq!(ledger.get("/products").await.0, 200);
}

#[tokio::test]
async fn clients_that_send_nothing_or_slowly_hold_up_nobody() {
    let ledger = Ledger::start_with(
        &["--max-requests", "1", "--max-connections", "3", "--body-timeout", "1", "--idle-timeout", "2"],
        &[],
    );
    let mut silent = connect(&ledger);
    let mut half_a_head = connect(&ledger);
    half_a_head.write_all(b"GET /products HTTP/1.1\r\nhost: local").unwrap();
    let mut half_a_body = connect(&ledger);
    begin(&mut half_a_body, "/products/p");
    half_a_body.write_all(&BODY.as_bytes()[..5]).unwrap();
    // All connections are taken; this one waits for the first that is closed.
    assert_eq!(ledger.send("PUT", "/products/q", BODY).await.0, 201);
    assert_eq!(problem(&rest(&mut half_a_body)), (408, "too-slow".to_owned()));
    assert_eq!((rest(&mut silent), rest(&mut half_a_head)), (String::new(), String::new()));
    let (_, problem) = ledger.get("/products/p?min_version=1").await;
    assert!(problem["type"].as_str().unwrap().ends_with("product-not-found"), "{problem}");
}

#[tokio::test]
async fn a_client_that_does_not_read_loses_its_connection_and_its_place() {
    let ledger = Ledger::start_with(&["--max-streams", "1", "--idle-timeout", "1"], &[]);
    // A small window, so that little has to be sent until it is full.
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    let address = ledger.url.trim_start_matches("http://").parse().unwrap();
    let mut deaf = socket.connect(address).await.unwrap();
    deaf.write_all(b"GET /events?from=start HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
    let mut begun = [0; 12];
    deaf.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    let started = Instant::now();
    for n in 0_usize.. {
        let response = ledger.http.get(format!("{}/events?from=start", ledger.url)).send().await.unwrap();
        match response.status().as_u16() {
            200 if n > 0 => break,
            503 => assert!(response.headers().contains_key("retry-after")),
            status => panic!("{status}"),
        }
        assert!(started.elapsed() < PATIENCE, "the stream kept its place");
        // What nobody reads fills the way to the client, 48 KB an event; then nothing can be written for a second.
        let description = ["🧢", "🎩"][n % 2].repeat(4_000);
        let body = format!(r#"{{"name":"n","price":"1","description":"{description}"}}"#);
        let (status, problem) = ledger.send("PUT", "/products/p", &body).await;
        assert!([200, 201].contains(&status), "{problem}");
    }
}

#[tokio::test]
async fn asked_to_stop_it_answers_what_is_under_way_and_waits_for_nobody_who_asks_nothing() {
    let mut ledger = Ledger::start();
    let mut unused = connect(&ledger);
    let mut half_a_head = connect(&ledger);
    half_a_head.write_all(b"GET /products HTTP/1.1\r\nhost: local").unwrap();
    let mut idle = connect(&ledger);
    idle.write_all(b"GET /health HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    let mut some = [0; 64];
    assert!(idle.read(&mut some).unwrap() > 0);
    let mut stream = connect(&ledger);
    stream.write_all(b"GET /events HTTP/1.1\r\nhost: localhost\r\n\r\n").unwrap();
    assert!(stream.read(&mut some).unwrap() > 0);
    let mut under_way = connect(&ledger);
    begin(&mut under_way, "/products/p");
    under_way.write_all(&BODY.as_bytes()[..5]).unwrap();
    ledger.ask_to_stop();
    // A stream ends when the server stops: from here on nothing new is taken.
    rest(&mut stream);
    rest(&mut idle);
    rest(&mut unused);
    rest(&mut half_a_head);
    under_way.write_all(&BODY.as_bytes()[5..]).unwrap();
    let answer = rest(&mut under_way);
    assert!(answer.starts_with("HTTP/1.1 201"), "{answer}");
    let receipt = json(answer.split_once("\r\n\r\n").unwrap().1);
    assert_eq!(ledger.ended(), Some(0));
    ledger.restart();
    assert_eq!(ledger.history("p").await[0]["hash"], receipt["hash"]);
}

#[tokio::test]
async fn asked_to_stop_it_ends_in_time_even_if_a_client_never_finishes() {
    let mut ledger = Ledger::start_with(&["--stop-timeout", "1", "--body-timeout", "3600"], &[]);
    let mut under_way = connect(&ledger);
    begin(&mut under_way, "/products/p");
    let asked = Instant::now();
    assert_eq!(ledger.terminate(), Some(0));
    assert!(asked.elapsed() < Duration::from_mins(1), "{:?}", asked.elapsed());
    assert_eq!(rest(&mut under_way), "");
}
