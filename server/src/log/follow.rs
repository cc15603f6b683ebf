//! Follows the commits by their positions, which are the indexes of their entries, and publishes checkpoints.
//!
//! The promise: each commit is logged once, at its position; none is skipped in silence. A failure is logged and tried again; a
//! contradiction between log and ledger ends the signing and not the server.

use std::sync::Arc;
use std::time::Duration;

use event_store::backoff::Backoff;
use event_store::follow::Change;
use event_store::{Feed, FeedEntry, StoreError};
use ledger_log::Leaf;
use schema::{Clock, Timestamp};
use sequencer::{LogFailure, LogStop, LogWriter};
use telemetry::meters::LOG_OLDEST_UNLOGGED;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::start::LogStarted;
use crate::follower::idle;
use crate::stop::{StopSignal, is_stopped, pause, stopped};

/// Commits that are read at once.
const BATCH: usize = 1_024;

/// How often the age of the oldest commit that is not logged is measured.
const MEASURED_EVERY: Duration = Duration::from_secs(1);

/// The pauses after failures.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(30) };

/// Logs the commits of a ledger.
pub struct LogFollower {
    feed: Arc<dyn Feed>,
    log: LogStarted,
    interval: Duration,
    backoff: Backoff,
    published: watch::Sender<u64>,
}

impl LogFollower {
    /// Logs the commits of `feed`, and publishes at most one checkpoint in an interval.
    #[must_use]
    pub fn new(feed: Arc<dyn Feed>, log: LogStarted, interval: Duration) -> Self {
        let published = watch::Sender::new(log.published);
        Self { feed, log, interval, backoff: BACKOFF, published }
    }

    /// Other pauses after failures.
    #[must_use]
    pub fn backoff(self, backoff: Backoff) -> Self {
        Self { backoff, ..self }
    }

    /// The size of the newest checkpoint that is known here.
    #[must_use]
    pub fn published(&self) -> watch::Receiver<u64> {
        self.published.subscribe()
    }

    /// Logs until `stop`. No failure ends it.
    pub async fn run(self, stop: StopSignal) {
        let mut failures = 0;
        while !is_stopped(&stop) {
            match self.follow(&mut failures, &stop).await {
                Ok(()) => return,
                Err(LogFailure::Stopped(reason)) => {
                    tracing::error!(target: "ledger::log",
                        %reason,
                        "nothing is logged or signed any more until the next start; the ledger itself goes on: run ledger log verify"
                    );
                    return;
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(target: "ledger::log", %error, "the log cannot be written; trying again");
                    pause(self.backoff.pause(failures), &stop).await;
                }
            }
        }
    }

    /// Goes on after the published checkpoint, until `stop` or a failure.
    async fn follow(&self, failures: &mut u32, stop: &StopSignal) -> Result<(), LogFailure> {
        let LogStarted { log, signer, .. } = self.log.clone();
        let mut writer = self.run_writer(move || LogWriter::open(log, signer)).await?;
        self.check_end(&writer).await?;
        self.published.send_replace(writer.published());
        let mut news = self.feed.appended();
        while !is_stopped(stop) {
            news.mark_unchanged();
            let next = Instant::now() + self.interval;
            let is_caught_up;
            (writer, is_caught_up) = self.gather(writer, next, stop).await?;
            if writer.size() > writer.published() {
                writer = self.run_writer(move || writer.publish().map(|()| writer)).await?;
                self.published.send_replace(writer.published());
                *failures = 0;
                tokio::select! {
                    () = sleep_until(next) => {}
                    () = stopped(stop) => {}
                }
            }
            if is_caught_up {
                idle(&mut news, stop).await;
            }
        }
        Ok(())
    }

    /// Adds what was recorded, until nothing is left or it is time for a checkpoint; whether nothing is left.
    async fn gather(
        &self,
        mut writer: LogWriter,
        until: Instant,
        stop: &StopSignal,
    ) -> Result<(LogWriter, bool), LogFailure> {
        loop {
            let commits = self.feed.after(writer.size().checked_sub(1), BATCH).await?;
            if commits.is_empty() {
                return Ok((writer, true));
            }
            let leaves = (writer.size()..).zip(commits).map(|(position, commit)| leaf(position, commit));
            let leaves = leaves.collect::<Result<Vec<_>, LogStop>>()?;
            let append = move || leaves.into_iter().try_for_each(|leaf| writer.append(leaf)).map(|()| writer);
            writer = self.run_writer(append).await?;
            if Instant::now() >= until || is_stopped(stop) {
                return Ok((writer, false));
            }
        }
    }

    /// Runs what may wait for the disk.
    async fn run_writer<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, LogFailure> + Send + 'static,
    ) -> Result<T, LogFailure> {
        if !self.log.log.store.blocks() {
            return work();
        }
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(LogFailure::Interrupted(error.to_string())))
    }

    /// The newest entry has to be that of the commit at its position.
    async fn check_end(&self, writer: &LogWriter) -> Result<(), LogFailure> {
        let size = writer.size();
        let Some(position) = size.checked_sub(1) else { return Ok(()) };
        let commits = self.feed.newest_position().await?.map_or(0, |newest| newest + 1);
        if commits < size {
            return Err(LogStop::Ahead { size, commits }.into());
        }
        let found = self.feed.hash_at(position).await?;
        let logged = writer.last().map(|leaf| hex::encode(leaf.hash));
        if found.is_none() || found != logged {
            return Err(LogStop::Another(position).into());
        }
        Ok(())
    }
}

/// The entry of the commit at a position.
fn leaf(position: u64, recorded: FeedEntry) -> Result<Leaf, LogStop> {
    if recorded.position != position {
        return Err(LogStop::Gap(position));
    }
    let unreadable = |reason: String| LogStop::Unreadable { position, reason };
    let leaf = match recorded.change {
        Change::Committed(commit) => Leaf::of(&commit).map_err(|error| unreadable(error.to_string()))?,
        Change::Unreadable { reason, .. } | Change::Nameless { reason } => return Err(unreadable(reason)),
        Change::Tampered(tampering) => return Err(unreadable(tampering.to_string())),
    };
    if hex::encode(leaf.hash) != recorded.hash {
        return Err(unreadable("its row has another hash than its line".to_owned()));
    }
    Ok(leaf)
}

/// Measures how old the oldest commit is that is in no checkpoint, until `stop`; also while the log is stopped or waits for the disk.
pub async fn watch_age(feed: Arc<dyn Feed>, published: watch::Receiver<u64>, clock: Clock, stop: StopSignal) {
    let mut was_read = true;
    while !is_stopped(&stop) {
        let size = *published.borrow();
        match oldest_unlogged(&*feed, size).await {
            Ok(oldest) => {
                let age = oldest.map_or(0.0, |recorded| recorded.seconds_until(clock()));
                metrics::gauge!(LOG_OLDEST_UNLOGGED.name).set(age);
                was_read = true;
            }
            Err(error) if was_read => {
                tracing::warn!(target: "ledger::log", %error, "how far the log is behind is not known; trying again");
                was_read = false;
            }
            Err(_) => {}
        }
        pause(MEASURED_EVERY, &stop).await;
    }
}

/// When the oldest commit was recorded that a log of this size does not have; one that cannot be read counts from the beginning.
pub(crate) async fn oldest_unlogged(feed: &dyn Feed, size: u64) -> Result<Option<Timestamp>, StoreError> {
    let oldest = feed.after(size.checked_sub(1), 1).await?;
    Ok(oldest.first().map(|recorded| match &recorded.change {
        Change::Committed(commit) => commit
            .text("recorded_at")
            .ok()
            .and_then(|text| Timestamp::parse(text).ok())
            .unwrap_or(Timestamp::EPOCH),
        Change::Tampered(_) | Change::Unreadable { .. } | Change::Nameless { .. } => Timestamp::EPOCH,
    }))
}

#[cfg(test)]
mod tests;
