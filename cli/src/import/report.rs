//! What became of the lines: a progress bar while it runs, every failed line by number, one closing line.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use indicatif::{ProgressBar, ProgressStyle};

use super::client::Stop;

/// Counts, shared by all workers.
pub(super) struct Report {
    progress: ProgressBar,
    started: Instant,
    written: AtomicU64,
    unchanged: AtomicU64,
    repeated: AtomicU64,
    failed: AtomicU64,
    stopped: Mutex<Option<Stop>>,
}

impl Report {
    pub(super) fn new(total: u64) -> Self {
        let progress = ProgressBar::new(total);
        let template = "{bar:32} {pos}/{len} lines  {per_sec}  {eta} left";
        progress.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Self {
            progress,
            started: Instant::now(),
            written: AtomicU64::default(),
            unchanged: AtomicU64::default(),
            repeated: AtomicU64::default(),
            failed: AtomicU64::default(),
            stopped: Mutex::default(),
        }
    }

    pub(super) fn written(&self) {
        self.count(&self.written, 1);
    }

    pub(super) fn unchanged(&self, lines: u64) {
        self.count(&self.unchanged, lines);
    }

    pub(super) fn repeated(&self, lines: u64) {
        self.count(&self.repeated, lines);
    }

    /// An empty line counts as nothing.
    pub(super) fn skip(&self) {
        self.progress.inc(1);
    }

    pub(super) fn failed(&self, line: u64, reason: &str) {
        self.count(&self.failed, 1);
        self.progress.suspend(|| eprintln!("line {line}: {reason}"));
    }

    /// Nothing more can be sent.
    pub(super) fn stop(&self, reason: Stop) {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(reason);
    }

    pub(super) fn stopped(&self) -> bool {
        self.stopped.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Prints the closing line; success if every line went well.
    pub(super) fn finish(&self) -> ExitCode {
        self.progress.finish_and_clear();
        let of = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let (written, unchanged, repeated) = (of(&self.written), of(&self.unchanged), of(&self.repeated));
        let failed = of(&self.failed);
        let total = written + unchanged + repeated + failed;
        println!(
            "{total} commands: {written} written, {repeated} imported before, {unchanged} without effect, {failed} failures; {:.1} s",
            self.started.elapsed().as_secs_f64()
        );
        let stopped = self.stopped.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(reason) = &stopped {
            eprintln!("ledger: stopped early, because {reason}; run the same import again to go on");
        }
        match stopped {
            Some(Stop::Refused(_)) => ExitCode::from(crate::CANNOT),
            None if failed == 0 => ExitCode::SUCCESS,
            None | Some(Stop::Gone(_)) => ExitCode::FAILURE,
        }
    }

    fn count(&self, counter: &AtomicU64, lines: u64) {
        counter.fetch_add(lines, Ordering::Relaxed);
        self.progress.inc(lines);
    }
}
