//! Runs a mapping: finds the shards of the stream, and reads each in its turn.

use std::collections::HashSet;
use std::fmt;
use std::pin::pin;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use tokio::time::Instant;

use super::checkpoint::CheckpointTable;
use super::outage::Outage;
use super::settings::{EventSourceMapping, StreamEndpoint};
use super::shard_consumer::{ShardConsumer, ShardEnd};
use super::shards::{Shard, StreamDescription, discover, ready};
use crate::stop::{StopSignal, is_stopped, stopped};

/// How often to look for new shards while others are read.
const LOOK_FOR_CHILDREN: Duration = Duration::from_secs(30);

impl EventSourceMapping {
    /// Feeds `function` until `stop`, then returns once the current batch is done. No failure of the stream, the checkpoints
    /// or the function ends it: it logs and tries again.
    ///
    /// The function answers as a Lambda with `ReportBatchItemFailures` does: an empty list is success; with sequence numbers,
    /// the batch is redelivered from the lowest; an error, a panic, and an id that is empty or not of the batch are a failure
    /// of the whole batch.
    pub async fn run<F, Fut, E>(
        &self,
        source: &StreamEndpoint,
        checkpoints: &CheckpointTable,
        function: F,
        stop: StopSignal,
    ) where
        F: Fn(Event) -> Fut,
        Fut: Future<Output = Result<DynamoDbEventResponse, E>>,
        E: fmt::Display,
    {
        let mut seen: HashSet<(String, Shard)> = HashSet::new();
        let mut finished: HashSet<String> = HashSet::new();
        let mut running = FuturesUnordered::new();
        let mut outage = Outage::default();
        let mut looking = pin!(self.look(source, Duration::ZERO));
        while !is_stopped(&stop) {
            tokio::select! {
                found = &mut looking => {
                    let stream = self.found(found, &mut outage);
                    for shard in stream.iter().flat_map(|stream| ready(&stream.shards, &finished)) {
                        let arn = stream.as_ref().map(|stream| stream.arn.clone()).unwrap_or_default();
                        if seen.insert((arn.clone(), shard.clone())) {
                            let follower = ShardConsumer::new(self, source, checkpoints, &function, stop.clone());
                            running.push(follower.follow(arn, shard.clone()));
                        }
                    }
                    looking.set(self.look(source, self.look_again(running.is_empty(), finished.is_empty())));
                }
                Some(end) = running.next() => {
                    match end {
                        ShardEnd::Finished(shard) => drop(finished.insert(shard)),
                        ShardEnd::Gone(arn, shard) => drop(seen.remove(&(arn, shard))),
                        ShardEnd::Stopped => break,
                    }
                    looking.set(self.look(source, Duration::ZERO));
                }
                () = stopped(&stop) => {}
            }
        }
        while running.next().await.is_some() {}
    }

    /// The stream, as it is after `delay`, or why it was not found.
    async fn look(&self, source: &StreamEndpoint, delay: Duration) -> Result<StreamDescription, String> {
        tokio::time::sleep(delay).await;
        Box::pin(discover(&source.streams, &self.table)).await
    }

    /// The stream that was found. That there is none is logged when it begins, and again while it lasts.
    fn found(
        &self,
        found: Result<StreamDescription, String>,
        outage: &mut Outage,
    ) -> Option<StreamDescription> {
        let reason = match found {
            Ok(stream) => {
                *outage = Outage::default();
                return Some(stream);
            }
            Err(reason) => reason,
        };
        if let Some(times) = outage.failed(Instant::now()) {
            tracing::warn!(target: "ledger::stream",
                consumer = self.consumer,
                table = self.table,
                reason,
                times,
                "the stream was not found; trying again"
            );
        }
        None
    }

    fn look_again(&self, idle: bool, unsplit: bool) -> Duration {
        match (idle, unsplit) {
            (true, _) => self.poll_every,
            (false, false) => LOOK_FOR_CHILDREN,
            // No shard was read to its end, so there are no children yet; and describing a stream is slow.
            (false, true) => Duration::MAX,
        }
    }
}
