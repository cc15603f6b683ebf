//! The functions `projector` and `query-api` alone: the real programs behind a Runtime API on loopback, called with recorded
//! batches of the stream and with events of the shapes that API Gateway sends, and with others.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod given;
mod logs;
mod malformed;
mod projector;
mod query_api;
mod start;
