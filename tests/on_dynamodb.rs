//! The scenarios of the whole with `serve --dynamodb aws`, on tables of an in-memory double of DynamoDB on loopback.
//! What needs a data directory, or does not depend on the store, runs in `main.rs` only.
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
mod lookups;
#[path = "../publisher/tests/publisher/moto_server.rs"]
mod moto_server;
mod observed;
mod operators;
mod past_catalogue;
#[expect(dead_code, reason = "a data directory is the suite of the whole's alone")]
mod scenario;
mod silence;
mod status;
mod streams;
mod tables_log;
mod tables_restored;
mod traces;
mod watch;
