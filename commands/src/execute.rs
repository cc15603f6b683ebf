//! The executor: load, recognise a repeated command, decide, check the precondition, append, receipt.
//!
//! A command is recorded at most once: its commit id is made once and kept through every retry, so that a lost answer
//! is told from a lost race by reading the key that was tried.

mod order;
mod prices;
mod queue;
mod recognise;
mod record;

use std::sync::Arc;
use std::time::Duration;

use cqrs_es::Aggregate;
use cqrs_es::event_sink::EventSink;
use event_store::chain::{SealError, hash_of, seal};
use event_store::{AppendError, Journal, Unavailable};
use schema::{Commit, ProductEvent, ProductId};
use telemetry::meters::CONFLICTS;
use ulid::Ulid;
use web::ClockAndIds;

use queue::ProductQueues;

pub use order::{Failure, Order, Outcome, Precondition};

use crate::product::{Pricing, ProductAggregate, Refusal};

/// How often a command is decided and appended before the race counts as lost.
const ATTEMPTS: u32 = 10;
/// The longest pause before the second attempt; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(4);
const LONGEST_PAUSE: Duration = Duration::from_millis(250);

/// Runs commands against a journal.
#[derive(Clone)]
pub struct Executor {
    journal: Arc<dyn Journal>,
    clock_and_ids: ClockAndIds,
    queues: ProductQueues,
}

/// What became of one attempt to append.
enum Attempt {
    Recorded(Commit),
    /// This commit, somebody else's or of an earlier sending of the command, is at the key.
    Lost(Option<Commit>),
    /// Nothing is at the key, although an answer was lost: the same commit may be tried again.
    Open(Unavailable),
}

impl Executor {
    /// An executor that appends to `journal` and takes time and ids from `clock_and_ids`.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, clock_and_ids: ClockAndIds) -> Self {
        Self { journal, clock_and_ids, queues: ProductQueues::default() }
    }

    /// Runs one command to its end.
    ///
    /// # Errors
    /// [`Failure`]: each case says what the client should do.
    pub async fn execute(&self, order: &Order) -> Result<Outcome, Failure> {
        let _turn = self.queues.turn(&order.product_id).await;
        let commit_id = (self.clock_and_ids.ids)();
        let mut newest = if order.inserts_first() { None } else { self.newest(&order.product_id).await? };
        let (mut unknown, mut searched) = (None, 0);
        for attempt in 0..ATTEMPTS {
            pause_before(attempt).await;
            if let Some(repeated) = self.recognised(order, newest.as_ref(), &mut searched).await? {
                return Ok(Outcome::Replayed(repeated));
            }
            record::not_ahead(newest.as_ref(), (self.clock_and_ids.clock)())?;
            let pricing = self.pricing(order, newest.as_ref()).await?;
            let events = decided(order, newest.as_ref(), &pricing).await?;
            self.check(order, newest.as_ref()).await?;
            let Some(events) = events else {
                return newest.map(Outcome::Unchanged).ok_or(Failure::Conflict);
            };
            let attempt = self.append(order, commit_id, newest.as_ref(), events, &pricing).await;
            match attempt.map_err(|failure| after_open(failure, &mut unknown))? {
                Attempt::Recorded(commit) => return Ok(Outcome::Written(commit)),
                Attempt::Lost(there) => {
                    if let Some(there) = there.filter(|_| order.inserts_first()) {
                        // Commit 1 keeps its key at any age, so a repeated creation is recognised without a load.
                        if recognise::repeats(order, &there)? {
                            return Ok(Outcome::Replayed(there));
                        }
                    }
                    if newest.is_some() || !order.inserts_first() {
                        metrics::counter!(CONFLICTS.name).increment(1);
                    }
                    newest = self.newest(&order.product_id).await?;
                    unknown = None;
                }
                Attempt::Open(reason) => unknown = Some(reason),
            }
        }
        Err(unknown.map_or(Failure::Conflict, Failure::Unknown))
    }

    /// The newest commit, which the next one is built upon: it must have the hash it carries.
    async fn newest(&self, product: &ProductId) -> Result<Option<Commit>, Failure> {
        let stored = self.journal.newest(product, u64::MAX >> 1).await.map_err(Failure::Unavailable)?;
        let Some(stored) = stored else { return Ok(None) };
        let commit = stored.decode().map_err(|error| Failure::Unreadable(error.to_string()))?;
        let computed = hash_of(&stored).map_err(|error| Failure::Unreadable(error.to_string()))?;
        if computed != commit.hash {
            return Err(Failure::Unreadable(format!(
                "it carries the hash {} and has {computed}",
                commit.hash
            )));
        }
        Ok(Some(commit))
    }

    async fn at_most(&self, product: &ProductId, sequence: u64) -> Result<Option<Commit>, Failure> {
        let stored = self.journal.newest(product, sequence).await.map_err(Failure::Unavailable)?;
        stored
            .map(|commit| commit.decode())
            .transpose()
            .map_err(|error| Failure::Unreadable(error.to_string()))
    }

    async fn append(
        &self,
        order: &Order,
        commit_id: Ulid,
        newest: Option<&Commit>,
        events: Vec<ProductEvent>,
        pricing: &Pricing,
    ) -> Result<Attempt, Failure> {
        let unsealed = record::unsealed(order, commit_id, newest, events, pricing, &self.clock_and_ids)?;
        let sequence = unsealed.sequence;
        let (commit, stored) = seal(unsealed).map_err(|error| match error {
            SealError::TooLarge { bytes } => Failure::TooLarge { bytes },
            SealError::Json(error) => Failure::Unavailable(Unavailable(error.into())),
        })?;
        let lost_answer = match self.journal.append(&stored).await {
            Ok(()) => return Ok(Attempt::Recorded(commit)),
            Err(AppendError::Refused(reason)) => return Err(Failure::Unavailable(reason)),
            Err(AppendError::Occupied) => None,
            Err(AppendError::Unknown(reason)) => Some(reason),
        };
        let there = match self.at_most(&order.product_id, sequence).await {
            Ok(there) => there.filter(|there| there.sequence == sequence),
            Err(Failure::Unavailable(reason)) => return Err(Failure::Unknown(reason)),
            Err(failure) => return Err(failure),
        };
        Ok(match (there, lost_answer) {
            (Some(there), _) if there.commit_id == commit_id => Attempt::Recorded(there),
            (there @ Some(_), _) | (there @ None, None) => Attempt::Lost(there),
            (None, Some(reason)) => Attempt::Open(reason),
        })
    }
}

/// An attempt whose outcome is open may have recorded the command, whatever the next one is told.
fn after_open(failure: Failure, open: &mut Option<Unavailable>) -> Failure {
    match (failure, open.take()) {
        (Failure::Unavailable(_), Some(reason)) => Failure::Unknown(reason),
        (failure, _) => failure,
    }
}

/// The events to write, `None` when nothing changes; a refusal is an error.
async fn decided(
    order: &Order,
    newest: Option<&Commit>,
    pricing: &Pricing,
) -> Result<Option<Vec<ProductEvent>>, Refusal> {
    let mut aggregate = ProductAggregate(newest.map(|commit| commit.state.facts.clone()));
    let sink = EventSink::default();
    aggregate.handle(order.command.clone(), pricing, &sink).await?;
    let events = sink.collect().await;
    Ok((!events.is_empty()).then_some(events))
}

/// Full jitter: writers that collided once should not collide again.
async fn pause_before(attempt: u32) {
    if attempt > 0 {
        let most = FIRST_PAUSE.saturating_mul(1 << attempt.min(16)).min(LONGEST_PAUSE);
        tokio::time::sleep(most.mul_f64(fastrand::f64())).await;
    }
}
