//! The commit of a decision, which follows the newest one.

use schema::{
    Commit, Fold, Hash, Metadata, Product, ProductEvent, Recent, RecordedEvent, Timestamp, Unsealed,
};
use telemetry::meters::HELD_UP;
use ulid::Ulid;
use web::ClockAndIds;

use super::request::{CommandError, CommandRequest};
use crate::idempotency::key_hash;
use crate::product::Pricing;

/// How far the newest commit may be ahead of the clock, in milliseconds.
const MOST_AHEAD_MS: i64 = 60_000;

/// The commit that records `events` after `newest`.
///
/// # Errors
/// [`CommandError::Unreadable`] when the events cannot follow those that are stored: verify the product's chain.
pub(super) fn unsealed(
    request: &CommandRequest,
    commit_id: Ulid,
    newest: Option<&Commit>,
    events: Vec<ProductEvent>,
    pricing: &Pricing,
    clock_and_ids: &ClockAndIds,
) -> Result<Unsealed, CommandError> {
    let recorded_at = recorded_at(request, newest, (clock_and_ids.clock)());
    let sequence = newest.map_or(1, |commit| commit.last_sequence() + 1);
    let occurred_at = pricing
        .occurred_at
        .unwrap_or_else(|| recorded_at.max(pricing.in_force.since().unwrap_or(recorded_at)));
    let before = Fold::of(newest.map(|commit| &commit.state));
    let fold = events.iter().try_fold(before, |fold, event| fold.then(event, occurred_at));
    let fold = fold.map_err(CommandError::unreadable)?;
    let Some(facts) = fold.facts else {
        return Err(CommandError::Conflict);
    };
    Ok(Unsealed {
        product_id: request.product_id.clone(),
        sequence,
        commit_id,
        recorded_at,
        state: Product {
            id: request.product_id.clone(),
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
        metadata: metadata(request, commit_id, occurred_at),
        recent: recent(request, newest, sequence),
        previous_hash: newest.map_or_else(Hash::genesis, |commit| commit.hash.clone()),
    })
}

/// Checks the time of the newest commit, which another clock may have put into the future. Up to a minute ahead the next commit
/// gets the same time; beyond that the product accepts no command.
///
/// # Errors
/// [`CommandError::ClockAhead`].
pub(super) fn not_ahead(newest: Option<&Commit>, now: Timestamp) -> Result<(), CommandError> {
    match newest.map(|commit| commit.recorded_at) {
        Some(newest) if newest.millis() - now.millis() > MOST_AHEAD_MS => {
            Err(CommandError::ClockAhead { newest })
        }
        _ => Ok(()),
    }
}

/// The time of recording: now, but never before the newest commit.
fn recorded_at(request: &CommandRequest, newest: Option<&Commit>, now: Timestamp) -> Timestamp {
    let Some(newest) = newest.map(|commit| commit.recorded_at).filter(|newest| *newest > now) else {
        return now;
    };
    metrics::counter!(HELD_UP.name).increment(1);
    tracing::warn!(target: "ledger::command",
        product_id = request.product_id.as_str(),
        newest = newest.to_string(),
        now = now.to_string(),
        "the newest commit was recorded ahead of this clock; the new one gets the same time"
    );
    newest
}

fn metadata(request: &CommandRequest, commit_id: Ulid, occurred_at: Timestamp) -> Metadata {
    Metadata {
        actor: request.actor.clone(),
        correlation_id: request.correlation_id.clone(),
        causation_id: commit_id.to_string(),
        occurred_at,
        traceparent: request.traceparent.clone(),
        idempotency_key: request.idempotency.as_ref().map(|given| given.key.clone()),
        request_fingerprint: request.idempotency.as_ref().map(|given| given.fingerprint.clone()),
    }
}

fn recent(request: &CommandRequest, newest: Option<&Commit>, sequence: u64) -> Recent {
    let recent = newest.map(|commit| commit.recent.clone()).unwrap_or_default();
    match &request.idempotency {
        Some(given) => recent.remembering(key_hash(&request.actor, &given.key), sequence),
        None => recent,
    }
}
