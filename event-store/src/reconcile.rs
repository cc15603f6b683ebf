//! The scheduled reconcile: rounds that compare every product of the event table with what a consumer has handled, and repair
//! what is behind. A run does a part of a round.
//!
//! Its promise: a round meets every product that was there when it began, wherever its runs are interrupted; a run ends within
//! its time and soon after its capacity units are spent, and it gets further than the one before it; two runs at the same time
//! do not count a product twice.

mod compared;
mod rounds;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::stream::{self, StreamExt};
use schema::{Clock, ProductId, Status, Timestamp};
use serde::Serialize;
use telemetry::meters::{RECONCILE_AGE, RECONCILE_LEFT, RECONCILE_OLDEST, RECONCILED};
use telemetry::usage::UsageCounter;
use tokio::time::{Instant, timeout_at};

use crate::error::StoreError;
use crate::journal::Journal;
use crate::limits::{RunDeadlines, until};

pub use compared::{ComparedProduct, GRACE};
pub use rounds::{
    ConsumerTally, DynamoRounds, FinishedRound, MemoryRounds, Round, RoundTally, Rounds, StateTally,
};

/// Products that are listed at a time; after them the place is saved.
const PAGE: usize = 100;

/// Products that are compared at the same time.
const PARALLEL: usize = 8;

/// What a consumer has, compared with the event table, and repaired where it is behind.
#[async_trait]
pub trait ReconciledConsumer: Send + Sync {
    /// The names under which the results are counted.
    fn consumers(&self) -> Vec<&'static str>;

    /// The result of one product for each of the consumers, in their order. May be dropped at any await point.
    ///
    /// # Errors
    /// [`StoreError`]: a store did not answer; the next run begins with this product.
    async fn reconcile(&self, product: &ComparedProduct<'_>) -> Result<Vec<ReconcileResult>, StoreError>;
}

/// What came of comparing a product for one consumer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReconcileResult {
    /// Nothing is missing but what was recorded so recently that the stream still delivers it.
    Agrees,
    /// It was behind and has caught up.
    Repaired,
    /// It is behind and was parked before: it is retried elsewhere, or waits for an operator.
    Parked {
        /// When the oldest commit that it lacks was recorded.
        since: Timestamp,
    },
    /// It is behind also after the repair, or it differs in a way that no repair corrects.
    Left {
        /// As above.
        since: Timestamp,
        /// Why, for operators.
        reason: String,
    },
}

/// How much a reconcile does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReconcileLimits {
    /// The capacity units of a run; it ends with the page in which they are spent.
    pub units: f64,
    /// From the beginning of a round to that of the next.
    pub every: Duration,
    /// The same where the last round left something, so that a repair by hand shows soon.
    pub again: Duration,
}

impl Default for ReconcileLimits {
    fn default() -> Self {
        Self { units: 20_000.0, every: Duration::from_hours(24), again: Duration::from_hours(1) }
    }
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ReconcileRun {
    /// Products that it compared.
    pub compared: u64,
    /// Whether it was the last of its round.
    pub complete: bool,
}

/// The reconcile of one function.
pub struct Reconciler {
    journal: Arc<dyn Journal>,
    rounds: Arc<dyn Rounds>,
    clock: Clock,
    name: &'static str,
    limits: ReconcileLimits,
}

impl Reconciler {
    /// The reconcile of `name`, which keeps its rounds in `rounds` under this name.
    #[must_use]
    pub fn new(name: &'static str, journal: Arc<dyn Journal>, rounds: Arc<dyn Rounds>, clock: Clock) -> Self {
        Self { journal, rounds, clock, name, limits: ReconcileLimits::default() }
    }

    /// The same with other limits.
    #[must_use]
    pub fn limits(self, limits: ReconcileLimits) -> Self {
        Self { limits, ..self }
    }

    /// Goes on with the round, or begins one if it is time for one, within `time_left`.
    ///
    /// # Errors
    /// [`StoreError`]: a store did not answer; the next run goes on.
    pub async fn run(
        &self,
        consumer: &dyn ReconciledConsumer,
        time_left: Duration,
    ) -> Result<ReconcileRun, StoreError> {
        let RunDeadlines { working: deadline, recording: end } = RunDeadlines::of(time_left);
        let (mut revision, mut round) = until(Some(deadline), self.rounds.load(self.name)).await??;
        let mut run = ReconcileRun::default();
        let mut outcome = Ok(());
        if self.is_due(&round) {
            if round.started_at.is_none() {
                round.started_at = Some((self.clock)());
                round.tally.states = Some(StateTally::default());
            }
            let spent = UsageCounter::default();
            while Instant::now() < deadline && spent.usage().units < self.limits.units && !run.complete {
                let before = run.compared;
                outcome = spent.count(self.page(&mut round, &mut run, consumer, deadline)).await;
                if run.complete {
                    self.finish(&mut round);
                }
                if !until(Some(end), self.rounds.save(self.name, revision, &round)).await?? {
                    tracing::warn!(target: "ledger::reconcile", name = self.name, "another run of the reconcile is at work; this one ends");
                    return Ok(ReconcileRun { complete: false, ..run });
                }
                revision += 1;
                if outcome.is_err() || run.compared == before {
                    break;
                }
            }
        }
        self.note(consumer, &round, run);
        outcome.map(|()| run)
    }

    /// Whether a round is under way or a new one is due.
    fn is_due(&self, round: &Round) -> bool {
        let Some(last) = round.last.as_ref().filter(|_| round.started_at.is_none()) else { return true };
        let every = if last.tally.left() > 0 { self.limits.again } else { self.limits.every };
        last.started_at.seconds_until((self.clock)()) >= every.as_secs_f64()
    }

    /// Compares the next products, in order, until the deadline; what was compared is in the round, also after an error.
    async fn page(
        &self,
        round: &mut Round,
        run: &mut ReconcileRun,
        consumer: &dyn ReconciledConsumer,
        deadline: Instant,
    ) -> Result<(), StoreError> {
        let Ok(page) = timeout_at(deadline, self.journal.products(&round.after, PAGE)).await else {
            return Ok(());
        };
        let page = page?;
        let is_last = page.len() < PAGE;
        let results = page.into_iter().map(|id| async move {
            let result = timeout_at(deadline, self.compared(&id, consumer, deadline)).await;
            (id, result)
        });
        let mut results = std::pin::pin!(stream::iter(results).buffered(PARALLEL));
        while let Some((id, result)) = results.next().await {
            let (status, result) = match result {
                Ok(result) => result?,
                // The next run begins with it. Where it was the first, it would take all the time again.
                Err(_) if run.compared > 0 => return Ok(()),
                Err(_) => (None, self.passed_over(consumer)),
            };
            count(round, consumer, &id, &result);
            if let Some((states, status)) = round.tally.states.as_mut().zip(status) {
                states.add(status);
            }
            run.compared += 1;
            round.after = id;
        }
        run.complete = is_last;
        Ok(())
    }

    /// The results of a product, and its state if its newest commit can be read.
    async fn compared(
        &self,
        id: &str,
        consumer: &dyn ReconciledConsumer,
        deadline: Instant,
    ) -> Result<(Option<Status>, Vec<ReconcileResult>), StoreError> {
        let now = (self.clock)();
        let all = |reason: &str| (None, vec![left(now, reason); consumer.consumers().len()]);
        let Ok(id) = ProductId::new(id) else {
            return Ok(all("it is no product id; run `ledger verify`"));
        };
        let journal = &*self.journal;
        match ComparedProduct::read(id, journal, now, deadline).await? {
            Some(product) => Ok((product.status(), consumer.reconcile(&product).await?)),
            None => Ok(all("its newest commit cannot be read or is gone; run `ledger verify`")),
        }
    }

    fn passed_over(&self, consumer: &dyn ReconciledConsumer) -> Vec<ReconcileResult> {
        let reason = "it takes longer than a run; run `ledger reconcile --repair`";
        vec![left((self.clock)(), reason); consumer.consumers().len()]
    }

    /// The end of a round: its counts become those of the last one.
    fn finish(&self, round: &mut Round) {
        let now = (self.clock)();
        let started_at = round.started_at.unwrap_or(now);
        let tally = std::mem::take(&mut round.tally);
        *round =
            Round { last: Some(FinishedRound { started_at, finished_at: now, tally }), ..Round::default() };
    }

    /// Writes the metrics, and after the last run of a round its counts.
    fn note(&self, consumer: &dyn ReconciledConsumer, round: &Round, run: ReconcileRun) {
        let now = (self.clock)();
        let last = round.last.as_ref();
        let since = last.map(|last| last.finished_at).or(round.started_at).unwrap_or(now);
        metrics::gauge!(RECONCILE_AGE.name, "consumer" => self.name).set(since.seconds_until(now));
        for consumer in consumer.consumers() {
            let tally = last.and_then(|last| last.tally.consumers.get(consumer)).cloned().unwrap_or_default();
            metrics::gauge!(RECONCILE_LEFT.name, "consumer" => consumer).set(small(tally.left));
            if let Some(last) = last.filter(|_| run.complete) {
                note_complete(consumer, last, &tally, now);
            }
        }
    }
}

/// Adds the results of a product to its round, and logs those that are left.
fn count(round: &mut Round, consumer: &dyn ReconciledConsumer, id: &str, results: &[ReconcileResult]) {
    round.tally.products += 1;
    for (consumer, result) in consumer.consumers().into_iter().zip(results) {
        if let ReconcileResult::Left { since, reason } = result {
            tracing::warn!(target: "ledger::reconcile", consumer, product_id = id, %since, reason, "a product does not agree with the event table");
        }
        round.tally.consumers.entry(consumer.to_owned()).or_default().add(result);
    }
}

/// The metrics and the log line of a complete round for one consumer.
fn note_complete(consumer: &'static str, round: &FinishedRound, tally: &ConsumerTally, now: Timestamp) {
    let oldest = tally.oldest.map_or(0.0, |oldest| oldest.seconds_until(now));
    metrics::gauge!(RECONCILE_OLDEST.name, "consumer" => consumer).set(oldest);
    let results = [
        ("agrees", tally.agrees),
        ("repaired", tally.repaired),
        ("parked", tally.parked),
        ("left", tally.left),
    ];
    for (result, products) in results {
        metrics::counter!(RECONCILED.name, "consumer" => consumer, "result" => result).increment(products);
    }
    tracing::info!(target: "ledger::reconcile",
        consumer,
        products = round.tally.products,
        agrees = tally.agrees,
        repaired = tally.repaired,
        parked = tally.parked,
        left = tally.left,
        oldest_seconds = oldest,
        started_at = %round.started_at,
        "a round of the reconcile is complete"
    );
}

fn left(since: Timestamp, reason: &str) -> ReconcileResult {
    ReconcileResult::Left { since, reason: reason.to_owned() }
}

fn small(value: u64) -> f64 {
    f64::from(u32::try_from(value).unwrap_or(u32::MAX))
}
