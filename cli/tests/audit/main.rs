//! The auditor's commands as people use them: the program runs on a data directory or a file, and its output and exit
//! code are asserted.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod exporting;
mod from_export;
mod given;
mod logs;
mod proof;
mod reading;
mod verifying;
mod verifying_server;
mod watching;
