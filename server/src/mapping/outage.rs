//! How often a failure that lasts is said: when it begins, then once a minute.

use std::time::Duration;

use tokio::time::Instant;

/// Between two times that it is said.
const EVERY: Duration = Duration::from_mins(1);

/// A failure that lasts; a new one where there is none.
#[derive(Debug, Default)]
pub(super) struct Outage {
    said: Option<Instant>,
    times: u64,
}

impl Outage {
    /// Takes note of a failure. If it is to be said now: how often it has happened since it was last said.
    pub(super) fn failed(&mut self, now: Instant) -> Option<u64> {
        self.times += 1;
        if self.said.is_some_and(|said| now.duration_since(said) < EVERY) {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.times))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_said_at_first_and_then_once_a_minute_with_how_often_it_happened() {
        let (mut outage, begun) = (Outage::default(), Instant::now());
        let said: Vec<(u64, u64)> = (0..=180)
            .filter_map(|second| Some((second, outage.failed(begun + Duration::from_secs(second))?)))
            .collect();
        assert_eq!(said, [(0, 1), (60, 60), (120, 60), (180, 60)]);
    }
}
