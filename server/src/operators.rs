//! What operators ask of a ledger: parked products, reconciliation, replay, rebuild.
//!
//! Only a running server may write to its data directory, so it does the work, and commands ask it over a Unix socket in
//! that directory. Where no server runs, and on AWS, the same routes answer in the command's own process.

mod answer;
mod client;
mod parked;
pub mod protocol;
mod rebuild;
mod reconcile;
mod replay;
mod socket;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::stop::StopSignal;
use crate::system::System;

pub use client::{AnswerLines, Refused, ask_here, ask_server};
pub(crate) use reconcile::catch_up;
pub(crate) use socket::listen;

/// What the routes work on, and until when.
#[derive(Clone)]
struct OperatorContext {
    system: Arc<System>,
    stopping: StopSignal,
    rebuilds: rebuild::RunningRebuilds,
}

/// The operators' routes; [`protocol`] has their requests and answers.
pub(crate) fn routes(system: Arc<System>, stopping: StopSignal) -> Router {
    use protocol::{ListParked, Operation, RebuildView, Reconcile, ReplayEvents, RetryParked};
    Router::new()
        .route(ListParked::PATH, get(parked::list))
        .route(RetryParked::PATH, post(parked::retry))
        .route(Reconcile::PATH, post(reconcile::reconcile))
        .route(RebuildView::PATH, post(rebuild::rebuild))
        .route(ReplayEvents::PATH, post(replay::replay))
        .with_state(OperatorContext { system, stopping, rebuilds: rebuild::RunningRebuilds::default() })
}

#[cfg(test)]
mod tests;
