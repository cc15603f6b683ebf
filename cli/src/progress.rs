//! Progress of long work on standard error: on a terminal a bar with rate and remaining time, elsewhere a line every ten
//! seconds, even if the work reports nothing for long. A message that interrupts the work clears the bar first.

use std::fmt::Write;
use std::io::{IsTerminal, stderr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{HumanBytes, ProgressBar, ProgressState, ProgressStyle, WeakProgressBar};

use crate::out;

/// Between two lines where there is no terminal.
const EVERY: Duration = Duration::from_secs(10);

/// The bars that were begun, for [`clear`]. A process has few.
static BARS: Mutex<Vec<WeakProgressBar>> = Mutex::new(Vec::new());

/// For work of unknown length.
#[must_use]
pub fn looking(what: &'static str) -> ProgressBar {
    let bar = ProgressBar::no_length();
    bar.set_style(style("{spinner} {msg} {pos}  {per_sec}"));
    bar.set_message(what);
    ticking(bar, move |bar| format!("{what} {}", bar.position()))
}

/// For work on this many commits.
#[must_use]
pub fn commits(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(style("{bar:32} {pos}/{len} commits  {per_sec}  {eta} left"));
    begun(bar, |bar| of_all(bar, "commits"))
}

/// For work on this many entries of a log.
#[must_use]
pub fn entries(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(style("{bar:32} {pos}/{len} entries  {per_sec}  {eta} left"));
    begun(bar, |bar| of_all(bar, "entries"))
}

/// For work on the histories of this many products.
#[must_use]
pub fn products(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(style("{bar:32} {pos}/{len} products  {per_sec}  {eta} left"));
    begun(bar, |bar| of_all(bar, "products"))
}

/// For work on a file of this many bytes.
#[must_use]
pub fn bytes(total: u64) -> ProgressBar {
    let bar = ProgressBar::new(total);
    bar.set_style(style("{bar:32} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left"));
    begun(bar, |bar| {
        let (done, all) = (HumanBytes(bar.position()), HumanBytes(bar.length().unwrap_or_default()));
        format!("{done} of {all}, {}/s", HumanBytes(whole(average(bar))))
    })
}

/// For work on the lines of an input, of which so many are known.
#[must_use]
pub fn lines(total: Option<u64>) -> ProgressBar {
    let (bar, template) = match total {
        Some(total) => (ProgressBar::new(total), "{bar:32} {pos}/{len} lines  {per_sec}  {eta} left"),
        None => (ProgressBar::no_length(), "{spinner} {pos} lines  {per_sec}"),
    };
    bar.set_style(style(template));
    begun(bar, |bar| of_all(bar, "lines"))
}

/// For work that says by itself how far it is, by the message of the bar.
#[must_use]
pub fn status() -> ProgressBar {
    ticking(ProgressBar::new_spinner(), ProgressBar::message)
}

/// The bar, which moves by itself. Only then is it drawn: before, it could not be cleared.
fn ticking(bar: ProgressBar, told: impl Fn(&ProgressBar) -> String + Send + 'static) -> ProgressBar {
    let bar = begun(bar, told);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

/// The bar, which tells a line from time to time where it is not drawn.
fn begun(bar: ProgressBar, told: impl Fn(&ProgressBar) -> String + Send + 'static) -> ProgressBar {
    BARS.lock().unwrap_or_else(PoisonError::into_inner).push(bar.downgrade());
    if !stderr().is_terminal() {
        let (weak, say) = (bar.downgrade(), |line: &str| out::message(line));
        // A thread: the work may hold every thread of the runtime.
        std::thread::spawn(move || tell(&weak, EVERY, told, say));
    }
    bar
}

/// Ends every bar and clears its line, although work may go on for a moment.
pub fn clear() {
    let bars = std::mem::take(&mut *BARS.lock().unwrap_or_else(PoisonError::into_inner));
    for bar in bars.iter().filter_map(WeakProgressBar::upgrade) {
        bar.finish_and_clear();
    }
}

/// Tells how far the work is, until it has ended.
fn tell(
    bar: &WeakProgressBar,
    every: Duration,
    told: impl Fn(&ProgressBar) -> String,
    mut say: impl FnMut(&str),
) {
    loop {
        std::thread::sleep(every);
        match bar.upgrade().filter(|bar| !bar.is_finished()) {
            Some(bar) => say(&format!("{} ({} s)", told(&bar), bar.elapsed().as_secs())),
            None => return,
        }
    }
}

/// How many are done, of how many, and how many a second.
fn of_all(bar: &ProgressBar, what: &str) -> String {
    let all = bar.length().map(|all| format!(" of {all}")).unwrap_or_default();
    format!("{}{all} {what}, {}", bar.position(), rate(average(bar)))
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

/// The rate since the beginning.
#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn average(bar: &ProgressBar) -> f64 {
    bar.position() as f64 / bar.elapsed().as_secs_f64().max(0.001)
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate for people, and never negative"
)]
fn whole(rate: f64) -> u64 {
    rate as u64
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;

    #[test]
    fn a_rate_has_no_more_digits_than_people_read() {
        let told = [16_604.36, 166.0436, 12.4, 0.25, 0.0].map(rate);
        assert_eq!(told, ["16604/s", "166/s", "12/s", "0.2/s", "0.0/s"]);
    }

    /// The lines that a bar tells while work goes on, until it ends.
    fn lines_of(bar: &ProgressBar, told: impl Fn(&ProgressBar) -> String + Send + 'static) -> Vec<String> {
        let (sender, lines) = mpsc::channel();
        let weak = bar.downgrade();
        let teller = std::thread::spawn(move || {
            tell(&weak, Duration::from_millis(1), told, |line| sender.send(line.to_owned()).unwrap());
        });
        let told = vec![lines.recv().unwrap(), lines.recv().unwrap()];
        bar.finish_and_clear();
        teller.join().unwrap();
        told
    }

    #[test]
    fn where_there_is_no_terminal_a_line_tells_how_far_the_work_is_until_it_ends() {
        let bar = ProgressBar::hidden();
        bar.set_length(20_000);
        bar.set_position(12_345);
        let told = lines_of(&bar, |bar| of_all(bar, "commits"));
        assert!(told[0].starts_with("12345 of 20000 commits, ") && told[0].ends_with("/s (0 s)"), "{told:?}");
        let unknown = lines_of(&ProgressBar::no_length(), |bar| of_all(bar, "lines"));
        assert!(unknown[1].starts_with("0 lines, "), "{unknown:?}");
    }
}
