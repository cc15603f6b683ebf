//! The usage of one request or invocation: requests to the tables and their capacity units, counted where they are made.
//!
//! Everything awaited inside [`UsageCounter::count`] is counted, also in a task that carries the counter. A process without
//! a counting client, because its store is not DynamoDB, reports no usage.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Whether a client of this process counts its requests.
static COUNTED: AtomicBool = AtomicBool::new(false);

tokio::task_local! {
    static CURRENT: UsageCounter;
}

/// Requests and capacity units.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Requests to the tables; each retry by the SDK counts.
    pub requests: u64,
    /// Capacity units for reads and writes together, as far as the responses state them.
    pub units: f64,
}

/// A running count of usage. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct UsageCounter(Arc<Mutex<Usage>>);

impl UsageCounter {
    /// The counter that counts the current task, if there is one.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Counts the usage of `work`.
    pub fn count<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), work)
    }

    /// The usage so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Declares that a client of this process counts its requests.
pub fn begin() {
    COUNTED.store(true, Ordering::Relaxed);
}

/// Whether a client of this process counts its requests.
#[must_use]
pub fn is_counted() -> bool {
    COUNTED.load(Ordering::Relaxed)
}

/// Adds one request and its capacity units to the counter of the current task.
pub fn spent(units: f64) {
    // Work outside requests, such as polling the stream, is counted in the metrics only.
    let _ = CURRENT.try_with(|usage_counter| {
        let mut usage = usage_counter.0.lock().unwrap_or_else(PoisonError::into_inner);
        usage.requests += 1;
        usage.units += units;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_request_counts_in_its_own_tally_and_takes_it_into_its_tasks() {
        let (one, other) = (UsageCounter::default(), UsageCounter::default());
        spent(7.0);
        let work = one.count(async {
            spent(0.5);
            let taken = UsageCounter::current().unwrap();
            tokio::spawn(async move { taken.count(async { spent(1.0) }).await }).await.unwrap();
        });
        tokio::join!(work, other.count(async { spent(4.0) }));
        assert_eq!(one.usage(), Usage { requests: 2, units: 1.5 });
        assert_eq!(other.usage(), Usage { requests: 1, units: 4.0 });
    }
}
