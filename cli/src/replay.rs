//! `ledger replay`: publishes a part of the ledger again, marked as a replay.

use std::process::ExitCode;

use anyhow::Context;
use clap::{ArgGroup, Args};
use schema::ProductId;
use server::operators::protocol::{ReplayEvents, ReplayReport};

use crate::counts::counted;
use crate::date_or_time::{DateOrTime, TimeZoneName};
use crate::operate::LedgerArgs;
use crate::{out, progress};

/// What to publish again.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("selection").args(["product", "from", "to", "all"]).required(true).multiple(true),
    after_help = "Events keep their ids and carry the id of the replay, so that subscribers can discard events that they \
have already seen.

Examples:
  ledger replay --product helmet --data ledger-data
  ledger replay --from 2026-11-01 --to 2026-11-02 --time-zone Europe/Berlin --dry-run
  ledger replay --all --bus another"
)]
pub struct ReplayArgs {
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Only this product.
    #[arg(long)]
    product: Option<ProductId>,
    /// Only events recorded at this time (RFC 3339) or later, or from the beginning of this date on.
    #[arg(long, value_name = "T")]
    from: Option<DateOrTime>,
    /// Only events recorded at this time (RFC 3339) or earlier, or until the end of this date.
    #[arg(long, value_name = "T")]
    to: Option<DateOrTime>,
    /// Time zone of dates, for example Europe/Berlin [default: UTC].
    #[arg(long, value_name = "NAME")]
    time_zone: Option<TimeZoneName>,
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
    let zone = arguments.time_zone.as_ref();
    let from = arguments.from.map(|from| from.first_moment(zone)).transpose().context("--from")?;
    let to = arguments.to.map(|to| to.last_moment(zone)).transpose().context("--to")?;
    if let (Some(from), Some(to)) = (from, to) {
        anyhow::ensure!(from <= to, "--from {from} is later than --to {to}");
    }
    let request =
        ReplayEvents { product: arguments.product, from, to, bus: arguments.bus, dry_run: arguments.dry_run };
    let lines = arguments.ledger.ask(&request).await?;
    let status = progress::status();
    let tell = |replayed: ReplayReport| status.set_message(counted(replayed.events, "event"));
    let done = lines.done(tell).await;
    status.finish_and_clear();
    let done = done?;
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
        let left = counted(done.left.len() as u64, "product");
        out::line(format_args!("{what}: {}, {left} left", counted(done.events, "event")))?;
    }
    Ok(if done.left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
