//! The report of an import: a progress bar, every failed line by number, and a closing line. Text from the input or the server
//! is escaped before it reaches the terminal.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use indicatif::ProgressBar;
use schema::ProductId;

use super::client::StopReason;
use super::product::{MissingLines, StopCause, StoppedAt};
use crate::counts::counted;
use crate::text_table::escaped;
use crate::{out, progress};

/// Counts, shared by all workers.
pub(super) struct ImportReport {
    progress: ProgressBar,
    started: Instant,
    is_batch: bool,
    /// What a number counts.
    noun: &'static str,
    /// Why lines were refused, by number, if that is asked for.
    refused: Option<Mutex<BTreeMap<u64, String>>>,
    counts: Counts,
    /// Products with skipped lines that were not named, by the line that stopped them.
    unnamed: Mutex<Vec<(u64, String)>>,
    stopped: Mutex<Option<StopReason>>,
    /// Whether the counts were printed.
    is_printed: AtomicBool,
}

#[derive(Default)]
struct Counts {
    written: AtomicU64,
    unchanged: AtomicU64,
    repeated: AtomicU64,
    left_alone: AtomicU64,
    failed: AtomicU64,
    not_sent: AtomicU64,
    /// Not in the input, but recorded.
    missing: AtomicU64,
}

impl ImportReport {
    /// A report on this many lines, if that is known, of an import that has a name or not; it keeps what was refused if asked.
    pub(super) fn new(lines: Option<u64>, noun: &'static str, is_batch: bool, keeps_refused: bool) -> Self {
        Self {
            progress: progress::lines(lines),
            started: Instant::now(),
            is_batch,
            noun,
            refused: keeps_refused.then(Mutex::default),
            counts: Counts::default(),
            unnamed: Mutex::default(),
            stopped: Mutex::default(),
            is_printed: AtomicBool::new(false),
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

    /// An empty line is counted nowhere.
    pub(super) fn empty(&self) {
        self.progress.inc(1);
    }

    pub(super) fn failed(&self, line: u64, product: Option<&ProductId>, reason: &str) {
        self.count(&self.counts.failed);
        let of = product.map(|product| format!(" (product {product})")).unwrap_or_default();
        self.say(&format!("{} {line}: {reason}{of}", self.noun));
        self.keep(line, || reason.to_owned());
    }

    /// Why lines were refused, by number.
    pub(super) fn refused(&self) -> BTreeMap<u64, String> {
        self.refused.as_ref().map(|refused| locked(refused).clone()).unwrap_or_default()
    }

    fn keep(&self, line: u64, reason: impl FnOnce() -> String) {
        if let Some(refused) = &self.refused {
            locked(refused).insert(line, reason());
        }
    }

    pub(super) fn left_alone(&self, line: u64, product: &ProductId, reason: &str) {
        self.count(&self.counts.left_alone);
        self.say(&format!("{} {line}: left alone, because {reason} (product {product})", self.noun));
    }

    /// A line that was not sent because of an earlier line, `behind`, which is given if this one is to be named.
    pub(super) fn skipped(&self, line: u64, product: &ProductId, why: StopCause, behind: Option<u64>) {
        let (counter, what, because) = match why {
            StopCause::Failed => (&self.counts.not_sent, "not sent", "failed"),
            StopCause::LeftAlone => (&self.counts.left_alone, "left alone", "was left alone"),
        };
        self.count(counter);
        if why == StopCause::Failed {
            self.keep(line, || "an earlier line of its product failed".to_owned());
        }
        if let Some(behind) = behind {
            let noun = self.noun;
            self.say(&format!(
                "{noun} {line}: {what}, because {noun} {behind} {because} (product {product})"
            ));
        }
    }

    /// Keeps the number of a product's skipped lines that were not named, for the end.
    pub(super) fn skipped_unnamed(&self, product: &ProductId, stopped: &StoppedAt) {
        if stopped.unnamed == 0 {
            return;
        }
        let (StoppedAt { unnamed, first, last, line, .. }, what) = match stopped.why {
            StopCause::Failed => (stopped, "not sent"),
            StopCause::LeftAlone => (stopped, "left alone"),
        };
        let range = if first == last { format!("line {first}") } else { format!("lines {first} to {last}") };
        let text = format!("{range}: {unnamed} more {what}, because of line {line} (product {product})");
        locked(&self.unnamed).push((*line, text));
    }

    /// Lines of a product that an earlier run recorded and the input no longer has.
    pub(super) fn missing(&self, product: &ProductId, missing: MissingLines) {
        self.counts.missing.fetch_add(missing.count.get(), Ordering::Relaxed);
        let MissingLines { place, recorded, .. } = missing;
        self.say(&format!(
            "product {product}: the input ends with its line {place}, but this import recorded its line {recorded}; what \
             is recorded stays, and another input needs a --batch NAME of its own"
        ));
    }

    /// Nothing more can be sent.
    pub(super) fn stop(&self, reason: StopReason) {
        locked(&self.stopped).get_or_insert(reason);
    }

    pub(super) fn is_stopped(&self) -> bool {
        locked(&self.stopped).is_some()
    }

    /// Prints the end of the report of an import that is interrupted, unless it has just ended. A line that was sent and not
    /// answered is found by the import that continues.
    pub(super) fn interrupted(&self) {
        let left = self.left();
        match self.print_counts() {
            Ok(true) => self.say(&format!(
                "ledger: stopped: {left}; the same command with the same input continues this import"
            )),
            Ok(false) => {}
            Err(error) => self.say(&format!("ledger: {error}")),
        }
    }

    /// Prints the end of the report.
    ///
    /// # Errors
    /// When standard output cannot be written.
    pub(super) fn finish(&self) -> anyhow::Result<ExitCode> {
        let mut unnamed = std::mem::take(&mut *locked(&self.unnamed));
        unnamed.sort();
        for (_, text) in unnamed {
            self.say(&text);
        }
        let left = self.left();
        self.print_counts()?;
        let stopped = locked(&self.stopped).clone();
        if let Some(reason) = &stopped {
            let again = match reason {
                StopReason::Gone(_) | StopReason::Refused(_) => "; run the same import again to go on",
                StopReason::Input(_) => "",
            };
            self.say(&format!("ledger: stopped early, because {reason}; {left}{again}"));
        } else if self.counts.is_nothing_new() {
            self.say(if self.is_batch {
                "ledger: this batch was imported before; another --batch NAME makes it another import"
            } else {
                "ledger: this input was imported before; --batch NAME makes it another import"
            });
        }
        Ok(match stopped {
            Some(StopReason::Refused(_)) => ExitCode::from(crate::exit::CANNOT),
            None if self.counts.is_whole() => ExitCode::SUCCESS,
            Some(_) | None => ExitCode::FAILURE,
        })
    }

    /// Prints the counts once; whether this was that time.
    fn print_counts(&self) -> io::Result<bool> {
        if self.is_printed.swap(true, Ordering::Relaxed) {
            return Ok(false);
        }
        self.progress.finish_and_clear();
        let seconds = self.started.elapsed().as_secs_f64();
        out::print(&format!("{}; {seconds:.1} s\n", self.counts.summary()))?;
        Ok(true)
    }

    /// How many lines have no outcome, in words; before the bar is cleared, which is at its end then.
    fn left(&self) -> String {
        match self.progress.length().map(|lines| lines.saturating_sub(self.progress.position())) {
            Some(1) => "1 line was not sent, or not answered".into(),
            Some(lines) => format!("{lines} lines were not sent, or not answered"),
            None => "the rest of the input was not sent".into(),
        }
    }

    fn count(&self, counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
        self.progress.inc(1);
    }

    /// Prints a line on standard error, escaped.
    pub(super) fn say(&self, text: &str) {
        self.progress.suspend(|| {
            // If nobody reads it any more, the import goes on.
            let _ = writeln!(io::stderr(), "{}", escaped(text));
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
            "{}: {written} written, {repeated} imported before, {unchanged} without effect, {}",
            counted(total, "command"),
            counted(failed, "failure")
        );
        let missing = of(&self.missing);
        for (count, what) in [(left_alone, "left alone"), (not_sent, "not sent"), (missing, "missing")] {
            if count > 0 {
                let _ = write!(text, ", {count} {what}");
            }
        }
        text
    }

    /// Whether no line failed, was not sent, or is missing.
    fn is_whole(&self) -> bool {
        [&self.failed, &self.not_sent, &self.missing].iter().all(|count| count.load(Ordering::Relaxed) == 0)
    }

    /// Whether an earlier run had recorded everything.
    fn is_nothing_new(&self) -> bool {
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        self.is_whole() && of(&self.written) + of(&self.left_alone) == 0 && of(&self.repeated) > 0
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Every change is one assignment, so a panic elsewhere cannot have left half of one.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
