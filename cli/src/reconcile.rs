//! `ledger reconcile`: heads of the event table against views and publication cursors.

use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::operate::Where;
use crate::out::{self, Read};

/// What to compare.
#[derive(Debug, Args)]
#[command(
    after_help = "What a view or the publication has not come to is behind, and --repair brings it up to date. What a
view shows otherwise than the ledger differs: ledger rebuild puts it right.

Exit codes: 0 nothing is behind or differs, with --repair after the repair; 1 something is; 2 wrong
usage, or the ledger could not be asked."
)]
pub struct ReconcileArgs {
    #[command(flatten)]
    ledger: Where,
    /// Bring what is behind up to date, and compare it again.
    #[arg(long)]
    repair: bool,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

/// Lists what is behind or differs; exit code 1 if anything is, after the repair where one was asked for.
///
/// # Errors
/// When the ledger cannot be reached or does not answer.
pub async fn run(arguments: ReconcileArgs) -> anyhow::Result<ExitCode> {
    let lines = arguments.ledger.ask("POST", "/reconcile", &json!({"repair": arguments.repair})).await?;
    let told = |found: &Value| {
        let read = out::line(if arguments.json { found.to_string() } else { line(found) })?;
        // A repair goes on though nobody reads what it did.
        let ends = read == Read::NoMore && !arguments.repair;
        Ok(if ends { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
    };
    let Some(done) = lines.done_as_long_as_read(told).await? else {
        return Ok(ExitCode::FAILURE);
    };
    if arguments.json {
        out::line(&done)?;
    } else {
        out::line(format_args!(
            "{} products: {} behind, {} with another content than the ledger, {} repaired, {} left",
            done["products"], done["behind"], done["differing"], done["repaired"], done["left"]
        ))?;
    }
    Ok(if done["left"] == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(found: &Value) -> String {
    let texts = |name: &str| -> Vec<&str> {
        found[name].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
    };
    let what = [texts("behind"), texts("differs")].concat().join("; ");
    let repaired = match &found["repaired"] {
        Value::Bool(true) => ", repaired".to_owned(),
        Value::Bool(false) => format!(", not repaired: {}", texts("left").join("; ")),
        _ => String::new(),
    };
    let remedy = texts("remedy");
    let remedy = if remedy.is_empty() { String::new() } else { format!("; run: {}", remedy.join(", ")) };
    let product = found["product_id"].as_str().unwrap_or_default();
    format!("{product}  version {}  {what}{repaired}{remedy}", found["version"])
}
