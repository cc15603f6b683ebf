//! A part of the ledger is published again.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use publisher::replay::{ReplayError, Replayed, Selection};
use schema::message::Replay;
use schema::{ProductId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::asked::answer;
use crate::system::System;

/// What to publish again, and where to.
#[derive(Deserialize)]
pub(super) struct Wanted {
    product: Option<ProductId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    bus: Option<String>,
}

/// Publishes the selection; a line of progress after every round.
pub(super) async fn replay(State(system): State<Arc<System>>, Json(wanted): Json<Wanted>) -> Response {
    answer(async move |progress| {
        let selection = Selection { product: wanted.product, from: wanted.from, to: wanted.to };
        let mark = Replay { id: (system.edge.ids)().to_string(), requested_at: (system.edge.clock)() };
        let tell = |replayed: &Replayed| progress.tell(&told(replayed, &mark));
        let done = system.publisher.replay(&selection, wanted.bus.as_deref(), &mark, tell).await?;
        Ok::<_, ReplayError>(told(&done, &mark))
    })
}

fn told(replayed: &Replayed, mark: &Replay) -> Value {
    let left = replayed.left.iter().map(|left| {
        json!({"product_id": left.product, "from_sequence": left.from_sequence, "reason": left.reason.message})
    });
    json!({"replay": mark.id, "events": replayed.events, "left": left.collect::<Vec<_>>()})
}
