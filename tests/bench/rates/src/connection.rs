//! One client: a persistent connection with one request at a time, and a minimal HTTP/1.1 implementation, so that the
//! generator uses as little processor time as possible.

use std::net::SocketAddr;

use anyhow::{Context, ensure};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A connection to a server.
pub struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

/// The head of a response.
#[derive(Debug, PartialEq)]
struct Head {
    status: u16,
    /// The bytes of the head, including the empty line.
    length: usize,
    body: Body,
}

/// The length of a body.
#[derive(Debug, PartialEq)]
enum Body {
    Bytes(usize),
    Chunks,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// The connection fails.
    pub async fn open(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::with_capacity(4096) })
    }

    /// Sends a request; returns status and body of the response.
    ///
    /// # Errors
    /// The connection breaks or the response is not HTTP.
    pub async fn send(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<(u16, Vec<u8>)> {
        let request = format!(
            "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        self.stream.write_all(request.as_bytes()).await?;
        self.received.clear();
        let head = loop {
            if let Some(head) = head(&self.received)? {
                break head;
            }
            self.more().await?;
        };
        let body = match head.body {
            Body::Bytes(length) => {
                while self.received.len() < head.length + length {
                    self.more().await?;
                }
                self.received[head.length..head.length + length].to_vec()
            }
            Body::Chunks => loop {
                if let Some(body) = unchunk(&self.received[head.length..])? {
                    break body;
                }
                self.more().await?;
            },
        };
        Ok((head.status, body))
    }

    /// Sends a request that must succeed; returns the body.
    ///
    /// # Errors
    /// It does not succeed; the error contains the response.
    pub async fn succeed(&mut self, method: &str, path: &str, body: &str) -> anyhow::Result<Vec<u8>> {
        let (status, answer) = self.send(method, path, body).await?;
        ensure!(
            (200..300).contains(&status),
            "{method} {path}: {status} {}",
            String::from_utf8_lossy(&answer)
        );
        Ok(answer)
    }

    async fn more(&mut self) -> anyhow::Result<()> {
        let read = self.stream.read_buf(&mut self.received).await?;
        ensure!(read > 0, "the server closed the connection");
        Ok(())
    }
}

/// The head, once it is complete.
fn head(received: &[u8]) -> anyhow::Result<Option<Head>> {
    let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&received[..end])?;
    let mut lines = text.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).context("a status line")?.parse()?;
    let mut body = Body::Bytes(0);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        if name.eq_ignore_ascii_case("content-length") {
            body = Body::Bytes(value.trim().parse()?);
        } else if name.eq_ignore_ascii_case("transfer-encoding") {
            body = Body::Chunks;
        }
    }
    Ok(Some(Head { status, length: end + 4, body }))
}

/// The body of a chunked response, once it is complete.
fn unchunk(mut bytes: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let Some(end) = bytes.windows(2).position(|window| window == b"\r\n") else {
            return Ok(None);
        };
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..end])?.trim(), 16)?;
        let Some(chunk) = bytes.get(end + 2..end + 4 + size) else {
            return Ok(None);
        };
        if size == 0 {
            return Ok(Some(body));
        }
        body.extend_from_slice(&chunk[..size]);
        bytes = &bytes[end + 4 + size..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_when_it_is_whole() {
        let answer = b"HTTP/1.1 201 Created\r\nContent-Length: 12\r\nx: y\r\n\r\n{}";
        assert_eq!(head(&answer[..30]).unwrap(), None);
        let whole = Head { status: 201, length: answer.len() - 2, body: Body::Bytes(12) };
        assert_eq!(head(answer).unwrap(), Some(whole));
        let empty = b"HTTP/1.1 204 No Content\r\n\r\n";
        assert_eq!(head(empty).unwrap(), Some(Head { status: 204, length: 27, body: Body::Bytes(0) }));
        assert!(head(b"SSH-2.0\r\n\r\n").is_err());
    }

    #[test]
    fn chunks_are_put_together() {
        let chunks = b"4\r\nab\r\n\r\n3\r\ncde\r\n0\r\n\r\n";
        assert_eq!(unchunk(chunks).unwrap().unwrap(), b"ab\r\ncde");
        for length in 0..chunks.len() {
            assert_eq!(unchunk(&chunks[..length]).unwrap(), None, "{length}");
        }
    }
}
