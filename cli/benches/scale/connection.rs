//! A client of the server with one connection, one request at a time, and as little work as possible.

use std::net::SocketAddr;

use axum::body::{Body, Bytes, to_bytes};
use axum::http::Request;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpStream;

/// A connection that stays open.
pub struct Connection(SendRequest<Body>);

impl Connection {
    pub async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let (requests, connection) = handshake(TokioIo::new(stream)).await.unwrap();
        // It ends when the requests are dropped or the server is gone, and the next request says so.
        tokio::spawn(connection);
        Self(requests)
    }

    /// Sends a request: its status and body.
    pub async fn send(&mut self, method: &str, path: &str, body: impl Into<Body>) -> (u16, Bytes) {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("host", "127.0.0.1")
            .header("content-type", "application/json")
            .body(body.into())
            .unwrap();
        self.0.ready().await.unwrap();
        let response = self.0.send_request(request).await.unwrap();
        let status = response.status().as_u16();
        (status, to_bytes(Body::new(response.into_body()), 1 << 20).await.unwrap())
    }

    /// Sends a command, which has to be recorded: its receipt.
    pub async fn command(&mut self, method: &str, path: &str, body: &str) -> Value {
        let (status, answer) = self.send(method, path, body.to_owned()).await;
        assert!(status < 300, "{method} {path}: {status} {}", String::from_utf8_lossy(&answer));
        serde_json::from_slice(&answer).unwrap()
    }

    /// Sends a request whose answer is read by hand, piece by piece.
    pub async fn stream(mut self, path: &str) -> axum::body::BodyDataStream {
        let request = Request::builder().uri(path).header("host", "127.0.0.1").body(Body::empty()).unwrap();
        let response = self.0.send_request(request).await.unwrap();
        assert!(response.status().is_success(), "{path}: {}", response.status());
        Body::new(response.into_body()).into_data_stream()
    }
}
