//! Fault injection on the program and its real files: kills, power cuts, full disks, slow storage, and files that are damaged,
//! lost, foreign or changed by others. After each fault the ledger is intact, or one line says why it is not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod by_hand;
mod checkpoints;
mod client;
mod damage;
mod disk;
mod feed;
mod files;
mod kills;
mod log_commands;
mod log_steps;
mod plans;
mod power;
mod private;
#[path = "../scenario.rs"]
#[expect(dead_code, reason = "the suite of the whole uses the rest")]
mod scenario;
mod slow;
mod start;
mod store;
mod tampering;
mod unreadable;
mod whole;
