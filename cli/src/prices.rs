//! `ledger prices`: which price was in force when, and the lowest one before the newest change.

use std::process::ExitCode;

use clap::Args;
use console::style;
use schema::{ProductId, Timestamp};
use serde_json::Value;

use crate::columns::{Columns, moment, plain};
use crate::out;
use crate::remote::{Server, refused};

/// Which product's prices.
#[derive(Debug, Args)]
pub struct PricesArgs {
    /// The product.
    id: ProductId,
    /// As they were known for this moment (RFC 3339).
    #[arg(long, value_name = "T")]
    as_of: Option<Timestamp>,
    /// Print JSON, all pages in one.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Shows the price history.
///
/// # Errors
/// When the server cannot be asked; what it refuses is told, with exit code 1.
pub async fn run(arguments: PricesArgs) -> anyhow::Result<ExitCode> {
    show(arguments).await.or_else(refused)
}

async fn show(arguments: PricesArgs) -> anyhow::Result<ExitCode> {
    let prices = all_pages(&arguments).await?;
    let text = if arguments.json { format!("{prices}\n") } else { drawn(&prices) };
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

async fn all_pages(arguments: &PricesArgs) -> anyhow::Result<Value> {
    let path = ["products", arguments.id.as_str(), "prices"];
    let as_of = arguments.as_of.map(|moment| ("as_of", moment.to_string()));
    let mut query: Vec<_> = as_of.into_iter().collect();
    let fixed = query.len();
    let mut all = arguments.server.get(&path, &query).await?;
    while let Some(next) = all["next"].as_str().map(str::to_owned) {
        query.truncate(fixed);
        query.push(("next", next));
        let mut page = arguments.server.get(&path, &query).await?;
        if let (Value::Array(timeline), Value::Array(more)) = (&mut all["timeline"], page["timeline"].take())
        {
            timeline.extend(more);
        }
        all["next"] = page["next"].take();
    }
    Ok(all)
}

fn drawn(prices: &Value) -> String {
    let text = |value: &Value| plain(value.as_str().unwrap_or("-"));
    let currency = text(&prices["currency"]);
    let mut table = Columns::new(&["from", "to", "price", "event"]);
    for period in prices["timeline"].as_array().into_iter().flatten() {
        let price = format!("{} {}", text(&period["price"]), text(&period["currency"]));
        let to = period["to"].as_str();
        let price = if to.is_none() { style(price).green().to_string() } else { price };
        let sequence = period["sequence"].to_string();
        table.row(vec![moment(period["from"].as_str()), moment(to), price, sequence]);
    }
    let current = match prices["current"].as_str() {
        Some(price) => format!("{} {currency}", plain(price)),
        None => "none".into(),
    };
    let lowest = match prices["lowest_30_days"]["price"].as_str() {
        Some(price) => {
            format!(
                "{} {currency}, since {}",
                plain(price),
                moment(prices["lowest_30_days"]["since"].as_str())
            )
        }
        None => "none".into(),
    };
    format!(
        "{}\ncurrent price: {}\nlowest of the 30 days before the newest change: {}\n",
        table.draw(),
        style(current).bold(),
        style(lowest).bold()
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_timeline_stands_above_the_current_and_the_lowest_price() {
        let prices = json!({"currency": "USD", "current": "34.99",
        "lowest_30_days": {"price": "33.6442", "since": "2025-05-29T00:00:00.000Z"}, "next": null,
        "timeline": [
            {"price": "33.6442", "currency": "USD", "from": "2025-05-29T00:00:00.000Z",
             "to": "2026-05-29T00:00:00.000Z", "sequence": 1},
            {"price": "34.99", "currency": "USD", "from": "2026-05-29T00:00:00.000Z", "to": null, "sequence": 2},
        ]});
        let shown = console::strip_ansi_codes(&drawn(&prices)).into_owned();
        assert_eq!(
            shown,
            "from                 to                   price        event\n\
             2025-05-29 00:00:00  2026-05-29 00:00:00  33.6442 USD  1\n\
             2026-05-29 00:00:00  -                    34.99 USD    2\n\n\
             current price: 34.99 USD\n\
             lowest of the 30 days before the newest change: 33.6442 USD, since 2025-05-29 00:00:00\n"
        );
    }
}
