//! The function `command-api`: the real program with a Runtime API on loopback, invoked with events of the shapes that API Gateway
//! sends, and with others.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod given;
mod logs;
mod silence;
mod start;
mod unreadable;
