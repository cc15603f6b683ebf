//! Keeps the log of a ledger in DynamoDB, run by run: what is due is put into the log, then a checkpoint over all of it is published.
//! The function and `serve` do the same.
//!
//! The promise: a run ends in its time, and the next one goes on. What cannot be published is logged all the same; a contradiction
//! ends the publishing and is counted by every run that meets it. A table that is older than the published checkpoint is logged into
//! by none.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use aws_lambda_events::event::dynamodb::EventRecord;
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use aws_types::SdkConfig;
use event_store::limits::{RunDeadlines, until};
use event_store::reconcile::ReconcileRun;
use event_store::{Announcement, Reconciler, Rounds, StoreError, announced, follow};
use schema::{Clock, Ids, Timestamp};
use serde::Serialize;
use serde_json::value::RawValue;
use telemetry::meters::{LOG_CHECKPOINT_AGE, LOG_CONFLICTS, LOG_OLDEST_UNLOGGED};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::bound::BoundKeys;
use crate::cloud::{CloudLog, CloudLogError, CloudLogPlace, size_in};
use crate::failure::{LogFailure, LogStop};
use crate::publish::LogPublisher;
use crate::reconcile::ROUNDS;
use crate::round::{LogRun, Sequencer, SequencerPorts};
use crate::run_end::RunEnd;

/// The longest look at the published checkpoint before anything is logged.
const LOOK: Duration = Duration::from_secs(3);

/// Where the checkpoints of a log are published.
pub struct LogDestination {
    /// Bucket, key and name.
    pub place: CloudLogPlace,
    /// The settings of the AWS SDK.
    pub aws: SdkConfig,
    /// Which keys sign it.
    pub bound: Arc<dyn BoundKeys>,
}

/// Keeps a log.
pub struct LogKeeper {
    sequencer: Sequencer,
    reconciler: Reconciler,
    ports: SequencerPorts,
    clock: Clock,
    destination: Option<LogDestination>,
    end: RunEnd,
    /// The log, as long as its keys stay the same.
    opened: Mutex<Option<Arc<(CloudLog, LogPublisher)>>>,
    /// The size of the newest checkpoint that is known here.
    published: AtomicU64,
    /// Whether the log table is known to have what was published before this process.
    is_level: AtomicBool,
}

/// What a run did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct KeptRun {
    /// What was logged.
    #[serde(flatten)]
    pub run: LogRun,
    /// The size of the newest checkpoint; `None` where there are none, or nothing may be signed.
    pub published: Option<u64>,
}

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum LogKeepError {
    /// A table did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The log on AWS cannot be opened.
    #[error(transparent)]
    Cloud(#[from] CloudLogError),
    /// No checkpoint was published.
    #[error(transparent)]
    Log(#[from] LogFailure),
}

impl LogKeepError {
    /// The kind of a contradiction, over which nothing is signed.
    #[must_use]
    pub fn conflict(&self) -> Option<&'static str> {
        match self {
            Self::Cloud(CloudLogError::Begin(LogFailure::Stopped(stop)))
            | Self::Log(LogFailure::Stopped(stop)) => Some(stop.kind()),
            Self::Cloud(error) if error.is_conflict() => Some("key"),
            Self::Store(_) | Self::Cloud(_) | Self::Log(_) => None,
        }
    }
}

impl LogKeeper {
    /// Keeps the log of these ports; without a destination it is an order alone.
    #[must_use]
    pub fn new(
        ports: SequencerPorts,
        rounds: Arc<dyn Rounds>,
        destination: Option<LogDestination>,
        clock: Clock,
        ids: Ids,
    ) -> Self {
        Self {
            sequencer: Sequencer::new(ports.clone(), clock.clone(), ids),
            reconciler: Reconciler::new(ROUNDS, ports.journal.clone(), rounds, clock.clone()),
            ports,
            clock,
            destination,
            end: RunEnd::default(),
            opened: Mutex::default(),
            published: AtomicU64::new(0),
            is_level: AtomicBool::new(false),
        }
    }

    /// Logs what a batch of records of the table of feed items announces, and publishes; answers with the records to deliver
    /// again, which are all of them or none.
    pub async fn follow(&self, batch: &[Box<RawValue>], time_left: Duration) -> DynamoDbEventResponse {
        let deadlines = RunDeadlines::of(time_left);
        let records = follow::event(batch).records;
        let items: Vec<Announcement> = records.iter().filter_map(announcement).collect();
        let newest = items.iter().map(|item| item.id).max();
        let commits: Vec<_> = items.into_iter().flat_map(|item| item.commits).collect();
        let logged = until(Some(deadlines.working), async {
            match self.behind(time_left).await? {
                // Feed items stay, and the reconcile finds what they announce.
                Some(_) => Ok(LogRun::default()),
                None => self.sequencer.log(&commits, newest).await,
            }
        });
        let logged = logged.await.flatten();
        let mut response = DynamoDbEventResponse::default();
        if let Err(error) = logged {
            tracing::warn!(target: "ledger::log", %error, "what was announced is not, or not all, logged; the batch is delivered again");
            response.batch_item_failures = records.iter().map(to_deliver_again).collect();
        }
        // What is in the table is published by the next run if it is not by this one.
        let _ = self.publish(deadlines.recording).await;
        response
    }

    /// Logs what is left: of what was recorded before the log began, of the feed items, of the parked products; and publishes.
    ///
    /// # Errors
    /// [`LogKeepError`]: the next run goes on.
    pub async fn catch_up(&self, time_left: Duration) -> Result<KeptRun, LogKeepError> {
        let (begun, deadlines) = (Instant::now(), RunDeadlines::of(time_left));
        let left = || time_left.saturating_sub(begun.elapsed());
        let working = Some(deadlines.working);
        let (drained, retried) = match until(working, self.behind(time_left)).await.flatten() {
            Ok(None) => {
                // Half of the time is for the files.
                let drained = until(working, self.sequencer.drain(time_left / 2)).await.flatten();
                (drained, until(working, self.sequencer.retry_parked(left())).await.flatten())
            }
            Ok(Some(_)) => (Ok(LogRun::default()), Ok(LogRun::default())),
            Err(error) => (Err(error), Ok(LogRun::default())),
        };
        // Whatever failed before: what is in the table is published.
        let published = self.publish(deadlines.recording).await;
        let counted = until(Some(deadlines.recording), self.sequencer.count_days(deadlines.working));
        if let Err(error) = counted.await.flatten() {
            tracing::warn!(target: "ledger::log", %error, "the days of earlier commits are not all counted; the next run goes on");
        }
        let (drained, retried) = (drained?, retried?);
        let run = LogRun {
            logged: drained.logged + retried.logged,
            parked: drained.parked + retried.parked,
            is_beginning: drained.is_beginning,
        };
        match published {
            Ok(published) => Ok(KeptRun { run, published }),
            // Counted and logged; another attempt does not change it.
            Err(error) if error.conflict().is_some() => Ok(KeptRun { run, published: None }),
            Err(error) => Err(error),
        }
    }

    /// Goes on comparing the newest commit of each product with the log.
    ///
    /// # Errors
    /// [`LogKeepError`]: a store did not answer; the next run goes on.
    pub async fn reconcile(&self, time_left: Duration) -> Result<ReconcileRun, LogKeepError> {
        if let Some(stop) = self.behind(time_left).await? {
            return Err(LogFailure::from(stop).into());
        }
        Ok(self.reconciler.run(&self.sequencer, time_left).await?)
    }

    /// Whether the log table lacks entries of the published checkpoint, as one that was restored to an earlier moment does. What would
    /// be logged into it could never be removed again, and contradict what was signed. A bucket that cannot be read stops nothing.
    async fn behind(&self, time_left: Duration) -> Result<Option<LogStop>, StoreError> {
        let destination = self.destination.as_ref().filter(|_| !self.is_level.load(Ordering::Relaxed));
        let Some(LogDestination { place, aws, .. }) = destination else { return Ok(None) };
        self.end.set(Instant::now() + LOOK.min(time_left / 8));
        let size = match size_in(place, aws, self.clock.clone(), self.end.clone()).await {
            Ok(size) => size,
            Err(error) => {
                tracing::warn!(target: "ledger::log", %error, "whether the log table has what was published is not known");
                return Ok(None);
            }
        };
        let commits = self.ports.table.newest_batch(0).await?.map_or(0, |newest| newest.size());
        if commits < size {
            return Ok(Some(LogStop::Ahead { size, commits }));
        }
        self.is_level.store(true, Ordering::Relaxed);
        Ok(None)
    }

    /// Publishes a checkpoint over everything in the log table before `end`; answers with its size, or `None` without a log.
    async fn publish(&self, end: Instant) -> Result<Option<u64>, LogKeepError> {
        let published = match &self.destination {
            None => Ok(None),
            Some(destination) => {
                self.end.set(end);
                let published = until(Some(end), self.published_to(destination)).await;
                published.map_err(LogKeepError::from).flatten().map(Some)
            }
        };
        match &published {
            Ok(Some(size)) => self.published.store(*size, Ordering::Relaxed),
            Ok(None) => {}
            Err(error) => match error.conflict() {
                Some(kind) => {
                    metrics::counter!(LOG_CONFLICTS.name, "kind" => kind).increment(1);
                    if matches!(error, LogKeepError::Log(LogFailure::Stopped(LogStop::Ahead { .. }))) {
                        tracing::error!(target: "ledger::log", kind, reason = %error, "the log table is older than the published checkpoint, nothing is logged or signed any more; run ledger log restore");
                    } else {
                        tracing::error!(target: "ledger::log", kind, reason = %error, "nothing is signed any more, what is recorded is logged all the same; run ledger log verify");
                    }
                }
                None => {
                    tracing::warn!(target: "ledger::log", %error, "no checkpoint could be published; the next run tries again");
                }
            },
        }
        // Not at the cost of the answer.
        if let Err(error) = until(Some(end), self.measure(published.is_ok())).await.flatten() {
            tracing::warn!(target: "ledger::log", %error, "how far the log is behind is not known");
        }
        published
    }

    async fn published_to(&self, destination: &LogDestination) -> Result<u64, LogKeepError> {
        let opened = self.opened(destination).await?;
        Ok(opened.1.publish().await?)
    }

    /// The log, opened again where the time of its former key is over.
    async fn opened(
        &self,
        LogDestination { place, aws, bound }: &LogDestination,
    ) -> Result<Arc<(CloudLog, LogPublisher)>, LogKeepError> {
        let mut opened = self.opened.lock().await;
        let now = (self.clock)();
        if let Some(known) = opened.as_ref().filter(|known| known.0.until.is_none_or(|until| now < until)) {
            return Ok(known.clone());
        }
        *opened = None;
        let log = CloudLog::open(place, aws, &**bound, self.clock.clone(), self.end.clone()).await?;
        let (table, signer) = (self.ports.table.clone(), Arc::new(log.signer.clone()));
        let publisher = LogPublisher::new(table, log.served(), signer);
        Ok(opened.insert(Arc::new((log, publisher))).clone())
    }

    /// Measures how old the oldest commit is that is in no checkpoint, as far as the feed items tell, and the newest checkpoint.
    async fn measure(&self, is_published: bool) -> Result<(), StoreError> {
        let now = (self.clock)();
        let size = self.published.load(Ordering::Relaxed);
        // Before anything was published by this process, what is in the table may be in a checkpoint.
        if is_published || size > 0 {
            let oldest = self.oldest_unlogged(size).await?;
            metrics::gauge!(LOG_OLDEST_UNLOGGED.name)
                .set(oldest.map_or(0.0, |oldest| oldest.seconds_until(now)));
        }
        let opened = self.opened.lock().await.clone();
        if let Some(opened) = opened {
            let signed = opened
                .0
                .files
                .published_at()
                .await
                .map_err(|error| StoreError::new(error.into()).of("the bucket"))?;
            if let Some(signed) = signed {
                metrics::gauge!(LOG_CHECKPOINT_AGE.name).set(signed.seconds_until(now));
            }
        }
        Ok(())
    }

    async fn oldest_unlogged(&self, size: u64) -> Result<Option<Timestamp>, StoreError> {
        let newest = self.ports.table.newest_batch(0).await?;
        let unpublished = newest.as_ref().filter(|newest| self.destination.is_some() && newest.size() > size);
        if unpublished.is_some() {
            let oldest = self.ports.table.batch_at(size).await?;
            return Ok(oldest.and_then(|batch| batch.summary.first_recorded()));
        }
        let read_to = newest.and_then(|newest| newest.read_to);
        let waiting = self.ports.announcements.page(read_to, 1).await?;
        Ok(waiting.first().and_then(|item| item.oldest))
    }
}

fn announcement(record: &EventRecord) -> Option<Announcement> {
    announced::read(record).unwrap_or_else(|reason| {
        tracing::warn!(target: "ledger::log", reason, "a feed item cannot be read; the reconcile finds what it announced");
        None
    })
}

fn to_deliver_again(record: &EventRecord) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier.clone_from(&record.change.sequence_number);
    failure
}
