//! The operators' routes.

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::context::{OperatorContext, RunningRebuilds};
use super::protocol::{ListParked, OperatorRequest, RebuildView, Reconcile, ReplayEvents, RetryParked};
use super::{parked, rebuild, reconcile, replay};
use crate::stop::StopSignal;
use crate::system::System;

/// The operators' routes; [`protocol`](super::protocol) has their requests and answers.
pub(crate) fn routes(system: Arc<System>, stopping: StopSignal) -> Router {
    Router::new()
        .route(ListParked::PATH, get(parked::list))
        .route(RetryParked::PATH, post(parked::retry))
        .route(Reconcile::PATH, post(reconcile::reconcile))
        .route(RebuildView::PATH, post(rebuild::rebuild))
        .route(ReplayEvents::PATH, post(replay::replay))
        .with_state(OperatorContext { system, stopping, rebuilds: RunningRebuilds::default() })
}
