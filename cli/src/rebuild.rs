//! `ledger rebuild`: builds a view anew beside the one that is read, compares, switches; readers notice nothing.

use std::cell::Cell;
use std::fmt::Write;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::operate::{Telling, Where};
use crate::out;

/// What to rebuild.
#[derive(Debug, Args)]
#[command(
    after_help = "One rebuild of a view runs at a time; of one that was cut short the next one finishes or removes what it
left. After the switch the old view is written for another minute (--overlap), because readers may
still have it.

Exit codes: 0 done; 1 a dry run found differences, something could not be read, another rebuild of the
view runs, or it was stopped; 2 wrong usage, or the ledger could not be asked."
)]
pub struct RebuildArgs {
    /// The view.
    view: View,
    #[command(flatten)]
    ledger: Where,
    /// Only compare the view with the event table.
    #[arg(long)]
    dry_run: bool,
    /// Take the place of a rebuild of the view that runs.
    #[arg(long, conflicts_with = "dry_run")]
    take_over: bool,
    /// How long both generations are written after the switch; at least as long as any reader keeps the old one.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(6..))]
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
/// When the ledger cannot be reached or another rebuild is under way.
pub async fn run(arguments: RebuildArgs) -> anyhow::Result<ExitCode> {
    let view = match arguments.view {
        View::Products => "products",
        View::Prices => "prices",
    };
    let question = json!({"view": view, "dry_run": arguments.dry_run, "take_over": arguments.take_over,
        "overlap_seconds": arguments.overlap});
    let started = Instant::now();
    let lines = arguments.ledger.ask("POST", "/rebuild", &question).await?;
    let telling = Telling::new();
    // What is waited for before and after is no work on commits.
    let (begun, newest) = (Cell::new(started), Cell::new(None));
    let told = |at: &Value| {
        let phase = at["phase"].as_str().unwrap_or_default();
        match phase {
            "building" | "comparing" => newest.set(Some(Instant::now())),
            _ if newest.get().is_none() => begun.set(Instant::now()),
            _ => {}
        }
        let commits = at["commits"].as_u64().filter(|commits| *commits > 0);
        telling.hear(commits.map_or(phase.to_owned(), |commits| format!("{phase}: {commits} commits")));
    };
    let report = telling.during(lines.done(told)).await?;
    if arguments.json {
        out::line(&report)?;
    } else {
        let worked = newest.get().unwrap_or_else(Instant::now).duration_since(begun.get());
        out::print(&for_people(&report, view, started.elapsed(), worked)?)?;
    }
    let unreadable = report["unreadable"].as_array().is_some_and(|list| !list.is_empty());
    let differs = arguments.dry_run && report["differing"] != 0;
    Ok(if unreadable || differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn for_people(
    report: &Value,
    view: &str,
    taken: Duration,
    worked: Duration,
) -> Result<String, std::fmt::Error> {
    let listed = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    let mut text = String::new();
    for found in listed("differences").iter().chain(&listed("unreadable")) {
        let part = |name: &str| found[name].as_str().unwrap_or_default();
        writeln!(text, "{}  {}{}", part("product_id"), part("difference"), part("reason"))?;
    }
    let commits = report["commits"].as_f64().unwrap_or_default();
    writeln!(
        text,
        "{view}: {} commits of {} products, {} differed before; {:.1} s, {:.0} commits/s",
        report["commits"],
        report["products"],
        report["differing"],
        taken.as_secs_f64(),
        commits / worked.as_secs_f64().max(0.001)
    )?;
    if let Some(generation) = report["generation"].as_u64() {
        let dropped = &report["dropped"];
        writeln!(text, "generation {generation} is read now; {dropped} items of older ones were dropped")?;
    }
    Ok(text)
}
