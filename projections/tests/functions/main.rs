//! The functions `projector` and `query-api` on their own: the real programs behind a Runtime API on loopback, invoked with
//! recorded stream batches, with events of the shapes that API Gateway sends, and with malformed ones.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod given;
mod log;
mod logs;
mod malformed;
mod pages;
mod projector;
mod query_api;
mod reconcile;
mod silence;
mod start;
mod status;
