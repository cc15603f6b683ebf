//! The promises of the publisher, one file per promise, in memory and on the double of DynamoDB.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod answers;
mod broken;
mod budget;
mod canned;
mod crash;
mod duplicates;
mod embedded;
mod eventbridge;
mod events;
mod fifo;
mod in_time;
mod local_bus;
mod message;
mod moto;
mod moto_server;
mod order;
mod parked;
mod replay;
mod world;
