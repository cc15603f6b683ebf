//! What runs behind the API: the two consumers of the commits, the schedule for parked products, and a look-out for
//! changes that somebody else makes to the files.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::Event;
use event_store::metering;
use schema::settings::Tables;
use tokio::task::JoinHandle;

use crate::backend::LocalFeed;
use crate::follower::{Follower, PROJECTOR, PUBLISHER};
use crate::mapping::{Checkpoints, Mapping, Source};
use crate::operators::catch_up;
use crate::stop::StopSignal;
use crate::system::System;

/// How long one batch may be worked on, as a Lambda's time limit.
const TIME_LIMIT: Duration = Duration::from_mins(1);

/// So many commits a slow bus can be rid of within [`TIME_LIMIT`], as a Lambda's batch.
const FOR_A_BUS: usize = 100;

/// The stream of the event table, and where its consumers keep their checkpoints.
#[derive(Clone)]
pub(super) struct Stream {
    source: Source,
    checkpoints: Checkpoints,
    events: String,
}

impl Stream {
    pub(super) fn of(aws: &SdkConfig, tables: &Tables) -> Self {
        Self {
            source: Source::endpoint(aws),
            checkpoints: Checkpoints::new(metering::client(aws), &tables.checkpoints),
            events: tables.events.clone(),
        }
    }
}

/// Starts every task; each ends soon after `stopping` becomes true.
pub(super) fn start(
    system: &Arc<System>,
    stream: Option<Stream>,
    retry_parked_every: Duration,
    stopping: &StopSignal,
) -> Vec<JoinHandle<()>> {
    let mut tasks = vec![tokio::spawn(retry_parked(system.clone(), retry_parked_every, stopping.clone()))];
    if let Some(stream) = stream {
        tasks.push(tokio::spawn(project_stream(system.clone(), stream.clone(), stopping.clone())));
        tasks.push(tokio::spawn(publish_stream(system.clone(), stream, stopping.clone())));
    }
    if let Some(feed) = &system.feed {
        tasks.push(tokio::spawn(project(system.clone(), feed.clone(), stopping.clone())));
        tasks.push(tokio::spawn(publish(system.clone(), feed.clone(), stopping.clone())));
    }
    if let Some(directory) = &system.directory {
        tasks.push(tokio::spawn(directory.clone().finish_building(stopping.clone())));
        tasks.push(tokio::spawn(directory.clone().look_out(stopping.clone())));
    }
    tasks
}

async fn project(system: Arc<System>, feed: LocalFeed, stopping: StopSignal) {
    let [pace, _] = feed.pace.consumers();
    let follower = Follower::new(PROJECTOR, feed.feed, feed.projector, pace);
    let compare = system.clone();
    let follower = follower.on_missed(move || caught_up(compare.clone()));
    follower.run(|records| system.projector.follow(records), stopping).await;
}

async fn publish(system: Arc<System>, feed: LocalFeed, stopping: StopSignal) {
    let [_, pace] = feed.pace.consumers();
    let follower = Follower::new(PUBLISHER, feed.feed, feed.publisher, pace);
    let follower = if system.publishes_elsewhere { follower.batch_size(FOR_A_BUS) } else { follower };
    let compare = system.clone();
    let follower = follower.on_missed(move || caught_up(compare.clone()));
    follower.run(|records| system.publisher.follow(records, TIME_LIMIT), stopping).await;
}

async fn project_stream(system: Arc<System>, stream: Stream, stopping: StopSignal) {
    let function = |event: Event| async { Ok::<_, Infallible>(system.projector.project(event).await) };
    mapping(PROJECTOR, &stream, &system).run(&stream.source, &stream.checkpoints, function, stopping).await;
}

async fn publish_stream(system: Arc<System>, stream: Stream, stopping: StopSignal) {
    let function =
        |event: Event| async { Ok::<_, Infallible>(system.publisher.publish(event, TIME_LIMIT).await) };
    mapping(PUBLISHER, &stream, &system).run(&stream.source, &stream.checkpoints, function, stopping).await;
}

/// A consumer of the stream, which falls back on the event table.
fn mapping(consumer: &str, stream: &Stream, system: &Arc<System>) -> Mapping {
    let system = system.clone();
    Mapping::new(consumer, &stream.events).on_missed(move || caught_up(system.clone()))
}

async fn caught_up(system: Arc<System>) -> Result<(), String> {
    catch_up(&system).await
}

async fn retry_parked(system: Arc<System>, every: Duration, mut stopping: StopSignal) {
    let mut turns = tokio::time::interval(every);
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = system.projector.retry_parked().await {
            tracing::warn!(target: "ledger::server", %error, "parked products could not be projected; the next turn tries again");
        }
        if let Err(error) = system.publisher.retry_parked(TIME_LIMIT).await {
            tracing::warn!(target: "ledger::server", %error, "parked products could not be published; the next turn tries again");
        }
    }
}
