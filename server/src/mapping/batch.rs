//! The delivery of a batch through failures: which records to send next, how long to wait before, and which record to give
//! up. Pure.

use std::ops::Range;
use std::time::Duration;

use event_store::backoff::Backoff;

use super::outcome::BatchOutcome;

/// How failed records are redelivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RedeliveryPolicy {
    /// The wait after failures in a row.
    pub backoff: Backoff,
    /// After this many failures that name no record, half the records are sent.
    pub bisect_after: u32,
    /// After this many retries, a record that was sent alone or named is given up. A function should park what it cannot
    /// handle, so a failure means that even parking fails: better wait for as long as DynamoDB keeps a record.
    pub most_retries: u32,
}

impl Default for RedeliveryPolicy {
    fn default() -> Self {
        Self {
            backoff: Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(10) },
            bisect_after: 2,
            most_retries: 17_280,
        }
    }
}

/// What follows from a delivery.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct BatchUpdate {
    /// Records were handled: a checkpoint is due.
    pub(crate) advanced: bool,
    /// The record at this index was given up, and why.
    pub(crate) skipped: Option<(usize, String)>,
    /// Failures in a row, which determine the wait before the next call.
    pub(crate) failures: u32,
}

/// Records by their index, and how many of them are handled.
#[derive(Debug, Clone)]
pub(crate) struct DeliveryBatch {
    records: usize,
    done: usize,
    window: usize,
    /// Failures with the same first record and the same window.
    tries: u32,
    /// Failures since a record was handled.
    failures: u32,
}

impl DeliveryBatch {
    pub(crate) fn new(records: usize) -> Self {
        Self { window: records, records, done: 0, tries: 0, failures: 0 }
    }

    /// The records to send next; empty when all are handled.
    pub(crate) fn next(&self) -> Range<usize> {
        let rest = self.records - self.done;
        self.done..self.done + self.window.max(1).min(rest)
    }

    /// How many records are handled.
    pub(crate) fn done(&self) -> usize {
        self.done
    }

    /// Applies the outcome of sending [`DeliveryBatch::next`].
    pub(crate) fn apply(&mut self, outcome: BatchOutcome, policy: &RedeliveryPolicy) -> BatchUpdate {
        let sent = self.next().len();
        match outcome {
            BatchOutcome::Done => self.advance(sent, sent.saturating_mul(2)),
            BatchOutcome::FailedFrom(place @ 1..) => {
                let rest = self.records;
                self.advance(place, rest);
                self.fail();
                BatchUpdate { advanced: true, skipped: None, failures: self.failures }
            }
            BatchOutcome::FailedFrom(_) => self.failed(1, "it was reported as failed".to_owned(), policy),
            BatchOutcome::Failed(reason) => self.failed(sent, reason, policy),
        }
    }

    fn advance(&mut self, by: usize, window: usize) -> BatchUpdate {
        self.done += by;
        self.window = window;
        self.tries = 0;
        self.failures = 0;
        BatchUpdate { advanced: true, ..BatchUpdate::default() }
    }

    fn fail(&mut self) {
        self.tries += 1;
        self.failures += 1;
    }

    /// One of the first `suspects` records failed.
    fn failed(&mut self, suspects: usize, reason: String, policy: &RedeliveryPolicy) -> BatchUpdate {
        self.fail();
        if suspects > 1 {
            // Bisecting uses up no retries, and only a record that fails alone is ever given up.
            if self.tries >= policy.bisect_after.min(policy.most_retries) {
                self.window = suspects.div_ceil(2);
                self.tries = 0;
            }
        } else if self.tries > policy.most_retries {
            let poison = self.done;
            let rest = self.records;
            return BatchUpdate { skipped: Some((poison, reason)), ..self.advance(1, rest) };
        }
        BatchUpdate { failures: self.failures, ..BatchUpdate::default() }
    }
}

#[cfg(test)]
mod tests;
