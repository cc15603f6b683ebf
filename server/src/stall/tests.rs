//! When a stall is said, and when not, by a paused clock.

use std::io::Write;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::sleep;

use super::*;

/// What is logged on this thread.
#[derive(Clone, Default)]
pub(crate) struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Collects until the guard is dropped.
    pub(crate) fn collect() -> (Self, tracing::subscriber::DefaultGuard) {
        let lines = Self::default();
        let writer = lines.clone();
        let log = tracing_subscriber::fmt().with_writer(move || writer.clone()).with_ansi(false).finish();
        (lines, tracing::subscriber::set_default(log))
    }

    /// The lines about consumers without progress.
    pub(crate) fn said(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains("no progress")).map(str::to_owned).collect()
    }
}

/// Runs `work` beside the watch, and returns what was logged.
async fn watched(work: impl AsyncFn(&StallWatch)) -> Vec<String> {
    let (lines, _guard) = Lines::collect();
    let (stop, stopping) = watch::channel(false);
    let stalls = StallWatch::new("reader");
    let working = async {
        work(&stalls).await;
        stop.send_replace(true);
    };
    tokio::join!(stalls.watch(stopping), working);
    lines.said()
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn something_to_do_without_progress_is_said_after_a_minute_and_then_every_minute_with_the_newest_reason()
 {
    let said = watched(async |stalls| {
        stalls.pending("shard a", "first");
        sleep(30 * SECOND).await;
        stalls.pending("shard a", "second");
        sleep(155 * SECOND).await;
    })
    .await;
    assert_eq!(said.len(), 3, "{said:?}");
    for (line, seconds) in said.iter().zip(["seconds=60", "seconds=120", "seconds=180"]) {
        assert!(line.contains("ERROR") && line.contains("second\"") && line.contains("shard a"), "{line}");
        assert!(line.contains("consumer=\"reader\"") && line.contains(seconds), "{line}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_to_do_and_slow_progress_are_not_said() {
    let said = watched(async |stalls| {
        sleep(100 * SECOND).await;
        stalls.pending("a", "slow");
        for _ in 0..5 {
            sleep(59 * SECOND).await;
            stalls.advanced("a");
        }
        stalls.idle("a");
        sleep(100 * SECOND).await;
        stalls.pending("b", "gone");
        sleep(50 * SECOND).await;
        stalls.clear();
        sleep(100 * SECOND).await;
    })
    .await;
    assert_eq!(said, [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn progress_of_one_part_does_not_hide_that_another_has_none_and_a_new_stall_is_said_anew() {
    let said = watched(async |stalls| {
        stalls.pending("stuck", "waits");
        stalls.pending("busy", "works");
        for _ in 0..7 {
            sleep(10 * SECOND).await;
            stalls.advanced("busy");
        }
        stalls.idle("stuck");
        stalls.idle("busy");
        sleep(20 * SECOND).await;
        stalls.pending("later", "again");
        sleep(70 * SECOND).await;
    })
    .await;
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].contains("stuck") && said[1].contains("later"), "{said:?}");
}
