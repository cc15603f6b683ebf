//! `ledger rebuild`: builds a view anew beside the one that is read, compares, switches; readers notice nothing.

use std::process::ExitCode;
use std::time::Instant;

use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use serde_json::{Value, json};

use crate::operate::Where;

/// What to rebuild.
#[derive(Debug, Args)]
pub struct RebuildArgs {
    /// The view.
    view: View,
    #[command(flatten)]
    ledger: Where,
    /// Only compare the view with the event table.
    #[arg(long)]
    dry_run: bool,
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
    let question = json!({"view": view, "dry_run": arguments.dry_run, "overlap_seconds": arguments.overlap});
    let started = Instant::now();
    let lines = arguments.ledger.ask("POST", "/rebuild", &question).await?;
    let progress = ProgressBar::new_spinner();
    let told = |at: &Value| {
        let phase = at["phase"].as_str().unwrap_or_default();
        progress.set_message(format!("{phase}: {} commits", at["commits"]));
    };
    let report = lines.done(told).await;
    progress.finish_and_clear();
    let report = report?;
    if arguments.json {
        println!("{report}");
    } else {
        print_for_people(&report, view, started.elapsed().as_secs_f64());
    }
    let unreadable = report["unreadable"].as_array().is_some_and(|list| !list.is_empty());
    let differs = arguments.dry_run && report["differing"] != 0;
    Ok(if unreadable || differs { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn print_for_people(report: &Value, view: &str, seconds: f64) {
    let listed = |name: &str| report[name].as_array().cloned().unwrap_or_default();
    for found in listed("differences").iter().chain(&listed("unreadable")) {
        let text = |name: &str| found[name].as_str().unwrap_or_default();
        println!("{}  {}{}", text("product_id"), text("difference"), text("reason"));
    }
    let commits = report["commits"].as_f64().unwrap_or_default();
    println!(
        "{view}: {} commits of {} products, {} differed before; {:.1} s, {:.0} commits/s",
        report["commits"],
        report["products"],
        report["differing"],
        seconds,
        commits / seconds.max(0.001)
    );
    if let Some(generation) = report["generation"].as_u64() {
        println!(
            "generation {generation} is read now; {} items of older ones were dropped",
            report["dropped"]
        );
    }
}
