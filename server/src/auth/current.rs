//! The issuer's keys as they are known now, kept fresh without a request ever making us hammer the issuer.
//!
//! They are read again at intervals, and when a token names a key that is not among them; the latter at most once in a
//! while, however many tokens do. All that wait share one reading. When it fails, the old keys stay.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use super::keys::Keys;
use super::source::{Source, Unread};

/// The keys, and what is going on to renew them.
pub(super) struct Current {
    source: Source,
    pace: Pace,
    state: Mutex<State>,
}

/// How often the keys are read.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How often without being asked: so soon a key that was withdrawn is refused.
    pub(super) period: Duration,
    /// How soon after an unknown key made us read the next unknown key may.
    pub(super) pause: Duration,
}

struct State {
    keys: Arc<Keys>,
    /// Its sender is dropped when the reading is over.
    reading: Option<watch::Receiver<()>>,
    /// When an unknown key made us read last.
    asked: Option<Instant>,
}

impl Current {
    /// Reads the keys for the first time.
    pub(super) async fn load(source: Source, pace: Pace) -> Result<Arc<Self>, Unread> {
        let keys = Arc::new(source.read().await?);
        Ok(Arc::new(Self { source, pace, state: Mutex::new(State { keys, reading: None, asked: None }) }))
    }

    /// The keys; read again first if the named one is not among them and it is not too soon.
    pub(super) async fn knowing(self: &Arc<Self>, id: Option<&str>) -> Arc<Keys> {
        if let Some(mut reading) = id.and_then(|id| self.missing(id)) {
            // Nothing is ever sent; the wait ends when the sender is dropped.
            let _ = reading.changed().await;
        }
        self.lock().keys.clone()
    }

    /// Reads at intervals until `stopping` becomes true.
    pub(super) async fn keep_fresh(self: Arc<Self>, mut stopping: watch::Receiver<bool>) {
        let mut turns = tokio::time::interval_at(Instant::now() + self.pace.period, self.pace.period);
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

    /// The reading to wait for, if there is any use in it.
    fn missing(self: &Arc<Self>, id: &str) -> Option<watch::Receiver<()>> {
        let mut state = self.lock();
        if state.keys.knows(id) {
            return None;
        }
        if let Some(reading) = state.reading() {
            return Some(reading);
        }
        if state.asked.is_some_and(|asked| asked.elapsed() < self.pace.pause) {
            return None;
        }
        state.asked = Some(Instant::now());
        Some(self.read(&mut state))
    }

    /// Begins to read, unless somebody has. It is a task of its own: a client that goes away does not end it.
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

    fn replace(&self, read: Result<Keys, Unread>) {
        match read {
            Ok(keys) => {
                tracing::debug!(target: "ledger::auth", keys = keys.len(), "the issuer's keys were read again");
                self.lock().keys = Arc::new(keys);
            }
            Err(error) => {
                let error = anyhow::Error::from(error);
                tracing::warn!(target: "ledger::auth", "the issuer's keys cannot be read again, the old ones stay: {error:#}");
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn reading(&self) -> Option<watch::Receiver<()>> {
        self.reading.clone().filter(|reading| reading.has_changed().is_ok())
    }
}

#[cfg(test)]
mod tests;
