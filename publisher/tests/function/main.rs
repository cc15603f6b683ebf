//! The function `publisher` alone: the real binary with the Runtime API, its tables and its bus on loopback, invoked with
//! recorded and with malformed batches of the stream.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod batches;
mod deadline;
mod fifo;
mod given;
mod logs;
mod malformed;
mod reconcile;
mod silence;
mod start;
