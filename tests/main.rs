//! The whole ledger through its front doors: the program is started, driven over HTTP, killed, and started again.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod architecture;
mod bus;
mod catalogue;
mod crash;
mod front;
mod import;
mod readme;
mod scenario;
mod settings;
