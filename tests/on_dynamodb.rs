//! The scenarios of the whole once more, with `serve --dynamodb aws` on tables that an in-memory double of DynamoDB serves on
//! loopback. What needs a data directory, and what no store has a part in, runs in `main.rs` alone.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod anew;
mod audit;
mod auth;
mod beneath;
mod bus;
mod catalogue;
mod commands;
mod crash;
mod dated;
mod eventbridge;
mod front;
mod import;
mod limits;
mod load;
#[path = "../publisher/tests/publisher/moto_server.rs"]
mod moto_server;
mod observed;
mod operators;
#[expect(dead_code, reason = "a data directory is the suite of the whole's alone")]
mod scenario;
mod traces;
