//! Runs a mapping: finds the shards of the stream, and reads each in its turn.

use std::collections::BTreeMap;
use std::fmt;
use std::future::pending;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::DynamoDbEventResponse;
use event_store::error::causes;
use event_store::outage::Outage;
use futures::future::BoxFuture;
use futures::stream::FuturesUnordered;
use futures::{FutureExt, StreamExt};
use tokio::sync::watch;
use tokio::time::Instant;

use super::checkpoint::CheckpointTable;
use super::lineage::{KnownShard, ShardLineage, ShardPlan, ShardStart};
use super::settings::{EventSourceMapping, StreamEndpoint};
use super::shard_consumer::{ShardConsumer, ShardContext, ShardEnd};
use super::shards::{StreamDescription, discover};
use crate::stall::StallWatch;
use crate::stop::{StopSignal, is_stopped, pause, stopped};

/// How often to look for new shards, and for a new stream, while shards are read.
const LOOK: Duration = Duration::from_secs(30);

/// Between two lines of the log that there is no stream.
const SAID_EVERY: Duration = Duration::from_mins(1);

/// What is looked at as a whole, beside the shards.
const STREAM: &str = "the stream";

impl EventSourceMapping {
    /// Feeds `function` until `stop`, then returns once the current batch is done. No failure of the stream, the checkpoints
    /// or the function ends it: it logs and tries again.
    ///
    /// The function answers as a Lambda with `ReportBatchItemFailures` does: an empty list is success; with sequence numbers,
    /// the batch is redelivered from the lowest; an error, a panic, and an id that is empty or not of the batch are a failure
    /// of the whole batch.
    ///
    /// Records that the stream does not have are read from the table: before anything else if the consumer has no checkpoint,
    /// and whenever the stream, a shard that was not read to its end, or an unknown parent is gone.
    pub async fn run<F, Fut, E>(
        &self,
        source: &StreamEndpoint,
        checkpoints: &CheckpointTable,
        function: F,
        stop: StopSignal,
    ) where
        F: Fn(Event) -> Fut + Sync,
        Fut: Future<Output = Result<DynamoDbEventResponse, E>> + Send,
        E: fmt::Display + Send,
    {
        let stalls = StallWatch::new(&self.consumer);
        let (mapping, function) = (self, &function);
        let context = ShardContext { mapping, source, checkpoints, function, stalls: &stalls };
        let feeding = async {
            if let Some(known) = self.known_shards(checkpoints, &stalls, &stop).await {
                StreamFeed::new(context, known).run(&stop).await;
            }
        };
        tokio::join!(feeding, stalls.watch(stop.clone()));
    }

    async fn known_shards(
        &self,
        checkpoints: &CheckpointTable,
        stalls: &StallWatch,
        stop: &StopSignal,
    ) -> Option<BTreeMap<String, KnownShard>> {
        let mut failures = 0;
        while !is_stopped(stop) {
            match checkpoints.all(&self.consumer).await {
                Ok(known) => return Some(known),
                Err(error) => {
                    failures += 1;
                    let reason = causes(&error);
                    stalls.pending(STREAM, &reason);
                    self.warn("the checkpoints cannot be read", &reason);
                    pause(self.redelivery.backoff.pause(failures), stop).await;
                }
            }
        }
        None
    }

    /// The stream, as it is after `delay`, or why it was not found.
    async fn look(&self, source: &StreamEndpoint, delay: Duration) -> Result<StreamDescription, String> {
        tokio::time::sleep(delay).await;
        Box::pin(discover(&source.streams, &self.table)).await
    }
}

/// A consumer and the stream that it follows.
struct StreamFeed<'a, F> {
    context: ShardContext<'a, F>,
    lineage: ShardLineage,
    /// The stream that is followed, once one was found.
    stream: Option<String>,
    running: FuturesUnordered<BoxFuture<'a, ShardEnd>>,
    settling: Option<BoxFuture<'a, Option<ShardPlan>>>,
    /// Ends what reads the stream.
    ending: watch::Sender<bool>,
    outage: Outage,
}

impl<'a, F, Fut, E> StreamFeed<'a, F>
where
    F: Fn(Event) -> Fut + Sync,
    Fut: Future<Output = Result<DynamoDbEventResponse, E>> + Send + 'a,
    E: fmt::Display + Send + 'a,
{
    fn new(context: ShardContext<'a, F>, known: BTreeMap<String, KnownShard>) -> Self {
        let lineage = ShardLineage::new(known, context.mapping.gone_after);
        let (running, ending) = (FuturesUnordered::new(), watch::Sender::new(false));
        Self {
            context,
            lineage,
            stream: None,
            running,
            settling: None,
            ending,
            outage: Outage::said_every(SAID_EVERY),
        }
    }

    async fn run(mut self, stop: &StopSignal) {
        let ShardContext { mapping, source, .. } = self.context;
        let look = |delay| Box::pin(mapping.look(source, delay));
        let mut looking = look(Duration::ZERO);
        while !is_stopped(stop) {
            tokio::select! {
                found = &mut looking => {
                    self.looked(found).await;
                    let idle = !self.lineage.is_running() && self.settling.is_none();
                    looking = look(if idle { mapping.poll_every } else { LOOK });
                }
                Some(end) = self.running.next() => {
                    self.ended(end);
                    looking = look(Duration::ZERO);
                }
                plan = settled(&mut self.settling) => {
                    self.settled(plan);
                    looking = look(Duration::ZERO);
                }
                () = stopped(stop) => {}
            }
        }
        self.end().await;
    }

    /// Reads the shards that are ready, and begins to settle what has to be settled.
    async fn looked(&mut self, found: Result<StreamDescription, String>) {
        let Some(stream) = self.found(found) else { return };
        if self.stream.as_ref() != Some(&stream.arn) {
            self.end().await;
            self.ending = watch::Sender::new(false);
            self.lineage.stream_changed();
            self.context.stalls.clear();
            self.stream = Some(stream.arn.clone());
        }
        let ShardContext { mapping, checkpoints, stalls, .. } = self.context;
        let mut plan = self.lineage.look(&stream, Instant::now(), (mapping.clock)());
        for start in std::mem::take(&mut plan.begin) {
            self.begin(start);
        }
        if plan.is_to_settle() {
            let settling =
                mapping.settle(plan, stream.arn.clone(), checkpoints, stalls, self.ending.subscribe());
            self.settling = Some(settling.boxed());
        }
        if self.lineage.is_blocked(&stream) {
            stalls.pending(STREAM, "every shard waits for a parent that is not read");
        } else {
            stalls.idle(STREAM);
        }
    }

    /// The stream that was found. That there is none is logged when it begins, and again while it lasts.
    fn found(&mut self, found: Result<StreamDescription, String>) -> Option<StreamDescription> {
        let reason = match found {
            Ok(stream) => {
                self.outage.ended();
                return Some(stream);
            }
            Err(reason) => reason,
        };
        self.context.stalls.pending(STREAM, &reason);
        if let Some(times) = self.outage.failed(Instant::now()) {
            tracing::warn!(target: "ledger::stream",
                consumer = self.context.mapping.consumer,
                table = self.context.mapping.table,
                reason,
                times,
                "the stream was not found; trying again"
            );
        }
        None
    }

    fn begin(&mut self, start: ShardStart) {
        let Some(stream) = self.stream.clone() else { return };
        self.lineage.begun(&stream, &start);
        let consumer = ShardConsumer::new(self.context, stream, start.shard.clone(), self.ending.subscribe());
        self.running.push(consumer.follow(start).boxed());
    }

    fn ended(&mut self, end: ShardEnd) {
        match end {
            ShardEnd::Finished { shard, until } => self.lineage.finished(&shard, until),
            ShardEnd::Gone { shard, lost } => self.lineage.gone(&shard, lost, Instant::now()),
            ShardEnd::Stopped => {}
        }
    }

    fn settled(&mut self, plan: Option<ShardPlan>) {
        self.settling = None;
        self.lineage.settled(plan.as_ref());
        for start in plan.into_iter().flat_map(|plan| plan.begin_after) {
            self.begin(start);
        }
    }

    /// Waits until no shard of the stream is read.
    async fn end(&mut self) {
        self.ending.send_replace(true);
        self.settling = None;
        while self.running.next().await.is_some() {}
    }
}

/// What was carried out of a plan; never returns where there is none.
async fn settled(settling: &mut Option<BoxFuture<'_, Option<ShardPlan>>>) -> Option<ShardPlan> {
    match settling {
        Some(settling) => settling.await,
        None => pending().await,
    }
}
