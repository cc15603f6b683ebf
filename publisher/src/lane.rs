//! One product on its way to the bus: its unsent events in order, of which only the first may be under way.
//!
//! Its promise: a later event never overtakes an earlier one, whatever happens to it.

use std::collections::VecDeque;
use std::sync::Arc;

use schema::message::Replay;
use schema::{Commit, ProductId, RecordedEvent};
use tokio::time::Instant;

use crate::bus::{Entry, Refusal};
use crate::message::{self, Address};
use crate::patience::Patience;

/// An event that has not been accepted yet.
#[derive(Debug, Clone)]
pub(crate) struct Unsent {
    pub(crate) commit: Arc<Commit>,
    pub(crate) sequence: u64,
}

/// Why a product's next event is not sent any more in this run.
#[derive(Debug, Clone)]
pub(crate) struct Halt {
    pub(crate) refusal: Refusal,
    pub(crate) retryable: bool,
}

/// A product's unsent events.
#[derive(Debug)]
pub(crate) struct Lane {
    pub(crate) product: ProductId,
    queue: VecDeque<Unsent>,
    head: Option<Entry>,
    /// How often the first event failed, in earlier runs too.
    failures: u32,
    failing_since: Option<Instant>,
    not_before: Option<Instant>,
    pub(crate) alone: bool,
    pub(crate) halt: Option<Halt>,
}

impl Unsent {
    pub(crate) fn recorded(&self) -> Option<&RecordedEvent> {
        let index = usize::try_from(self.sequence - self.commit.sequence).ok()?;
        self.commit.events.get(index)
    }
}

impl Lane {
    /// `failures` counts how often the first event failed before.
    pub(crate) fn new(product: ProductId, queue: VecDeque<Unsent>, failures: u32) -> Self {
        Self {
            product,
            queue,
            head: None,
            failures,
            failing_since: None,
            not_before: None,
            alone: false,
            halt: None,
        }
    }

    /// How many events are still to be sent.
    pub(crate) fn len(&self) -> usize {
        self.queue.len()
    }

    /// The first unsent event.
    pub(crate) fn first(&self) -> Option<&Unsent> {
        self.queue.front()
    }

    /// Whether there is something to send, now or after a pause.
    pub(crate) fn is_open(&self) -> bool {
        self.halt.is_none() && !self.queue.is_empty()
    }

    /// When the first event may be sent; `None` is at once.
    pub(crate) fn not_before(&self) -> Option<Instant> {
        self.not_before
    }

    /// The entry of the first unsent event; `None` when there is none or it cannot be written, which halts the lane.
    pub(crate) fn entry(&mut self, address: &Address, replay: Option<&Replay>) -> Option<&Entry> {
        if self.head.is_none() {
            let unsent = self.queue.front()?;
            let recorded = unsent.recorded()?;
            match message::entry(&unsent.commit, (unsent.sequence, recorded), address, replay) {
                Ok(entry) => self.head = Some(entry),
                Err(error) => self.halt(Refusal::new("UnwritableMessage", error.to_string()), false),
            }
        }
        self.head.as_ref()
    }

    /// The bus accepted the first event: gives it back with the number of times it was sent.
    pub(crate) fn accepted(&mut self) -> Option<(Unsent, u32)> {
        let sent = self.queue.pop_front()?;
        let attempts = self.failures + 1;
        (self.head, self.alone) = (None, false);
        (self.failures, self.failing_since, self.not_before) = (0, None, None);
        Some((sent, attempts))
    }

    /// The first event failed: sent again after a pause if that can help and time is left, else the lane halts.
    /// Gives back the event and the number of times it failed.
    pub(crate) fn failed(
        &mut self,
        refusal: &Refusal,
        again: Again,
        patience: &Patience,
        (now, deadline): (Instant, Instant),
    ) -> Option<(Unsent, u32)> {
        self.failures += 1;
        let since = *self.failing_since.get_or_insert(now);
        let next = now + patience.pause(self.failures);
        if again == Again::Soon && next < deadline && next < since + patience.total {
            self.not_before = Some(next);
        } else {
            self.halt(refusal.clone(), again != Again::Never);
        }
        Some((self.queue.front()?.clone(), self.failures))
    }

    /// Nothing more of this product is sent in this run.
    pub(crate) fn halt(&mut self, refusal: Refusal, retryable: bool) {
        self.halt.get_or_insert(Halt { refusal, retryable });
    }
}

/// Whether a failed event may be sent again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Again {
    Soon,
    Later,
    Never,
}
