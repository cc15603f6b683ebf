//! What operators ask of a ledger: parked products, reconciliation, replay, rebuild.
//!
//! Only a running server may write to its data directory, so it does the work, and commands ask it over a Unix socket in
//! that directory. Where no server runs, and on AWS, the same routes answer in the command's own process.

mod answer;
mod client;
mod context;
mod downstream;
mod parked;
pub mod protocol;
mod rebuild;
mod reconcile;
mod replay;
mod routes;
mod socket;

pub use client::{AnswerLines, Refused, ask_here, ask_server};
pub(crate) use downstream::Downstream;
pub(crate) use reconcile::catch_up;
pub(crate) use routes::routes;
pub(crate) use socket::listen;

#[cfg(test)]
mod tests;
