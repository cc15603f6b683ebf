//! `ledger rebuild`: rebuilds a view next to the one that is read, compares it, and switches to it, unnoticed by readers.

use std::cell::RefCell;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use server::operators::protocol::{RebuildPhase, RebuildProgress, RebuildReport, RebuildView, ViewName};

use crate::counts::counted;
use crate::operate::LedgerArgs;
use crate::{out, progress};

/// What to rebuild.
#[derive(Debug, Args)]
#[command(
    after_help = "One rebuild of a view runs at a time; it finishes or removes what an interrupted one left. After the switch \
the old view is still written for a minute (--overlap), because some readers may still use it."
)]
pub struct RebuildArgs {
    /// The view.
    view: View,
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Only compare the view with the event table.
    #[arg(long)]
    dry_run: bool,
    /// Take over from a running rebuild of the view.
    #[arg(long, conflicts_with = "dry_run")]
    take_over: bool,
    /// How long both generations are written after the switch, 6 seconds or more: as long as any reader uses the old one.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(6..=86_400))]
    overlap: Option<u64>,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum View {
    Products,
    Prices,
}

/// Rebuilds; exit code 1 if a dry run found differences or something could not be read.
///
/// # Errors
/// When the ledger cannot be reached, or another rebuild is running.
pub async fn run(arguments: RebuildArgs) -> anyhow::Result<ExitCode> {
    let request = RebuildView {
        view: arguments.view.into(),
        dry_run: arguments.dry_run,
        take_over: arguments.take_over,
        overlap_seconds: arguments.overlap,
    };
    let started = Instant::now();
    let lines = arguments.ledger.ask(&request).await?;
    let status = progress::status();
    let reading = RefCell::new(ReadingTime::begun(started));
    let tell = |at: RebuildProgress| {
        reading.borrow_mut().at(at.phase, Instant::now());
        let phase = String::from(at.phase);
        let commits =
            if at.commits > 0 { format!(": {}", counted(at.commits, "commit")) } else { String::new() };
        status.set_message(phase + &commits);
    };
    let report = lines.done(tell).await;
    status.finish_and_clear();
    let report = report?;
    if arguments.json {
        out::json(&report)?;
    } else {
        let reading = reading.borrow().until(Instant::now());
        out::print(&for_people(&report, arguments.view, started.elapsed(), reading)?)?;
    }
    let differs = arguments.dry_run && report.differing != 0;
    let is_clean = report.unreadable.is_empty() && !differs;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// How long commits were read: the phases that build and compare, without what comes before and after them.
struct ReadingTime {
    begun: Instant,
    newest: Option<Instant>,
}

impl ReadingTime {
    fn begun(now: Instant) -> Self {
        Self { begun: now, newest: None }
    }

    /// Takes note of a phase, which reports itself after each page of commits, or else when it begins.
    fn at(&mut self, phase: RebuildPhase, now: Instant) {
        match phase {
            RebuildPhase::Building | RebuildPhase::Comparing => self.newest = Some(now),
            RebuildPhase::Overlapping | RebuildPhase::Dropping if self.newest.is_some() => {}
            RebuildPhase::Watching
            | RebuildPhase::CleaningUp
            | RebuildPhase::Overlapping
            | RebuildPhase::Dropping => self.begun = now,
        }
    }

    fn until(&self, now: Instant) -> Duration {
        self.newest.unwrap_or(now).duration_since(self.begun)
    }
}

impl From<View> for ViewName {
    fn from(view: View) -> Self {
        match view {
            View::Products => Self::Products,
            View::Prices => Self::Prices,
        }
    }
}

fn for_people(
    report: &RebuildReport,
    view: View,
    taken: Duration,
    reading: Duration,
) -> Result<String, std::fmt::Error> {
    let view = match view {
        View::Products => "products",
        View::Prices => "prices",
    };
    let mut text = String::new();
    for found in &report.differences {
        writeln!(text, "{}  {}", found.product_id, found.difference)?;
    }
    for found in &report.unreadable {
        writeln!(text, "{}  {}", found.product_id, found.reason)?;
    }
    let RebuildReport { commits, products, differing, dropped, .. } = report;
    // In whole milliseconds, so that the rate of few commits is finite.
    let rate = u128::from(*commits) * 1_000 / reading.as_millis().max(1);
    writeln!(
        text,
        "{view}: {} of {}, {differing} differed before; read in {:.1} s at {rate} commits/s, {:.1} s in all",
        counted(*commits, "commit"),
        counted(*products, "product"),
        reading.as_secs_f64(),
        taken.as_secs_f64(),
    )?;
    if report.generation.is_some() {
        let dropped = counted(*dropped, "item");
        writeln!(text, "queries now read the new view; {dropped} of older ones dropped")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_time_in_which_commits_were_read() {
        let report = serde_json::json!({"commits": 4_521, "products": 1, "differing": 0, "differences": [], "unreadable": [],
            "generation": null, "dropped": 0});
        let report = serde_json::from_value(report).unwrap();
        let (taken, reading) = (Duration::from_secs(65), Duration::from_millis(1_500));
        let text = for_people(&report, View::Products, taken, reading).unwrap();
        let expected = "products: 4521 commits of 1 product, 0 differed before; read in 1.5 s at 3014 commits/s, 65.0 s in all\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn the_overlap_and_what_comes_before_the_first_commit_are_no_time_of_reading() {
        let started = Instant::now();
        let after = |seconds| started + Duration::from_secs(seconds);
        let mut reading = ReadingTime::begun(started);
        for (phase, seconds) in [
            (RebuildPhase::Watching, 1),
            (RebuildPhase::CleaningUp, 5),
            (RebuildPhase::Overlapping, 6),
            (RebuildPhase::Dropping, 66),
            (RebuildPhase::Building, 70),
            (RebuildPhase::Building, 74),
            (RebuildPhase::Comparing, 76),
            (RebuildPhase::Overlapping, 76),
            (RebuildPhase::Dropping, 136),
        ] {
            reading.at(phase, after(seconds));
        }
        assert_eq!(reading.until(after(140)), Duration::from_secs(10));
    }
}
