//! `ledger replay`: publishes a part of the ledger again, marked as a replay.

use std::process::ExitCode;

use clap::Args;
use indicatif::ProgressBar;
use schema::{ProductId, Timestamp};
use serde_json::{Value, json};

use crate::operate::Where;

/// What to publish again; everything if nothing is chosen.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    #[command(flatten)]
    ledger: Where,
    /// Only this product.
    #[arg(long)]
    product: Option<ProductId>,
    /// Only what was recorded at this moment (RFC 3339) or later.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Only what was recorded at this moment (RFC 3339) or earlier.
    #[arg(long)]
    to: Option<Timestamp>,
    /// Another bus than the configured one.
    #[arg(long)]
    bus: Option<String>,
}

/// Publishes; exit code 1 if products were left.
///
/// # Errors
/// When the ledger cannot be reached, or the bus accepts nothing.
pub async fn run(arguments: ReplayArgs) -> anyhow::Result<ExitCode> {
    let question = json!({"product": arguments.product, "from": arguments.from, "to": arguments.to, "bus": arguments.bus});
    let lines = arguments.ledger.ask("POST", "/replay", &question).await?;
    let progress = ProgressBar::new_spinner();
    let told = |replayed: &Value| progress.set_message(format!("{} events", replayed["events"]));
    let done = lines.done(told).await;
    progress.finish_and_clear();
    let done = done?;
    let left = done["left"].as_array().map(Vec::as_slice).unwrap_or_default();
    for left in left {
        let text = |name: &str| left[name].as_str().unwrap_or_default();
        eprintln!("{}  left from event {}: {}", text("product_id"), left["from_sequence"], text("reason"));
    }
    println!(
        "replay {}: {} events, {} products left",
        done["replay"].as_str().unwrap_or_default(),
        done["events"],
        left.len()
    );
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
