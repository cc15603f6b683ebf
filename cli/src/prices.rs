//! `ledger prices`: shows which price was in force when, the lowest price before the newest change, and the prior price of a
//! reduction; on a terminal with a line of blocks that shows them over time.

mod chart;

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use console::style;
use schema::{ProductId, Timestamp};
use serde_json::Value;
use web::ClockAndIds;

use crate::completions::product_ids;
use crate::counts::counted;
use crate::date_or_time::{DateOrTime, TimeZoneName};
use crate::out;
use crate::product_source::{ProductSource, ProductSourceArgs};
use crate::text_table::{TextTable, escaped, moment, shows_blocks, terminal_width, wrapped};

/// Which product's prices.
#[derive(Debug, Args)]
#[command(
    after_help = "On a terminal that shows Unicode, a line of blocks above the table shows the prices in the currency of \
the newest one, from the first of them until now. It has gaps while the product was deleted or had a price \
in another currency, and there is none if the price was always the same.

Examples:
  ledger prices helmet
  ledger prices helmet --as-of 2026-01-31 --time-zone Europe/Berlin
  ledger prices helmet --file ledger.ndjson"
)]
pub struct PricesArgs {
    /// The product.
    #[arg(add = product_ids())]
    id: ProductId,
    /// Prices in force up to this time (RFC 3339), or up to the end of this date.
    #[arg(long, value_name = "T")]
    as_of: Option<DateOrTime>,
    /// Prices as recorded by this time (RFC 3339), or by the end of this date.
    #[arg(long, value_name = "T")]
    known_at: Option<DateOrTime>,
    /// Days before a reduction that count for its reference price [default: 30].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=365))]
    days: Option<u16>,
    /// Time zone of dates, for example Europe/Berlin, in which whole days are counted; otherwise dates are in UTC and a day
    /// is 24 hours.
    #[arg(long, value_name = "NAME")]
    time_zone: Option<TimeZoneName>,
    /// Announced start of a reduction (RFC 3339), or the beginning of this date, where the days before it end.
    #[arg(long, value_name = "T")]
    anchor: Option<DateOrTime>,
    /// Print JSON, all pages in one.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: ProductSourceArgs,
}

/// Shows the price history.
///
/// # Errors
/// When the server or the export cannot be read, or the product is refused.
pub async fn run(arguments: PricesArgs) -> anyhow::Result<ExitCode> {
    let query = arguments.query()?;
    let source = arguments.source.of(&arguments.id).await?;
    let prices = all_pages(&arguments.id, &source, query).await?;
    let text = if arguments.json {
        format!("{prices}\n")
    } else {
        format!("{}{}{}", heading(&arguments.id), arguments.chart(&prices)?, drawn(&prices))
    };
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

impl PricesArgs {
    fn query(&self) -> anyhow::Result<Vec<(&'static str, String)>> {
        let zone = self.time_zone.as_ref();
        let known_at = self.known_at.map(|known_at| known_at.last_moment(zone)).transpose();
        let anchor = self.anchor.map(|anchor| anchor.first_moment(zone)).transpose();
        let moment = |name, moment: Option<Timestamp>| moment.map(|moment| (name, moment.to_string()));
        let given = [
            moment("as_of", self.as_of()?),
            moment("known_at", known_at.context("--known-at")?),
            self.days.map(|days| ("days", days.to_string())),
            zone.map(|zone| ("time_zone", zone.name.clone())),
            moment("anchor", anchor.context("--anchor")?),
        ];
        Ok(given.into_iter().flatten().collect())
    }

    fn as_of(&self) -> anyhow::Result<Option<Timestamp>> {
        let as_of = self.as_of.map(|as_of| as_of.last_moment(self.time_zone.as_ref()));
        as_of.transpose().context("--as-of")
    }

    /// The chart, or nothing where it would not be read.
    fn chart(&self, prices: &Value) -> anyhow::Result<String> {
        let until = self.as_of()?.unwrap_or_else(|| (ClockAndIds::system().clock)());
        let width = terminal_width().filter(|_| shows_blocks());
        Ok(width.and_then(|width| chart::chart(prices, until, width)).unwrap_or_default())
    }
}

async fn all_pages(
    id: &ProductId,
    source: &ProductSource,
    mut query: Vec<(&'static str, String)>,
) -> anyhow::Result<Value> {
    let path = ["products", id.as_str(), "prices"];
    let fixed = query.len();
    let mut all = source.get(&path, &query).await?;
    while let Some(next) = all["next"].as_str().map(str::to_owned) {
        query.truncate(fixed);
        query.push(("next", next));
        let mut page = source.get(&path, &query).await?;
        if let (Value::Array(timeline), Value::Array(more)) = (&mut all["timeline"], page["timeline"].take())
        {
            timeline.extend(more);
        }
        all["next"] = page["next"].take();
    }
    Ok(all)
}

/// Times are in UTC whatever the zone in which days are counted.
fn heading(id: &ProductId) -> String {
    wrapped(&format!("{} (times in UTC)", style(format!("{id}: prices")).bold())) + "\n"
}

fn drawn(prices: &Value) -> String {
    let mut table = TextTable::new(&["from", "to", "price", "event"]);
    for period in prices["timeline"].as_array().into_iter().flatten() {
        let price = format!("{} {}", text(&period["price"]), text(&period["currency"]));
        let to = period["to"].as_str();
        let price = if to.is_none() { style(price).green().to_string() } else { price };
        let sequence = period["sequence"].to_string();
        table.row(vec![moment(period["from"].as_str()), moment(to), price, sequence]);
    }
    let currency = text(&prices["currency"]);
    let mut summary = TextTable::new(&["", ""]);
    let mut line = |name: &str, value: String| {
        summary.row(vec![format!("{name}:"), style(value).bold().to_string()]);
    };
    line("version", prices["version"].to_string());
    line(
        "current price",
        prices["current"].as_str().map_or_else(none, |price| format!("{} {currency}", escaped(price))),
    );
    line("lowest of 30 days", since(&prices["lowest_30_days"], &currency));
    line("reduction", reduction(&prices["reduction"]));
    line("reference price", reference(&prices["reference"], &currency));
    // The line of the titles is empty.
    let width = terminal_width();
    let periods = if table.is_empty() { "no prices\n".to_owned() } else { table.draw(width) };
    format!("{periods}{}", summary.draw(width))
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or("-"))
}

fn none() -> String {
    "none".into()
}

/// A price and when it began.
fn since(lowest: &Value, currency: &str) -> String {
    let since = || moment(lowest["since"].as_str());
    lowest["price"]
        .as_str()
        .map_or_else(none, |price| format!("{} {currency}, since {}", escaped(price), since()))
}

fn reduction(reduction: &Value) -> String {
    let (since, series) = (moment(reduction["since"].as_str()), moment(reduction["series_since"].as_str()));
    match reduction["is_reduction"].as_bool() {
        None => none(),
        Some(false) => format!("none, unchanged since {since}"),
        Some(true) if since == series => format!("since {since}"),
        Some(true) => format!("since {since}, first step {series}"),
    }
}

fn reference(reference: &Value, currency: &str) -> String {
    let lowest = since(reference, currency);
    if reference.is_null() {
        return lowest;
    }
    let (from, to) = (moment(reference["from"].as_str()), moment(reference["to"].as_str()));
    let days = counted(reference["days"].as_u64().unwrap_or_default(), "day");
    format!("{lowest}\nof {days}, {from} to {to}")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(prices: &Value) -> String {
        console::strip_ansi_codes(&drawn(prices)).into_owned()
    }

    #[test]
    fn the_timeline_stands_above_the_prices_that_count_now() {
        let prices = json!({"currency": "USD", "current": "29.99", "version": 7,
        "lowest_30_days": {"price": "33.6442", "since": "2025-05-29T00:00:00.000Z"}, "next": null,
        "reduction": {"is_reduction": true, "since": "2026-06-12T00:00:00.000Z",
                      "series_since": "2026-06-05T00:00:00.000Z"},
        "reference": {"price": "33.6442", "since": "2025-05-29T00:00:00.000Z", "from": "2026-05-05T22:00:00.000Z",
                      "to": "2026-06-05T00:00:00.000Z", "days": 30},
        "timeline": [
            {"price": "33.6442", "currency": "USD", "from": "2025-05-29T00:00:00.000Z",
             "to": "2026-05-29T00:00:00.000Z", "sequence": 1},
            {"price": "34.99", "currency": "USD", "from": "2026-05-29T00:00:00.000Z", "to": null, "sequence": 2},
        ]});
        let shown = shown(&prices);
        assert_eq!(
            shown,
            "from                 to                   price        event\n\
             2025-05-29 00:00:00  2026-05-29 00:00:00  33.6442 USD  1\n\
             2026-05-29 00:00:00  -                    34.99 USD    2\n\n\
             version:            7\n\
             current price:      29.99 USD\n\
             lowest of 30 days:  33.6442 USD, since 2025-05-29 00:00:00\n\
             reduction:          since 2026-06-12 00:00:00, first step 2026-06-05 00:00:00\n\
             reference price:    33.6442 USD, since 2025-05-29 00:00:00\n\
             \x20                   of 30 days, 2026-05-05 22:00:00 to 2026-06-05 00:00:00\n"
        );
        assert!(shown.lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn the_longest_prices_fit_on_a_terminal() {
        let lowest = json!({"price": "999999999999.9999", "since": "2025-05-29T00:00:00.000Z"});
        let prices = json!({"currency": "USD", "current": "999999999999.9999", "version": u64::MAX,
            "lowest_30_days": lowest, "next": null, "timeline": [
                {"price": "999999999999.9999", "currency": "USD", "from": "2025-05-29T00:00:00.000Z",
                 "to": "2026-05-29T00:00:00.000Z", "sequence": 9_999_999}],
            "reduction": {"is_reduction": false, "since": "2025-05-29T00:00:00.000Z",
                          "series_since": "2025-05-29T00:00:00.000Z"}, "reference": null});
        let shown = shown(&prices);
        assert!(shown.lines().all(|line| line.chars().count() <= 80), "{shown}");
        assert!(shown.contains("reduction:          none, unchanged since 2025-05-29 00:00:00\n"), "{shown}");
        assert!(shown.contains("reference price:    none\n"), "{shown}");
    }

    #[test]
    fn a_deleted_product_has_no_price_and_no_reduction() {
        let prices = json!({"currency": "USD", "current": null, "version": 3, "lowest_30_days": null,
            "reduction": null, "reference": null, "next": null, "timeline": []});
        let shown = shown(&prices);
        assert!(shown.starts_with("no prices\n\nversion: "), "{shown}");
        for line in ["current price:      none\n", "reduction:          none\n", "reference price:    none\n"]
        {
            assert!(shown.contains(line), "{shown}");
        }
    }
}
