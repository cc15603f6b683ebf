//! The issuer's keys in memory, refreshed at intervals, and when a token names a key that is not among them.
//!
//! The promise: a token whose key is known never waits. However many tokens name unknown keys, the issuer is asked at most once in
//! a fixed time; requests that wait share one read, and only a fixed number waits. If a read fails, the old keys stay in use, and
//! nobody is told that the issuer does not publish a key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use metrics::counter;
use telemetry::meters::HTTP_SHED;
use tokio::sync::{Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior};

use super::key_set::KeySet;
use super::key_source::{KeySource, KeySourceError, RefreshIntervals};

/// The requests that may wait for a read at once. Each occupies a connection, so they must stay far below the limit of those.
const MOST_WAITING: usize = 32;

/// The keys, and the read that is refreshing them, if any.
pub(super) struct KeyCache {
    source: KeySource,
    intervals: RefreshIntervals,
    state: Mutex<State>,
    waiting: Semaphore,
}

/// Why it is not known whether the issuer publishes a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyUndecided {
    /// Too many requests wait for a read of the keys already.
    TooManyWaiting,
    /// The newest read of the keys failed.
    NotRead {
        /// After this time a token with the key causes another read.
        again_in: Duration,
    },
}

struct State {
    keys: Arc<KeySet>,
    /// Whether the newest read failed.
    failed: bool,
    /// The read in progress; its sender is dropped at its end.
    reading: Option<watch::Receiver<()>>,
    /// When an unknown key last caused a read.
    asked: Option<Instant>,
}

impl KeyCache {
    /// Reads the keys for the first time.
    pub(super) async fn load(
        source: KeySource,
        intervals: RefreshIntervals,
    ) -> Result<Arc<Self>, KeySourceError> {
        let keys = Arc::new(source.read().await?);
        warn_of(&keys, None);
        Ok(Arc::new(Self {
            source,
            intervals,
            state: Mutex::new(State { keys, failed: false, reading: None, asked: None }),
            waiting: Semaphore::new(MOST_WAITING),
        }))
    }

    /// The keys, read again first if `id` is not among them and the last such read is long enough ago.
    pub(super) async fn with_key(self: &Arc<Self>, id: Option<&str>) -> Result<Arc<KeySet>, KeyUndecided> {
        if let Some(mut reading) = id.and_then(|id| self.missing(id)) {
            let Ok(_place) = self.waiting.try_acquire() else {
                counter!(HTTP_SHED.name, "limit" => "unknown_keys").increment(1);
                return Err(KeyUndecided::TooManyWaiting);
            };
            // Nothing is ever sent; the wait ends when the sender is dropped.
            let _ = reading.changed().await;
        }
        let state = self.lock();
        if state.failed && id.is_some_and(|id| !state.keys.knows(id)) {
            let waited = state.asked.map_or(Duration::MAX, |asked| asked.elapsed());
            return Err(KeyUndecided::NotRead { again_in: self.intervals.pause.saturating_sub(waited) });
        }
        Ok(state.keys.clone())
    }

    /// Reads the keys at intervals until `stopping` becomes true.
    pub(super) async fn keep_fresh(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut turns =
            tokio::time::interval_at(Instant::now() + self.intervals.period, self.intervals.period);
        turns.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let renew = async {
            loop {
                turns.tick().await;
                let mut reading = self.begin();
                let _ = reading.changed().await;
            }
        };
        tokio::select! {
            () = renew => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    }

    fn begin(self: &Arc<Self>) -> watch::Receiver<()> {
        let mut state = self.lock();
        self.read(&mut state)
    }

    /// The read to wait for; `None` if it could not help.
    fn missing(self: &Arc<Self>, id: &str) -> Option<watch::Receiver<()>> {
        let mut state = self.lock();
        if state.keys.knows(id) {
            return None;
        }
        if let Some(reading) = state.reading() {
            return Some(reading);
        }
        if state.asked.is_some_and(|asked| asked.elapsed() < self.intervals.pause) {
            return None;
        }
        state.asked = Some(Instant::now());
        Some(self.read(&mut state))
    }

    /// Starts a read unless one is in progress, as a task of its own: a client that disconnects does not end it.
    fn read(self: &Arc<Self>, state: &mut State) -> watch::Receiver<()> {
        if let Some(reading) = state.reading() {
            return reading;
        }
        let (over, reading) = watch::channel(());
        state.reading = Some(reading.clone());
        let current = self.clone();
        tokio::spawn(async move {
            current.replace(current.source.read().await);
            drop(over);
        });
        reading
    }

    fn replace(&self, read: Result<KeySet, KeySourceError>) {
        match read {
            Ok(keys) => {
                tracing::debug!(target: "ledger::auth", keys = keys.len(), "the issuer's keys were refreshed");
                let keys = Arc::new(keys);
                let before = self.lock().replace(keys.clone());
                warn_of(&keys, Some(&before));
            }
            Err(error) => {
                self.lock().failed = true;
                let error = anyhow::Error::from(error);
                tracing::warn!(target: "ledger::auth", "the issuer's keys could not be refreshed; the old ones stay in use: {error:#}");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names the keys that are not used, unless the read before had them too.
fn warn_of(keys: &KeySet, before: Option<&KeySet>) {
    for key in keys.unusable() {
        if !before.is_some_and(|before| before.unusable().contains(key)) {
            tracing::warn!(target: "ledger::auth",
                kid = key.id,
                reason = %key.reason,
                "a key of the issuer is not used; tokens that it signs are refused"
            );
        }
    }
}

impl State {
    /// Takes the keys of a read, and gives those from before.
    fn replace(&mut self, keys: Arc<KeySet>) -> Arc<KeySet> {
        self.failed = false;
        std::mem::replace(&mut self.keys, keys)
    }

    fn reading(&self) -> Option<watch::Receiver<()>> {
        self.reading.clone().filter(|reading| reading.has_changed().is_ok())
    }
}

#[cfg(test)]
mod tests;
