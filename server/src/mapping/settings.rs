//! What a mapping reads, and how it delivers it.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::EventRecord;
use aws_sdk_dynamodbstreams::Client as Streams;
use futures::FutureExt;
use futures::future::BoxFuture;
use schema::{Clock, Timestamp};

use super::batch::RedeliveryPolicy;

/// As Lambda's default for DynamoDB streams.
const BATCH_SIZE: u16 = 100;

/// An endpoint of DynamoDB Streams.
#[derive(Clone, Debug)]
pub struct StreamEndpoint {
    pub(super) streams: Streams,
}

impl StreamEndpoint {
    /// The endpoint of `config`, which is polled every [`EventSourceMapping::poll_every`].
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self { streams: Streams::new(&event_store::limits::of_streams(config)) }
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
    pub(super) consumer: String,
    pub(super) table: String,
    pub(super) batch_size: u16,
    pub(super) poll_every: Duration,
    pub(super) redelivery: RedeliveryPolicy,
    pub(super) on_skipped: OnSkipped,
    pub(super) on_missed: OnMissed,
    pub(super) is_nameless: fn(&EventRecord) -> bool,
    pub(super) clock: Clock,
    pub(super) gone_after: Duration,
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
            is_nameless: |record| record.change.keys.is_empty(),
            clock: Arc::new(|| Timestamp::EPOCH),
            gone_after: Duration::from_mins(1),
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

    /// Tells how long ago a shard was read: the stream keeps records for a day. Without it, no shard counts as too old.
    #[must_use]
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// How long a shard that is listed and open may not be found before the consumer catches up for it; a minute unless
    /// configured.
    #[must_use]
    pub fn gone_after(self, patience: Duration) -> Self {
        Self { gone_after: patience, ..self }
    }

    /// Which records do not say what they are of: instead of being delivered, they count as missed. Without it, those of which no
    /// key can be read.
    #[must_use]
    pub fn nameless(self, is_nameless: fn(&EventRecord) -> bool) -> Self {
        Self { is_nameless, ..self }
    }

    /// Called when records may have been missed, until it succeeds: it should read from the table what the stream does not
    /// have. That is so if there is no checkpoint yet or a damaged one, if the stream has trimmed what follows it, if a shard
    /// is gone that was not read to its end, and if a record does not say what it is of.
    #[must_use]
    pub fn on_missed<Fut>(self, hook: impl Fn() -> Fut + Send + Sync + 'static) -> Self
    where
        Fut: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self { on_missed: Arc::new(move || hook().boxed()), ..self }
    }
}
