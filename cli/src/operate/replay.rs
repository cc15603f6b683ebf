//! A part of the ledger is published again, or only counted.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use publisher::replay::{Replayed, Selection};
use schema::message::Replay;
use schema::{ProductId, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Desk;
use super::asked::{Undone, answer};
use super::parked::must_exist;
use crate::system::{LOCAL_BUS, System};

/// What to publish again, and where to.
#[derive(Deserialize)]
pub(super) struct Wanted {
    product: Option<ProductId>,
    from: Option<Timestamp>,
    to: Option<Timestamp>,
    bus: Option<String>,
    /// Only count.
    #[serde(default)]
    dry_run: bool,
}

/// Publishes the selection; a line of progress after every round.
pub(super) async fn replay(State(desk): State<Desk>, Json(wanted): Json<Wanted>) -> Response {
    answer(desk.stopping, async move |progress| {
        let system = desk.system;
        if let Some(product) = &wanted.product {
            must_exist(&system, product).await?;
        }
        if let Some(bus) = &wanted.bus {
            must_be_there(&system, bus).await?;
        }
        let selection = Selection { product: wanted.product, from: wanted.from, to: wanted.to };
        if wanted.dry_run {
            let counted = system.publisher.count(&selection, |so_far| progress.tell(&told(so_far))).await?;
            return Ok(told(&counted));
        }
        let mark = Replay {
            id: (system.clock_and_ids.ids)().to_string(),
            requested_at: (system.clock_and_ids.clock)(),
        };
        let marked = |replayed: &Replayed| {
            let mut told = told(replayed);
            told["replay"] = json!(mark.id);
            told
        };
        let tell = |replayed: &Replayed| progress.tell(&marked(replayed));
        let done = system.publisher.replay(&selection, wanted.bus.as_deref(), &mark, tell).await?;
        Ok(marked(&done))
    })
}

/// # Errors
/// [`Undone::Failed`] where no such bus is known: what is sent there would be gone.
async fn must_be_there(system: &System, bus: &str) -> Result<(), Undone> {
    let there = if system.publishes_elsewhere { system.publisher.knows(bus).await } else { bus == LOCAL_BUS };
    if there { Ok(()) } else { Err(Undone::Failed(format!("there is no bus {bus}; nothing was published"))) }
}

fn told(replayed: &Replayed) -> Value {
    let left = replayed.left.iter().map(|left| {
        json!({"product_id": left.product, "from_sequence": left.from_sequence, "reason": left.reason.message})
    });
    json!({"events": replayed.events, "left": left.collect::<Vec<_>>()})
}
