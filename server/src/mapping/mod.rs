//! What Lambda's event source mapping does for a DynamoDB stream, in this process: every record reaches the function
//! at least once, in the order of its shard, also across restarts, and one that cannot be handled does not hold up the
//! rest for ever.

mod batch;
mod checkpoint;
mod follow;
mod outcome;
mod page;
mod record;
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

pub(crate) use batch::Batch;
pub use batch::Retry;
pub use checkpoint::{CheckpointError, Checkpoints, Position, TABLE as CHECKPOINTS_TABLE};
use follow::{End, Follower};
pub(crate) use outcome::Outcome;
use shards::{Shard, Stream, discover, ready};

use crate::stop::{StopSignal, is_stopped, stopped};

/// As Lambda's default for DynamoDB streams.
const BATCH_SIZE: u16 = 100;

/// How long a new shard may go unnoticed after its parent was read to the end.
const LOOK_FOR_CHILDREN: Duration = Duration::from_secs(30);

/// Where a stream is read.
#[derive(Clone, Debug)]
pub struct Source {
    streams: Streams,
}

impl Source {
    /// Any DynamoDB Streams endpoint; it is asked once every [`Mapping::poll_every`].
    #[must_use]
    pub fn endpoint(config: &SdkConfig) -> Self {
        Self { streams: Streams::new(config) }
    }
}

/// A record that was given up after all its retries.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Skipped {
    /// Which mapping gave it up.
    pub consumer: String,
    /// The record, as the function got it.
    pub record: EventRecord,
    /// What the function last said about it.
    pub reason: String,
}

type OnSkipped = Arc<dyn Fn(&Skipped) + Send + Sync>;
type OnMissed = Arc<dyn Fn() -> BoxFuture<'static, Result<(), String>> + Send + Sync>;

/// One consumer of one table's stream.
#[derive(Clone)]
pub struct Mapping {
    consumer: String,
    table: String,
    batch_size: u16,
    poll_every: Duration,
    retry: Retry,
    on_skipped: OnSkipped,
    on_missed: OnMissed,
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mapping")
            .field("consumer", &self.consumer)
            .field("table", &self.table)
            .finish_non_exhaustive()
    }
}

impl Mapping {
    /// A mapping named `consumer`, under which its checkpoints are kept, of the stream of `table`.
    #[must_use]
    pub fn new(consumer: &str, table: &str) -> Self {
        Self {
            consumer: consumer.to_owned(),
            table: table.to_owned(),
            batch_size: BATCH_SIZE,
            poll_every: Duration::from_secs(1),
            retry: Retry::default(),
            on_skipped: Arc::new(|_| ()),
            on_missed: Arc::new(|| std::future::ready(Ok(())).boxed()),
        }
    }

    /// At most so many records a call, 1 to 1,000; 100 unless told.
    #[must_use]
    pub fn batch_size(self, records: u16) -> Self {
        Self { batch_size: records.clamp(1, 1000), ..self }
    }

    /// How often to look for news; every second unless told.
    #[must_use]
    pub fn poll_every(self, interval: Duration) -> Self {
        Self { poll_every: interval, ..self }
    }

    /// How to go on after a failure.
    #[must_use]
    pub fn retry(self, retry: Retry) -> Self {
        Self { retry, ..self }
    }

    /// Called for each record that is given up, after it was logged; the place to park it or to raise an alarm.
    #[must_use]
    pub fn on_skipped(self, hook: impl Fn(&Skipped) + Send + Sync + 'static) -> Self {
        Self { on_skipped: Arc::new(hook), ..self }
    }

    /// Called when records may have been missed, because the checkpoint is damaged or the stream has trimmed what
    /// follows it, until it succeeds; the place to bring in from the table what the stream does not give.
    #[must_use]
    pub fn on_missed<Fut>(self, hook: impl Fn() -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { on_missed: Arc::new(move || hook().boxed()), ..self }
    }

    /// Feeds `function` until `stop`, then returns once the batch in hand is done. It outlives every failure of the
    /// stream, the checkpoints and the function: it logs and tries again.
    ///
    /// The function answers as a Lambda with `ReportBatchItemFailures` does: an empty list is success; the lowest
    /// sequence number returned is where it is called again from; an error, a panic, and an id that is empty or was
    /// not in the batch are the failure of the whole batch.
    pub async fn run<F, Fut, E>(
        &self,
        source: &Source,
        checkpoints: &Checkpoints,
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
                            let follower = Follower::new(self, source, checkpoints, &function, stop.clone());
                            running.push(follower.follow(arn, shard.clone()));
                        }
                    }
                    looking.set(self.look(source, self.look_again(running.is_empty(), finished.is_empty())));
                }
                Some(end) = running.next() => {
                    match end {
                        End::Finished(shard) => drop(finished.insert(shard)),
                        End::Gone(arn, shard) => drop(seen.remove(&(arn, shard))),
                        End::Stopped => break,
                    }
                    looking.set(self.look(source, Duration::ZERO));
                }
                () = stopped(&stop) => {}
            }
        }
        while running.next().await.is_some() {}
    }

    /// The stream, as it is after `delay`.
    async fn look(&self, source: &Source, delay: Duration) -> Option<Stream> {
        tokio::time::sleep(delay).await;
        let found = Box::pin(discover(&source.streams, &self.table)).await;
        found
            .inspect_err(|reason| {
                tracing::warn!(target: "ledger::stream",
                    consumer = self.consumer,
                    table = self.table,
                    reason,
                    "cannot find the stream"
                );
            })
            .ok()
    }

    fn look_again(&self, idle: bool, unsplit: bool) -> Duration {
        match (idle, unsplit) {
            (true, _) => self.poll_every,
            (false, false) => LOOK_FOR_CHILDREN,
            // Nothing was ever read to its end: shards have no children yet, and describing a stream is slow.
            (false, true) => Duration::MAX,
        }
    }
}
