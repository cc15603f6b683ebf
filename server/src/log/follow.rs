//! Follows the commits by their positions, which are the indexes of their entries, and publishes checkpoints.
//!
//! The promise: each commit is logged once, at its position; none is skipped in silence. A failure is logged and tried again; a
//! contradiction between log and ledger ends the signing and not the server.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use event_store::backoff::Backoff;
use event_store::follow::Change;
use event_store::{Feed, StoreError};
use ledger_log::{Leaf, NoteSignature, SignedNote};
use schema::{Clock, Timestamp};
use sequencer::{LogFailure, LogStop, LogWriter};
use telemetry::meters::{LOG_OLDEST_UNLOGGED, LOG_SIGNING};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::entries::{next_entries, positions};
use super::start::LogStarted;
use super::witness::{WitnessAnswer, unwitnessed};
use crate::follower::{POLL, idle};
use crate::stop::{StopSignal, is_stopped, pause, stopped};

/// How often the age of the oldest commit that is not logged is measured.
const MEASURED_EVERY: Duration = Duration::from_secs(1);

/// The pauses after failures.
const BACKOFF: Backoff = Backoff { first: Duration::from_millis(200), longest: Duration::from_secs(30) };

/// Says why nothing is signed any more.
fn report(reason: &LogStop) {
    match reason {
        // Its text says what to do, and the log itself is as it was.
        LogStop::NoKey(_) | LogStop::HandedOver(_) => tracing::error!(target: "ledger::log",
            %reason,
            "nothing is logged or signed until the next start; the ledger itself goes on"
        ),
        _ => tracing::error!(target: "ledger::log",
            %reason,
            "nothing is logged or signed any more until the next start; the ledger itself goes on: run ledger log verify"
        ),
    }
}

/// Logs the commits of a ledger.
pub struct LogFollower {
    feed: Arc<dyn Feed>,
    log: LogStarted,
    interval: Duration,
    backoff: Backoff,
    published: watch::Sender<u64>,
    /// The least size of the next checkpoint: a witness has seen that many entries.
    least: u64,
}

impl LogFollower {
    /// Logs the commits of `feed`, and publishes at most one checkpoint in an interval.
    #[must_use]
    pub fn new(feed: Arc<dyn Feed>, log: LogStarted, interval: Duration) -> Self {
        let published = watch::Sender::new(log.published);
        Self { feed, log, interval, backoff: BACKOFF, published, least: 0 }
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
    pub async fn run(mut self, stop: StopSignal) {
        metrics::gauge!(LOG_SIGNING.name).set(if self.log.is_answered { 1.0 } else { 0.0 });
        let mut failures = 0;
        while !is_stopped(&stop) {
            match self.follow(&mut failures, &stop).await {
                Ok(()) => return,
                Err(LogFailure::Stopped(reason)) => {
                    metrics::gauge!(LOG_SIGNING.name).set(0.0);
                    report(&reason);
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
    async fn follow(&mut self, failures: &mut u32, stop: &StopSignal) -> Result<(), LogFailure> {
        let LogStarted { log, signer, .. } = self.log.clone();
        let signer = signer.map_err(LogStop::from)?;
        let mut writer = self.run_writer(move || LogWriter::open(log, signer)).await?;
        self.check_end(&writer).await?;
        self.published.send_replace(writer.published());
        writer = self.kept(writer).await?;
        let mut news = self.feed.appended();
        while !is_stopped(stop) {
            news.mark_unchanged();
            let next = Instant::now() + self.interval;
            let is_caught_up;
            (writer, is_caught_up) = self.gather(writer, next, stop).await?;
            let is_new = writer.size() > writer.published();
            if writer.size() >= self.least && (is_new || self.is_due(&writer).await) {
                writer = self.publish(writer).await?;
                *failures = 0;
                tokio::select! {
                    () = sleep_until(next) => {}
                    () = stopped(stop) => {}
                }
            }
            if is_caught_up {
                let due = self.due(&writer).await;
                tokio::select! {
                    () = idle(&mut news, stop) => {}
                    () = sleep_until(due.unwrap_or_else(|| Instant::now() + POLL)) => {}
                }
            }
        }
        Ok(())
    }

    /// Publishes a checkpoint over all entries, with the cosignatures of witnesses; leaves it if a witness is ahead of it, but not
    /// of the ledger.
    async fn publish(&mut self, mut writer: LogWriter) -> Result<LogWriter, LogFailure> {
        if let Some(overlap) = &self.log.overlap {
            let ended = overlap.end_if_over(writer.published()).await;
            ended.map_err(|error| LogFailure::Keys(error.to_string()))?;
        }
        let (prepared, mut note) =
            self.run_writer(move || writer.prepare().map(|note| (writer, note))).await?;
        writer = prepared;
        if !self.witnessed(&mut note).await? {
            return Ok(writer);
        }
        writer = self.run_writer(move || writer.replace_checkpoint(&note).map(|()| writer)).await?;
        metrics::gauge!(LOG_SIGNING.name).set(1.0);
        self.published.send_replace(writer.published());
        self.kept(writer).await
    }

    /// Keeps the newest checkpoint elsewhere too.
    async fn kept(&self, writer: LogWriter) -> Result<LogWriter, LogFailure> {
        let Some(keep) = self.log.keep.clone() else { return Ok(writer) };
        let failed = |file: PathBuf| move |source| LogFailure::Kept { file, source };
        self.run_writer(move || {
            keep.keep(writer.note()).map(|()| writer).map_err(failed(keep.path().to_owned()))
        })
        .await
    }

    /// Adds the cosignatures of witnesses to a checkpoint; whether it may be published.
    async fn witnessed(&mut self, note: &mut SignedNote) -> Result<bool, LogFailure> {
        let mut witnesses = self.log.witnesses.lock().await;
        if witnesses.is_empty() {
            return Ok(true);
        }
        let is_needed = witnesses.quorum() > 0 || !self.log.is_answered;
        let answers = witnesses.ask(&*self.log.log.store, note, is_needed).await;
        let commits = positions(&*self.feed).await?;
        for (witness, answer) in &answers {
            match answer {
                WitnessAnswer::Ahead(seen) if *seen <= commits => {
                    // It was cosigned, and the process was killed before it was published.
                    self.least = *seen;
                    return Ok(false);
                }
                WitnessAnswer::Ahead(seen) => {
                    let reason = format!("has seen {seen} entries, more than this ledger has");
                    return Err(LogStop::Witness { witness: witness.clone(), reason }.into());
                }
                WitnessAnswer::Contradicted(reason) => {
                    return Err(LogStop::Witness { witness: witness.clone(), reason: reason.clone() }.into());
                }
                WitnessAnswer::Cosigned(_) | WitnessAnswer::Failed(_) => {}
            }
        }
        let cosignatures: Vec<NoteSignature> = witnesses.cosignatures(&note.text).collect();
        self.log.is_answered |= !cosignatures.is_empty();
        let wanted = if self.log.is_answered { witnesses.quorum() } else { witnesses.quorum().max(1) };
        if cosignatures.len() < wanted {
            return Err(unwitnessed(cosignatures.len(), wanted, &answers));
        }
        witnesses.measure(&note.text);
        note.signatures.extend(cosignatures);
        Ok(true)
    }

    /// Whether witnesses should be asked again for the newest checkpoint.
    async fn is_due(&self, writer: &LogWriter) -> bool {
        self.due(writer).await.is_some_and(|due| due <= Instant::now())
    }

    /// When witnesses that have not cosigned the newest checkpoint are asked again.
    async fn due(&self, writer: &LogWriter) -> Option<Instant> {
        let note = SignedNote::read(writer.note()).ok()?;
        self.log.witnesses.lock().await.next_due(&note.text)
    }

    /// Adds what was recorded, until nothing is left or it is time for a checkpoint; whether nothing is left.
    async fn gather(
        &self,
        mut writer: LogWriter,
        until: Instant,
        stop: &StopSignal,
    ) -> Result<(LogWriter, bool), LogFailure> {
        loop {
            let entries = next_entries(&*self.feed, writer.size()).await?;
            if entries.is_empty() {
                return Ok((writer, true));
            }
            let append =
                move || entries.into_iter().try_for_each(|entry| writer.append_entry(entry)).map(|()| writer);
            writer = self.run_writer(append).await?;
            let is_time = Instant::now() >= until && writer.size() >= self.least;
            if is_time || is_stopped(stop) {
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
        let commits = positions(&*self.feed).await?;
        if commits < size {
            return Err(LogStop::Ahead { size, commits }.into());
        }
        let other = self.feed.entries(position, position, 1).await?.pop();
        let is_logged = if let Some(other) = other {
            writer.last() == Some(other.entry.as_slice())
        } else {
            let logged = writer.last().and_then(Leaf::read).map(|leaf| hex::encode(leaf.hash));
            logged.is_some() && self.feed.hash_at(position).await? == logged
        };
        if is_logged { Ok(()) } else { Err(LogStop::Another(position).into()) }
    }
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
