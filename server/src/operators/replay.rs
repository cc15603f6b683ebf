//! Publishes a part of the ledger again, or only counts its events.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use publisher::BusPresence;
use publisher::replay::{ReplayProgress, ReplaySelection, StoppedProduct};
use schema::message::Replay;

use super::answer::{OperatorError, answer};
use super::context::OperatorContext;
use super::parked::must_exist;
use super::protocol::{ReplayEvents, ReplayReport, UnreplayedProduct};
use crate::system::{LOCAL_BUS, System};

/// Publishes the selection, with a line of progress after every round.
pub(super) async fn replay(
    State(context): State<OperatorContext>,
    Json(request): Json<ReplayEvents>,
) -> Response {
    answer::<ReplayEvents, _>(context.stopping, async move |progress| {
        let system = context.system;
        if let Some(product) = &request.product {
            must_exist(&system, product).await?;
        }
        must_be_a_bus(&system, request.bus.as_deref()).await?;
        let selection = ReplaySelection { product: request.product, from: request.from, to: request.to };
        if request.dry_run {
            let tell = |replayed: &ReplayProgress| progress.counter(report(replayed, None));
            let counted = system.publisher.count_replay(&selection, tell).await?;
            return Ok(report(&counted, None));
        }
        let mark = Replay {
            id: (system.clock_and_ids.ids)().to_string(),
            requested_at: (system.clock_and_ids.clock)(),
        };
        let tell = |replayed: &ReplayProgress| progress.counter(report(replayed, Some(&mark)));
        let done = system.publisher.replay(&selection, request.bus.as_deref(), &mark, tell).await?;
        Ok(report(&done, Some(&mark)))
    })
}

/// # Errors
/// [`OperatorError::Failed`] if there is no such bus (`None`: the configured one): what is sent to it would be lost.
async fn must_be_a_bus(system: &System, bus: Option<&str>) -> Result<(), OperatorError> {
    if system.publishes_elsewhere {
        if system.publisher.bus_presence(bus).await != BusPresence::Missing {
            return Ok(());
        }
        let name = bus.unwrap_or(system.publisher.bus());
        return Err(OperatorError::Failed(format!("there is no bus {name}; nothing was published")));
    }
    match bus {
        None | Some(LOCAL_BUS) => Ok(()),
        Some(bus) => Err(OperatorError::Failed(format!(
            "there is no bus {bus}: LEDGER_EVENT_BUS is not set, so there is only the bus {LOCAL_BUS} (a running server has \
             its own settings); nothing was published"
        ))),
    }
}

fn report(replayed: &ReplayProgress, mark: Option<&Replay>) -> ReplayReport {
    let left = |left: &StoppedProduct| UnreplayedProduct {
        product_id: left.product.clone(),
        from_sequence: left.from_sequence,
        reason: left.reason.message.clone(),
    };
    ReplayReport {
        events: replayed.events,
        left: replayed.stopped.iter().map(left).collect(),
        replay: mark.map(|mark| mark.id.clone()),
    }
}
