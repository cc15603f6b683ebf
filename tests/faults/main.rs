//! The program on its real engine while the ground gives way: killed, without room to write, with damaged files, with an
//! engine that hardly answers. After each fault the ledger is whole, or says in one line why it is not.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod checkpoints;
mod client;
mod damage;
mod disk;
mod kills;
#[path = "../scenario.rs"]
#[expect(dead_code, reason = "the suite of the whole uses the rest")]
mod scenario;
mod slow;
mod start;
mod whole;
