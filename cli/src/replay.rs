//! `ledger replay`: publishes a part of the ledger again, marked as a replay.

use std::process::ExitCode;

use clap::{ArgGroup, Args};
use schema::{ProductId, Timestamp};
use serde_json::{Value, json};

use crate::operate::{Telling, Where};
use crate::out;

/// What to publish again.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("selection").args(["product", "from", "to", "all"]).required(true).multiple(true),
    after_help = "Events keep their ids and carry the id of the replay, so that subscribers can discard what they have seen.

Exit codes: 0 done; 1 products were left, there is no such product, or it was stopped; 2 wrong usage, or
the ledger or the bus could not be asked.

Examples:
  ledger replay --product helmet --data ledger-data
  ledger replay --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z --dry-run
  ledger replay --all --bus another"
)]
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
    /// The whole ledger.
    #[arg(long, conflicts_with_all = ["product", "from", "to"])]
    all: bool,
    /// Another bus than the configured one.
    #[arg(long)]
    bus: Option<String>,
    /// Only count the events.
    #[arg(long)]
    dry_run: bool,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Publishes; exit code 1 if products were left.
///
/// # Errors
/// When the ledger cannot be reached, or the bus accepts nothing.
pub async fn run(arguments: ReplayArgs) -> anyhow::Result<ExitCode> {
    if let (Some(from), Some(to)) = (arguments.from, arguments.to) {
        anyhow::ensure!(from <= to, "--from {from} is later than --to {to}");
    }
    let question = json!({"product": arguments.product, "from": arguments.from, "to": arguments.to,
        "bus": arguments.bus, "dry_run": arguments.dry_run});
    let lines = arguments.ledger.ask("POST", "/replay", &question).await?;
    let telling = Telling::new();
    let told = |replayed: &Value| telling.hear(format!("{} events", replayed["events"]));
    let done = telling.during(lines.done(told)).await?;
    let left = done["left"].as_array().map(Vec::as_slice).unwrap_or_default();
    if arguments.json {
        out::line(&done)?;
    } else {
        for left in left {
            let text = |name: &str| left[name].as_str().unwrap_or_default();
            out::tell(format_args!(
                "{}  left from event {}: {}",
                text("product_id"),
                left["from_sequence"],
                text("reason")
            ));
        }
        let what = match done["replay"].as_str() {
            Some(replay) => format!("replay {replay}"),
            None => "a replay would publish".to_owned(),
        };
        out::line(format_args!("{what}: {} events, {} products left", done["events"], left.len()))?;
    }
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
