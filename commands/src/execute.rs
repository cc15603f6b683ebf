//! The executor: load the newest commit, recognise a repeated command, decide, check the precondition, append.
//!
//! The promise: a command is recorded at most once. Its commit id is made once and kept through retries, so reading the key that
//! was tried tells a lost answer from a lost race. A store that has too much to do is not asked again for the same command.

mod check;
mod precondition;
mod prices;
mod queue;
mod recognise;
mod record;
mod request;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use event_store::chain::{SealError, hash_of, seal};
use event_store::{AppendError, Backoff, Journal, StoreError};
use schema::{Commit, ProductEvent, ProductId};
use telemetry::meters::CONFLICTS;
use tokio::time::{Instant, timeout_at};
use ulid::Ulid;
use web::ClockAndIds;

use queue::ProductQueues;

pub use precondition::{CarriedFields, FailedPrecondition, Precondition};
pub use request::{CommandError, CommandOutcome, CommandRequest};

use crate::product::{Pricing, Refusal, decide};

/// How often a command is decided and appended before it fails with a conflict.
const ATTEMPTS: u32 = 10;

/// How long a command may take on a store that is asked over a network: less than the function and the clients wait.
pub const TIME_LIMIT: Duration = Duration::from_secs(10);

/// Between two attempts.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(5), longest: Duration::from_millis(250) };

/// Runs commands against a journal.
#[derive(Clone)]
pub struct Executor {
    journal: Arc<dyn Journal>,
    clock_and_ids: ClockAndIds,
    queues: ProductQueues,
    time_limit: Option<Duration>,
}

/// The outcome of one attempt to append.
enum Attempt {
    Recorded(Commit),
    /// Another commit is at the key: another writer's, or one of an earlier sending of this command.
    Lost(Option<Commit>),
    /// Nothing is at the key, although the answer was lost: the same commit may be appended again.
    Open(StoreError),
}

impl Executor {
    /// An executor that appends to `journal` and takes time and ids from `edge`.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, clock_and_ids: ClockAndIds) -> Self {
        Self { journal, clock_and_ids, queues: ProductQueues::default(), time_limit: None }
    }

    /// The same, giving up a command after `limit`, its turn in the queue of its product included.
    #[must_use]
    pub fn within(self, limit: Duration) -> Self {
        Self { time_limit: Some(limit), ..self }
    }

    /// Executes one command.
    ///
    /// # Errors
    /// [`CommandError`]: each case says what the client should do.
    pub async fn execute(&self, request: &CommandRequest) -> Result<CommandOutcome, CommandError> {
        let asked = AtomicBool::new(false);
        let work = self.in_turn(request, &asked);
        let Some(limit) = self.time_limit else { return work.await };
        let done = timeout_at(Instant::now() + limit, work).await;
        done.unwrap_or_else(|_| {
            let reason = StoreError::new(format!("it did not answer within {} s", limit.as_secs()).into());
            let reason = reason.of("the event table");
            Err(if asked.into_inner() {
                CommandError::Unknown(reason)
            } else {
                CommandError::Unavailable(reason)
            })
        })
    }

    /// Executes the command when it is its turn; `asked` becomes true with the first append.
    async fn in_turn(
        &self,
        request: &CommandRequest,
        asked: &AtomicBool,
    ) -> Result<CommandOutcome, CommandError> {
        let _turn = self.queues.turn(&request.product_id).await;
        let commit_id = (self.clock_and_ids.ids)();
        let mut newest =
            if request.inserts_first() { None } else { self.newest(&request.product_id).await? };
        let (mut unknown, mut searched) = (None, 0);
        for attempt in 0..ATTEMPTS {
            if attempt > 0 {
                tokio::time::sleep(BACKOFF.pause(attempt)).await;
            }
            if let Some(repeated) = self.recognised(request, newest.as_ref(), &mut searched).await? {
                return Ok(CommandOutcome::Replayed(repeated));
            }
            record::not_ahead(newest.as_ref(), (self.clock_and_ids.clock)())?;
            let pricing = self.pricing(request, newest.as_ref()).await?;
            let events = decided(request, newest.as_ref(), &pricing)?;
            self.check(request, newest.as_ref()).await?;
            let Some(events) = events else {
                return newest.map(CommandOutcome::Unchanged).ok_or(CommandError::Conflict);
            };
            asked.store(true, Ordering::Relaxed);
            let attempt = self.append(request, commit_id, newest.as_ref(), events, &pricing).await;
            match attempt.map_err(|failure| after_open(failure, &mut unknown))? {
                Attempt::Recorded(commit) => return Ok(CommandOutcome::Written(commit)),
                Attempt::Lost(there) => {
                    if let Some(there) = there.filter(|_| request.inserts_first()) {
                        // Commit 1 keeps its key for ever, so a repeated creation is recognised without loading more.
                        if recognise::repeats(request, &there)? {
                            return Ok(CommandOutcome::Replayed(there));
                        }
                    }
                    if newest.is_some() || !request.inserts_first() {
                        metrics::counter!(CONFLICTS.name).increment(1);
                    }
                    newest = self.newest(&request.product_id).await?;
                    unknown = None;
                }
                Attempt::Open(reason) => unknown = Some(reason),
            }
        }
        Err(unknown.map_or(CommandError::Conflict, CommandError::Unknown))
    }

    /// The newest commit, which the next one links to: its hash must be the one it carries.
    async fn newest(&self, product: &ProductId) -> Result<Option<Commit>, CommandError> {
        let stored = self.journal.newest(product, u64::MAX >> 1).await.map_err(CommandError::Unavailable)?;
        let Some(stored) = stored else { return Ok(None) };
        let commit = stored.decode().map_err(CommandError::unreadable)?;
        let computed = hash_of(&stored).map_err(CommandError::unreadable)?;
        if computed != commit.hash {
            return Err(CommandError::Unreadable(format!(
                "it carries the hash {} but hashes to {computed}",
                commit.hash
            )));
        }
        Ok(Some(commit))
    }

    async fn at_most(&self, product: &ProductId, sequence: u64) -> Result<Option<Commit>, CommandError> {
        let stored = self.journal.newest(product, sequence).await.map_err(CommandError::Unavailable)?;
        stored.map(|commit| commit.decode()).transpose().map_err(CommandError::unreadable)
    }

    async fn append(
        &self,
        request: &CommandRequest,
        commit_id: Ulid,
        newest: Option<&Commit>,
        events: Vec<ProductEvent>,
        pricing: &Pricing,
    ) -> Result<Attempt, CommandError> {
        let unsealed = record::unsealed(request, commit_id, newest, events, pricing, &self.clock_and_ids)?;
        let sequence = unsealed.sequence;
        debug_assert!(
            newest.is_none_or(|newest| unsealed.follows(newest)),
            "a commit follows the newest one"
        );
        let (commit, stored) = seal(unsealed).map_err(|error| match error {
            SealError::TooLarge { bytes } => CommandError::TooLarge { bytes },
            SealError::Json(error) => CommandError::Unavailable(StoreError::new(error.into())),
        })?;
        let lost_answer = match self.journal.append(&stored).await {
            Ok(()) => return Ok(Attempt::Recorded(commit)),
            Err(AppendError::Refused(reason) | AppendError::NotNow(reason)) => {
                return Err(CommandError::Unavailable(reason));
            }
            Err(AppendError::Occupied) => None,
            Err(AppendError::Unknown(reason)) => Some(reason),
        };
        let there = match self.at_most(&request.product_id, sequence).await {
            Ok(there) => there.filter(|there| there.sequence == sequence),
            Err(CommandError::Unavailable(reason)) => return Err(CommandError::Unknown(reason)),
            Err(failure) => return Err(failure),
        };
        Ok(match (there, lost_answer) {
            (Some(there), _) if there.commit_id == commit_id => Attempt::Recorded(there),
            (there @ Some(_), _) | (there @ None, None) => Attempt::Lost(there),
            (None, Some(reason)) => Attempt::Open(reason),
        })
    }
}

/// An earlier attempt with an unknown outcome may have recorded the command, whatever the next one returns.
fn after_open(failure: CommandError, open: &mut Option<StoreError>) -> CommandError {
    match (failure, open.take()) {
        (CommandError::Unavailable(_), Some(reason)) => CommandError::Unknown(reason),
        (failure, _) => failure,
    }
}

/// The events to record, `None` when nothing changes.
fn decided(
    request: &CommandRequest,
    newest: Option<&Commit>,
    pricing: &Pricing,
) -> Result<Option<Vec<ProductEvent>>, Refusal> {
    let events = decide(newest.map(|commit| &commit.state.facts), &request.command, pricing)?;
    Ok((!events.is_empty()).then_some(events))
}
