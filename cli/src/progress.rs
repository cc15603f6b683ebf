//! Progress on standard error, with rate and remaining time; nothing where standard error is no terminal.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// A search whose length is not known.
#[must_use]
pub fn looking(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.set_style(style("{spinner} {msg} {human_pos}  {per_sec}"));
    bar.set_message(what);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// Work on so many commits.
#[must_use]
pub fn commits(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(style("{bar:32} {human_pos}/{human_len} commits  {per_sec}  {eta} left"));
    bar
}

/// Work on a file of so many bytes.
#[must_use]
pub fn bytes(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(style("{bar:32} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left"));
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
