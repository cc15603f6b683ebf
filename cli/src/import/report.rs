//! What became of the lines: a progress bar while it runs, every failed line by number, one closing line. Nothing that comes
//! from the input or the server reaches the terminal as it is.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};
use schema::ProductId;

use super::client::Stop;
use super::product::{Stopped, Why};
use crate::columns::plain;
use crate::out;

/// Counts, shared by all workers.
pub(super) struct Report {
    progress: ProgressBar,
    started: Instant,
    counts: Counts,
    /// Products with lines that were passed over and not named, by the line that stopped them.
    unnamed: Mutex<Vec<(u64, String)>>,
    stopped: Mutex<Option<Stop>>,
}

#[derive(Default)]
struct Counts {
    written: AtomicU64,
    unchanged: AtomicU64,
    repeated: AtomicU64,
    left_alone: AtomicU64,
    failed: AtomicU64,
    not_sent: AtomicU64,
}

impl Report {
    /// A report on so many lines, where that is known.
    pub(super) fn new(lines: Option<u64>) -> Self {
        let (progress, template) = match lines {
            Some(lines) => (ProgressBar::new(lines), "{bar:32} {pos}/{len} lines  {per_sec}  {eta} left"),
            None => (ProgressBar::no_length(), "{spinner} {pos} lines  {per_sec}"),
        };
        progress.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self {
            progress,
            started: Instant::now(),
            counts: Counts::default(),
            unnamed: Mutex::default(),
            stopped: Mutex::default(),
        }
    }

    pub(super) fn written(&self) {
        self.count(&self.counts.written);
    }

    pub(super) fn unchanged(&self) {
        self.count(&self.counts.unchanged);
    }

    pub(super) fn repeated(&self) {
        self.count(&self.counts.repeated);
    }

    /// An empty line counts as nothing.
    pub(super) fn skip(&self) {
        self.progress.inc(1);
    }

    pub(super) fn failed(&self, line: u64, product: Option<&ProductId>, reason: &str) {
        self.count(&self.counts.failed);
        let of = product.map(|product| format!(" (product {product})")).unwrap_or_default();
        self.say(&format!("line {line}: {reason}{of}"));
    }

    pub(super) fn left_alone(&self, line: u64, product: &ProductId, reason: &str) {
        self.count(&self.counts.left_alone);
        self.say(&format!("line {line}: left alone, because {reason} (product {product})"));
    }

    /// A line that was not sent because of the line it is `behind`, which is given where this one is to be named.
    pub(super) fn passed_over(&self, line: u64, product: &ProductId, why: Why, behind: Option<u64>) {
        let (counter, what, because) = match why {
            Why::Failed => (&self.counts.not_sent, "not sent", "failed"),
            Why::LeftAlone => (&self.counts.left_alone, "left alone", "was left alone"),
        };
        self.count(counter);
        if let Some(behind) = behind {
            self.say(&format!("line {line}: {what}, because line {behind} {because} (product {product})"));
        }
    }

    /// What is to be said in the end of a product's lines that were not named.
    pub(super) fn passed_over_unnamed(&self, product: &ProductId, stopped: &Stopped) {
        if stopped.unnamed == 0 {
            return;
        }
        let (Stopped { unnamed, first, last, line, .. }, what) = match stopped.why {
            Why::Failed => (stopped, "not sent"),
            Why::LeftAlone => (stopped, "left alone"),
        };
        let range = if first == last { format!("line {first}") } else { format!("lines {first} to {last}") };
        let text = format!("{range}: {unnamed} more {what}, because of line {line} (product {product})");
        locked(&self.unnamed).push((*line, text));
    }

    /// Nothing more can be sent.
    pub(super) fn stop(&self, reason: Stop) {
        locked(&self.stopped).get_or_insert(reason);
    }

    pub(super) fn is_stopped(&self) -> bool {
        locked(&self.stopped).is_some()
    }

    /// Prints the closing line and what belongs to it.
    pub(super) fn finish(&self) -> ExitCode {
        let mut unnamed = std::mem::take(&mut *locked(&self.unnamed));
        unnamed.sort();
        for (_, text) in unnamed {
            self.say(&text);
        }
        let unreached = self.progress.length().map(|lines| lines.saturating_sub(self.progress.position()));
        self.progress.finish_and_clear();
        // Who stops reading has seen enough; what was done is done.
        let seconds = self.started.elapsed().as_secs_f64();
        let _ = out::print(&format!("{}; {seconds:.1} s\n", self.counts.summary()));
        let stopped = locked(&self.stopped).clone();
        if let Some(reason) = &stopped {
            let left = match unreached {
                Some(lines) => format!("{lines} lines were not sent, or not answered"),
                None => "the rest of the input was not sent".into(),
            };
            let again = match reason {
                Stop::Gone(_) | Stop::Refused(_) => "; run the same import again to go on",
                Stop::Input(_) => "",
            };
            self.say(&format!("ledger: stopped early, because {reason}; {left}{again}"));
        } else if self.counts.is_nothing_new() {
            self.say("ledger: this input was imported before; --batch NAME makes it another import");
        }
        match stopped {
            Some(Stop::Refused(_)) => ExitCode::from(crate::CANNOT),
            None if self.counts.is_whole() => ExitCode::SUCCESS,
            Some(_) | None => ExitCode::FAILURE,
        }
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
        self.progress.inc(1);
    }

    /// One line on standard error, in which nothing can steer the terminal.
    fn say(&self, text: &str) {
        self.progress.suspend(|| {
            // Nobody may read it any more; the import goes on.
            let _ = writeln!(io::stderr(), "{}", plain(text));
        });
    }
}

impl Counts {
    fn summary(&self) -> String {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let all =
            [&self.written, &self.repeated, &self.unchanged, &self.failed, &self.left_alone, &self.not_sent];
        let [written, repeated, unchanged, failed, left_alone, not_sent] = all.map(of);
        let total = written + repeated + unchanged + failed + left_alone + not_sent;
        let mut text = format!(
            "{total} commands: {written} written, {repeated} imported before, {unchanged} without effect, {failed} failures"
        );
        for (count, what) in [(left_alone, "left alone"), (not_sent, "not sent")] {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        text
    }

    /// Whether no line failed or was not sent.
    fn is_whole(&self) -> bool {
        [&self.failed, &self.not_sent].iter().all(|count| count.load(Ordering::Relaxed) == 0)
    }

    /// Whether an earlier run did all that there was to do.
    fn is_nothing_new(&self) -> bool {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.is_whole() && of(&self.written) == 0 && of(&self.repeated) > 0
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one assignment, so a panic elsewhere cannot have left half of one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
