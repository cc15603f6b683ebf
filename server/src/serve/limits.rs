//! What `serve` takes at most, as its arguments.

use std::time::Duration;

use clap::{Args, value_parser};

/// Path and query have at most this many bytes.
pub(super) const LONGEST_URI: usize = 8 * 1024;
/// Names and values of all headers have together at most this many bytes.
pub(super) const LONGEST_HEADERS: usize = 16 * 1024;
/// A request has at most this many headers.
pub(super) const MOST_HEADERS: usize = 100;

/// The limits.
#[derive(Debug, Clone, Copy, Args)]
#[command(next_help_heading = "Limits")]
pub struct Limits {
    /// Requests worked on at once; further ones are answered 503 with `Retry-After`.
    #[arg(long, value_name = "N", default_value_t = 128, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(super) max_requests: u32,
    /// Event streams open at once; further ones are answered 503 with `Retry-After`.
    #[arg(long, value_name = "N", default_value_t = 64, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(super) max_streams: u32,
    /// Connections open at once; further ones wait until one is closed.
    #[arg(long, value_name = "N", default_value_t = 512, value_parser = value_parser!(u32).range(1..=100_000))]
    pub(super) max_connections: u32,
    /// How long a request may be worked on before it is answered 503 with `Retry-After`.
    #[arg(long, value_name = "SECONDS", default_value_t = 20, value_parser = value_parser!(u64).range(1..=3600))]
    request_timeout: u64,
    /// How long a client may take to send a body before it is answered 408.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = value_parser!(u64).range(1..=3600))]
    body_timeout: u64,
    /// How long a connection may wait for the head of a request, or for its client to read, before it is closed.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = value_parser!(u64).range(1..=3600))]
    idle_timeout: u64,
    /// How long requests that were accepted may go on after a signal to stop.
    #[arg(long, value_name = "SECONDS", default_value_t = 25, value_parser = value_parser!(u64).range(1..=3600))]
    stop_timeout: u64,
}

impl Limits {
    pub(super) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout)
    }

    pub(super) fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout)
    }

    pub(super) fn idle_timeout(&self) -> Duration {
        Duration::from_secs(self.idle_timeout)
    }

    pub(super) fn stop_timeout(&self) -> Duration {
        Duration::from_secs(self.stop_timeout)
    }
}
