//! The log of a ledger in tables of DynamoDB: its files are in a bucket, and this server may be one of several that keep it.
//!
//! The promise: nothing of it is on this machine, and a server without a bucket keeps the order of all commits all the same.

use std::sync::Arc;
use std::time::Duration;

use aws_config::SdkConfig;
use schema::Clock;
use schema::settings::CloudLogSettings;
use sequencer::{
    CloudLogPlace, CloudLogSetting, KeptLog, LogDestination, LogKeepError, LogKeeper, S3Log, ServedKeys,
};
use tokio::time::Instant;

use crate::stop::{StopSignal, is_stopped, pause};
use crate::system::System;

/// How often the newest commit of each product is compared with the log, a part of all products at a time.
const RECONCILED_EVERY: Duration = Duration::from_mins(5);

/// Where the log of a ledger in tables is.
#[derive(Debug, Clone)]
pub struct CloudLogFiles {
    place: CloudLogPlace,
    interval: Duration,
    aws: SdkConfig,
}

impl CloudLogFiles {
    /// The log that the settings name; `None` without a bucket.
    ///
    /// # Errors
    /// [`CloudLogSetting`]: correct it.
    pub fn named(settings: &CloudLogSettings, aws: &SdkConfig) -> Result<Option<Self>, CloudLogSetting> {
        let interval = Duration::from_secs(settings.interval.into());
        let place = CloudLogPlace::of(settings)?;
        Ok(place.map(|place| Self { place, interval, aws: aws.clone() }))
    }

    /// The files, to be read.
    #[must_use]
    pub fn files(&self, clock: &Clock) -> S3Log {
        S3Log::new(&self.aws, &self.place.bucket, clock.clone())
    }

    /// The log for those who read it.
    #[must_use]
    pub fn kept(&self, system: &System) -> Option<KeptLog> {
        let keys = ServedKeys::Bound(system.table_log.as_ref()?.bound.clone());
        let store = Arc::new(self.files(&system.clock_and_ids.clock));
        Some(KeptLog { store, keys })
    }
}

/// How often and how long.
#[derive(Debug, Clone, Copy)]
pub struct KeepPace {
    /// The pause between two runs where no log is published.
    pub pause: Duration,
    /// The most time of a run.
    pub time_limit: Duration,
}

/// Puts the commits of tables into one order, and publishes the log if there is a bucket for it, until `stop`.
pub async fn keep(system: Arc<System>, files: Option<CloudLogFiles>, pace: KeepPace, stop: StopSignal) {
    let Some(log) = system.table_log.clone() else { return };
    let interval = files.as_ref().map_or(pace.pause, |files| files.interval);
    let destination =
        files.map(|CloudLogFiles { place, aws, .. }| LogDestination { place, aws, bound: log.bound });
    let web::ClockAndIds { clock, ids } = system.clock_and_ids.clone();
    let keeper = LogKeeper::new(log.ports, log.rounds, destination, clock, ids);
    let mut reconciled = Instant::now();
    while !is_stopped(&stop) {
        if let Err(LogKeepError::Store(error)) = keeper.catch_up(pace.time_limit).await {
            tracing::warn!(target: "ledger::log", %error, "what was recorded is not, or not all, logged; trying again");
        }
        if reconciled.elapsed() >= RECONCILED_EVERY {
            reconciled = Instant::now();
            if let Err(error) = keeper.reconcile(pace.time_limit).await {
                tracing::warn!(target: "ledger::log", %error, "the log could not be compared with the event table; the next turn goes on");
            }
        }
        pause(interval, &stop).await;
    }
}
