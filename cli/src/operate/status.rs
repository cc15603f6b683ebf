//! The status of long work on standard error: a spinner on a terminal, elsewhere a line every ten seconds, even in a phase
//! that reports nothing for long.

use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::time::{Instant, MissedTickBehavior};

use crate::out;

/// Between two lines.
const EVERY: Duration = Duration::from_secs(10);

/// The newest status.
pub(crate) struct StatusLine {
    bar: ProgressBar,
    newest: Mutex<String>,
}

impl StatusLine {
    /// Shows no status yet.
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new_spinner();
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, newest: Mutex::default() }
    }

    /// Shows how far the work is.
    pub(crate) fn set(&self, text: String) {
        self.bar.set_message(text.clone());
        *self.newest() = text;
    }

    /// Shows the status until the end of `work`.
    pub(crate) async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let begun = Instant::now();
        let mut turns = tokio::time::interval_at(begun + EVERY, EVERY);
        turns.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut work = std::pin::pin!(work);
        loop {
            tokio::select! {
                ended = &mut work => {
                    self.bar.finish_and_clear();
                    return ended;
                }
                _ = turns.tick() => self.tell(begun),
            }
        }
    }

    fn tell(&self, begun: Instant) {
        if !stderr().is_terminal() {
            out::message(format_args!("{} ({} s)", self.newest(), begun.elapsed().as_secs()));
        }
    }

    fn newest(&self) -> MutexGuard<'_, String> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
