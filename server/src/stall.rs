//! Notices that a consumer makes no progress although there is something to do: the gauge says for how long, and the log once
//! a minute what it waits for.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use telemetry::meters::STALLED;
use tokio::time::Instant;

use crate::stop::{StopSignal, stopped};

/// How long may pass without progress before it is said, and between two times that it is said.
const PATIENCE: Duration = Duration::from_mins(1);

/// How often the gauge is set.
const EVERY: Duration = Duration::from_secs(10);

/// What a consumer has to do, part by part.
#[derive(Debug)]
pub(crate) struct StallWatch {
    consumer: String,
    pending: Mutex<BTreeMap<String, Pending>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pending {
    since: Instant,
    reason: String,
}

/// The part that made no progress for the longest time.
#[derive(Debug, PartialEq, Eq)]
struct Stall {
    part: String,
    reason: String,
    lasts: Duration,
}

impl StallWatch {
    pub(crate) fn new(consumer: &str) -> Self {
        Self { consumer: consumer.to_owned(), pending: Mutex::default() }
    }

    /// There is something to do in a part, such as a shard, and this is what it waits for.
    pub(crate) fn pending(&self, part: &str, reason: &str) {
        let mut all = self.lock();
        if let Some(pending) = all.get_mut(part) {
            reason.clone_into(&mut pending.reason);
        } else {
            let pending = Pending { since: Instant::now(), reason: reason.to_owned() };
            all.insert(part.to_owned(), pending);
        }
    }

    /// Some of it was done, and there may be more.
    pub(crate) fn advanced(&self, part: &str) {
        if let Some(pending) = self.lock().get_mut(part) {
            pending.since = Instant::now();
        }
    }

    /// There is nothing to do in this part.
    pub(crate) fn idle(&self, part: &str) {
        self.lock().remove(part);
    }

    /// There is nothing to do in any part.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    /// Sets the gauge and writes the log until `stop`.
    pub(crate) async fn watch(&self, stop: StopSignal) {
        let gauge = metrics::gauge!(STALLED.name, "consumer" => self.consumer.clone());
        let mut said = Duration::ZERO;
        let mut turns = tokio::time::interval(EVERY);
        loop {
            tokio::select! {
                _ = turns.tick() => {}
                () = stopped(&stop) => return,
            }
            let stall = self.longest();
            gauge.set(stall.as_ref().map_or(0.0, |stall| stall.lasts.as_secs_f64()));
            said = match stall {
                Some(stall) if stall.lasts >= said + PATIENCE => {
                    self.say(&stall);
                    stall.lasts
                }
                // Another part, or the same after some progress.
                Some(stall) if stall.lasts < said => Duration::ZERO,
                Some(_) => said,
                None => Duration::ZERO,
            };
        }
    }

    fn longest(&self) -> Option<Stall> {
        let all = self.lock();
        let (part, pending) = all.iter().min_by_key(|(_, pending)| pending.since)?;
        let (part, reason) = (part.clone(), pending.reason.clone());
        Some(Stall { part, reason, lasts: pending.since.elapsed() })
    }

    fn say(&self, stall: &Stall) {
        tracing::error!(target: "ledger::consumer",
            consumer = self.consumer,
            part = stall.part,
            reason = stall.reason,
            seconds = stall.lasts.as_secs(),
            "a consumer makes no progress although there is something to do"
        );
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Pending>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(crate) mod tests;
