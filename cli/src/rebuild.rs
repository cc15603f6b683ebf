//! `ledger rebuild`: rebuilds a view next to the one that is read, compares it, and switches to it, unnoticed by readers.

use std::cell::Cell;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use server::operators::protocol::{RebuildPhase, RebuildProgress, RebuildReport, RebuildView, ViewName};

use crate::operate::{LedgerArgs, StatusLine};
use crate::out;

/// What to rebuild.
#[derive(Debug, Args)]
#[command(
    after_help = "One rebuild of a view runs at a time; it finishes or removes what an interrupted one left. After the switch \
the old view is still written for a minute (--overlap), because some readers may still use it.

Exit codes: 0 done; 1 a dry run found differences, something could not be read, another rebuild of the \
view is running, or it was interrupted; 2 wrong usage, or the ledger could not be reached."
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
    let status = StatusLine::new();
    // The rate is that of the phases that read commits.
    let (begun, newest) = (Cell::new(started), Cell::new(None));
    let tell = |at: RebuildProgress| {
        match at.phase {
            RebuildPhase::Building | RebuildPhase::Comparing => newest.set(Some(Instant::now())),
            _ if newest.get().is_none() => begun.set(Instant::now()),
            _ => {}
        }
        let phase = String::from(at.phase);
        status.set(if at.commits > 0 { format!("{phase}: {} commits", at.commits) } else { phase });
    };
    let report = status.during(lines.done(tell)).await?;
    if arguments.json {
        out::json(&report)?;
    } else {
        let worked = newest.get().unwrap_or_else(Instant::now).duration_since(begun.get());
        out::print(&for_people(&report, arguments.view, started.elapsed(), worked)?)?;
    }
    let differs = arguments.dry_run && report.differing != 0;
    let is_clean = report.unreadable.is_empty() && !differs;
    Ok(if is_clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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
    worked: Duration,
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
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = *commits as f64 / worked.as_secs_f64().max(0.001);
    writeln!(
        text,
        "{view}: {commits} commits of {products} products, {differing} differed before; {:.1} s, {rate:.0} commits/s",
        taken.as_secs_f64(),
    )?;
    if let Some(generation) = report.generation {
        writeln!(text, "generation {generation} is read now; {dropped} items of older ones were dropped")?;
    }
    Ok(text)
}
