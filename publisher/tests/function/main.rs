//! The function `publisher` alone: the real program behind a Runtime API on loopback, called with recorded batches of the
//! stream and with others, its tables and its bus on loopback too.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod deadline;
mod given;
mod logs;
mod malformed;
mod start;
