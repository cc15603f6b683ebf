//! How tasks are told to stop: they finish what they have in hand and return.

use std::time::Duration;

use tokio::sync::watch;

/// Becomes true, or loses its sender, when a task has to finish what it has in hand and return.
pub type StopSignal = watch::Receiver<bool>;

/// Whether the task has to stop.
#[must_use]
pub fn is_stopped(stop: &StopSignal) -> bool {
    *stop.borrow() || stop.has_changed().is_err()
}

/// Waits until the task has to stop.
pub async fn stopped(stop: &StopSignal) {
    drop(stop.clone().wait_for(|stop| *stop).await);
}

/// Sleeps, but no longer than until the task has to stop.
pub async fn pause(time: Duration, stop: &StopSignal) {
    tokio::select! {
        () = tokio::time::sleep(time) => {}
        () = stopped(stop) => {}
    }
}
