//! Feeds one consumer from one shard: reads a page, delivers it until all of it is handled, writes the checkpoint, and polls
//! again.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use event_store::error::causes;
use futures::FutureExt;
use schema::Timestamp;
use telemetry::meters::GIVEN_UP;

use super::batch::DeliveryBatch;
use super::catch_up::ShardRecord;
use super::checkpoint::{CheckpointTable, ShardPosition};
use super::lineage::{ShardStart, is_stale};
use super::outcome::BatchOutcome;
use super::record::{made_at, sequence_number};
use super::settings::{EventSourceMapping, SkippedRecord, StreamEndpoint};
use super::shard_reader::{ShardReadError, ShardReader};
use crate::stall::StallWatch;
use crate::stop::{StopSignal, is_stopped, pause};

/// Why a shard is no longer read.
#[derive(Debug)]
pub(super) enum ShardEnd {
    /// The shard was read to its end.
    Finished {
        shard: String,
        /// Everything older than this was handled.
        until: Option<Timestamp>,
    },
    /// The shard says that it does not exist.
    Gone {
        shard: String,
        /// It exists, and may have lost records that were not read.
        lost: bool,
    },
    /// The process stops.
    Stopped,
}

/// What every shard of a consumer shares.
pub(super) struct ShardContext<'a, F> {
    pub(super) mapping: &'a EventSourceMapping,
    pub(super) source: &'a StreamEndpoint,
    pub(super) checkpoints: &'a CheckpointTable,
    pub(super) function: &'a F,
    pub(super) stalls: &'a StallWatch,
}

impl<F> Clone for ShardContext<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F> Copy for ShardContext<'_, F> {}

pub(super) struct ShardConsumer<'a, F> {
    context: ShardContext<'a, F>,
    stream: String,
    shard: String,
    /// Everything older than this was handled.
    until: Option<Timestamp>,
    stop: StopSignal,
}

impl<'a, F, Fut, E> ShardConsumer<'a, F>
where
    F: Fn(Event) -> Fut,
    Fut: Future<Output = Result<DynamoDbEventResponse, E>>,
    E: Display,
{
    /// A consumer of a shard of `stream`.
    pub(super) fn new(context: ShardContext<'a, F>, stream: String, shard: String, stop: StopSignal) -> Self {
        Self { context, stream, shard, until: None, stop }
    }

    /// Reads the shard to its end.
    pub(super) async fn follow(mut self, start: ShardStart) -> ShardEnd {
        let mapping = self.context.mapping;
        let after = match self.begin(&start).await {
            Ok(after) => after,
            Err(end) => return end,
        };
        let (source, stalls) = (self.context.source, self.context.stalls);
        let mut pages = ShardReader::new(source, self.stream.clone(), self.shard.clone(), after);
        let mut failures = 0;
        while !self.is_stopped() {
            match pages.next(mapping.batch_size).await {
                Ok(records) => {
                    failures = 0;
                    if records.is_empty() {
                        stalls.idle(&self.shard);
                        pause(mapping.poll_every, &self.stop).await;
                    } else if !self.handle(records).await {
                        return ShardEnd::Stopped;
                    }
                }
                Err(ShardReadError::Missed(reason)) => {
                    if !mapping.catch_up(&[self.about(&reason)], stalls, &self.stop).await {
                        return ShardEnd::Stopped;
                    }
                }
                Err(ShardReadError::Finished) => {
                    self.keep(ShardPosition::Finished).await;
                    stalls.idle(&self.shard);
                    return ShardEnd::Finished { shard: self.shard, until: self.until };
                }
                Err(ShardReadError::Gone { lost }) => {
                    stalls.pending(&self.shard, "the stream does not find this shard");
                    pause(mapping.poll_every, &self.stop).await;
                    return ShardEnd::Gone { shard: self.shard, lost };
                }
                Err(ShardReadError::Failed(_))
                    if pages.is_at_oldest() && is_stale(self.until, (mapping.clock)()) =>
                {
                    return ShardEnd::Gone { shard: self.shard, lost: true };
                }
                Err(ShardReadError::Failed(reason)) => {
                    failures += 1;
                    stalls.pending(&self.shard, &reason);
                    mapping.warn("the stream cannot be read", &reason);
                    pause(mapping.redelivery.backoff.pause(failures), &self.stop).await;
                }
            }
        }
        ShardEnd::Stopped
    }

    /// The record to go on after; `None` to begin with the oldest, which then is on record.
    async fn begin(&mut self, start: &ShardStart) -> Result<Option<String>, ShardEnd> {
        self.until = start.until;
        match self.load().await {
            None => Err(ShardEnd::Stopped),
            Some(ShardPosition::Finished) => {
                Err(ShardEnd::Finished { shard: self.shard.clone(), until: start.until })
            }
            Some(ShardPosition::Start) => {
                if start.anew {
                    self.keep(ShardPosition::Start).await;
                }
                Ok(None)
            }
            Some(ShardPosition::After(after)) => Ok(Some(after)),
            Some(ShardPosition::Unreadable) => {
                let reason = self.about("its checkpoint is not one of this stream");
                let ShardContext { mapping, stalls, .. } = self.context;
                if mapping.catch_up(&[reason], stalls, &self.stop).await {
                    Ok(None)
                } else {
                    Err(ShardEnd::Stopped)
                }
            }
        }
    }

    /// Handles a page of records; false if the process stops before that. A nameless record may be of any item, so the table
    /// is read instead.
    async fn handle(&mut self, records: Vec<EventRecord>) -> bool {
        let (mapping, stalls) = (self.context.mapping, self.context.stalls);
        stalls.pending(&self.shard, "records are not handled yet");
        let last = records.last().map(|record| (sequence_number(record).to_owned(), made_at(record)));
        let (nameless, known): (Vec<_>, Vec<_>) = records.into_iter().partition(mapping.is_nameless);
        if let Some(record) = nameless.first() {
            let reason =
                self.about(&format!("record {} does not say what it is of", sequence_number(record)));
            if !mapping.catch_up(&[reason], stalls, &self.stop).await {
                return false;
            }
        }
        if !self.deliver(known).await {
            return false;
        }
        // After the last record, where that was left out.
        if let Some((last, made_at)) = last.filter(|(last, _)| !nameless.is_empty() && !last.is_empty()) {
            self.until = self.until.max(made_at);
            self.keep(ShardPosition::After(last)).await;
        }
        true
    }

    /// Calls the function until all `records` are handled; false if the process stops before that.
    async fn deliver(&mut self, records: Vec<EventRecord>) -> bool {
        let (mapping, stalls) = (self.context.mapping, self.context.stalls);
        let ids: Vec<String> = records.iter().map(|record| sequence_number(record).to_owned()).collect();
        let mut batch = DeliveryBatch::new(records.len());
        while !batch.next().is_empty() {
            let outcome = self.call(&records[batch.next()], &ids[batch.next()]).await;
            match &outcome {
                BatchOutcome::Failed(reason) => {
                    stalls.pending(&self.shard, reason);
                    mapping.warn("the function failed", reason);
                }
                BatchOutcome::FailedFrom(_) => {
                    stalls.pending(&self.shard, "the function reports a failed record");
                }
                BatchOutcome::Done => {}
            }
            let settled = batch.apply(outcome, &mapping.redelivery);
            if let Some((place, reason)) = settled.skipped {
                self.give_up(records[place].clone(), reason);
            }
            if settled.advanced {
                stalls.advanced(&self.shard);
            }
            if settled.advanced
                && let Some(last) = batch.done().checked_sub(1).filter(|last| !ids[*last].is_empty())
            {
                self.until = self.until.max(made_at(&records[last]));
                self.keep(ShardPosition::After(ids[last].clone())).await;
            }
            if settled.failures > 0 {
                pause(mapping.redelivery.backoff.pause(settled.failures), &self.stop).await;
            }
            if self.is_stopped() {
                return false;
            }
        }
        true
    }

    async fn call(&self, records: &[EventRecord], ids: &[String]) -> BatchOutcome {
        let mut event = Event::default();
        event.records = records.to_vec();
        let call = async { (self.context.function)(event).await };
        match AssertUnwindSafe(call).catch_unwind().await {
            Ok(Ok(answer)) => {
                let failed = answer.batch_item_failures.into_iter();
                let failed = failed.map(|failure| failure.item_identifier.unwrap_or_default());
                BatchOutcome::of(&failed.collect::<Vec<_>>(), ids)
            }
            Ok(Err(error)) => BatchOutcome::Failed(format!("{error:#}")),
            Err(_) => BatchOutcome::Failed("it panicked; see the message above in the log".to_owned()),
        }
    }

    fn give_up(&self, record: EventRecord, reason: String) {
        let mapping = self.context.mapping;
        let skipped = SkippedRecord { consumer: mapping.consumer.clone(), record, reason };
        metrics::counter!(GIVEN_UP.name, "consumer" => skipped.consumer.clone()).increment(1);
        tracing::error!(target: "ledger::stream",
            consumer = skipped.consumer,
            sequence_number = sequence_number(&skipped.record),
            keys = ?skipped.record.change.keys,
            reason = skipped.reason,
            "a stream record was given up after all its retries; run ledger reconcile, or its changes are missing downstream"
        );
        (mapping.on_skipped)(&skipped);
    }

    async fn load(&self) -> Option<ShardPosition> {
        let ShardContext { mapping, checkpoints, stalls, .. } = self.context;
        let mut failures = 0;
        while !self.is_stopped() {
            match checkpoints.position(&mapping.consumer, &self.stream, &self.shard).await {
                Ok(position) => return Some(position),
                Err(error) => {
                    failures += 1;
                    let reason = causes(&error);
                    stalls.pending(&self.shard, &reason);
                    mapping.warn("the checkpoint cannot be read", &reason);
                    pause(mapping.redelivery.backoff.pause(failures), &self.stop).await;
                }
            }
        }
        None
    }

    /// Writes a checkpoint, however long it takes; after a stop the older one stays, and its records are redelivered.
    async fn keep(&self, position: ShardPosition) {
        let (stream, shard, position) = (self.stream.as_str(), self.shard.as_str(), Some(position));
        let record = ShardRecord { stream, shard, position, until: self.until };
        self.context.mapping.keep(self.context.checkpoints, &record, &self.stop).await;
    }

    fn about(&self, reason: &str) -> String {
        format!("shard {}: {reason}", self.shard)
    }

    fn is_stopped(&self) -> bool {
        is_stopped(&self.stop)
    }
}
