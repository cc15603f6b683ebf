//! `ledger parked`: products that the projector or the publisher cannot go on with, and why.

use std::ops::ControlFlow;
use std::process::ExitCode;

use clap::{ArgGroup, Args, Subcommand};
use schema::ProductId;
use serde_json::{Value, json};

use crate::operate::Where;
use crate::out::{self, Read};

/// What to do with parked products.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 done, whatever is listed; 1 products are still parked after a retry, there is no such
product, or it was stopped; 2 wrong usage, or the ledger could not be asked."
)]
pub struct ParkedArgs {
    #[command(subcommand)]
    action: Option<Action>,
    #[command(flatten)]
    ledger: Where,
    /// Print JSON lines.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List them; this is the default.
    List,
    /// Try products again, also those that time cannot heal.
    #[command(group = ArgGroup::new("which").args(["products", "all"]).required(true))]
    Retry {
        /// The products.
        products: Vec<ProductId>,
        /// Every product that is parked.
        #[arg(long)]
        all: bool,
    },
}

/// Lists or retries; exit code 1 if products are still parked after a retry.
///
/// # Errors
/// When the ledger cannot be reached or does not answer.
pub async fn run(arguments: ParkedArgs) -> anyhow::Result<ExitCode> {
    match arguments.action.unwrap_or(Action::List) {
        Action::List => {
            let rows = arguments.ledger.ask("GET", "/parked", &Value::Null).await?.done(|_| {}).await?;
            let rows = rows.as_array().map(Vec::as_slice).unwrap_or_default();
            for row in rows {
                if out::line(if arguments.json { row.to_string() } else { line(row) })? == Read::NoMore {
                    break;
                }
            }
            if rows.is_empty() && !arguments.json {
                out::line("nothing is parked")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Action::Retry { products, all } => {
            let question = json!({"products": products, "all": all});
            let lines = arguments.ledger.ask("POST", "/parked/retry", &question).await?;
            let told = |outcome: &Value| {
                let text = if arguments.json { outcome.to_string() } else { outcome_line(outcome) };
                // The retry goes on though nobody reads what it did.
                out::line(text).map(|_| ControlFlow::Continue(()))
            };
            let done = lines.done_as_long_as_read(told).await?.unwrap_or_default();
            if done["retried"] == 0 && !arguments.json {
                out::line("nothing is parked")?;
            }
            Ok(if done["still_parked"] == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
    }
}

fn line(row: &Value) -> String {
    let text = |name: &str| row[name].as_str().unwrap_or_default();
    let waits =
        if row["retryable"] == true { "is retried every minute" } else { "waits for `ledger parked retry`" };
    format!(
        "{}  {}  from event {}  since {}  {} attempts, {waits}: {}",
        text("consumer"),
        text("product_id"),
        row["from_sequence"],
        text("parked_at"),
        row["attempts"],
        text("reason")
    )
}

fn outcome_line(outcome: &Value) -> String {
    let product = outcome["product_id"].as_str().unwrap_or_default();
    if outcome["released"] == true && outcome["was_parked"] == false {
        return format!("{product}  was not parked");
    }
    if outcome["released"] == true {
        return format!("{product}  released");
    }
    let reason = outcome["not_published"].as_str().map(|reason| format!(", not published: {reason}"));
    format!("{product}  still parked, {} views behind{}", outcome["views_behind"], reason.unwrap_or_default())
}
