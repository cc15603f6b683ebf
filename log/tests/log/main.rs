//! The log from outside the crate: frozen files, proofs against another implementation, whole logs with every kind of damage.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod altered;
mod checkpoints;
mod export;
mod forks;
mod given;
mod golden;
mod ledger;
mod proofs;
mod whole;
