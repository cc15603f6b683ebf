//! The end of the server: accepted work is finished, within the configured time.

use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout_at};

use super::admission::Admission;
use super::connections::Connections;

/// Background tasks have at least this long, even if clients used up all the time.
const AT_LEAST: Duration = Duration::from_secs(2);

/// Ends connections, then commands whose clients are gone, then background tasks.
pub(super) async fn finish(
    connections: Connections,
    admission: &Admission,
    background: Vec<JoinHandle<()>>,
    time: Duration,
) {
    let last = Instant::now() + time;
    connections.finish(time).await;
    let last = last.max(Instant::now() + AT_LEAST);
    if timeout_at(last, admission.idle()).await.is_err() {
        tracing::warn!(target: "ledger::server", "requests are aborted because they did not end in time");
    }
    for mut task in background {
        // A panic was logged by its hook; the other tasks still have to end.
        if timeout_at(last, &mut task).await.is_err() {
            tracing::warn!(target: "ledger::server", "a background task is aborted; it goes on where it was at the next start");
            task.abort();
        }
    }
}
