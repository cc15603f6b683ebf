//! A batch of records on its way through failures: which of them to send next, how long to wait before, and which one
//! to give up. It decides and does nothing else.

use std::ops::Range;
use std::time::Duration;

use super::outcome::Outcome;

/// How a mapping goes on after a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The longest wait after the first failure; it doubles with each one in a row. Waits are between half and all of
    /// it, by chance.
    pub first_delay: Duration,
    /// No wait is longer.
    pub longest_delay: Duration,
    /// After so many failures that name no record, half the records are sent.
    pub bisect_after: u32,
    /// After so many retries, a record that stands alone or was named is given up. A function should park what it
    /// cannot handle, so a failure means that even parking fails: rather wait, as long as DynamoDB keeps a record.
    pub most_retries: u32,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            first_delay: Duration::from_millis(100),
            longest_delay: Duration::from_secs(10),
            bisect_after: 2,
            most_retries: 17_280,
        }
    }
}

impl Retry {
    /// The longest wait after so many failures in a row.
    fn delay(&self, failures: u32) -> Duration {
        let doubled = 2_u32.checked_pow(failures.saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_delay.saturating_mul(doubled).min(self.longest_delay)
    }

    /// A wait after so many failures in a row.
    pub(crate) fn wait(&self, failures: u32) -> Duration {
        self.delay(failures).mul_f64(fastrand::f64().mul_add(0.5, 0.5))
    }
}

/// What follows from an outcome.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Settled {
    /// Records were done with: a checkpoint is due.
    pub(crate) advanced: bool,
    /// The record at this place was given up.
    pub(crate) skipped: Option<(usize, String)>,
    /// Failures in a row, to wait for before the next call.
    pub(crate) failures: u32,
}

/// Records in order, known by their places, and how far they are done.
#[derive(Debug, Clone)]
pub(crate) struct Batch {
    records: usize,
    done: usize,
    window: usize,
    /// Failures of the same first record in the same window.
    tries: u32,
    /// Failures since anything was done.
    failures: u32,
}

impl Batch {
    pub(crate) fn new(records: usize) -> Self {
        Self { window: records, records, done: 0, tries: 0, failures: 0 }
    }

    /// The records to send next; empty when all are done.
    pub(crate) fn next(&self) -> Range<usize> {
        let rest = self.records - self.done;
        self.done..self.done + self.window.max(1).min(rest)
    }

    /// How many records are done.
    pub(crate) fn done(&self) -> usize {
        self.done
    }

    /// Takes in what became of [`Batch::next`].
    pub(crate) fn settle(&mut self, outcome: Outcome, retry: &Retry) -> Settled {
        let sent = self.next().len();
        match outcome {
            Outcome::Done => self.advance(sent, sent.saturating_mul(2)),
            Outcome::FailedFrom(place @ 1..) => {
                let rest = self.records;
                self.advance(place, rest);
                self.fail();
                Settled { advanced: true, skipped: None, failures: self.failures }
            }
            Outcome::FailedFrom(_) => self.failed(1, "it was reported as failed".to_owned(), retry),
            Outcome::Failed(reason) => self.failed(sent, reason, retry),
        }
    }

    fn advance(&mut self, by: usize, window: usize) -> Settled {
        self.done += by;
        self.window = window;
        self.tries = 0;
        self.failures = 0;
        Settled { advanced: true, ..Settled::default() }
    }

    fn fail(&mut self) {
        self.tries += 1;
        self.failures += 1;
    }

    /// One of the first `suspects` records failed.
    fn failed(&mut self, suspects: usize, reason: String, retry: &Retry) -> Settled {
        self.fail();
        if suspects > 1 {
            // Bisecting uses up no retries, and only a record found guilty is ever given up.
            if self.tries >= retry.bisect_after.min(retry.most_retries) {
                self.window = suspects.div_ceil(2);
                self.tries = 0;
            }
        } else if self.tries > retry.most_retries {
            let poison = self.done;
            let rest = self.records;
            return Settled { skipped: Some((poison, reason)), ..self.advance(1, rest) };
        }
        Settled { failures: self.failures, ..Settled::default() }
    }
}

#[cfg(test)]
mod tests;
