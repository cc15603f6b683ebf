//! How the server ends: what was accepted is finished, and the end comes within the time set for it.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::admission::Admission;
use super::connections::Connections;

/// What runs in the background has at least this long, also when clients used up all the time.
const AT_LEAST: Duration = Duration::from_secs(2);

/// Ends connections, then commands nobody waits for, then what runs in the background.
pub(super) async fn end(
    connections: Connections,
    admission: &Admission,
    background: Vec<JoinHandle<()>>,
    time: Duration,
) {
    let last = Instant::now() + time;
    connections.end(time).await;
    let last = last.max(Instant::now() + AT_LEAST);
    if timeout_at(last, admission.idle()).await.is_err() {
        tracing::warn!(target: "ledger::server", "requests are cut off because they did not end in time");
    }
    for mut task in background {
        // A task that panicked was logged by its own hook; the others still have to end.
        if timeout_at(last, &mut task).await.is_err() {
            tracing::warn!(target: "ledger::server", "a background task is cut off; it goes on where it was at the next start");
            task.abort();
        }
    }
}
