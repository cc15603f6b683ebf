//! The bus in memory, for tests and simulations: it can refuse entries, lose answers, throttle, and be away.
//!
//! It keeps the contract's limits as EventBridge does, so a request that would fail there fails here.

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::{Answer, Bus, BusError, Entry, Refusal, Remedy, is_sendable};

type OfEntry = Box<dyn FnMut(&Entry) -> Option<Refusal> + Send>;
type OfRequest = Box<dyn FnMut(&[Entry]) -> Option<Breakdown> + Send>;

/// What can happen to a request as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Breakdown {
    /// Its entries arrive, but the answer is lost.
    AnswerLost,
    /// It fails and nothing arrives.
    Failed(BusError),
}

/// What was accepted, and the faults to come.
#[derive(Default)]
pub struct MemoryBus {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    accepted: Vec<(String, Entry)>,
    requests: Vec<Vec<Entry>>,
    of_entry: Option<OfEntry>,
    of_request: Option<OfRequest>,
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

    /// Whether nothing was accepted.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.state().accepted.is_empty()
    }

    /// Whether an event with this id was accepted.
    #[must_use]
    pub fn contains(&self, event_id: &str) -> bool {
        self.state().accepted.iter().any(|(_, entry)| entry.event_id().as_deref() == Some(event_id))
    }

    /// What was accepted, in order, with the receipt ids.
    #[must_use]
    pub fn accepted(&self) -> Vec<(String, Entry)> {
        self.state().accepted.clone()
    }

    /// Every request that was made, in order, whatever became of it.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<Entry>> {
        self.state().requests.clone()
    }

    /// Refuses the `nth` entry from now on, the next being the first, with a code.
    pub fn refuse_nth(&self, nth: usize, code: &str) {
        let (mut seen, code) = (0, code.to_owned());
        self.refuse(move |_| {
            seen += 1;
            (seen == nth).then(|| Refusal::new(code.clone(), "refused on purpose"))
        });
    }

    /// Refuses each entry this function refuses, instead of those it refused until now.
    pub fn refuse(&self, of_entry: impl FnMut(&Entry) -> Option<Refusal> + Send + 'static) {
        self.state().of_entry = Some(Box::new(of_entry));
    }

    /// Breaks each request this function breaks, instead of those it broke until now.
    pub fn break_down(&self, of_request: impl FnMut(&[Entry]) -> Option<Breakdown> + Send + 'static) {
        self.state().of_request = Some(Box::new(of_request));
    }

    /// Throttles the next requests as a whole.
    pub fn throttle(&self, requests: usize) {
        let mut left = requests;
        self.break_down(move |_| {
            left = left.checked_sub(1)?;
            Some(Breakdown::Failed(BusError::new(
                Remedy::SendAgain,
                "ThrottlingException",
                "throttled on purpose",
            )))
        });
    }

    /// The bus is away: every request fails until [`MemoryBus::heal`].
    pub fn go_away(&self) {
        self.throttle(usize::MAX);
    }

    /// No more faults.
    pub fn heal(&self) {
        let mut state = self.state();
        (state.of_entry, state.of_request) = (None, None);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn accept(&mut self, entry: &Entry) -> Answer {
        if let Some(refusal) = self.of_entry.as_mut().and_then(|of_entry| of_entry(entry)) {
            return Answer::Refused(refusal);
        }
        let receipt_id = format!("receipt-{}", self.accepted.len() + 1);
        self.accepted.push((receipt_id.clone(), entry.clone()));
        Answer::Accepted { receipt_id }
    }
}

#[async_trait]
impl Bus for MemoryBus {
    async fn put(&self, entries: &[Entry]) -> Result<Vec<Answer>, BusError> {
        is_sendable(entries)?;
        let mut state = self.state();
        state.requests.push(entries.to_vec());
        let breakdown = state.of_request.as_mut().and_then(|of_request| of_request(entries));
        if let Some(Breakdown::Failed(error)) = breakdown {
            return Err(error);
        }
        let answers = entries.iter().map(|entry| state.accept(entry)).collect();
        match breakdown {
            None => Ok(answers),
            Some(_) => {
                Err(BusError::new(Remedy::SendAgain, "NoConnection", "the answer was lost on purpose"))
            }
        }
    }
}
