//! `ledger parked`: lists and retries parked products, which the projector or the publisher cannot process.

use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};
use event_store::Parked;
use schema::ProductId;
use server::operators::protocol::{ListParked, RetriedProduct, RetryParked, RetrySummary};

use crate::counts::counted;
use crate::operate::LedgerArgs;
use crate::out::{self, Output};

/// What to do with parked products.
#[derive(Debug, Args)]
pub struct ParkedArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    ledger: LedgerArgs,
    /// Print JSON lines.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them (the default).
    List,
    /// Retry products, including those that the schedule does not retry.
    #[command(group = ArgGroup::new("which").args(["products", "all"]).required(true))]
    Retry {
        /// The products.
        products: Vec<ProductId>,
        /// All parked products.
        #[arg(long)]
        all: bool,
    },
}

/// Lists or retries; exit code 1 if products are still parked after a retry.
///
/// # Errors
/// When the ledger cannot be reached or does not answer.
pub async fn run(arguments: ParkedArgs) -> anyhow::Result<ExitCode> {
    let json = arguments.json;
    match arguments.action.unwrap_or(Action::List) {
        Action::List => {
            let rows = arguments.ledger.ask(&ListParked).await?.done(|()| {}).await?;
            for row in &rows {
                let output = if json { out::json(row)? } else { out::line(row_line(row))? };
                if output == Output::Closed {
                    break;
                }
            }
            if rows.is_empty() && !json {
                out::line("nothing is parked")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Action::Retry { products, all } => {
            let products = products.into_iter().collect();
            let lines = arguments.ledger.ask(&RetryParked { products, all }).await?;
            let tell = |retried: RetriedProduct| {
                if json {
                    out::json(&retried)?
                } else {
                    out::line(retried_line(&retried))?
                };
                // The retry goes on even if nobody reads its result.
                Ok(ControlFlow::Continue(()))
            };
            let done = lines.done_unless_ended(tell).await?;
            let done = done.unwrap_or(RetrySummary { retried: 0, still_parked: 0 });
            if done.retried == 0 && !json {
                out::line("nothing is parked")?;
            }
            Ok(if done.still_parked == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn row_line(row: &Parked) -> String {
    let next = if row.retryable { "is retried every minute" } else { "waits for `ledger parked retry`" };
    let attempts = counted(row.attempts.into(), "attempt");
    format!(
        "{}  {}  from event {}  since {}  {attempts}, {next}: {}",
        row.consumer, row.product_id, row.from_sequence, row.parked_at, row.reason
    )
}

fn retried_line(retried: &RetriedProduct) -> String {
    let product = &retried.product_id;
    match (retried.released, retried.was_parked) {
        (true, false) => format!("{product}  was not parked"),
        (true, true) => format!("{product}  released"),
        (false, _) => {
            let reason = retried.not_published.as_ref();
            let reason = reason.map(|reason| format!(", not published: {reason}")).unwrap_or_default();
            let behind = counted(retried.views_behind as u64, "view");
            let log = if retried.not_logged { ", not logged" } else { "" };
            format!("{product}  still parked, {behind} behind{reason}{log}")
        }
    }
}
