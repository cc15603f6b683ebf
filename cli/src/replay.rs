//! `ledger replay`: publishes a part of the ledger again, marked as a replay.

use std::process::ExitCode;

use clap::{ArgGroup, Args};
use schema::{ProductId, Timestamp};
use server::operators::protocol::{ReplayEvents, ReplayReport};

use crate::operate::{LedgerArgs, StatusLine};
use crate::out;

/// What to publish again.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("selection").args(["product", "from", "to", "all"]).required(true).multiple(true),
    after_help = "Events keep their ids and carry the id of the replay, so that subscribers can discard events that they \
have already seen.

Exit codes: 0 done; 1 some products were not replayed to the end, there is no such product, or it was \
interrupted; 2 wrong usage, or the ledger or the bus could not be reached.

Examples:
  ledger replay --product helmet --data ledger-data
  ledger replay --from 2026-11-01T00:00:00Z --to 2026-11-02T00:00:00Z --dry-run
  ledger replay --all --bus another"
)]
pub struct ReplayArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Only this product.
    #[arg(long)]
    product: Option<ProductId>,
    /// Only events recorded at this time (RFC 3339) or later.
    #[arg(long)]
    from: Option<Timestamp>,
    /// Only events recorded at this time (RFC 3339) or earlier.
    #[arg(long)]
    to: Option<Timestamp>,
    /// The whole ledger.
    #[arg(long, conflicts_with_all = ["product", "from", "to"])]
    all: bool,
    /// Publish to this bus instead of the configured one.
    #[arg(long)]
    bus: Option<String>,
    /// Only count the events.
    #[arg(long)]
    dry_run: bool,
    /// Print the outcome as JSON.
    #[arg(long)]
    json: bool,
}

/// Publishes; exit code 1 if some products were not replayed to the end.
///
/// # Errors
/// When the ledger cannot be reached, or the bus accepts nothing.
pub async fn run(arguments: ReplayArgs) -> anyhow::Result<ExitCode> {
    if let (Some(from), Some(to)) = (arguments.from, arguments.to) {
        anyhow::ensure!(from <= to, "--from {from} is later than --to {to}");
    }
    let request = ReplayEvents {
        product: arguments.product,
        from: arguments.from,
        to: arguments.to,
        bus: arguments.bus,
        dry_run: arguments.dry_run,
    };
    let lines = arguments.ledger.ask(&request).await?;
    let status = StatusLine::new();
    let tell = |replayed: ReplayReport| status.set(format!("{} events", replayed.events));
    let done = status.during(lines.done(tell)).await?;
    if arguments.json {
        out::json(&done)?;
    } else {
        for left in &done.left {
            let (product, from, reason) = (&left.product_id, left.from_sequence, &left.reason);
            out::message(format_args!("{product}  left from event {from}: {reason}"));
        }
        let what = match &done.replay {
            Some(replay) => format!("replay {replay}"),
            None => "a replay would publish".to_owned(),
        };
        out::line(format_args!("{what}: {} events, {} products left", done.events, done.left.len()))?;
    }
    Ok(if done.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
