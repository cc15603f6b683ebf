//! What one request or invocation costs: requests to the tables and capacity units, counted where they are spent.
//!
//! Its promise: everything awaited inside [`Tally::count`] is counted, also by a task that takes the tally along. A process
//! that has no client which counts, because its store is no DynamoDB, says nothing of requests and units.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Whether there is a client in this process that counts.
static COUNTED: AtomicBool = AtomicBool::new(false);

tokio::task_local! {
    static CURRENT: Tally;
}

/// Requests and capacity units.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Usage {
    /// Requests to the tables; a repetition by the SDK is one of its own.
    pub requests: u64,
    /// Capacity units, read and write together, as far as the answers named them.
    pub units: f64,
}

/// A running count. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Tally(Arc<Mutex<Usage>>);

impl Tally {
    /// The tally this code is counted in, if it is in any.
    #[must_use]
    pub fn current() -> Option<Self> {
        CURRENT.try_with(Self::clone).ok()
    }

    /// Counts what `work` spends.
    pub fn count<F: Future>(&self, work: F) -> impl Future<Output = F::Output> + use<F> {
        CURRENT.scope(self.clone(), work)
    }

    /// What was spent so far.
    #[must_use]
    pub fn usage(&self) -> Usage {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// From now on what this process spends is known: a client counts it.
pub fn begin() {
    COUNTED.store(true, Ordering::Relaxed);
}

/// Whether what this process spends is known.
#[must_use]
pub fn is_counted() -> bool {
    COUNTED.load(Ordering::Relaxed)
}

/// Adds one request and its capacity units to the tally this code is counted in.
pub fn spent(units: f64) {
    // Work of no request, such as the stream's pollers, is counted in the metrics alone.
    let _ = CURRENT.try_with(|tally| {
        let mut usage = tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        usage.requests += 1;
        usage.units += units;
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn each_request_counts_in_its_own_tally_and_takes_it_into_its_tasks() {
        let (one, other) = (Tally::default(), Tally::default());
        spent(7.0);
        let work = one.count(async {
            spent(0.5);
            let taken = Tally::current().unwrap();
            tokio::spawn(async move { taken.count(async { spent(1.0) }).await }).await.unwrap();
        });
        tokio::join!(work, other.count(async { spent(4.0) }));
        assert_eq!(one.usage(), Usage { requests: 2, units: 1.5 });
        assert_eq!(other.usage(), Usage { requests: 1, units: 4.0 });
    }
}
