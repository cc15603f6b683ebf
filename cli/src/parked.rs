//! `ledger parked`: products that the projector or the publisher cannot go on with, and why.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use schema::ProductId;
use serde_json::{Value, json};

use crate::operate::Where;

/// What to do with parked products.
#[derive(Debug, Args)]
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
    Retry {
        /// The products.
        #[arg(required = true)]
        products: Vec<ProductId>,
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
                println!("{}", if arguments.json { row.to_string() } else { line(row) });
            }
            if rows.is_empty() && !arguments.json {
                println!("nothing is parked");
            }
            Ok(ExitCode::SUCCESS)
        }
        Action::Retry { products } => {
            let lines = arguments.ledger.ask("POST", "/parked/retry", &json!({"products": products})).await?;
            let told = |outcome: &Value| {
                println!("{}", if arguments.json { outcome.to_string() } else { outcome_line(outcome) });
            };
            let done = lines.done(told).await?;
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
    if outcome["released"] == true {
        return format!("{product}  released");
    }
    let reason = outcome["not_published"].as_str().map(|reason| format!(", not published: {reason}"));
    format!("{product}  still parked, {} views behind{}", outcome["views_behind"], reason.unwrap_or_default())
}
