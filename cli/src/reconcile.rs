//! `ledger reconcile`: compares the newest version of every product with the views and with its publication.

use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Args;
use server::operators::protocol::{Discrepancy, Reconcile, ReconcileSummary};

use crate::counts::counted;
use crate::operate::LedgerArgs;
use crate::{out, progress};

/// Whether to repair.
#[derive(Debug, Args)]
#[command(
    after_help = "A view or publication that lacks commits is behind, and --repair brings it up to date. A view whose \
content differs from the ledger is corrected by ledger rebuild, and so is one with a row that cannot be read or of a product \
that the ledger does not have. Receipts that cannot be read come back from a backup alone."
)]
pub struct ReconcileArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Bring what is behind up to date, and compare it again.
    #[arg(long)]
    repair: bool,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

/// Lists what is behind or differs; exit code 1 if anything is or does, with `--repair` after the repair.
///
/// # Errors
/// When the ledger cannot be reached or does not answer.
pub async fn run(arguments: ReconcileArgs) -> anyhow::Result<ExitCode> {
    let (json, repair) = (arguments.json, arguments.repair);
    let lines = arguments.ledger.ask(&Reconcile { repair }).await?;
    let status = progress::status();
    status.set_message("comparing");
    let tell = |found: Discrepancy| {
        let output = status.suspend(|| if json { out::json(&found) } else { out::line(line(&found)) })?;
        // A repair goes on even if nobody reads its result.
        Ok(if repair { ControlFlow::Continue(()) } else { output.into() })
    };
    let done = lines.done_unless_ended(tell).await;
    status.finish_and_clear();
    let Some(done) = done? else {
        return Ok(ExitCode::FAILURE);
    };
    let ReconcileSummary { products, behind, differing, repaired, left } = &done;
    if json {
        out::json(&done)?;
    } else {
        out::line(format_args!(
            "{}: {behind} behind, {differing} with another content than the ledger, {repaired} repaired, {left} left",
            counted(*products, "product")
        ))?;
    }
    Ok(if *left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(found: &Discrepancy) -> String {
    let Discrepancy { product_id, version, behind, differs, repair, remedy } = found;
    let what = [behind.as_slice(), differs].concat().join("; ");
    let repaired = match repair {
        Some(repair) if repair.repaired => ", repaired".to_owned(),
        // What it still is need not be said twice.
        Some(repair) if repair.left.join("; ") == what => ", not repaired".to_owned(),
        Some(repair) => format!(", not repaired: {}", repair.left.join("; ")),
        None => String::new(),
    };
    let remedy: Vec<&str> = remedy.iter().map(String::as_str).collect();
    let remedy = if remedy.is_empty() { String::new() } else { format!("; run: {}", remedy.join(", ")) };
    let version = if *version == 0 { "no version".to_owned() } else { format!("version {version}") };
    format!("{product_id}  {version}  {what}{repaired}{remedy}")
}
