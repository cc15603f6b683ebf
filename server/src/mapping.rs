//! Lambda's event source mapping for a DynamoDB stream, in this process: every record reaches the function at least once, in
//! the order of its shard, also across restarts, and a record that cannot be handled does not block the others for ever.

mod batch;
mod checkpoint;
mod outcome;
mod record;
mod shard_consumer;
mod shard_reader;
mod shards;

use std::collections::HashSet;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::{Event, EventRecord};
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use aws_sdk_dynamodbstreams::Client as Streams;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};

pub(crate) use batch::DeliveryBatch;
pub use batch::RedeliveryPolicy;
pub use checkpoint::{CheckpointError, CheckpointTable, ShardPosition, TABLE as CHECKPOINTS_TABLE};
pub(crate) use outcome::BatchOutcome;
use shard_consumer::{ShardConsumer, ShardEnd};
use shards::{Shard, StreamDescription, discover, ready};

use crate::stop::{StopSignal, is_stopped, stopped};

/// As Lambda's default for DynamoDB streams.
const BATCH_SIZE: u16 = 100;

/// How often to look for new shards while others are read.
const LOOK_FOR_CHILDREN: Duration = Duration::from_secs(30);

/// An endpoint of DynamoDB Streams.
#[derive(Clone, Debug)]
pub struct StreamEndpoint {
    streams: Streams,
}

impl StreamEndpoint {
    /// The endpoint of `config`, which is polled every [`EventSourceMapping::poll_every`].
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { streams: Streams::new(config) }
    }
}

/// A record that was given up after all its retries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct SkippedRecord {
    /// Which mapping gave it up.
    pub consumer: String,
    /// The record as the function received it.
    pub record: EventRecord,
    /// The function's last error.
    pub reason: String,
}

type OnSkipped = Arc<dyn Fn(&SkippedRecord) + Send + Sync>;
type OnMissed = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// One consumer of one table's stream.
#[derive(Clone)]
pub struct EventSourceMapping {
    consumer: String,
    table: String,
    batch_size: u16,
    poll_every: Duration,
    redelivery: RedeliveryPolicy,
    on_skipped: OnSkipped,
    on_missed: OnMissed,
}

impl fmt::Debug for EventSourceMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSourceMapping")
            .field("consumer", &self.consumer)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

impl EventSourceMapping {
    /// A mapping named `consumer`, under which its checkpoints are kept, of the stream of `table`.
    #[must_use]
    pub fn new(consumer: &str, table: &str) -> Self {
        Self {
            consumer: consumer.to_owned(),
            table: table.to_owned(),
            batch_size: BATCH_SIZE,
            poll_every: Duration::from_secs(1),
            redelivery: RedeliveryPolicy::default(),
            on_skipped: Arc::new(|_| ()),
            on_missed: Arc::new(|| std::future::ready(Ok(())).boxed()),
        }
    }

    /// At most this many records a call, 1 to 1,000; 100 unless configured.
    #[must_use]
    pub fn batch_size(self, records: u16) -> Self {
        Self { batch_size: records.clamp(1, 1000), ..self }
    }

    /// How often to poll for records; every second unless configured.
    #[must_use]
    pub fn poll_every(self, interval: Duration) -> Self {
        Self { poll_every: interval, ..self }
    }

    /// How failed batches are redelivered.
    #[must_use]
    pub fn redelivery(self, redelivery: RedeliveryPolicy) -> Self {
        Self { redelivery, ..self }
    }

    /// Called for each record that is given up, after it was logged: it may park the record or raise an alarm.
    #[must_use]
    pub fn on_skipped(self, hook: impl Fn(&SkippedRecord) + Send + Sync + 'static) -> Self {
        Self { on_skipped: Arc::new(hook), ..self }
    }

    /// Called when records may have been missed, because the checkpoint is damaged or the stream has trimmed what follows
    /// it, until it succeeds: it should read from the table what the stream does not have.
    #[must_use]
    pub fn on_missed<Fut>(self, hook: impl Fn() -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { on_missed: Arc::new(move || hook().boxed()), ..self }
    }

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
        let mut looking = pin!(self.look(source, Duration::ZERO));
        while !is_stopped(&stop) {
            tokio::select! {
                stream = &mut looking => {
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

    /// The stream, as it is after `delay`.
    async fn look(&self, source: &StreamEndpoint, delay: Duration) -> Option<StreamDescription> {
        tokio::time::sleep(delay).await;
        let found = Box::pin(discover(&source.streams, &self.table)).await;
        found
            .inspect_err(|reason| {
                tracing::warn!(target: "ledger::stream",
                    consumer = self.consumer,
                    table = self.table,
                    reason,
                    "the stream was not found"
                );
            })
            .ok()
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
