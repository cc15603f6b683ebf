//! The function `command-api` alone: the real program behind a Runtime API on loopback, called with events of the shapes
//! that API Gateway sends, and with others.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod given;
mod logs;
mod start;
mod unreadable;
