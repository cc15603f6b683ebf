//! The auditor's commands as a person runs them: the program is started on a data directory or a file, and its output
//! and exit code are what counts.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod exporting;
mod given;
mod reading;
mod verifying;
