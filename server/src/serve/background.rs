//! The background tasks: the two consumers of the commits, the schedule for parked products, and a watch for changes that
//! another process makes to the files.

use std::convert::Infallible;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::Event;
use event_store::{Backoff, DynamoRounds, FeedReader, ReconciledConsumer, Reconciler, follow, metering};
use schema::Timestamp;
use schema::settings::Tables;
use tokio::task::JoinHandle;

use super::status::LogProgress;
use crate::backend::LocalFeed;
use crate::follower::{Follower, PROJECTOR, PUBLISHER};
use crate::log::{self, CloudLogFiles, KeepPace, LogFollower, LogStarted, watch_age};
use crate::mapping::{CheckpointTable, EventSourceMapping, StreamEndpoint};
use crate::operators::{Downstream, catch_up};
use crate::stop::{StopSignal, is_stopped, pause, stopped};
use crate::system::System;

/// How long one batch may take, as a Lambda's timeout.
pub const TIME_LIMIT: Duration = Duration::from_mins(1);

/// How many intervals of the retries of parked products lie between two runs of the reconcile: a minute and five minutes by default,
/// as the schedules of the functions.
const RETRIES_TO_A_RECONCILE: u32 = 5;

/// As many commits as a slow bus accepts within [`TIME_LIMIT`]: a Lambda's batch.
const BATCH_FOR_A_BUS: usize = 100;

/// How often commits on tables are put into one order where no log is kept.
const SEQUENCED_EVERY: Duration = Duration::from_secs(1);

/// The pauses after a failure to summarise commits.
const RETRY: Backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_mins(1) };

/// The stream of the event table, the checkpoints of its consumers, and the rounds of the reconcile, which finds what the stream
/// never had.
#[derive(Clone)]
pub(super) struct TableStream {
    source: StreamEndpoint,
    checkpoints: CheckpointTable,
    rounds: DynamoRounds,
    events: String,
}

impl TableStream {
    pub(super) fn new(aws: &SdkConfig, tables: &Tables) -> Self {
        let client = metering::client(aws);
        Self {
            source: StreamEndpoint::new(aws),
            checkpoints: CheckpointTable::new(client.clone(), &tables.checkpoints),
            rounds: DynamoRounds::new(client, &tables.parking),
            events: tables.events.clone(),
        }
    }
}

/// Starts every task; each ends soon after `stopping` becomes true.
pub(super) fn start(
    system: &Arc<System>,
    stream: Option<TableStream>,
    retry_parked_every: Duration,
    stopping: &StopSignal,
) -> Vec<JoinHandle<()>> {
    let mut tasks = vec![tokio::spawn(retry_parked(system.clone(), retry_parked_every, stopping.clone()))];
    if let Some(stream) = stream {
        let every = retry_parked_every * RETRIES_TO_A_RECONCILE;
        for consumer in [Reconciled::Views, Reconciled::Publication] {
            let rounds = stream.rounds.clone();
            tasks.push(tokio::spawn(reconcile(system.clone(), consumer, rounds, every, stopping.clone())));
        }
        tasks.push(tokio::spawn(project_stream(system.clone(), stream.clone(), stopping.clone())));
        tasks.push(tokio::spawn(publish_stream(system.clone(), stream, stopping.clone())));
    }
    if let Some(feed) = &system.feed {
        tasks.push(tokio::spawn(project(system.clone(), feed.clone(), stopping.clone())));
        tasks.push(tokio::spawn(publish(system.clone(), feed.clone(), stopping.clone())));
        tasks.push(tokio::spawn(summarise(feed.reader.clone(), stopping.clone())));
    }
    if let Some(directory) = &system.directory {
        tasks.push(tokio::spawn(directory.clone().finish_building(stopping.clone())));
        tasks.push(tokio::spawn(directory.clone().watch_for_tampering(stopping.clone())));
    }
    tasks
}

/// Starts the log of a ledger on this machine, if it keeps one, and the measuring of how far it is behind.
pub(super) fn keep_log(
    system: &System,
    log: Option<(LogStarted, Duration)>,
    data: Option<&Path>,
    stopping: &StopSignal,
) -> (Vec<JoinHandle<()>>, Option<LogProgress>) {
    let feed = system.feed.as_ref().map(|feed| feed.feed.clone());
    let Some((feed, (log, interval))) = feed.zip(log) else { return (Vec::new(), None) };
    let store = log.log.store.clone();
    let sequencer = LogFollower::new(feed.clone(), log, interval);
    let clock = system.clock_and_ids.clock.clone();
    let age = watch_age(feed, sequencer.published(), clock, stopping.clone());
    let progress = LogProgress::new(store, sequencer.published(), data);
    let signed = progress.clone().follow(system.clock_and_ids.clock.clone(), stopping.clone());
    let tasks = vec![tokio::spawn(sequencer.run(stopping.clone())), tokio::spawn(age), tokio::spawn(signed)];
    (tasks, Some(progress))
}

/// Starts the sequencer of a ledger in tables.
pub(super) fn sequence(
    system: &Arc<System>,
    files: Option<CloudLogFiles>,
    stopping: &StopSignal,
) -> Option<JoinHandle<()>> {
    system.table_log.as_ref()?;
    let pace = KeepPace { pause: SEQUENCED_EVERY, time_limit: TIME_LIMIT };
    let keeping = log::keep(system.clone(), files, pace, stopping.clone());
    Some(tokio::spawn(keeping))
}

async fn project(system: Arc<System>, feed: LocalFeed, stopping: StopSignal) {
    let [position, _] = feed.back_pressure.consumers();
    let follower = Follower::new(PROJECTOR, feed.feed, feed.projector, position);
    let compare = system.clone();
    let follower = follower.on_missed(move || views_caught_up(compare.clone()));
    follower.run(|records| system.projector.follow(records), stopping).await;
}

async fn publish(system: Arc<System>, feed: LocalFeed, stopping: StopSignal) {
    let [_, position] = feed.back_pressure.consumers();
    let follower = Follower::new(PUBLISHER, feed.feed, feed.publisher, position);
    let follower = if system.publishes_elsewhere { follower.batch_size(BATCH_FOR_A_BUS) } else { follower };
    let compare = system.clone();
    let follower = follower.on_missed(move || publication_caught_up(compare.clone()));
    follower.run(|records| system.publisher.follow(records, TIME_LIMIT), stopping).await;
}

/// Summarises blocks of commits as they fill up, for readers with filters.
async fn summarise(reader: FeedReader, stopping: StopSignal) {
    let (mut appended, mut failures) = (reader.appended(), 0_u32);
    while !is_stopped(&stopping) {
        appended.mark_unchanged();
        match reader.summarise().await {
            Ok(true) => failures = 0,
            Ok(false) => {
                failures = 0;
                tokio::select! {
                    changed = appended.changed() => if changed.is_err() { return },
                    () = stopped(&stopping) => {}
                }
            }
            Err(error) => {
                failures += 1;
                tracing::warn!(target: "ledger::server", %error, "commits could not be summarised; until that succeeds, filters read more");
                pause(RETRY.pause(failures), &stopping).await;
            }
        }
    }
}

async fn project_stream(system: Arc<System>, stream: TableStream, stopping: StopSignal) {
    let function = |event: Event| async {
        Ok::<_, Infallible>(system.projector.project_within(event, TIME_LIMIT).await)
    };
    let compare = system.clone();
    let mapping = mapping(PROJECTOR, &stream, &system).on_missed(move || views_caught_up(compare.clone()));
    mapping.run(&stream.source, &stream.checkpoints, function, stopping).await;
}

async fn publish_stream(system: Arc<System>, stream: TableStream, stopping: StopSignal) {
    let function =
        |event: Event| async { Ok::<_, Infallible>(system.publisher.publish(event, TIME_LIMIT).await) };
    let compare = system.clone();
    let mapping = mapping(PUBLISHER, &stream, &system);
    let mapping = mapping.on_missed(move || publication_caught_up(compare.clone()));
    mapping.run(&stream.source, &stream.checkpoints, function, stopping).await;
}

/// A consumer of the stream.
fn mapping(consumer: &str, stream: &TableStream, system: &System) -> EventSourceMapping {
    EventSourceMapping::new(consumer, &stream.events)
        .clock(system.clock_and_ids.clock.clone())
        .nameless(follow::is_nameless)
}

/// What a consumer falls back on: the event table. Each brings up to date what it writes itself, so that a bus that does not
/// answer does not hold up the views.
async fn views_caught_up(system: Arc<System>) -> Result<(), String> {
    catch_up(&system, PROJECTOR, Downstream::Views).await
}

async fn publication_caught_up(system: Arc<System>) -> Result<(), String> {
    catch_up(&system, PUBLISHER, Downstream::Publication).await
}

/// What is compared with the event table, as the functions do.
#[derive(Clone, Copy)]
enum Reconciled {
    Views,
    Publication,
}

impl Reconciled {
    /// The name of its rounds, which it shares with the function where both work on the same tables.
    fn rounds(self) -> &'static str {
        match self {
            Self::Views => projections::project::ROUNDS,
            Self::Publication => publisher::CONSUMER,
        }
    }

    fn of(self, system: &System) -> &dyn ReconciledConsumer {
        match self {
            Self::Views => &system.projector,
            Self::Publication => &system.publisher,
        }
    }
}

/// Goes on with a round of the reconcile at each turn; the first one comes after the stream had time to deliver what it has.
async fn reconcile(
    system: Arc<System>,
    consumer: Reconciled,
    rounds: DynamoRounds,
    every: Duration,
    stopping: StopSignal,
) {
    let clock = system.clock_and_ids.clock.clone();
    let reconciler = Reconciler::new(consumer.rounds(), system.journal.clone(), Arc::new(rounds), clock);
    loop {
        pause(every, &stopping).await;
        let run = tokio::select! {
            run = reconciler.run(consumer.of(&system), TIME_LIMIT) => run,
            () = stopped(&stopping) => return,
        };
        if let Err(error) = run {
            let consumer = consumer.rounds();
            tracing::warn!(target: "ledger::server", consumer, %error, "the reconcile could not go on; the next turn tries again");
        }
    }
}

async fn retry_parked(system: Arc<System>, every: Duration, mut stopping: StopSignal) {
    let mut turns = tokio::time::interval(every);
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        system.set_next_turn(later((system.clock_and_ids.clock)(), every));
        if let Err(error) = system.projector.retry_parked(TIME_LIMIT).await {
            tracing::warn!(target: "ledger::server", %error, "parked products could not be projected; the next turn tries again");
        }
        if let Err(error) = system.publisher.retry_parked(TIME_LIMIT).await {
            tracing::warn!(target: "ledger::server", %error, "parked products could not be published; the next turn tries again");
        }
    }
}

/// A moment so much later.
fn later(now: Timestamp, by: Duration) -> Option<Timestamp> {
    let millis = now.millis().checked_add(i64::try_from(by.as_millis()).ok()?)?;
    Timestamp::new(chrono::DateTime::from_timestamp_millis(millis)?).ok()
}
