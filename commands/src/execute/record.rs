//! What a decision becomes: the commit that follows the newest one.

use event_store::Unavailable;
use schema::http::Edge;
use schema::{
    Commit, Facts, Hash, Metadata, Product, ProductEvent, Recent, RecordedEvent, Timestamp, Unsealed,
};
use ulid::Ulid;

use super::order::{Failure, Order};
use crate::idempotency::key_hash;

/// The commit that records `events` after `newest`.
///
/// # Errors
/// [`Failure::Unavailable`] when the events cannot follow what is stored: the product's chain has to be verified.
pub(super) fn unsealed(
    order: &Order,
    commit_id: Ulid,
    newest: Option<&Commit>,
    events: Vec<ProductEvent>,
    edge: &Edge,
) -> Result<Unsealed, Failure> {
    let recorded_at = newest.map_or(Timestamp::EPOCH, |commit| commit.recorded_at).max((edge.clock)());
    let sequence = newest.map_or(1, |commit| commit.last_sequence() + 1);
    let mut facts = newest.map(|commit| commit.state.facts.clone());
    for event in &events {
        facts = Some(
            Facts::after(facts, event).map_err(|misfit| Failure::Unavailable(Unavailable(misfit.into())))?,
        );
    }
    let Some(facts) = facts else {
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
            version: sequence + events.len() as u64 - 1,
            created_at: newest.map_or(recorded_at, |commit| commit.state.created_at),
            updated_at: recorded_at,
        },
        events: events.into_iter().map(|event| RecordedEvent { event_id: (edge.ids)(), event }).collect(),
        metadata: metadata(order, commit_id, recorded_at),
        recent: recent(order, newest, sequence),
        previous_hash: newest.map_or_else(Hash::genesis, |commit| commit.hash.clone()),
    })
}

fn metadata(order: &Order, commit_id: Ulid, recorded_at: Timestamp) -> Metadata {
    Metadata {
        actor: order.actor.clone(),
        correlation_id: order.correlation_id.clone(),
        causation_id: commit_id.to_string(),
        occurred_at: order.occurred_at.unwrap_or(recorded_at),
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
