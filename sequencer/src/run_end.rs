//! When a run of the sequencer ends, for requests that are made on threads of their own: Lambda freezes them with the process, and
//! they go on in the middle of a later run.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::time::{Instant, timeout_at};

/// The end of the run that is under way; without one, requests end by their own limits. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct RunEnd(Arc<Mutex<Option<Instant>>>);

impl RunEnd {
    /// The run that begins ends at this moment.
    pub fn set(&self, end: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    /// What `work` results in; `None` if the run ends before, or has ended.
    pub(crate) async fn within<T>(&self, work: impl Future<Output = T>) -> Option<T> {
        let end = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match end {
            None => Some(work.await),
            Some(end) if end <= Instant::now() => None,
            Some(end) => timeout_at(end, work).await.ok(),
        }
    }
}
