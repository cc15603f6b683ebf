//! What operators ask of a ledger: parked products, reconciliation, replay, rebuild.
//!
//! A running server is the only one that may write to its data directory, so it does the work and is asked over a Unix
//! socket in that directory. Where no server runs, and on AWS, the very same routes answer in this process.

mod asked;
mod parked;
mod rebuild;
mod reconcile;
mod replay;
mod socket;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use serde_json::Value;

use crate::mapping::Stop;
use crate::system::System;

pub use asked::{Lines, Refused};
pub(crate) use reconcile::catch_up;
pub use socket::ask;
pub(crate) use socket::listen;

/// What the routes work on, and until when.
#[derive(Clone)]
struct Desk {
    system: Arc<System>,
    stopping: Stop,
    running: rebuild::Running,
}

/// The operators' routes. Each answers with JSON lines: `{"progress":…}` while it works, then `{"done":…}`,
/// `{"refused":"…"}` where the ledger does not allow it or the server stops, or `{"failed":"…"}`.
pub(crate) fn routes(system: Arc<System>, stopping: Stop) -> Router {
    Router::new()
        .route("/parked", get(parked::list))
        .route("/parked/retry", post(parked::retry))
        .route("/reconcile", post(reconcile::reconcile))
        .route("/rebuild", post(rebuild::rebuild))
        .route("/replay", post(replay::replay))
        .with_state(Desk { system, stopping, running: rebuild::Running::default() })
}

/// Asks the ledger in this process.
///
/// # Errors
/// When the routes do not answer.
pub async fn here(system: System, method: &str, path: &str, question: &Value) -> anyhow::Result<Lines> {
    // An interruption ends this process, and the work with it.
    let (running, stopping) = tokio::sync::watch::channel(false);
    let lines = asked::here(routes(Arc::new(system), stopping), method, path, question).await?;
    Ok(lines.keeping(running))
}
