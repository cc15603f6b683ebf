//! Progress bars on standard error, with rate and remaining time; none unless it is a terminal.

use std::fmt::Write;
use std::time::Duration;

use indicatif::{ProgressBar, ProgressState, ProgressStyle};

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

/// For work on the lines of an input, of which so many are known.
#[must_use]
pub fn lines(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => {
            (ProgressBar::new(total), "{bar:32} {human_pos}/{human_len} lines  {per_sec}  {eta} left")
        }
        None => (ProgressBar::no_length(), "{spinner} {human_pos} lines  {per_sec}"),
    };
    bar.set_style(style(template));
    bar
}

/// A style whose rate has no decimals.
fn style(template: &str) -> ProgressStyle {
    let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
    let rate = |state: &ProgressState, text: &mut dyn Write| {
        let _ = text.write_str(&rate(state.per_sec()));
    };
    style.with_key("per_sec", rate)
}

/// A rate for people.
fn rate(per_second: f64) -> String {
    if per_second < 10.0 { format!("{per_second:.1}/s") } else { format!("{per_second:.0}/s") }
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn a_rate_has_no_more_digits_than_people_read() {
        assert_eq!([166.0436, 12.5, 0.25, 0.0].map(rate), ["166/s", "12/s", "0.2/s", "0.0/s"]);
    }
}
