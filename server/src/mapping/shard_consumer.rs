//! Feeds one consumer from one shard: reads a page, delivers it until all of it is handled, writes the checkpoint, and polls
//! again.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use event_store::error::causes;
use futures::FutureExt;
use telemetry::meters::GIVEN_UP;

use super::batch::DeliveryBatch;
use super::checkpoint::{CheckpointTable, ShardPosition};
use super::outcome::BatchOutcome;
use super::record::sequence_number;
use super::settings::{EventSourceMapping, SkippedRecord, StreamEndpoint};
use super::shard_reader::{ShardReadError, ShardReader};
use super::shards::Shard;
use crate::stop::{StopSignal, is_stopped, pause};

/// Why a shard is no longer read.
#[derive(Debug)]
pub(super) enum ShardEnd {
    /// The shard was read to its end.
    Finished(String),
    /// The shard no longer exists.
    Gone(String, Shard),
    /// The process stops.
    Stopped,
}

pub(super) struct ShardConsumer<'a, F> {
    mapping: &'a EventSourceMapping,
    source: &'a StreamEndpoint,
    checkpoints: &'a CheckpointTable,
    function: &'a F,
    stop: StopSignal,
}

impl<'a, F, Fut, E> ShardConsumer<'a, F>
where
    F: Fn(Event) -> Fut,
    Fut: Future<Output = Result<DynamoDbEventResponse, E>>,
    E: Display,
{
    pub(super) fn new(
        mapping: &'a EventSourceMapping,
        source: &'a StreamEndpoint,
        checkpoints: &'a CheckpointTable,
        function: &'a F,
        stop: StopSignal,
    ) -> Self {
        Self { mapping, source, checkpoints, function, stop }
    }

    /// Reads `shard` of the stream `arn` to its end.
    pub(super) async fn follow(self, arn: String, shard: Shard) -> ShardEnd {
        let after = match self.begin(&arn, &shard.id).await {
            Ok(after) => after,
            Err(end) => return end,
        };
        let mut pages = ShardReader::new(self.source, arn.clone(), shard.id.clone(), after);
        let mut failures = 0;
        while !self.is_stopped() {
            match pages.next(self.mapping.batch_size).await {
                Ok(records) => {
                    failures = 0;
                    if records.is_empty() {
                        pause(self.mapping.poll_every, &self.stop).await;
                    } else if !self.deliver(records, &arn, &shard.id).await {
                        return ShardEnd::Stopped;
                    }
                }
                Err(ShardReadError::Missed(reason)) => {
                    if !self.catch_up(&reason).await {
                        return ShardEnd::Stopped;
                    }
                }
                Err(ShardReadError::Finished) => {
                    self.keep(&arn, &shard.id, &ShardPosition::Finished).await;
                    return ShardEnd::Finished(shard.id);
                }
                Err(ShardReadError::Gone) => {
                    pause(self.mapping.poll_every, &self.stop).await;
                    return ShardEnd::Gone(arn, shard);
                }
                Err(ShardReadError::Failed(reason)) => {
                    failures += 1;
                    self.warn("the stream cannot be read", &reason);
                    pause(self.mapping.redelivery.backoff.pause(failures), &self.stop).await;
                }
            }
        }
        ShardEnd::Stopped
    }

    /// The record to go on after; `None` to begin with the oldest.
    async fn begin(&self, arn: &str, shard: &str) -> Result<Option<String>, ShardEnd> {
        match self.load(arn, shard).await {
            None => Err(ShardEnd::Stopped),
            Some(ShardPosition::Finished) => Err(ShardEnd::Finished(shard.to_owned())),
            Some(ShardPosition::Start) => Ok(None),
            Some(ShardPosition::After(after)) => Ok(Some(after)),
            Some(ShardPosition::Unreadable) => {
                let reason = "it is not of this stream";
                if self.catch_up(reason).await { Ok(None) } else { Err(ShardEnd::Stopped) }
            }
        }
    }

    /// Calls the function until all `records` are handled; false if the process stops before that.
    async fn deliver(&self, records: Vec<EventRecord>, arn: &str, shard: &str) -> bool {
        let ids: Vec<String> = records.iter().map(|record| sequence_number(record).to_owned()).collect();
        let mut batch = DeliveryBatch::new(records.len());
        while !batch.next().is_empty() {
            let outcome = self.call(&records[batch.next()], &ids[batch.next()]).await;
            if let BatchOutcome::Failed(reason) = &outcome {
                self.warn("the function failed", reason);
            }
            let settled = batch.apply(outcome, &self.mapping.redelivery);
            if let Some((place, reason)) = settled.skipped {
                self.give_up(records[place].clone(), reason);
            }
            if settled.advanced
                && let Some(last) = batch.done().checked_sub(1)
            {
                self.keep(arn, shard, &ShardPosition::After(ids[last].clone())).await;
            }
            if settled.failures > 0 {
                pause(self.mapping.redelivery.backoff.pause(settled.failures), &self.stop).await;
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
        let call = async { (self.function)(event).await };
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
        let skipped = SkippedRecord { consumer: self.mapping.consumer.clone(), record, reason };
        metrics::counter!(GIVEN_UP.name, "consumer" => skipped.consumer.clone()).increment(1);
        tracing::error!(target: "ledger::stream",
            consumer = skipped.consumer,
            sequence_number = sequence_number(&skipped.record),
            keys = ?skipped.record.change.keys,
            reason = skipped.reason,
            "a stream record was given up after all its retries; run ledger reconcile, or its changes are missing downstream"
        );
        (self.mapping.on_skipped)(&skipped);
    }

    /// After a checkpoint that cannot be trusted: reads what may be missing without the stream, before the stream's oldest
    /// record is handled. False if the process stops before that is done.
    async fn catch_up(&self, reason: &str) -> bool {
        tracing::error!(target: "ledger::stream",
            consumer = self.mapping.consumer,
            table = self.mapping.table,
            reason,
            "the checkpoint is wrong; catching up without the stream, then beginning with its oldest record"
        );
        let mut failures = 0;
        while let Err(reason) = (self.mapping.on_missed)().await {
            failures += 1;
            self.warn("catching up without the stream failed", &reason);
            pause(self.mapping.redelivery.backoff.pause(failures), &self.stop).await;
            if self.is_stopped() {
                return false;
            }
        }
        true
    }

    async fn load(&self, arn: &str, shard: &str) -> Option<ShardPosition> {
        let mut failures = 0;
        while !self.is_stopped() {
            match self.checkpoints.position(&self.mapping.consumer, arn, shard).await {
                Ok(position) => return Some(position),
                Err(error) => {
                    failures += 1;
                    self.warn("the checkpoint cannot be read", &causes(&error));
                    pause(self.mapping.redelivery.backoff.pause(failures), &self.stop).await;
                }
            }
        }
        None
    }

    /// Writes a checkpoint, however long it takes; after a stop the older one stays, and its records are redelivered.
    async fn keep(&self, arn: &str, shard: &str, position: &ShardPosition) {
        let mut failures = 0;
        while let Err(error) = self.checkpoints.keep(&self.mapping.consumer, arn, shard, position).await {
            failures += 1;
            self.warn("the checkpoint cannot be kept", &causes(&error));
            pause(self.mapping.redelivery.backoff.pause(failures), &self.stop).await;
            if self.is_stopped() {
                return;
            }
        }
    }

    fn is_stopped(&self) -> bool {
        is_stopped(&self.stop)
    }

    fn warn(&self, what: &str, reason: &str) {
        tracing::warn!(target: "ledger::stream",
            consumer = self.mapping.consumer,
            table = self.mapping.table,
            reason,
            "{what}; trying again"
        );
    }
}
