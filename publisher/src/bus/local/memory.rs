//! The local bus in memory, for ledgers in memory.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use event_store::StoreError;
use schema::Clock;
use tokio::sync::watch;

use super::delivery::delivered;
use super::{LocalBus, RETAINED, RetainedEntry};
use crate::bus::{Acceptance, Bus, BusEntry, BusError, EntryOutcome, check_request};

/// The newest entries of each bus.
pub struct MemoryLocalBus {
    clock: Clock,
    retained: usize,
    buses: Mutex<HashMap<String, VecDeque<RetainedEntry>>>,
    appended: watch::Sender<u64>,
}

impl std::fmt::Debug for MemoryLocalBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryLocalBus").finish_non_exhaustive()
    }
}

impl MemoryLocalBus {
    /// Empty buses; `clock` sets the time of the entries.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let retained = usize::try_from(RETAINED).unwrap_or(usize::MAX);
        Self { clock, retained, buses: Mutex::default(), appended: watch::Sender::new(0) }
    }

    /// The same, retaining another number of entries per bus.
    #[must_use]
    pub fn retaining(self, retained: u64) -> Self {
        Self { retained: usize::try_from(retained).unwrap_or(usize::MAX), ..self }
    }

    fn buses(&self) -> MutexGuard<'_, HashMap<String, VecDeque<RetainedEntry>>> {
        // A panic cannot leave an entry half appended.
        self.buses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Bus for MemoryLocalBus {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        check_request(entries)?;
        let mut buses = self.buses();
        let answers = entries.iter().map(|entry| match delivered(entry, (self.clock)()) {
            Err(refusal) => EntryOutcome::Refused(refusal),
            Ok(form) => {
                let bus = buses.entry(entry.bus.clone()).or_default();
                bus.push_back(RetainedEntry {
                    position: bus.back().map_or(0, |newest| newest.position) + 1,
                    event_id: form.event_id,
                    detail_type: entry.detail_type.clone(),
                    entry: form.json,
                });
                if bus.len() > self.retained {
                    bus.pop_front();
                }
                EntryOutcome::Accepted(Acceptance::unnumbered(form.id))
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
    async fn after(&self, bus: &str, position: u64, limit: u16) -> Result<Vec<RetainedEntry>, StoreError> {
        let buses = self.buses();
        let retained = buses.get(bus).into_iter().flatten().filter(|retained| retained.position > position);
        Ok(retained.take(limit.into()).cloned().collect())
    }

    async fn newest(&self, bus: &str) -> Result<u64, StoreError> {
        Ok(self.buses().get(bus).and_then(VecDeque::back).map_or(0, |newest| newest.position))
    }

    async fn position_of(&self, bus: &str, event_id: &str) -> Result<Option<u64>, StoreError> {
        let buses = self.buses();
        let mut retained = buses.get(bus).into_iter().flatten();
        Ok(retained.find(|retained| retained.event_id == event_id).map(|retained| retained.position))
    }

    fn appended(&self) -> watch::Receiver<u64> {
        self.appended.subscribe()
    }
}
