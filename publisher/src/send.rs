//! The sending loop: in each round it plans requests from the queues, sends them, and applies the answers until every queue
//! is empty or halted or the time is over. [`ReceiptWriter`] records the outcomes.
//!
//! Its promise: every answer of the bus comes out of [`EventSender::next_round`] exactly once, and only what failed is sent
//! again. A failure is recorded before its event is sent again, and nothing about an event is recorded before the receipts
//! of the product's earlier events. As long as nothing fails and sizes permit, n events take max(⌈n/entries of a request⌉, length
//! of the longest queue) requests.

use std::cmp::Reverse;
use std::sync::Arc;

use event_store::receipts::EventPublication;
use event_store::{Receipts, StoreError};
use futures::future::join_all;
use schema::message::Replay;
use schema::receipt::FailureDetails;
use schema::{Clock, Commit, ProductId, PublicationFailure, PublicationReceipt, PublicationRecord};
use tokio::time::{Instant, sleep_until, timeout_at};

use crate::bus::{Acceptance, Bus, BusEntry, BusError, BusRefusal, EntryOutcome, MAX_REQUEST_BYTES, Remedy};
use crate::instrumentation;
use crate::message::Address;
use crate::publisher::RetryPolicy;
use crate::queue::{ProductQueue, Retryability, UnsentEvent};

/// How many receipts are written together: four full batches of the store.
const RECEIPT_BATCH: usize = 100;

/// The outcome of sending one event.
#[derive(Debug)]
pub(crate) struct SendOutcome {
    pub(crate) product: ProductId,
    pub(crate) commit: Arc<Commit>,
    pub(crate) sequence: u64,
    pub(crate) event_id: String,
    /// How often it was sent, earlier runs included.
    pub(crate) attempts: u32,
    /// What the bus said of it, or why it was refused.
    pub(crate) result: Result<Acceptance, BusRefusal>,
}

/// Sends the events of some queues.
pub(crate) struct EventSender<'a> {
    pub(crate) bus: &'a dyn Bus,
    pub(crate) address: &'a Address,
    pub(crate) replay: Option<&'a Replay>,
    /// The most requests in flight at the same time.
    pub(crate) max_in_flight: usize,
    pub(crate) retry_policy: RetryPolicy,
    pub(crate) deadline: Instant,
    pub(crate) queues: &'a mut [ProductQueue],
}

/// One request to the bus: its entries, and the queues whose first events they are.
#[derive(Debug)]
struct BusRequest {
    /// The most entries.
    most: usize,
    /// Indexes of the queues.
    queues: Vec<usize>,
    entries: Vec<BusEntry>,
    bytes: usize,
    /// Whether no further entry may be added.
    closed: bool,
}

impl EventSender<'_> {
    /// Sends the next round and returns the outcomes; `None` when nothing is left to send or to wait for.
    pub(crate) async fn next_round(&mut self) -> Option<Vec<SendOutcome>> {
        loop {
            let now = Instant::now();
            if now >= self.deadline {
                self.halt_all();
                return None;
            }
            let requests = self.plan(now);
            if !requests.is_empty() {
                return Some(self.send(requests).await);
            }
            let open = self.queues.iter().filter(|queue| queue.is_open());
            let wake = open.filter_map(ProductQueue::not_before).min()?;
            sleep_until(wake.min(self.deadline)).await;
        }
    }

    fn halt_all(&mut self) {
        for queue in self.queues.iter_mut().filter(|queue| queue.is_open()) {
            let message = "the time limit was reached before the bus accepted the event";
            queue.halt(BusRefusal::new("TimeOver", message), true);
        }
    }

    /// The requests to send now, none of them empty; no request when every open queue is in a pause. The longest queues
    /// come first, which attains the fewest requests (Hu 1961).
    fn plan(&mut self, now: Instant) -> Vec<BusRequest> {
        let is_ready =
            |queue: &ProductQueue| queue.is_open() && queue.not_before().is_none_or(|at| at <= now);
        let mut ready: Vec<usize> =
            (0..self.queues.len()).filter(|index| is_ready(&self.queues[*index])).collect();
        ready.sort_by_key(|index| Reverse(self.queues[*index].len()));
        let mut requests: Vec<BusRequest> = Vec::new();
        let most = self.bus.max_entries();
        let at_once = self.requests_at_once(ready.len());
        for index in ready {
            let alone = self.queues[index].alone;
            let Some(entry) = self.queues[index].entry(self.address, self.replay) else {
                continue;
            };
            if let Some(request) = requests.iter_mut().find(|request| request.has_room(entry, alone)) {
                request.add(index, entry, alone);
            } else if requests.len() < at_once {
                let mut request = BusRequest::of_at_most(most);
                request.add(index, entry, alone);
                requests.push(request);
            } else if requests.iter().all(BusRequest::is_full) {
                break;
            }
        }
        requests
    }

    /// How many requests a round may have. Sending c full requests at once shortens the longest queue by only one event, so
    /// L - 1 more requests follow at least: c may be as large as the fewest - L + 1 without exceeding the promised number.
    fn requests_at_once(&self, ready: usize) -> usize {
        let most = self.bus.max_entries();
        let open = || self.queues.iter().filter(|queue| queue.is_open()).map(ProductQueue::len);
        let fewest: usize = open().sum::<usize>().div_ceil(most);
        let longest = open().max().unwrap_or_default();
        let within_budget = (fewest + 1).saturating_sub(longest);
        within_budget.min(ready / most).clamp(1, self.max_in_flight)
    }

    async fn send(&mut self, requests: Vec<BusRequest>) -> Vec<SendOutcome> {
        let puts = requests.iter().map(|request| timeout_at(self.deadline, self.bus.put(&request.entries)));
        let answers = join_all(puts).await;
        let mut outcomes = Vec::new();
        for (request, answer) in requests.into_iter().zip(answers) {
            let answer = answer.unwrap_or_else(|_| {
                Err(BusError::new(Remedy::SendAgain, "Timeout", "the bus did not answer in time"))
            });
            match answer {
                Ok(answers) => outcomes.extend(self.apply_answers(&request, answers)),
                Err(error) => outcomes.extend(self.apply_error(&request, &error)),
            }
        }
        outcomes
    }

    fn apply_answers(&mut self, request: &BusRequest, answers: Vec<EntryOutcome>) -> Vec<SendOutcome> {
        // An adapter that answers for fewer entries than it was given has said nothing about the others.
        let missing = std::iter::repeat_with(|| {
            EntryOutcome::Refused(BusRefusal::new("InternalFailure", "the bus gave no answer for this entry"))
        });
        let answers = answers.into_iter().chain(missing);
        let outcomes = request.queues.iter().zip(answers).filter_map(|(queue, answer)| match answer {
            EntryOutcome::Accepted(acceptance) => self.accepted(*queue, acceptance),
            EntryOutcome::Refused(refusal) => self.failed(*queue, &refusal, refusal.remedy().into()),
        });
        outcomes.collect()
    }

    fn apply_error(&mut self, request: &BusRequest, error: &BusError) -> Vec<SendOutcome> {
        if error.remedy == Remedy::Split && request.queues.len() > 1 {
            for queue in &request.queues {
                self.queues[*queue].alone = true;
            }
            return Vec::new();
        }
        let retryability = error.remedy.into();
        let outcomes =
            request.queues.iter().filter_map(|queue| self.failed(*queue, &error.refusal, retryability));
        outcomes.collect()
    }

    fn accepted(&mut self, queue: usize, acceptance: Acceptance) -> Option<SendOutcome> {
        let queue = &mut self.queues[queue];
        let (event, attempts) = queue.accepted()?;
        instrumentation::accepted(self.replay.is_some());
        SendOutcome::new(queue.product.clone(), event, attempts, Ok(acceptance))
    }

    fn failed(
        &mut self,
        queue: usize,
        refusal: &BusRefusal,
        retryability: Retryability,
    ) -> Option<SendOutcome> {
        let queue = &mut self.queues[queue];
        let times = (Instant::now(), self.deadline);
        let (event, attempts) = queue.failed(refusal, retryability, &self.retry_policy, times)?;
        instrumentation::refused(refusal);
        SendOutcome::new(queue.product.clone(), event, attempts, Err(refusal.clone()))
    }
}

impl BusRequest {
    fn of_at_most(most: usize) -> Self {
        Self { most, queues: Vec::new(), entries: Vec::new(), bytes: 0, closed: false }
    }

    fn has_room(&self, entry: &BusEntry, alone: bool) -> bool {
        let fits = self.entries.len() < self.most && self.bytes + entry.size() < MAX_REQUEST_BYTES;
        self.entries.is_empty() || (fits && !self.closed && !alone)
    }

    fn is_full(&self) -> bool {
        self.closed || self.entries.len() == self.most
    }

    fn add(&mut self, queue: usize, entry: &BusEntry, alone: bool) {
        self.queues.push(queue);
        self.bytes += entry.size();
        self.entries.push(entry.clone());
        self.closed |= alone;
    }
}

impl SendOutcome {
    fn new(
        product: ProductId,
        event: UnsentEvent,
        attempts: u32,
        result: Result<Acceptance, BusRefusal>,
    ) -> Option<Self> {
        let event_id = event.recorded()?.event_id.to_string();
        Some(Self { product, sequence: event.sequence, commit: event.commit, event_id, attempts, result })
    }
}

/// Records the outcomes of rounds: failures at once, receipts in batches.
pub(crate) struct ReceiptWriter<'a> {
    receipts: &'a dyn Receipts,
    clock: &'a Clock,
    bus: &'a str,
    pending: Vec<EventPublication>,
}

impl<'a> ReceiptWriter<'a> {
    pub(crate) fn new(receipts: &'a dyn Receipts, clock: &'a Clock, bus: &'a str) -> Self {
        Self { receipts, clock, bus, pending: Vec::new() }
    }

    /// Records the outcomes of a round; receipts may stay pending until [`ReceiptWriter::flush`].
    pub(crate) async fn record(&mut self, outcomes: Vec<SendOutcome>) -> Result<(), StoreError> {
        let records = outcomes.into_iter().map(|outcome| self.record_of(outcome));
        let (receipts, failures): (Vec<EventPublication>, Vec<EventPublication>) =
            records.partition(|record| matches!(record.outcome, PublicationRecord::Receipt(_)));
        self.pending.extend(receipts);
        debug_assert!(is_in_order(&self.pending), "the receipts of a product are out of order");
        if !failures.is_empty() {
            tracing::warn!(target: "ledger::publisher", refused = failures.len(), "the bus did not accept events");
            // The receipts of the same products' earlier events come first.
            self.flush().await?;
            self.receipts.record(&failures).await?;
        }
        if self.pending.len() >= RECEIPT_BATCH {
            self.receipts.record(&self.pending[..RECEIPT_BATCH]).await?;
            self.pending.drain(..RECEIPT_BATCH);
        }
        Ok(())
    }

    /// Writes the pending receipts.
    pub(crate) async fn flush(&mut self) -> Result<(), StoreError> {
        if !self.pending.is_empty() {
            self.receipts.record(&self.pending).await?;
            self.pending.clear();
        }
        Ok(())
    }

    fn record_of(&self, outcome: SendOutcome) -> EventPublication {
        let now = (self.clock)();
        if outcome.result.is_ok() {
            instrumentation::published(outcome.commit.recorded_at, now);
        }
        let record = match outcome.result {
            Ok(acceptance) => PublicationRecord::Receipt(PublicationReceipt {
                event_id: outcome.event_id,
                receipt_id: acceptance.receipt_id,
                bus_sequence: acceptance.bus_sequence,
                bus: self.bus.to_owned(),
                published_at: now,
                attempts: outcome.attempts,
                hash: outcome.commit.hash.clone(),
            }),
            Err(refusal) => PublicationRecord::Failure(PublicationFailure {
                event_id: outcome.event_id,
                receipt_id: String::new(),
                error: refusal.message,
                details: FailureDetails { error_code: refusal.code },
                attempts: outcome.attempts,
                failed_at: now,
            }),
        };
        EventPublication { product: outcome.product, sequence: outcome.sequence, outcome: record }
    }
}

fn is_in_order(records: &[EventPublication]) -> bool {
    let mut newest = std::collections::HashMap::new();
    records.iter().all(|record| {
        let earlier = newest.insert(&record.product, record.sequence);
        earlier.is_none_or(|earlier| earlier < record.sequence)
    })
}

#[cfg(test)]
mod tests {
    use schema::fixtures;

    use super::*;

    fn entry(bytes: usize) -> BusEntry {
        BusEntry {
            source: String::new(),
            detail_type: String::new(),
            bus: String::new(),
            resources: Vec::new(),
            deduplication_id: String::new(),
            detail: "x".repeat(bytes),
            trace_header: None,
        }
    }

    #[test]
    fn a_request_has_room_as_long_as_it_stays_below_the_limit_of_bytes() {
        let mut request = BusRequest::of_at_most(10);
        request.add(0, &entry(MAX_REQUEST_BYTES - 100), false);
        assert!(request.has_room(&entry(99), false));
        assert!(!request.has_room(&entry(100), false));
    }

    #[test]
    fn a_request_is_full_with_the_most_entries_or_with_one_that_is_sent_alone() {
        let full_after = |most: usize, alone: bool| {
            let mut request = BusRequest::of_at_most(most);
            let mut entries = 0;
            while !request.is_full() && entries < 20 {
                request.add(entries, &entry(1), alone);
                entries += 1;
            }
            entries
        };
        assert_eq!((full_after(10, false), full_after(3, false), full_after(10, true)), (10, 3, 1));
    }

    #[test]
    fn receipts_are_in_order_if_the_sequences_of_each_product_ascend() {
        let in_order = |records: &[(&str, u64)]| {
            let record = |(product, sequence): &(&str, u64)| EventPublication {
                product: fixtures::id(product),
                sequence: *sequence,
                outcome: PublicationRecord::Receipt(fixtures::receipt(*sequence)),
            };
            is_in_order(&records.iter().map(record).collect::<Vec<_>>())
        };
        assert!(in_order(&[("a", 2), ("b", 1), ("a", 3)]));
        assert!(!in_order(&[("a", 2), ("b", 3), ("a", 1)]));
        assert!(!in_order(&[("a", 2), ("a", 2)]));
    }
}
