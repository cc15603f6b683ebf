//! The whole ledger through its front doors: the program is started, driven over HTTP, killed, and started again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod architecture;
mod audit;
mod bus;
mod catalogue;
mod crash;
mod eventbridge;
mod front;
mod import;
#[path = "../publisher/tests/publisher/moto_server.rs"]
mod moto_server;
mod operators;
mod scenario;
mod settings;
mod tours;
