//! Exponential back-off with jitter: how long to wait before something that failed is tried again.
//!
//! The promise: a pause is between half and all of the doubled first one and never above the longest, so that many who
//! failed together do not retry together. How often, or how long in all, is the caller's decision.

use std::time::Duration;

/// Pauses that double with every failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The pause after the first failure, before jitter.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
}

impl Backoff {
    /// The pause after `failures` failures in a row (at least one): between half and all of the doubled first pause.
    #[must_use]
    pub fn pause(&self, failures: u32) -> Duration {
        self.whole(failures).mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    fn whole(&self, failures: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(20));
        doubled.min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BACKOFF: Backoff = Backoff { first: Duration::from_millis(100), longest: Duration::from_secs(5) };

    #[test]
    fn pauses_double_up_to_the_longest() {
        let whole: Vec<_> = [1, 2, 3, 6, 7, 100, u32::MAX].map(|n| BACKOFF.whole(n).as_millis()).into();
        assert_eq!(whole, [100, 200, 400, 3_200, 5_000, 5_000, 5_000]);
        assert_eq!(BACKOFF.whole(0), BACKOFF.first);
    }

    #[test]
    fn a_pause_is_between_half_and_all_of_the_doubled_first_one() {
        for failures in 1..20 {
            let (pause, whole) = (BACKOFF.pause(failures), BACKOFF.whole(failures));
            assert!(pause >= whole / 2 && pause <= whole, "{failures}: {pause:?}");
        }
    }
}
