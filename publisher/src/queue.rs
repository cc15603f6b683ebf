//! The queue of one product: its unsent events in order, of which only the first may be in flight.
//!
//! Its promise: a later event never overtakes an earlier one, whether that was accepted, refused or never answered.

use std::collections::VecDeque;
use std::sync::Arc;

use schema::message::Replay;
use schema::{Commit, ProductId, RecordedEvent};
use tokio::time::Instant;

use crate::bus::{BusEntry, BusRefusal, Remedy};
use crate::message::{self, Address};
use crate::publisher::RetryPolicy;

/// An event that the bus has not accepted yet.
#[derive(Debug, Clone)]
pub(crate) struct UnsentEvent {
    pub(crate) commit: Arc<Commit>,
    pub(crate) sequence: u64,
}

/// Why sending a product's events stopped.
#[derive(Debug, Clone)]
pub(crate) struct Halt {
    pub(crate) refusal: BusRefusal,
    pub(crate) retryable: bool,
}

/// Whether an event that failed may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Retryability {
    /// In this run, after a pause.
    Soon,
    /// In a later run: somebody has to repair the setup.
    Later,
    Never,
}

impl From<Remedy> for Retryability {
    fn from(remedy: Remedy) -> Self {
        match remedy {
            Remedy::SendAgain => Self::Soon,
            Remedy::Repair => Self::Later,
            Remedy::Split => Self::Never,
        }
    }
}

/// A product's unsent events.
#[derive(Debug)]
pub(crate) struct ProductQueue {
    pub(crate) product: ProductId,
    events: VecDeque<UnsentEvent>,
    /// The entry of the first event, once it is written.
    entry: Option<BusEntry>,
    /// How often the first event has failed, earlier runs included.
    failures: u32,
    failing_since: Option<Instant>,
    not_before: Option<Instant>,
    /// Whether the first event is sent in a request of its own.
    pub(crate) alone: bool,
    pub(crate) halt: Option<Halt>,
}

impl UnsentEvent {
    /// The events of a commit from sequence `from` on.
    pub(crate) fn of_commit(commit: Commit, from: u64) -> impl Iterator<Item = Self> {
        let commit = Arc::new(commit);
        (from.max(commit.sequence)..=commit.last_sequence())
            .map(move |sequence| Self { commit: commit.clone(), sequence })
    }

    pub(crate) fn recorded(&self) -> Option<&RecordedEvent> {
        let index = usize::try_from(self.sequence - self.commit.sequence).ok()?;
        self.commit.events.get(index)
    }
}

impl ProductQueue {
    /// A queue of these events; `failures` counts how often the first one has failed before.
    pub(crate) fn new(product: ProductId, events: VecDeque<UnsentEvent>, failures: u32) -> Self {
        Self {
            product,
            events,
            entry: None,
            failures,
            failing_since: None,
            not_before: None,
            alone: false,
            halt: None,
        }
    }

    /// The number of unsent events.
    pub(crate) fn len(&self) -> usize {
        self.events.len()
    }

    /// The first unsent event.
    pub(crate) fn first(&self) -> Option<&UnsentEvent> {
        self.events.front()
    }

    /// Whether there is something to send, now or after a pause.
    pub(crate) fn is_open(&self) -> bool {
        self.halt.is_none() && !self.events.is_empty()
    }

    /// When the first event may be sent; `None` means now.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// The entry of the first unsent event; `None` when there is no event, or when it cannot be serialized, which halts
    /// the queue.
    pub(crate) fn entry(&mut self, address: &Address, replay: Option<&Replay>) -> Option<&BusEntry> {
        if self.entry.is_none() {
            let unsent = self.events.front()?;
            let recorded = unsent.recorded()?;
            match message::entry(&unsent.commit, (unsent.sequence, recorded), address, replay) {
                Ok(entry) => self.entry = Some(entry),
                Err(error) => self.halt(BusRefusal::new("UnwritableMessage", error.to_string()), false),
            }
        }
        self.entry.as_ref()
    }

    /// The bus accepted the first event: removes it and returns it with the number of attempts.
    pub(crate) fn accepted(&mut self) -> Option<(UnsentEvent, u32)> {
        let sent = self.events.pop_front()?;
        let attempts = self.failures + 1;
        (self.entry, self.alone) = (None, false);
        (self.failures, self.failing_since, self.not_before) = (0, None, None);
        Some((sent, attempts))
    }

    /// The first event failed: it is sent again after a pause if that can help and there is time, otherwise the queue
    /// halts. Returns the event with the number of attempts.
    pub(crate) fn failed(
        &mut self,
        refusal: &BusRefusal,
        retryability: Retryability,
        retry_policy: &RetryPolicy,
        (now, deadline): (Instant, Instant),
    ) -> Option<(UnsentEvent, u32)> {
        self.failures += 1;
        let since = *self.failing_since.get_or_insert(now);
        let next = now + retry_policy.backoff.pause(self.failures);
        if retryability == Retryability::Soon && next < deadline && next < since + retry_policy.total {
            self.not_before = Some(next);
        } else {
            self.halt(refusal.clone(), retryability != Retryability::Never);
        }
        Some((self.events.front()?.clone(), self.failures))
    }

    /// Sends no more of this product's events in this run. The first reason given is kept.
    pub(crate) fn halt(&mut self, refusal: BusRefusal, retryable: bool) {
        self.halt.get_or_insert(Halt { refusal, retryable });
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use event_store::{Backoff, seal};
    use schema::fixtures;

    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    /// A queue of one event after it has failed, with so much time left in this run and for the event.
    fn failed(left: Duration, total: Duration) -> ProductQueue {
        let product = fixtures::id("p");
        let unsealed = fixtures::commit_after(None, &product, vec![fixtures::helmet_created()]);
        let (commit, _) = seal(unsealed).unwrap();
        let mut queue = ProductQueue::new(product, UnsentEvent::of_commit(commit, 1).collect(), 0);
        let at_once = Backoff { first: Duration::ZERO, longest: Duration::ZERO };
        let retry_policy = RetryPolicy { backoff: at_once, total };
        let refusal = BusRefusal::new("ThrottlingException", "slow down");
        let now = Instant::now();
        queue.failed(&refusal, Retryability::Soon, &retry_policy, (now, now + left));
        queue
    }

    #[test]
    fn an_event_is_sent_again_only_if_time_is_left_for_it_and_for_the_run() {
        assert!(failed(MINUTE, MINUTE).is_open());
        for over in [failed(Duration::ZERO, MINUTE), failed(MINUTE, Duration::ZERO)] {
            assert!(over.halt.is_some_and(|halt| halt.retryable));
        }
    }
}
