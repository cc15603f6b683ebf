//! The newest lag of each consumer of this process, for who asks how far it is behind: metrics are only written.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

static NEWEST: Mutex<BTreeMap<&'static str, f64>> = Mutex::new(BTreeMap::new());

/// Notes how long it took, in seconds, from recording to what the consumer did with it.
pub fn note(consumer: &'static str, seconds: f64) {
    NEWEST.lock().unwrap_or_else(PoisonError::into_inner).insert(consumer, seconds);
}

/// The newest lag of a consumer in seconds; `None` before the first.
#[must_use]
pub fn newest(consumer: &str) -> Option<f64> {
    NEWEST.lock().unwrap_or_else(PoisonError::into_inner).get(consumer).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_lag_of_each_consumer_is_kept() {
        note("one of this test", 0.25);
        note("one of this test", 0.5);
        assert_eq!((newest("one of this test"), newest("another of this test")), (Some(0.5), None));
    }
}
