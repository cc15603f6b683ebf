//! What runs behind the API: the two consumers of the stream, the schedule for parked products, trimming.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_lambda_events::event::dynamodb::Event;
use engine::Engine;
use event_store::metering;
use tokio::task::JoinHandle;

use crate::mapping::{Checkpoints, Mapping, Source, Stop, Trimming};
use crate::operate::catch_up;
use crate::system::System;
use schema::settings::Tables;

/// How long one batch may be worked on, as a Lambda's time limit.
const TIME_LIMIT: Duration = Duration::from_mins(1);
const PROJECTOR: &str = "projector";
const PUBLISHER: &str = "publisher";

/// Starts every task; each ends soon after `stopping` becomes true.
pub(super) fn start(
    system: Arc<System>,
    source: &Source,
    engine: Option<&Engine>,
    dynamodb: &SdkConfig,
    tables: &Tables,
    retry_parked_every: Duration,
    stopping: &Stop,
) -> Vec<JoinHandle<()>> {
    let checkpoints = Checkpoints::new(metering::client(dynamodb), &tables.checkpoints);
    let mut tasks = vec![
        tokio::spawn(project(
            system.clone(),
            source.clone(),
            checkpoints.clone(),
            tables.events.clone(),
            stopping.clone(),
        )),
        tokio::spawn(publish(
            system.clone(),
            source.clone(),
            checkpoints.clone(),
            tables.events.clone(),
            stopping.clone(),
        )),
        tokio::spawn(retry_parked(system, retry_parked_every, stopping.clone())),
    ];
    if let Some(engine) = engine.cloned() {
        let (events, stopping) = (tables.events.clone(), stopping.clone());
        tasks.push(tokio::spawn(async move {
            Trimming::new(&events, [PROJECTOR, PUBLISHER]).run(&engine, &checkpoints, stopping).await;
        }));
    }
    tasks
}

async fn project(
    system: Arc<System>,
    source: Source,
    checkpoints: Checkpoints,
    events: String,
    stopping: Stop,
) {
    let function =
        |event: Event| async { Ok::<_, std::convert::Infallible>(system.projector.project(event).await) };
    mapping(PROJECTOR, &events, &system).run(&source, &checkpoints, function, stopping).await;
}

async fn publish(
    system: Arc<System>,
    source: Source,
    checkpoints: Checkpoints,
    events: String,
    stopping: Stop,
) {
    let function = |event: Event| async {
        Ok::<_, std::convert::Infallible>(system.publisher.publish(event, TIME_LIMIT).await)
    };
    mapping(PUBLISHER, &events, &system).run(&source, &checkpoints, function, stopping).await;
}

/// A consumer of the stream, which falls back on the event table.
fn mapping(consumer: &str, events: &str, system: &Arc<System>) -> Mapping {
    let system = system.clone();
    Mapping::new(consumer, events).on_missed(move || {
        let system = system.clone();
        async move { catch_up(&system).await }
    })
}

async fn retry_parked(system: Arc<System>, every: Duration, mut stopping: Stop) {
    let mut turns = tokio::time::interval(every);
    loop {
        tokio::select! {
            _ = turns.tick() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        if let Err(error) = system.projector.retry_parked().await {
            tracing::warn!(%error, "parked products could not be projected; the next turn tries again");
        }
        if let Err(error) = system.publisher.retry_parked(TIME_LIMIT).await {
            tracing::warn!(%error, "parked products could not be published; the next turn tries again");
        }
    }
}
