//! The whole ledger from outside: the program is started, driven over HTTP, killed, and started again.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod anew;
mod architecture;
mod audit;
mod auth;
mod backup;
mod beneath;
mod browser;
mod bus;
mod catalogue;
mod commands;
mod crash;
mod dated;
mod earlier;
mod eventbridge;
mod exit_codes;
mod feed;
mod forged;
mod front;
mod import;
mod limits;
mod load;
mod logged;
mod lookups;
mod migrate;
#[path = "../publisher/tests/publisher/moto_server.rs"]
mod moto_server;
mod observed;
mod openapi;
mod operators;
mod pages;
mod promises;
mod put_back;
mod restore;
mod scenario;
mod settings;
mod shell;
mod terminal;
mod time_limits;
mod tours;
mod traces;
mod watch;
mod watched;
