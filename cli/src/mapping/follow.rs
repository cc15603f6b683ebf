//! One consumer in one shard: read a page, hand it to the function until all of it is done, keep the checkpoint, wait
//! for news.

use std::fmt::Display;
use std::panic::AssertUnwindSafe;

use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use event_store::error::causes;
use futures::FutureExt;
use telemetry::meters::GIVEN_UP;

use super::batch::Batch;
use super::outcome::Outcome;
use super::page::{NoPage, Pages};
use super::record::sequence_number;
use super::shards::Shard;
use super::{Checkpoints, Mapping, Position, Skipped, Source, Stop, is_stopped, pause};

/// Why following a shard ended.
#[derive(Debug)]
pub(super) enum End {
    /// The shard was read to its end.
    Finished(String),
    /// The shard is not there any more.
    Gone(String, Shard),
    /// It was asked to stop.
    Stopped,
}

pub(super) struct Follower<'a, F> {
    mapping: &'a Mapping,
    source: &'a Source,
    checkpoints: &'a Checkpoints,
    function: &'a F,
    stop: Stop,
}

impl<'a, F, Fut, E> Follower<'a, F>
where
    F: Fn(Event) -> Fut,
    Fut: Future<Output = Result<DynamoDbEventResponse, E>>,
    E: Display,
{
    pub(super) fn new(
        mapping: &'a Mapping,
        source: &'a Source,
        checkpoints: &'a Checkpoints,
        function: &'a F,
        stop: Stop,
    ) -> Self {
        Self { mapping, source, checkpoints, function, stop }
    }

    /// Follows `shard` of the stream `arn` to its end.
    pub(super) async fn follow(self, arn: String, shard: Shard) -> End {
        let after = match self.begin(&arn, &shard.id).await {
            Ok(after) => after,
            Err(end) => return end,
        };
        let mut pages = Pages::new(self.source, arn.clone(), shard.id.clone(), after);
        let mut failures = 0;
        while !self.is_stopped() {
            match pages.next(self.mapping.batch_size).await {
                Ok(records) => {
                    failures = 0;
                    if records.is_empty() {
                        pause(self.mapping.poll_every, &self.stop).await;
                    } else if !self.deliver(records, &arn, &shard.id).await {
                        return End::Stopped;
                    }
                }
                Err(NoPage::Missed(reason)) => {
                    if !self.catch_up(&reason).await {
                        return End::Stopped;
                    }
                }
                Err(NoPage::Finished) => {
                    self.keep(&arn, &shard.id, &Position::Finished).await;
                    return End::Finished(shard.id);
                }
                Err(NoPage::Gone) => {
                    pause(self.mapping.poll_every, &self.stop).await;
                    return End::Gone(arn, shard);
                }
                Err(NoPage::Failed(reason)) => {
                    failures += 1;
                    self.complain("the stream cannot be read", &reason);
                    pause(self.mapping.retry.wait(failures), &self.stop).await;
                }
            }
        }
        End::Stopped
    }

    /// The record to go on after, none for the oldest.
    async fn begin(&self, arn: &str, shard: &str) -> Result<Option<String>, End> {
        match self.load(arn, shard).await {
            None => Err(End::Stopped),
            Some(Position::Finished) => Err(End::Finished(shard.to_owned())),
            Some(Position::Start) => Ok(None),
            Some(Position::After(after)) => Ok(Some(after)),
            Some(Position::Unreadable) => {
                let reason = "it is none of this stream";
                if self.catch_up(reason).await { Ok(None) } else { Err(End::Stopped) }
            }
        }
    }

    /// Calls the function until all `records` are done; false when it was stopped before.
    async fn deliver(&self, records: Vec<EventRecord>, arn: &str, shard: &str) -> bool {
        let ids: Vec<String> = records.iter().map(|record| sequence_number(record).to_owned()).collect();
        let mut batch = Batch::new(records.len());
        while !batch.next().is_empty() {
            let outcome = self.call(&records[batch.next()], &ids[batch.next()]).await;
            if let Outcome::Failed(reason) = &outcome {
                self.complain("the function failed", reason);
            }
            let settled = batch.settle(outcome, &self.mapping.retry);
            if let Some((place, reason)) = settled.skipped {
                self.give_up(records[place].clone(), reason);
            }
            if settled.advanced
                && let Some(last) = batch.done().checked_sub(1)
            {
                self.keep(arn, shard, &Position::After(ids[last].clone())).await;
            }
            if settled.failures > 0 {
                pause(self.mapping.retry.wait(settled.failures), &self.stop).await;
            }
            if self.is_stopped() {
                return false;
            }
        }
        true
    }

    async fn call(&self, records: &[EventRecord], ids: &[String]) -> Outcome {
        let mut event = Event::default();
        event.records = records.to_vec();
        let call = async { (self.function)(event).await };
        match AssertUnwindSafe(call).catch_unwind().await {
            Ok(Ok(answer)) => {
                let failed = answer.batch_item_failures.into_iter();
                let failed = failed.map(|failure| failure.item_identifier.unwrap_or_default());
                Outcome::of(&failed.collect::<Vec<_>>(), ids)
            }
            Ok(Err(error)) => Outcome::Failed(format!("{error:#}")),
            Err(_) => Outcome::Failed("it panicked; its message is in the log above".to_owned()),
        }
    }

    fn give_up(&self, record: EventRecord, reason: String) {
        let skipped = Skipped { consumer: self.mapping.consumer.clone(), record, reason };
        metrics::counter!(GIVEN_UP.name, "consumer" => skipped.consumer.clone()).increment(1);
        tracing::error!(target: "ledger::stream",
            consumer = skipped.consumer,
            sequence_number = sequence_number(&skipped.record),
            keys = ?skipped.record.change.keys,
            reason = skipped.reason,
            "a stream record was given up after all its retries; reconcile, or what it says is missing downstream"
        );
        (self.mapping.on_skipped)(&skipped);
    }

    /// The checkpoint is not to be believed: whatever came after it is brought in from elsewhere, before the stream's
    /// oldest record is handled; false when it was stopped before.
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
            self.complain("catching up without the stream failed", &reason);
            pause(self.mapping.retry.wait(failures), &self.stop).await;
            if self.is_stopped() {
                return false;
            }
        }
        true
    }

    async fn load(&self, arn: &str, shard: &str) -> Option<Position> {
        let mut failures = 0;
        while !self.is_stopped() {
            match self.checkpoints.position(&self.mapping.consumer, arn, shard).await {
                Ok(position) => return Some(position),
                Err(error) => {
                    failures += 1;
                    self.complain("the checkpoint cannot be read", &causes(&error));
                    pause(self.mapping.retry.wait(failures), &self.stop).await;
                }
            }
        }
        None
    }

    /// Keeps a checkpoint, however long it takes; a stop leaves the older one, and the records come again.
    async fn keep(&self, arn: &str, shard: &str, position: &Position) {
        let mut failures = 0;
        while let Err(error) = self.checkpoints.keep(&self.mapping.consumer, arn, shard, position).await {
            failures += 1;
            self.complain("the checkpoint cannot be kept", &causes(&error));
            pause(self.mapping.retry.wait(failures), &self.stop).await;
            if self.is_stopped() {
                return;
            }
        }
    }

    fn is_stopped(&self) -> bool {
        is_stopped(&self.stop)
    }

    fn complain(&self, what: &str, reason: &str) {
        tracing::warn!(target: "ledger::stream",
            consumer = self.mapping.consumer,
            table = self.mapping.table,
            reason,
            "{what}; trying again"
        );
    }
}
