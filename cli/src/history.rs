//! `ledger history`: shows the history of a product, event by event: old and new values, who, when, and when it was published.

pub(crate) mod changes;

use std::process::ExitCode;

use clap::Args;
use console::style;
use schema::{ProductId, StoredCommit};
use serde_json::Value;

use crate::completions::product_ids;
use crate::json_list::JsonList;
use crate::out::{self, Output};
use crate::product_source::ProductSourceArgs;
use crate::text_table::{TextTable, escaped, moment, terminal_width, wrapped};

const PAGE: u64 = 100;

/// Which product's history.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledger history helmet
  ledger history helmet --file ledger.ndjson")]
pub struct HistoryArgs {
    /// The product.
    #[arg(add = product_ids())]
    id: ProductId,
    /// Print the commits with their receipts as JSON, all pages in one.
    #[arg(long)]
    json: bool,
    /// Show long texts to their end.
    #[arg(long, conflicts_with = "json")]
    full: bool,
    #[command(flatten)]
    source: ProductSourceArgs,
}

/// Shows the history.
///
/// # Errors
/// When the server or the export cannot be read, or the product is refused.
pub async fn run(arguments: HistoryArgs) -> anyhow::Result<ExitCode> {
    let source = arguments.source.of(&arguments.id).await?;
    let mut table = TextTable::new(&["#", "occurred", "recorded", "who", "published", "what"]);
    let mut json = arguments.json.then(|| JsonList::named("commits"));
    let mut name = String::new();
    let mut after = Some(0);
    while let Some(sequence) = after {
        let query = [("after", sequence.to_string()), ("limit", PAGE.to_string())];
        let path = ["products", arguments.id.as_str(), "history"];
        let mut page = source.get(&path, &query).await?;
        for commit in page["commits"].as_array_mut().into_iter().flatten() {
            if let Some(fields) = commit.as_object_mut().filter(|_| !source.has_receipts()) {
                fields.remove("receipts");
            }
            if let Some(json) = &mut json {
                if json.print(commit)? == Output::Closed {
                    return Ok(ExitCode::SUCCESS);
                }
            } else {
                rows(&mut table, commit, arguments.full);
                commit["state"]["name"].as_str().unwrap_or_default().clone_into(&mut name);
            }
        }
        after = page["next"].as_u64();
    }
    if let Some(json) = json {
        json.end("\"next\":null")?;
    } else {
        let heading = style(format!("{}: {}", arguments.id, escaped(&name))).bold();
        let heading = wrapped(&format!("{heading} (times in UTC)"));
        out::print(&format!("{heading}\n{}", table.draw(terminal_width())))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Adds a row for each event; what belongs to the whole commit is in the first.
fn rows(table: &mut TextTable, commit: &Value, full: bool) {
    let first = commit["sequence"].as_u64().unwrap_or_default();
    let occurred = commit["metadata"]["occurred_at"].as_str();
    let recorded = commit["recorded_at"].as_str();
    let who = escaped(commit["metadata"]["actor"].as_str().unwrap_or("-"));
    for (n, what) in changes::describe(&stored(commit), full).into_iter().enumerate() {
        let once = |text: String| if n == 0 { text } else { String::new() };
        table.row(vec![
            style(first + n as u64).cyan().to_string(),
            once(if occurred == recorded { String::new() } else { moment(occurred) }),
            once(moment(recorded)),
            once(who.clone()),
            published(commit, n),
            what,
        ]);
    }
}

/// The commit as stored, without what the history adds.
fn stored(commit: &Value) -> StoredCommit {
    let mut fields = commit.as_object().cloned().unwrap_or_default();
    fields.remove("receipts");
    StoredCommit(fields)
}

/// When the event was published; empty if nothing is known of that.
fn published(commit: &Value, n: usize) -> String {
    let Some(receipts) = commit.get("receipts") else { return String::new() };
    let receipt = &receipts[n];
    if let Some(at) = receipt["published_at"].as_str() {
        return moment(Some(at));
    }
    if receipt["restored"] == true {
        return "restored".to_owned();
    }
    match receipt["details"]["error_code"].as_str() {
        Some(code) => style(format!("failed: {}", escaped(code))).red().to_string(),
        None => style("not yet").yellow().to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_commit_is_shown_once_and_its_events_one_by_one() {
        let commit = json!({"sequence": 2, "recorded_at": "2026-11-23T05:20:00.001Z",
            "metadata": {"actor": "ann", "occurred_at": "2026-11-01T00:00:00.000Z"},
            "events": [
                {"event_id": "01K9XFT9EG0000000000004001", "type": "ProductRenamed", "schema_version": 1,
                 "data": {"name": "b\u{1b}", "previous_name": "a"}},
                {"event_id": "01K9XFT9EG0000000000004002", "type": "ProductPriceChanged", "schema_version": 1,
                 "data": {"price": "34.99", "currency": "USD", "previous_price": "33.6442", "previous_currency": "USD"}},
                {"event_id": "01K9XFT9EG0000000000004003", "type": "ProductPainted", "schema_version": 7, "data": {"x": 1}},
            ],
            "receipts": [{"published_at": "2026-11-23T05:20:00.040Z"}, {"details": {"error_code": "TooLarge"}}, null]});
        let mut table = TextTable::new(&["#", "occurred", "recorded", "who", "published", "what"]);
        rows(&mut table, &commit, false);
        let shown = console::strip_ansi_codes(&table.draw(None)).into_owned();
        let lines: Vec<&str> = shown.lines().collect();
        assert_eq!(
            lines,
            [
                "#  occurred             recorded             who  published            what",
                "2  2026-11-01 00:00:00  2026-11-23 05:20:00  ann  2026-11-23 05:20:00  name: a → b\\u{1b}",
                "3                                                 failed: TooLarge     price: 33.6442 USD → 34.99 USD",
                "4                                                 not yet              ProductPainted version 7: {\"x\":1}",
            ]
        );
    }
}
