//! Progress bars on standard error, with rate and remaining time; none unless it is a terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// For work of unknown length.
#[must_use]
pub fn looking(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.set_style(style("{spinner} {msg} {human_pos}  {per_sec}"));
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// For work on this many commits.
#[must_use]
pub fn commits(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(style("{bar:32} {human_pos}/{human_len} commits  {per_sec}  {eta} left"));
    bar
}

/// For work on a file of this many bytes.
#[must_use]
pub fn bytes(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(style("{bar:32} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left"));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
