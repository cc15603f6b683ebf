//! The client of the ledger, against a server that says what it was asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use ledger_subscriber::{HttpLedger, Ledger as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

type Heads = Arc<Mutex<Vec<String>>>;

/// Answers every request with this; keeps the heads of the requests.
async fn answering(status: &str, body: &str) -> (String, Heads) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/base/", listener.local_addr().unwrap());
    let heads = Heads::default();
    let (kept, length) = (heads.clone(), body.len());
    let answer = format!("HTTP/1.1 {status}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}");
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            kept.lock().unwrap().push(String::from_utf8(head).unwrap());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    (url, heads)
}

#[tokio::test]
async fn pages_are_asked_for_with_a_token_that_may_be_a_new_one_each_time() {
    let (url, heads) = answering("200 OK", r#"{"commits":[],"next":null,"newest":null}"#).await;
    let count = Arc::new(Mutex::new(0));
    let ledger = HttpLedger::new(&url).token_from(move || {
        let mut count = count.lock().unwrap();
        *count += 1;
        std::future::ready(Ok(format!("token-{count}")))
    });
    assert_eq!(ledger.commits(Some(-1), 100).await.unwrap().newest, None);
    assert_eq!(ledger.commits(None, 100).await.unwrap().newest, None);
    let heads = heads.lock().unwrap().clone();
    assert!(heads[0].starts_with("GET /base/commits?after=-1&limit=100 HTTP/1.1\r\n"), "{heads:?}");
    assert!(heads[1].starts_with("GET /base/commits?order=desc&limit=1 HTTP/1.1\r\n"), "{heads:?}");
    for (head, token) in heads.iter().zip(["Bearer token-1\r\n", "Bearer token-2\r\n"]) {
        assert!(head.contains(token), "{head}");
    }
}

#[tokio::test]
async fn a_product_or_a_sequence_that_the_ledger_does_not_have_is_an_empty_page() {
    for kind in ["product-not-found", "version-not-found"] {
        let body = format!(r#"{{"type":"urn:product-ledger:problem:{kind}"}}"#);
        let (url, heads) = answering("404 Not Found", &body).await;
        let page = HttpLedger::new(&url).token("t").messages("a b", 3, 7).await.unwrap();
        assert_eq!((page.messages.len(), page.next), (0, None));
        let heads = heads.lock().unwrap().clone();
        assert!(
            heads[0].starts_with("GET /base/products/a%20b/messages?after=3&limit=7 HTTP/1.1\r\n"),
            "{heads:?}"
        );
    }
}

#[tokio::test]
async fn every_other_answer_is_an_error_that_says_what_was_asked() {
    for (status, body, says) in [
        ("404 Not Found", r#"{"type":"urn:product-ledger:problem:not-found"}"#, ": 404 not-found"),
        ("503 Service Unavailable", "<html>", ": 503 "),
        ("200 OK", "{}", "missing field"),
        ("200 OK", r#"{"messages":[{"detail":{}}],"next":null}"#, "no event of a ledger"),
    ] {
        let (url, _) = answering(status, body).await;
        let error = HttpLedger::new(&url).messages("p", 0, 1).await.unwrap_err();
        let said = ledger_subscriber::InboxError::from(error).to_string();
        assert!(said.contains("GET /products/p/messages?after=0&limit=1") && said.contains(says), "{said}");
    }
}

#[tokio::test]
async fn a_ledger_that_does_not_answer_in_time_is_an_error() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let ledger = HttpLedger::new(url).timeout(Duration::from_millis(50)).token("secret");
    assert!(ledger.commits(None, 1).await.is_err());
    assert!(!format!("{ledger:?}").contains("secret"));
}
