//! The limits of a server on requests and connections.

use std::time::Duration;

/// Bytes of path and query.
pub(super) const LONGEST_URI: usize = 8 * 1024;
/// Bytes of the names and values of all headers together.
pub(super) const LONGEST_HEADERS: usize = 16 * 1024;
/// Headers of a request.
pub(super) const MOST_HEADERS: usize = 100;

/// The limits that can be configured.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Requests in progress; others are answered 503 with `Retry-After`.
    pub max_requests: u32,
    /// Open event streams, without those of web pages; others are answered 503 with `Retry-After`.
    pub max_streams: u32,
    /// Open event streams of web pages; others are answered 503 with `Retry-After`.
    pub max_page_streams: u32,
    /// Open connections; others wait until one is closed.
    pub max_connections: u32,
    /// How long a request may take before it is answered 503 with `Retry-After`.
    pub request_timeout: Duration,
    /// How long a client may take to send a body before it is answered 408.
    pub body_timeout: Duration,
    /// How long a connection may wait for the head of a request, or for its client to read, before it is closed.
    pub idle_timeout: Duration,
    /// How long accepted requests may take after a signal to stop.
    pub stop_timeout: Duration,
}

impl Limits {
    /// The limits unless configured.
    pub const DEFAULT: Self = Self {
        max_requests: 128,
        max_streams: 64,
        max_page_streams: 64,
        max_connections: 512,
        request_timeout: Duration::from_secs(20),
        body_timeout: Duration::from_secs(10),
        idle_timeout: Duration::from_secs(30),
        stop_timeout: Duration::from_secs(25),
    };
}
