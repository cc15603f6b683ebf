//! What a decision becomes: the commit that follows the newest one.

use schema::{
    Commit, Fold, Hash, Metadata, Product, ProductEvent, Recent, RecordedEvent, Timestamp, Unsealed,
};
use telemetry::meters::HELD_UP;
use ulid::Ulid;
use web::ClockAndIds;

use super::order::{Failure, Order};
use crate::idempotency::key_hash;
use crate::product::Pricing;

/// How far the newest commit may lie ahead of the clock, in milliseconds.
const MOST_AHEAD_MS: i64 = 60_000;

/// The commit that records `events` after `newest`.
///
/// # Errors
/// [`Failure::Unreadable`] when the events cannot follow what is stored: the product's chain has to be verified.
pub(super) fn unsealed(
    order: &Order,
    commit_id: Ulid,
    newest: Option<&Commit>,
    events: Vec<ProductEvent>,
    pricing: &Pricing,
    clock_and_ids: &ClockAndIds,
) -> Result<Unsealed, Failure> {
    let recorded_at = recorded_at(order, newest, (clock_and_ids.clock)());
    let sequence = newest.map_or(1, |commit| commit.last_sequence() + 1);
    let occurred_at = pricing
        .occurred_at
        .unwrap_or_else(|| recorded_at.max(pricing.in_force.since().unwrap_or(recorded_at)));
    let before = Fold::of(newest.map(|commit| &commit.state));
    let fold = events.iter().try_fold(before, |fold, event| fold.then(event, occurred_at));
    let fold = fold.map_err(|misfit| Failure::Unreadable(misfit.to_string()))?;
    let Some(facts) = fold.facts else {
        return Err(Failure::Conflict);
    };
    Ok(Unsealed {
        product_id: order.product_id.clone(),
        sequence,
        commit_id,
        recorded_at,
        state: Product {
            id: order.product_id.clone(),
            facts,
            price_occurred_at: fold.price_occurred_at,
            version: sequence + events.len() as u64 - 1,
            created_at: newest.map_or(recorded_at, |commit| commit.state.created_at),
            updated_at: recorded_at,
        },
        events: events
            .into_iter()
            .map(|event| RecordedEvent { event_id: (clock_and_ids.ids)(), event })
            .collect(),
        metadata: metadata(order, commit_id, occurred_at),
        recent: recent(order, newest, sequence),
        previous_hash: newest.map_or_else(Hash::genesis, |commit| commit.hash.clone()),
    })
}

/// A newest commit of the future is another clock's fault: up to a minute it holds the time of the next commit up, beyond
/// that the product takes no command.
///
/// # Errors
/// [`Failure::ClockAhead`].
pub(super) fn not_ahead(newest: Option<&Commit>, now: Timestamp) -> Result<(), Failure> {
    match newest.map(|commit| commit.recorded_at) {
        Some(newest) if newest.millis() - now.millis() > MOST_AHEAD_MS => Err(Failure::ClockAhead { newest }),
        _ => Ok(()),
    }
}

/// Now, but never before the newest commit.
fn recorded_at(order: &Order, newest: Option<&Commit>, now: Timestamp) -> Timestamp {
    let Some(newest) = newest.map(|commit| commit.recorded_at).filter(|newest| *newest > now) else {
        return now;
    };
    metrics::counter!(HELD_UP.name).increment(1);
    tracing::warn!(target: "ledger::command",
        product_id = order.product_id.as_str(),
        newest = newest.to_string(),
        now = now.to_string(),
        "the newest commit was recorded ahead of this clock; the new one gets its time"
    );
    newest
}

fn metadata(order: &Order, commit_id: Ulid, occurred_at: Timestamp) -> Metadata {
    Metadata {
        actor: order.actor.clone(),
        correlation_id: order.correlation_id.clone(),
        causation_id: commit_id.to_string(),
        occurred_at,
        traceparent: order.traceparent.clone(),
        idempotency_key: order.idempotency.as_ref().map(|given| given.key.clone()),
        request_fingerprint: order.idempotency.as_ref().map(|given| given.fingerprint.clone()),
    }
}

fn recent(order: &Order, newest: Option<&Commit>, sequence: u64) -> Recent {
    let recent = newest.map(|commit| commit.recent.clone()).unwrap_or_default();
    match &order.idempotency {
        Some(given) => recent.remembering(key_hash(&order.actor, &given.key), sequence),
        None => recent,
    }
}
