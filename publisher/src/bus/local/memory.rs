//! The local bus in memory, for ledgers in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use event_store::StoreError;
use schema::Clock;
use tokio::sync::watch;

use super::{KEPT, Kept, LocalBus, delivered};
use crate::bus::{Answer, Bus, BusError, Entry, is_sendable};

/// The newest entries of each bus.
pub struct MemoryLocalBus {
    clock: Clock,
    kept: usize,
    buses: Mutex<HashMap<String, VecDeque<Kept>>>,
    appended: watch::Sender<u64>,
}

impl std::fmt::Debug for MemoryLocalBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLocalBus").finish_non_exhaustive()
    }
}

impl MemoryLocalBus {
    /// Empty buses; `clock` gives the entries their time.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let kept = usize::try_from(KEPT).unwrap_or(usize::MAX);
        Self { clock, kept, buses: Mutex::default(), appended: watch::Sender::new(0) }
    }

    /// The same, keeping another number of entries per bus.
    #[must_use]
    pub fn keeping(self, kept: u64) -> Self {
        Self { kept: usize::try_from(kept).unwrap_or(usize::MAX), ..self }
    }

    fn buses(&self) -> MutexGuard<'_, HashMap<String, VecDeque<Kept>>> {
        // A panic between two entries leaves whole entries.
        self.buses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Bus for MemoryLocalBus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<Answer>, BusError> {
        is_sendable(entries)?;
        let mut buses = self.buses();
        let answers = entries.iter().map(|entry| match delivered(entry, (self.clock)()) {
            Err(refusal) => Answer::Refused(refusal),
            Ok(form) => {
                let bus = buses.entry(entry.bus.clone()).or_default();
                bus.push_back(Kept {
                    position: bus.back().map_or(0, |newest| newest.position) + 1,
                    event_id: form.event_id,
                    detail_type: entry.detail_type.clone(),
                    entry: form.json,
                });
                if bus.len() > self.kept {
                    bus.pop_front();
                }
                Answer::Accepted { receipt_id: form.id }
            }
        });
        let answers = answers.collect();
        drop(buses);
        self.appended.send_modify(|count| *count += 1);
        Ok(answers)
    }
}

#[async_trait]
impl LocalBus for MemoryLocalBus {
    async fn after(&self, bus: &str, position: u64, limit: u16) -> Result<Vec<Kept>, StoreError> {
        let buses = self.buses();
        let kept = buses.get(bus).into_iter().flatten().filter(|kept| kept.position > position);
        Ok(kept.take(limit.into()).cloned().collect())
    }

    async fn newest(&self, bus: &str) -> Result<u64, StoreError> {
        Ok(self.buses().get(bus).and_then(VecDeque::back).map_or(0, |newest| newest.position))
    }

    async fn position_of(&self, bus: &str, event_id: &str) -> Result<Option<u64>, StoreError> {
        let buses = self.buses();
        let mut kept = buses.get(bus).into_iter().flatten();
        Ok(kept.find(|kept| kept.event_id == event_id).map(|kept| kept.position))
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }
}
