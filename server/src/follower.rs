//! Feeds a consumer of a ledger on this machine: commits in the order of recording, redelivered until each is handled, and
//! a checkpoint in one transaction with the consumer's writes.
//!
//! The semantics are those of Lambda's event source mapping: a batch that failed in part is redelivered from there, a batch
//! that failed as a whole is halved, and a commit that fails for a day is given up, with an error in the log.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use event_store::follow::ChangeRecord;
use event_store::{Checkpoint, CheckpointStore, Feed, FeedEntry, StoreError};
use futures::FutureExt;
use futures::future::BoxFuture;
use telemetry::meters::{GIVEN_UP, TAMPERING};
use tokio::sync::watch;

use crate::back_pressure::ConsumerPosition;
use crate::mapping::{BatchOutcome, DeliveryBatch, RedeliveryPolicy};
use crate::stall::StallWatch;
use crate::stop::{StopSignal, is_stopped, pause, stopped};

/// Names of the consumers. Stored. Never rename.
pub const PROJECTOR: &str = "projector";
/// Names of the consumers. Stored. Never rename.
pub const PUBLISHER: &str = "publisher";

/// Commits of a batch, unless configured.
const BATCH: usize = 1_000;

/// The pause after a batch. Under load it makes batches large enough for their sync and the pages they write; a single
/// command is still handled at once.
const GATHER: Duration = Duration::from_millis(20);

/// How often to look for commits when nothing announces them.
pub(crate) const POLL: Duration = Duration::from_secs(1);

/// The only part of what a follower has to do.
const COMMITS: &str = "the commits";

type OnMissed = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// Feeds one consumer.
pub struct Follower {
    consumer: &'static str,
    feed: Arc<dyn Feed>,
    progress: Arc<dyn CheckpointStore>,
    handled: ConsumerPosition,
    batch_size: usize,
    redelivery: RedeliveryPolicy,
    on_missed: OnMissed,
    stalls: StallWatch,
}

impl Follower {
    /// A consumer of `feed` that keeps its checkpoint in `progress`; `handled` is told how far that is.
    #[must_use]
    pub fn new(
        consumer: &'static str,
        feed: Arc<dyn Feed>,
        progress: Arc<dyn CheckpointStore>,
        handled: ConsumerPosition,
    ) -> Self {
        let on_missed: OnMissed = Arc::new(|| std::future::ready(Ok(())).boxed());
        Self {
            consumer,
            feed,
            progress,
            handled,
            batch_size: BATCH,
            redelivery: RedeliveryPolicy::default(),
            on_missed,
            stalls: StallWatch::new(consumer),
        }
    }

    /// At most this many commits a call.
    #[must_use]
    pub fn batch_size(self, commits: usize) -> Self {
        Self { batch_size: commits.max(1), ..self }
    }

    /// How failed batches are redelivered.
    #[must_use]
    pub fn redelivery(self, redelivery: RedeliveryPolicy) -> Self {
        Self { redelivery, ..self }
    }

    /// Called when the checkpoint does not match the commits, until it succeeds: it should compare every product.
    #[must_use]
    pub fn on_missed<Fut>(self, hook: impl Fn() -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { on_missed: Arc::new(move || hook().boxed()), ..self }
    }

    /// Feeds `function` until `stop`, then returns once the current batch is done. The function returns the ids of failed
    /// records; the batch is redelivered from the first of them. No failure ends it: it logs and tries again.
    pub async fn run<F, Fut>(&self, function: F, stop: StopSignal)
    where
        F: Fn(Vec<ChangeRecord>) -> Fut,
        Fut: Future<Output = Vec<String>>,
    {
        tokio::join!(self.feed(function, &stop), self.stalls.watch(stop.clone()));
    }

    async fn feed<F, Fut>(&self, function: F, stop: &StopSignal)
    where
        F: Fn(Vec<ChangeRecord>) -> Fut,
        Fut: Future<Output = Vec<String>>,
    {
        let mut news = self.feed.appended();
        let mut failures = 0;
        let mut at = None;
        let mut begun = false;
        while !is_stopped(stop) {
            if !begun {
                match self.begin().await {
                    Ok(position) => (at, begun) = (position, true),
                    Err(error) => {
                        self.wait_after("the checkpoint cannot be read", &error, &mut failures, stop).await;
                    }
                }
                continue;
            }
            // Before the commits are read: a commit recorded during the read must wake the next one.
            news.mark_unchanged();
            match self.feed.after(at, self.batch_size).await {
                Ok(commits) if commits.is_empty() => {
                    failures = 0;
                    self.handled.caught_up();
                    self.stalls.idle(COMMITS);
                    idle(&mut news, stop).await;
                }
                Ok(commits) => {
                    self.stalls.pending(COMMITS, "commits are not handled yet");
                    let mut delivery = Delivery::of(commits);
                    match self.deliver(&mut delivery, &function, stop).await {
                        Ok(()) => {
                            failures = 0;
                            pause(GATHER, stop).await;
                        }
                        Err(error) => {
                            self.wait_after("the checkpoint cannot be kept", &error, &mut failures, stop)
                                .await;
                        }
                    }
                    at = delivery.done().or(at);
                }
                Err(error) => {
                    self.wait_after("the commits cannot be read", &error, &mut failures, stop).await;
                }
            }
        }
    }

    /// The position to go on after. A checkpoint that does not match is a sign of tampering: every product is compared, and
    /// the commits that are there now count as handled.
    async fn begin(&self) -> Result<Option<u64>, StoreError> {
        let Some(checkpoint) = self.progress.checkpoint().await? else {
            return Ok(None);
        };
        let found = self.feed.hash_at(checkpoint.position).await?;
        if found.as_ref() == Some(&checkpoint.hash) {
            self.handled.handled(checkpoint.position);
            return Ok(Some(checkpoint.position));
        }
        let operation = if found.is_some() { "MODIFY" } else { "REMOVE" };
        metrics::counter!(TAMPERING.name, "consumer" => self.consumer, "operation" => operation).increment(1);
        tracing::error!(target: "ledger::follower",
            consumer = self.consumer,
            position = checkpoint.position,
            expected = checkpoint.hash,
            found,
            "the ledger was tampered with: the commit at the checkpoint was changed or removed; comparing every product"
        );
        let newest = self.feed.newest_position().await?;
        (self.on_missed)().await.map_err(|reason| StoreError::new(reason.into()))?;
        let Some(position) = newest else {
            return Ok(None);
        };
        let hash = self.feed.hash_at(position).await?.unwrap_or_default();
        self.progress.begin();
        self.progress.keep(&Checkpoint { position, hash }).await?;
        self.handled.handled(position);
        Ok(Some(position))
    }

    /// Delivers commits until all are done, or until `stop`.
    async fn deliver<F, Fut>(
        &self,
        delivery: &mut Delivery,
        function: &F,
        stop: &StopSignal,
    ) -> Result<(), StoreError>
    where
        F: Fn(Vec<ChangeRecord>) -> Fut,
        Fut: Future<Output = Vec<String>>,
    {
        while !delivery.batch.next().is_empty() && !is_stopped(stop) {
            let records = delivery.records(&*self.feed).await?;
            let before = delivery.batch.clone();
            self.progress.begin();
            let outcome = self.call(function, records, &delivery.ids[delivery.batch.next()]).await;
            if outcome != BatchOutcome::Done {
                self.handled.failed();
            }
            match &outcome {
                BatchOutcome::Failed(reason) => {
                    self.stalls.pending(COMMITS, reason);
                    self.warn("the consumer failed", reason);
                }
                BatchOutcome::FailedFrom(_) => {
                    self.stalls.pending(COMMITS, "the consumer reports a failed commit");
                }
                BatchOutcome::Done => {}
            }
            let settled = delivery.batch.apply(outcome, &self.redelivery);
            let kept = match delivery.checkpoint().filter(|_| settled.advanced) {
                Some(checkpoint) => self.progress.keep(&checkpoint).await,
                None => self.progress.end().await,
            };
            if let Err(error) = kept {
                delivery.batch = before;
                return Err(error);
            }
            if settled.advanced {
                self.stalls.advanced(COMMITS);
            }
            if let Some((place, reason)) = settled.skipped {
                self.give_up(&delivery.ids[place], &reason);
            }
            if let Some(position) = delivery.done() {
                self.handled.handled(position);
            }
            if settled.failures > 0 {
                pause(self.redelivery.backoff.pause(settled.failures), stop).await;
            }
        }
        Ok(())
    }

    async fn call<F, Fut>(&self, function: &F, records: Vec<ChangeRecord>, ids: &[String]) -> BatchOutcome
    where
        F: Fn(Vec<ChangeRecord>) -> Fut,
        Fut: Future<Output = Vec<String>>,
    {
        let call = async { function(records).await };
        match AssertUnwindSafe(call).catch_unwind().await {
            Ok(failed) => BatchOutcome::of(&failed, ids),
            Err(_) => BatchOutcome::Failed("it panicked; see the message above in the log".to_owned()),
        }
    }

    fn give_up(&self, position: &str, reason: &str) {
        metrics::counter!(GIVEN_UP.name, "consumer" => self.consumer).increment(1);
        tracing::error!(target: "ledger::follower",
            consumer = self.consumer,
            position,
            reason,
            "a commit was given up after all its retries; run ledger reconcile, or its changes are missing downstream"
        );
    }

    async fn wait_after(&self, what: &str, error: &StoreError, failures: &mut u32, stop: &StopSignal) {
        *failures += 1;
        self.handled.failed();
        self.stalls.pending(COMMITS, &format!("{what}: {error}"));
        self.warn(what, &error.to_string());
        pause(self.redelivery.backoff.pause(*failures), stop).await;
    }

    fn warn(&self, what: &str, reason: &str) {
        tracing::warn!(target: "ledger::follower", consumer = self.consumer, reason, "{what}; trying again");
    }
}

/// Commits on their way to a consumer.
struct Delivery {
    batch: DeliveryBatch,
    ids: Vec<String>,
    places: Vec<(u64, String)>,
    /// The commits until their delivery; for a redelivery they are read again.
    commits: Option<Vec<FeedEntry>>,
}

impl Delivery {
    fn of(commits: Vec<FeedEntry>) -> Self {
        let places: Vec<_> = commits.iter().map(|commit| (commit.position, commit.hash.clone())).collect();
        let ids = places.iter().map(|(position, _)| position.to_string()).collect();
        Self { batch: DeliveryBatch::new(places.len()), ids, places, commits: Some(commits) }
    }

    /// The next records to deliver.
    async fn records(&mut self, feed: &dyn Feed) -> Result<Vec<ChangeRecord>, StoreError> {
        let window = self.batch.next();
        let whole = window == (0..self.places.len());
        let commits = if let Some(commits) = self.commits.take().filter(|_| whole) {
            commits
        } else {
            let before = self.places.get(window.start).and_then(|(position, _)| position.checked_sub(1));
            feed.after(before, window.len()).await?
        };
        Ok(commits.into_iter().map(ChangeRecord::from).collect())
    }

    fn checkpoint(&self) -> Option<Checkpoint> {
        let (position, hash) = self.places.get(self.batch.done().checked_sub(1)?)?;
        Some(Checkpoint { position: *position, hash: hash.clone() })
    }

    /// The position of the last commit that is done.
    fn done(&self) -> Option<u64> {
        self.checkpoint().map(|checkpoint| checkpoint.position)
    }
}

/// Waits for commits: until some are announced, a second at most, or until `stop`.
pub(crate) async fn idle(news: &mut watch::Receiver<u64>, stop: &StopSignal) {
    tokio::select! {
        changed = news.changed() => {
            // Nothing announces commits any more: only the clock is left.
            if changed.is_err() {
                pause(POLL, stop).await;
            }
        }
        () = tokio::time::sleep(POLL) => {}
        () = stopped(stop) => {}
    }
}

#[cfg(test)]
mod tests;
