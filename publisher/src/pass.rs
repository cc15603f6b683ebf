//! One pass over some products: finds their due events, sends them, records the outcomes, parks the products that cannot go on.
//!
//! Its promise: due events have no gap. What a batch does not hold is read from the event table, and a missing event or an
//! unreadable commit there ends the list with the reason. Receipts are written after `PutEvents`, each product's in order:
//! wherever a pass breaks off, the next one sends an event without a receipt again with the same id, and one with a receipt
//! not. A pass ends by its deadlines, whatever a store does.

use std::collections::VecDeque;

use event_store::handled::{Handled, Link, recorded_anew};
use event_store::limits::{RunDeadlines, until};
use event_store::receipts::{PublicationClaim, claimed, published};
use event_store::{Journal, ParkingCause, StoreError};
use futures::stream::{self, StreamExt};
use schema::{Commit, DecodeError, ProductId, PublicationFailure, StoredCommit};
use tokio::time::Instant;
use tracing::{Instrument, Span};

use crate::instrumentation;
use crate::publisher::{CONSUMER, Publisher, RetryPolicy};
use crate::queue::{ProductQueue, UnsentEvent};
use crate::send::{EventSender, ReceiptWriter};

/// How many commits are read at a time to fill a gap.
const PAGE: usize = 100;

/// The most events of a product in one pass, which bounds the memory that a long gap takes.
const MAX_EVENTS: usize = 1_000;

/// What to publish of a product.
#[derive(Debug, Clone)]
pub(crate) struct PublishRequest {
    pub(crate) product: ProductId,
    /// The last event to publish; `None` for the newest one.
    pub(crate) up_to: Option<u64>,
    /// Commits at hand, which need not be read from the event table.
    pub(crate) commits: Vec<Commit>,
    /// Whether to publish a parked product: only the schedule and operators do.
    pub(crate) even_if_parked: bool,
}

/// The result of a pass for one product.
#[derive(Debug)]
pub(crate) struct PassResult {
    pub(crate) product: ProductId,
    /// Every event up to here counts as published.
    pub(crate) published: u64,
    pub(crate) outcome: PassOutcome,
}

/// How a pass over one product ended.
#[derive(Debug)]
pub(crate) enum PassOutcome {
    /// Everything that was requested is published.
    Published,
    /// There is more than fits in one pass; this is left.
    Incomplete(PublishRequest),
    /// The product is parked, with the reason if this pass parked it.
    Parked(Option<ParkingCause>),
    /// A store did not answer.
    Unavailable(StoreError),
}

/// A product between the beginning and the end of a pass.
struct InFlight {
    request: PublishRequest,
    /// The last event that was published when the pass began.
    published: u64,
    /// The last event that is published when the queue is empty.
    last: u64,
    end: DueEnd,
    /// From the reading of due events to their recording, in the trace of the newest command that is published.
    span: Span,
}

impl Publisher {
    /// One pass over products, each of which is requested once.
    pub(crate) async fn pass(
        &self,
        requests: Vec<PublishRequest>,
        retry_policy: RetryPolicy,
        deadlines: RunDeadlines,
    ) -> Vec<PassResult> {
        let reading = deadlines.reading();
        let prepared = stream::iter(requests).map(|request| self.prepare_in_time(request, reading));
        let prepared: Vec<_> = prepared.buffered(self.concurrency.products).collect().await;
        let (mut in_flight, mut queues, mut results) = (Vec::new(), Vec::new(), Vec::new());
        for product in prepared {
            match product {
                Ok((product, queue)) => {
                    in_flight.push(product);
                    queues.push(queue);
                }
                Err(result) => results.push(result),
            }
        }
        let sent = self.send_and_record(&mut queues, retry_policy, deadlines);
        let outage = until(Some(deadlines.recording), sent).await.flatten().err();
        let finishing = stream::iter(in_flight.into_iter().zip(queues)).map(|(product, queue)| {
            let span = product.span.clone();
            self.finish(product, queue, outage.as_ref(), deadlines).instrument(span)
        });
        results.extend(finishing.buffer_unordered(self.concurrency.products).collect::<Vec<_>>().await);
        results
    }

    /// The same as [`Publisher::prepare`]; a product whose due events are not found in time is left to another run.
    async fn prepare_in_time(
        &self,
        request: PublishRequest,
        end: Instant,
    ) -> Result<(InFlight, ProductQueue), PassResult> {
        let product = request.product.clone();
        let late = |error| PassResult { product, published: 0, outcome: PassOutcome::Unavailable(error) };
        until(Some(end), self.prepare(request)).await.map_err(late)?
    }

    /// Finds the due events of a product. `Err` is the result where the product is parked or a store did not answer. A receipt
    /// that cannot be read parks the product: waiting for it would hold up the others.
    async fn prepare(&self, request: PublishRequest) -> Result<(InFlight, ProductQueue), PassResult> {
        let first = request.commits.iter().map(|commit| commit.sequence).min();
        let mut stopped = match self.due(request).await {
            Ok(due) => return Ok(due),
            Err(stopped) => stopped,
        };
        if let PassOutcome::Unavailable(error) = &stopped.outcome
            && error.is_unreadable()
        {
            let reason = format!("{error}; run ledger verify --receipts {}", stopped.product);
            let from_sequence = first.unwrap_or(stopped.published + 1);
            let trouble = ParkingCause { from_sequence, reason, retryable: true, at: (self.ports.clock)() };
            stopped.outcome = match self.park(&stopped.product, trouble).await {
                Ok(parked) => parked,
                Err(error) => PassOutcome::Unavailable(error),
            };
        }
        Err(stopped)
    }

    async fn due(&self, mut request: PublishRequest) -> Result<(InFlight, ProductQueue), PassResult> {
        let product = request.product.clone();
        let unavailable = |published: u64| {
            let product = product.clone();
            move |error| PassResult { product, published, outcome: PassOutcome::Unavailable(error) }
        };
        let position = self.ports.receipts.position(&product).await.map_err(unavailable(0))?;
        let (journal, receipts) = (&*self.ports.journal, &*self.ports.receipts);
        let said = claimed(journal, &product, &position).await.map_err(unavailable(0))?;
        let commits = std::mem::take(&mut request.commits);
        let at_hand = request.up_to.and_then(|up_to| DueEvents::in_commits(&said, up_to, commits));
        // Looked up only when it is likely: a parked product has a failure of its next event, or a gap before it.
        if !request.even_if_parked && (at_hand.is_none() || position.failure.is_some()) {
            let row = self.ports.parking.of(CONSUMER, &product).await;
            if let Some(row) = row.map_err(unavailable(said.published))? {
                self.touch(row).await.map_err(unavailable(said.published))?;
                let outcome = PassOutcome::Parked(None);
                return Err(PassResult { product, published: said.published, outcome });
            }
        }
        if let Some(due) = at_hand {
            return Ok(in_flight(request, said.published, position.failure.as_ref(), due));
        }
        let published = published(journal, receipts, &product, &position).await.map_err(unavailable(0))?;
        let after = published.up_to;
        let due = DueEvents::in_journal(journal, &product, after, request.up_to).await;
        let due = due.map_err(unavailable(after))?;
        if let Some(rival) = published.rival.filter(|_| !due.events.is_empty()) {
            recorded_anew(CONSUMER, "publication", &product, &rival);
        }
        Ok(in_flight(request, after, position.failure.as_ref(), due))
    }

    async fn send_and_record(
        &self,
        queues: &mut [ProductQueue],
        retry_policy: RetryPolicy,
        deadlines: RunDeadlines,
    ) -> Result<(), StoreError> {
        let mut writer = ReceiptWriter::new(&*self.ports.receipts, &self.ports.clock, &self.address.bus);
        let mut sender = EventSender {
            bus: &*self.ports.bus,
            address: &self.address,
            replay: None,
            max_in_flight: self.concurrency.requests,
            retry_policy,
            deadline: deadlines.working,
            queues,
        };
        while let Some(outcomes) = sender.next_round().await {
            if let Err(error) = writer.record(outcomes).await {
                // What has no receipt is sent again, so try once more to write the pending ones.
                let _ = writer.flush().await;
                return Err(error);
            }
        }
        writer.flush().await
    }

    async fn finish(
        &self,
        in_flight: InFlight,
        queue: ProductQueue,
        outage: Option<&StoreError>,
        deadlines: RunDeadlines,
    ) -> PassResult {
        let (product, before) = (queue.product.clone(), in_flight.published);
        let result = |published, outcome| PassResult { product, published, outcome };
        if let Some(outage) = outage {
            return result(before, PassOutcome::Unavailable(StoreError::new(outage.to_string().into())));
        }
        let published = queue.first().map_or(in_flight.last, |unsent| unsent.sequence - 1);
        let settled = until(Some(deadlines.recording), self.settle(in_flight, queue, published)).await;
        match settled.flatten() {
            Ok(outcome) => result(published, outcome),
            Err(error) => result(published, PassOutcome::Unavailable(error)),
        }
    }

    /// Parks the product if it cannot go on.
    async fn settle(
        &self,
        in_flight: InFlight,
        queue: ProductQueue,
        published: u64,
    ) -> Result<PassOutcome, StoreError> {
        let product = &queue.product;
        let halted = queue.halt.map(|halt| (published + 1, halt.refusal.to_string(), halt.retryable));
        let (from_sequence, reason, retryable) = match (halted, in_flight.end) {
            (Some(halted), _) => halted,
            (None, DueEnd::Blocked { from_sequence, reason, retryable }) => {
                (from_sequence, reason, retryable)
            }
            (None, DueEnd::More) => return Ok(PassOutcome::Incomplete(in_flight.request)),
            (None, DueEnd::Complete) => return Ok(PassOutcome::Published),
        };
        let trouble = ParkingCause { from_sequence, reason, retryable, at: (self.ports.clock)() };
        self.park(product, trouble).await
    }

    async fn park(&self, product: &ProductId, trouble: ParkingCause) -> Result<PassOutcome, StoreError> {
        self.ports.parking.park(CONSUMER, product, &trouble).await?;
        event_store::parking::count(CONSUMER, &trouble);
        tracing::warn!(target: "ledger::publisher",
            parked = 1,
            product = product.as_str(),
            from_sequence = trouble.from_sequence,
            retryable = trouble.retryable,
            reason = trouble.reason,
            "a product is parked"
        );
        Ok(PassOutcome::Parked(Some(trouble)))
    }

    /// Changes the row of a parked product, whose new events are published by whoever releases the row. If the row stayed
    /// as it is, it could be released at this moment by somebody who has not seen the events, and they would be forgotten.
    async fn touch(&self, row: event_store::Parked) -> Result<(), StoreError> {
        let (from_sequence, reason, retryable) = (row.from_sequence, row.reason, row.retryable);
        let trouble = ParkingCause { from_sequence, reason, retryable, at: (self.ports.clock)() };
        self.ports.parking.park(CONSUMER, &row.product_id, &trouble).await
    }
}

fn in_flight(
    request: PublishRequest,
    published: u64,
    failure: Option<&PublicationFailure>,
    due: DueEvents,
) -> (InFlight, ProductQueue) {
    let last = due.events.back().map_or(published, |unsent| unsent.sequence);
    // A failure counts only for its own event: another one may have had the same sequence.
    let next = due.events.front().and_then(|unsent| Some(unsent.recorded()?.event_id.to_string()));
    let failure = failure.filter(|failure| Some(&failure.event_id) == next.as_ref());
    let failures = failure.map_or(0, |failure| failure.attempts);
    let span = instrumentation::span(&request.product, due.events.iter());
    let queue = ProductQueue::new(request.product.clone(), due.events, failures);
    (InFlight { request, published, last, end: due.end, span }, queue)
}

/// The events of a product that are due, in order and without a gap, and what comes after them.
#[derive(Debug, Default)]
struct DueEvents {
    events: VecDeque<UnsentEvent>,
    end: DueEnd,
}

/// What comes after the due events.
#[derive(Debug, Default)]
enum DueEnd {
    /// Nothing.
    #[default]
    Complete,
    /// More, for the next pass.
    More,
    /// An event that cannot be published.
    Blocked {
        from_sequence: u64,
        reason: String,
        /// Whether a later build can read it.
        retryable: bool,
    },
}

impl DueEvents {
    /// The due events among the commits of a batch; `None` when they leave a gap after what is published, or contradict it.
    fn in_commits(said: &PublicationClaim, up_to: u64, mut commits: Vec<Commit>) -> Option<Self> {
        let rival =
            |newest: &Handled| commits.iter().any(|commit| newest.is_contradicted_by(Link::from(commit)));
        if said.newest.as_ref().is_some_and(rival) {
            return None;
        }
        commits.sort_by_key(|commit| commit.sequence);
        if commits.windows(2).any(are_rivals) {
            return None;
        }
        commits.dedup_by_key(|commit| commit.sequence);
        let mut due = Self::default();
        for commit in commits {
            if !due.take(said.published, commit) {
                return None;
            }
        }
        (due.next(said.published) > up_to).then_some(due)
    }

    /// The due events in the event table.
    async fn in_journal(
        journal: &dyn Journal,
        product: &ProductId,
        published: u64,
        up_to: Option<u64>,
    ) -> Result<Self, StoreError> {
        let mut due = Self::default();
        let mut after = published;
        loop {
            let mut page = journal.page(product, after, PAGE).await?;
            let is_last = page.len() < PAGE;
            if due.events.is_empty() && !starts_at(page.first(), published + 1) {
                // The last published event may be in the middle of a commit, which begins before it.
                page.splice(0..0, journal.newest(product, published + 1).await?);
            }
            for stored in page {
                let next = due.next(published);
                let commit = match stored.decode() {
                    Ok(commit) => commit,
                    Err(error) => return Ok(due.blocked_by_unreadable(next, &stored, &error)),
                };
                if !due.take(published, commit) {
                    return Ok(due.blocked_by_missing(next));
                }
                after = due.next(published) - 1;
            }
            let reached = due.next(published) - 1;
            if is_last && up_to.is_some_and(|up_to| up_to > reached) {
                return Ok(due.blocked_by_missing(reached + 1));
            }
            if is_last || up_to.is_some_and(|up_to| up_to <= reached) {
                return Ok(due);
            }
            if due.events.len() >= MAX_EVENTS {
                due.end = DueEnd::More;
                return Ok(due);
            }
        }
    }

    /// The sequence of the next due event.
    fn next(&self, published: u64) -> u64 {
        self.events.back().map_or(published, |unsent| unsent.sequence) + 1
    }

    /// Adds the due events of a commit; `false` when events before them are missing.
    fn take(&mut self, published: u64, commit: Commit) -> bool {
        let next = self.next(published);
        if commit.sequence > next {
            return false;
        }
        self.events.extend(UnsentEvent::of_commit(commit, next));
        true
    }

    fn blocked_by_missing(mut self, missing: u64) -> Self {
        self.end = DueEnd::Blocked {
            from_sequence: missing,
            reason: format!("event {missing} is missing from the event table; run `ledger verify`"),
            retryable: false,
        };
        self
    }

    fn blocked_by_unreadable(mut self, next: u64, stored: &StoredCommit, error: &DecodeError) -> Self {
        let at = stored.sequence().map_or_else(|_| String::new(), |sequence| format!(" {sequence}"));
        self.end = DueEnd::Blocked {
            from_sequence: next,
            reason: format!("commit{at} cannot be read: {error}"),
            retryable: error.is_of_a_later_build(),
        };
        self
    }
}

/// Whether two commits of a batch cannot both be in the ledger: one was removed and its version recorded anew.
fn are_rivals(pair: &[Commit]) -> bool {
    matches!(pair, [one, next] if Link::from(one).is_rival_of(Link::from(next)))
}

fn starts_at(commit: Option<&StoredCommit>, sequence: u64) -> bool {
    commit.is_some_and(|commit| commit.sequence().is_ok_and(|first| first == sequence))
}
