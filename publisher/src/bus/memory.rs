//! The bus in memory, for tests and simulations: it can refuse entries, lose answers, throttle, and be down.
//!
//! It enforces the limits of the contract as EventBridge does, so a request that would fail there fails here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Acceptance, Bus, BusEntry, BusError, BusRefusal, EntryOutcome, Remedy, check_request};

type EntryFault = Box<dyn FnMut(&BusEntry) -> Option<BusRefusal> + Send>;
type RequestFault = Box<dyn FnMut(&[BusEntry]) -> Option<BusFault> + Send>;

/// A fault of a request as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusFault {
    /// The entries arrive, but the answer is lost.
    AnswerLost,
    /// The request fails and nothing arrives.
    Failed(BusError),
}

/// The accepted entries, and the faults to inject.
#[derive(Default)]
pub struct MemoryBus {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accepted: Vec<(String, BusEntry)>,
    requests: Vec<Vec<BusEntry>>,
    entry_fault: Option<EntryFault>,
    request_fault: Option<RequestFault>,
}

impl std::fmt::Debug for MemoryBus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MemoryBus").field("len", &self.len()).finish_non_exhaustive()
    }
}

impl MemoryBus {
    /// How many entries were accepted, repetitions included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.state().accepted.len()
    }

    /// Whether no entry was accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().accepted.is_empty()
    }

    /// Whether an event with this id was accepted.
    #[must_use]
    pub fn contains(&self, event_id: &str) -> bool {
        self.state().accepted.iter().any(|(_, entry)| entry.event_id().as_deref() == Some(event_id))
    }

    /// The accepted entries in order, with their receipt ids.
    #[must_use]
    pub fn accepted(&self) -> Vec<(String, BusEntry)> {
        self.state().accepted.clone()
    }

    /// Every request in order, failed ones included.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<BusEntry>> {
        self.state().requests.clone()
    }

    /// Refuses the `nth` of the following entries, counted from 1, with a code.
    pub fn refuse_nth(&self, nth: usize, code: &str) {
        let (mut seen, code) = (0, code.to_owned());
        self.refuse_entries(move |_| {
            seen += 1;
            (seen == nth).then(|| BusRefusal::new(code.clone(), "refused on purpose"))
        });
    }

    /// Refuses the entries for which the function returns a refusal; replaces the earlier function.
    pub fn refuse_entries(&self, entry_fault: impl FnMut(&BusEntry) -> Option<BusRefusal> + Send + 'static) {
        self.state().entry_fault = Some(Box::new(entry_fault));
    }

    /// Injects the faults that the function returns for requests; replaces the earlier function.
    pub fn fail_requests(&self, request_fault: impl FnMut(&[BusEntry]) -> Option<BusFault> + Send + 'static) {
        self.state().request_fault = Some(Box::new(request_fault));
    }

    /// Throttles this many of the following requests.
    pub fn throttle(&self, requests: usize) {
        let mut left = requests;
        self.fail_requests(move |_| {
            left = left.checked_sub(1)?;
            Some(BusFault::Failed(BusError::new(
                Remedy::SendAgain,
                "ThrottlingException",
                "throttled on purpose",
            )))
        });
    }

    /// Takes the bus down: every request fails until [`MemoryBus::heal`].
    pub fn take_down(&self) {
        self.throttle(usize::MAX);
    }

    /// Removes all faults.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.entry_fault, state.request_fault) = (None, None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn accept(&mut self, entry: &BusEntry) -> EntryOutcome {
        if let Some(refusal) = self.entry_fault.as_mut().and_then(|entry_fault| entry_fault(entry)) {
            return EntryOutcome::Refused(refusal);
        }
        let receipt_id = format!("receipt-{}", self.accepted.len() + 1);
        self.accepted.push((receipt_id.clone(), entry.clone()));
        EntryOutcome::Accepted(Acceptance::unnumbered(receipt_id))
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        check_request(entries)?;
        let mut state = self.state();
        state.requests.push(entries.to_vec());
        let fault = state.request_fault.as_mut().and_then(|request_fault| request_fault(entries));
        if let Some(BusFault::Failed(error)) = fault {
            return Err(error);
        }
        let answers = entries.iter().map(|entry| state.accept(entry)).collect();
        match fault {
            None => Ok(answers),
            Some(_) => {
                Err(BusError::new(Remedy::SendAgain, "NoConnection", "the answer was lost on purpose"))
            }
        }
    }
}
