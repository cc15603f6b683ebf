//! `ledger reconcile`: heads of the event table against views and publication cursors.

use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use crate::operate::Where;

/// What to compare.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    #[command(flatten)]
    ledger: Where,
    /// Bring what is behind up to date.
    #[arg(long)]
    repair: bool,
    /// Print JSON lines.
    #[arg(long)]
    json: bool,
}

/// Lists what is behind; exit code 1 if anything is and was not repaired.
///
/// # Errors
/// When the ledger cannot be reached or does not answer.
pub async fn run(arguments: ReconcileArgs) -> anyhow::Result<ExitCode> {
    let lines = arguments.ledger.ask("POST", "/reconcile", &json!({"repair": arguments.repair})).await?;
    let told = |found: &Value| {
        println!("{}", if arguments.json { found.to_string() } else { line(found) });
    };
    let done = lines.done(told).await?;
    if arguments.json {
        println!("{done}");
    } else {
        println!("{} products: {} behind, {} repaired", done["products"], done["behind"], done["repaired"]);
    }
    Ok(if done["behind"] == done["repaired"] { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn line(found: &Value) -> String {
    let behind = found["behind"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let repaired = match &found["repaired"] {
        Value::Bool(true) => ", repaired",
        Value::Bool(false) => ", could not be repaired",
        _ => "",
    };
    let behind = behind.collect::<Vec<_>>().join("; ");
    format!(
        "{}  version {}  {behind}{repaired}",
        found["product_id"].as_str().unwrap_or_default(),
        found["version"]
    )
}
