//! How often a failure that lasts is in the log: when it begins, and then once in an interval.

use std::time::Duration;

use tokio::time::Instant;

/// A failure that lasts; begin a new one when it is over.
#[derive(Debug)]
pub struct Outage {
    every: Duration,
    said: Option<Instant>,
    times: u64,
}

impl Outage {
    /// None so far; one that lasts is said so often.
    #[must_use]
    pub fn said_every(interval: Duration) -> Self {
        Self { every: interval, said: None, times: 0 }
    }

    /// Takes note of a failure. If it is to be said now: how often it has happened since it was last said.
    pub fn failed(&mut self, now: Instant) -> Option<u64> {
        self.times += 1;
        if self.said.is_some_and(|said| now.duration_since(said) < self.every) {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.times))
    }

    /// It is over.
    pub fn ended(&mut self) {
        *self = Self::said_every(self.every);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said_within(seconds: u64, every: Duration) -> Vec<(u64, u64)> {
        let (mut outage, begun) = (Outage::said_every(every), Instant::now());
        (0..=seconds)
            .filter_map(|second| Some((second, outage.failed(begun + Duration::from_secs(second))?)))
            .collect()
    }

    #[test]
    fn it_is_said_at_first_and_then_once_in_an_interval_with_how_often_it_happened() {
        let minute = Duration::from_mins(1);
        assert_eq!(said_within(180, minute), [(0, 1), (60, 60), (120, 60), (180, 60)]);
        assert_eq!(said_within(25, Duration::from_secs(10)), [(0, 1), (10, 10), (20, 10)]);
    }

    #[test]
    fn one_that_begins_after_another_has_ended_is_said_at_once() {
        let (mut outage, begun) = (Outage::said_every(Duration::from_mins(1)), Instant::now());
        assert_eq!((outage.failed(begun), outage.failed(begun)), (Some(1), None));
        outage.ended();
        assert_eq!(outage.failed(begun), Some(1));
    }
}
