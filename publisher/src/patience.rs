//! How long the publisher keeps trying: pauses that double and are jittered, so that many never come back at once.

use std::time::Duration;

/// How long and how often an entry that may be accepted later is sent again within one run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// The pause after the first failure; it doubles with every further one.
    pub first: Duration,
    /// The longest pause.
    pub longest: Duration,
    /// How long one event may keep failing before its product is parked.
    pub total: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(5),
            total: Duration::from_secs(20),
        }
    }
}

impl Patience {
    /// The pause after `failures` failures: between half and all of the doubled first one.
    #[must_use]
    pub fn pause(&self, failures: u32) -> Duration {
        let doubled = self.first.saturating_mul(1 << failures.saturating_sub(1).min(20));
        let whole = doubled.min(self.longest);
        whole.mul_f64(0.5 + fastrand::f64() / 2.0)
    }
}
