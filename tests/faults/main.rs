//! The program on its real files under faults: killed, without power, without disk space, with files that are damaged,
//! lost, foreign or changed by others, with a store that hardly answers. After each fault the ledger is whole, or says
//! in one line why it is not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod by_hand;
mod checkpoints;
mod client;
mod damage;
mod disk;
mod files;
mod kills;
mod plans;
mod power;
#[path = "../scenario.rs"]
#[expect(dead_code, reason = "the suite of the whole uses the rest")]
mod scenario;
mod slow;
mod start;
mod store;
mod tampering;
mod whole;
