//! `ledger commits`: lists the commits of all products in the order of recording, from a server or from a data directory.
//!
//! The promise: it lists each commit that the filters select once, whatever is recorded meanwhile.

use std::process::ExitCode;

use anyhow::Context;
use clap::builder::{NonEmptyStringValueParser, PossibleValuesParser};
use clap::{Args, ValueEnum, value_parser};
use console::style;
use schema::{ProductEvent, ProductId, StoredCommit, Timestamp};
use serde_json::Value;

use crate::completions::product_ids;
use crate::date_or_time::{DateOrTime, TimeZoneName};
use crate::history::changes;
use crate::json_list::JsonList;
use crate::ledger_source::{LedgerSource, LedgerSourceArgs};
use crate::out::{self, Output};
use crate::remote::BadRequest;
use crate::text_table::{TextTable, escaped, moment, terminal_width};

/// The most that a page of JSON holds, and one of CSV.
const PAGE: usize = 100;
const CSV_PAGE: usize = 10_000;

/// Rows of a table; further ones get a table of their own, so that however many commits can be listed.
const ROWS: usize = 1_000;

/// Which commits, in which order, and how they are shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledger commits --data ledger-data
  ledger commits --from 2026-11-01 --to 2026-11-30 --format csv > november.csv
  ledger commits --type ProductDeleted --by happened --descending --limit 10")]
pub struct CommitsArgs {
    /// Only the commits of this product.
    #[arg(long, value_name = "ID", add = product_ids())]
    product: Option<ProductId>,
    /// Only the commits of this actor.
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    actor: Option<String>,
    /// Only commits with an event of this name; given several times, of one of them.
    #[arg(long = "type", value_name = "NAME", value_parser = PossibleValuesParser::new(ProductEvent::NAMES))]
    types: Vec<String>,
    /// Only commits with this correlation id.
    #[arg(long, value_name = "ID", value_parser = NonEmptyStringValueParser::new())]
    correlation_id: Option<String>,
    /// Only the commit with this id.
    #[arg(long, value_name = "ULID")]
    commit_id: Option<String>,
    /// Only the commit with the event that has this id.
    #[arg(long, value_name = "ULID")]
    event_id: Option<String>,
    /// Only commits that state a price of a time before the newest one that was stated until then.
    #[arg(long)]
    retroactive: bool,
    /// Only commits at this time (RFC 3339) or later, or from the beginning of this date on.
    #[arg(long, value_name = "T")]
    from: Option<DateOrTime>,
    /// Only commits before this time (RFC 3339), or until the end of this date.
    #[arg(long, value_name = "T")]
    to: Option<DateOrTime>,
    /// Which time `--from` and `--to` compare.
    #[arg(long, value_enum, default_value_t)]
    by: ComparedTime,
    /// Time zone of dates, for example Europe/Berlin [default: UTC].
    #[arg(long, value_name = "NAME")]
    time_zone: Option<TimeZoneName>,
    /// Only positions above this one.
    #[arg(long, value_name = "N", conflicts_with = "descending")]
    after: Option<u64>,
    /// Only positions below this one.
    #[arg(long, value_name = "N")]
    before: Option<u64>,
    /// From the newest to the oldest.
    #[arg(long)]
    descending: bool,
    /// At most so many commits [default: all].
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// A table for people, the commits with their receipts as JSON, or a row for each changed field as CSV.
    #[arg(long, value_enum, default_value_t)]
    format: CommitsFormat,
    /// Show long texts to their end in a table.
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    source: LedgerSourceArgs,
}

/// The time of a commit.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum ComparedTime {
    /// When it was recorded.
    #[default]
    Recorded,
    /// When it happened in business terms.
    Happened,
}

/// How commits are shown.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
enum CommitsFormat {
    /// For people.
    #[default]
    Table,
    /// As the server answers, all pages in one.
    Json,
    /// For spreadsheets.
    Csv,
}

/// Lists the commits.
///
/// # Errors
/// When the ledger cannot be read, or refuses.
pub async fn run(arguments: CommitsArgs) -> anyhow::Result<ExitCode> {
    let source = arguments.source.open().await?;
    let filters = arguments.filters()?;
    match arguments.format {
        CommitsFormat::Csv => csv(&arguments, &source, &filters).await?,
        CommitsFormat::Table | CommitsFormat::Json => listed(&arguments, &source, &filters).await?,
    }
    Ok(ExitCode::SUCCESS)
}

type Query = Vec<(&'static str, String)>;

impl CommitsArgs {
    /// Everything but the place and the size of a page.
    fn filters(&self) -> anyhow::Result<Query> {
        let zone = self.time_zone.as_ref();
        let from = self.from.map(|from| from.first_moment(zone)).transpose().context("--from")?;
        let to = self.to.map(|to| end(to, zone)).transpose().context("--to")?;
        let by = match self.by {
            ComparedTime::Recorded => None,
            ComparedTime::Happened => Some("happened".to_owned()),
        };
        let order = if self.descending { "desc" } else { "asc" };
        let given = [
            Some(("order", order.to_owned())),
            self.product.as_ref().map(|product| ("product", product.to_string())),
            self.actor.clone().map(|actor| ("actor", actor)),
            self.correlation_id.clone().map(|id| ("correlation_id", id)),
            self.commit_id.clone().map(|id| ("commit_id", id)),
            self.event_id.clone().map(|id| ("event_id", id)),
            self.retroactive.then(|| ("retroactive", "true".to_owned())),
            from.map(|from| ("from", from.to_string())),
            to.map(|to| ("to", to.to_string())),
            by.map(|by| ("by", by)),
        ];
        let types = self.types.iter().map(|name| ("type", name.clone()));
        Ok(given.into_iter().flatten().chain(types).collect())
    }

    /// The bounds of the first page; those of a further one begin at `next`.
    fn bounds(&self, next: Option<u64>) -> Query {
        let (after, before) = match next {
            Some(next) if self.descending => (None, Some(next)),
            Some(next) => (Some(next.to_string()), self.before),
            None if self.descending => (None, self.before),
            None => {
                (Some(self.after.map_or_else(|| "-1".to_owned(), |after| after.to_string())), self.before)
            }
        };
        let before = before.map(|before| ("before", before.to_string()));
        after.map(|after| ("after", after)).into_iter().chain(before).collect()
    }

    fn most(&self) -> usize {
        self.limit.map_or(usize::MAX, |limit| limit as usize)
    }
}

/// The moment behind the time or date.
fn end(to: DateOrTime, zone: Option<&TimeZoneName>) -> anyhow::Result<Timestamp> {
    let last = to.last_moment(zone)?;
    match to {
        DateOrTime::Time(_) => Ok(last),
        DateOrTime::Date(_) => {
            let behind = chrono::DateTime::from_timestamp_millis(last.millis() + 1);
            behind
                .and_then(|behind| Timestamp::new(behind).ok())
                .context("the date is at the end of the calendar; give a time")
        }
    }
}

/// The error of a parameter that the server does not accept, with the name of its option.
fn of_option(error: anyhow::Error) -> anyhow::Error {
    let option = match error.downcast_ref::<BadRequest>().and_then(|bad| bad.pointer.as_deref()) {
        Some("actor") => "--actor",
        Some("correlation_id") => "--correlation-id",
        Some("commit_id") => "--commit-id",
        Some("event_id") => "--event-id",
        Some("from") => "--from",
        Some("to") => "--to",
        _ => return error,
    };
    error.context(option)
}

async fn listed(arguments: &CommitsArgs, source: &LedgerSource, filters: &Query) -> anyhow::Result<()> {
    let (mut left, mut next) = (arguments.most(), None);
    let mut listed = Listed::new(arguments);
    loop {
        let limit = ("limit", left.min(PAGE).to_string());
        let query = [filters.clone(), arguments.bounds(next), vec![limit]].concat();
        let page: Value = source.json("commits", &query).await.map_err(of_option)?;
        let commits = page["commits"].as_array().map_or(&[][..], Vec::as_slice);
        left = left.saturating_sub(commits.len());
        next = page["next"].as_u64();
        if listed.add(commits)? == Output::Closed {
            return Ok(());
        }
        if left == 0 || next.is_none() {
            return listed.end(&page);
        }
    }
}

async fn csv(arguments: &CommitsArgs, source: &LedgerSource, filters: &Query) -> anyhow::Result<()> {
    let (mut left, mut next, mut is_first) = (arguments.most(), None, true);
    loop {
        let limit = ("limit", left.min(CSV_PAGE).to_string());
        let query = [filters.clone(), arguments.bounds(next), vec![limit]].concat();
        let page = source.csv("commits", &query).await.map_err(of_option)?;
        left = left.saturating_sub(positions(&page.text)?);
        if out::print(rows_of(&page.text, is_first))? == Output::Closed {
            return Ok(());
        }
        let behind = page.next.map(|next| next.parse().context("the link to the next page has no position"));
        (next, is_first) = (behind.transpose()?, false);
        if left == 0 || next.is_none() {
            return Ok(());
        }
    }
}

/// What is printed of a page of CSV: further pages repeat the header.
pub(crate) fn rows_of(text: &str, is_first: bool) -> &str {
    let begin = if is_first { 0 } else { text.find("\r\n").map_or(0, |end| end + 2) };
    &text[begin..]
}

/// How many commits a page has, each with one or more rows.
fn positions(text: &str) -> anyhow::Result<usize> {
    let (mut count, mut last) = (0, None);
    for row in ::csv::Reader::from_reader(text.as_bytes()).records() {
        let position = row.context("the answer is not CSV")?.get(0).map(str::to_owned);
        if position != last {
            (count, last) = (count + 1, position);
        }
    }
    Ok(count)
}

/// What was listed and not printed yet.
struct Listed {
    json: Option<JsonList>,
    full: bool,
    table: TextTable,
    rows: usize,
    count: usize,
}

impl Listed {
    fn new(arguments: &CommitsArgs) -> Self {
        let json = matches!(arguments.format, CommitsFormat::Json).then(|| JsonList::named("commits"));
        Self { json, full: arguments.full, table: Self::table(), rows: 0, count: 0 }
    }

    fn table() -> TextTable {
        TextTable::new(&["position", "occurred", "recorded", "who", "what"])
    }

    fn add(&mut self, commits: &[Value]) -> anyhow::Result<Output> {
        for entry in commits {
            self.count += 1;
            if let Some(json) = &mut self.json {
                if json.print(entry)? == Output::Closed {
                    return Ok(Output::Closed);
                }
                continue;
            }
            self.rows += rows(&mut self.table, entry, self.full);
            if self.rows >= ROWS && self.draw()? == Output::Closed {
                return Ok(Output::Closed);
            }
        }
        Ok(Output::Open)
    }

    fn draw(&mut self) -> anyhow::Result<Output> {
        self.rows = 0;
        let table = std::mem::replace(&mut self.table, Self::table());
        Ok(out::print(&table.draw(terminal_width()))?)
    }

    /// `page` is the last one.
    fn end(&mut self, page: &Value) -> anyhow::Result<()> {
        if let Some(json) = self.json.take() {
            json.end(format_args!("\"next\":{},\"newest\":{}", page["next"], page["newest"]))?;
        } else if self.count == 0 {
            out::line("no commits")?;
        } else if !self.table.is_empty() {
            self.draw()?;
        }
        Ok(())
    }
}

/// Adds a row for each event, and answers how many; what belongs to the whole commit is in the first.
fn rows(table: &mut TextTable, entry: &Value, full: bool) -> usize {
    let position = style(entry["position"].to_string()).cyan().to_string();
    let Some(fields) = entry["commit"].as_object() else {
        let what = match (entry["entry"].is_object(), entry["entry"]["reason"].as_str()) {
            (false, _) => style("the commit is gone".to_owned()).red(),
            (true, Some(reason)) => style(format!("a restore was accepted: {}", escaped(reason))).yellow(),
            (true, None) => style("an entry of a later build".to_owned()).yellow(),
        };
        table.row(vec![position, String::new(), "-".into(), "-".into(), what.to_string()]);
        return 1;
    };
    let commit = StoredCommit(fields.clone());
    let commit_json = &entry["commit"];
    let occurred = commit_json["metadata"]["occurred_at"].as_str();
    let recorded = commit_json["recorded_at"].as_str();
    let who = escaped(commit_json["metadata"]["actor"].as_str().unwrap_or("-"));
    let product = escaped(commit_json["product_id"].as_str().unwrap_or("-"));
    let first = commit.sequence().unwrap_or_default();
    let events = changes::describe(&commit, full);
    for (n, what) in events.iter().enumerate() {
        let once = |text: String| if n == 0 { text } else { String::new() };
        let late =
            once(if entry["retroactive"] == true { "\nchanged the past".to_owned() } else { String::new() });
        table.row(vec![
            once(position.clone()),
            once(if occurred == recorded { String::new() } else { moment(occurred) }),
            once(moment(recorded)),
            once(who.clone()),
            format!("{} {}: {what}{late}", style(&product).cyan(), first + n as u64),
        ]);
    }
    events.len()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn drawn(width: Option<usize>) -> String {
        let mut table = Listed::table();
        let change = json!({"event_id": "01K9XFT9EG0000000000004002", "type": "ProductPriceRecorded", "schema_version": 1,
            "data": {"price": "34.99", "currency": "USD", "from": "2026-11-01T00:00:00.000Z"}});
        let renamed = json!({"event_id": "01K9XFT9EG0000000000004001", "type": "ProductRenamed", "schema_version": 1,
            "data": {"name": "b\u{1b}", "previous_name": "a"}});
        let commit = json!({"product_id": "helmet", "sequence": 2, "recorded_at": "2026-11-23T05:20:00.001Z",
            "metadata": {"actor": "ann", "occurred_at": "2026-11-01T00:00:00.000Z"}, "events": [renamed, change]});
        rows(&mut table, &json!({"position": 1207, "retroactive": true, "commit": commit}), false);
        rows(&mut table, &json!({"position": 1208, "commit": null, "missing": {}}), false);
        let entry = json!({"kind": "restore-accepted", "reason": "disk\u{1b}"});
        rows(&mut table, &json!({"position": 1209, "commit": null, "entry": entry}), false);
        console::strip_ansi_codes(&table.draw(width)).into_owned()
    }

    #[test]
    fn a_commit_is_shown_once_and_its_events_one_by_one() {
        assert_eq!(
            drawn(None).lines().collect::<Vec<_>>(),
            [
                "position  occurred             recorded             who  what",
                "1207      2026-11-01 00:00:00  2026-11-23 05:20:00  ann  helmet 2: name: a → b\\u{1b}",
                "                                                         changed the past",
                "                                                         helmet 3: price from 2026-11-01 00:00:00: 34.99 USD",
                "1208                           -                    -    the commit is gone",
                "1209                           -                    -    a restore was accepted: disk\\u{1b}",
            ]
        );
    }

    #[test]
    fn no_line_is_wider_than_the_terminal() {
        for width in [40, 80, 200] {
            let drawn = drawn(Some(width));
            let wide = drawn.lines().find(|line| console::measure_text_width(line) > width);
            assert_eq!(wide, None, "{drawn}");
        }
    }

    #[test]
    fn a_date_ends_with_its_last_moment_and_a_time_is_itself() {
        let told = |text: &str| end(text.parse().unwrap(), None).unwrap().to_string();
        assert_eq!(told("2026-11-30"), "2026-12-01T00:00:00.000Z");
        assert_eq!(told("2026-11-30T12:00:00Z"), "2026-11-30T12:00:00.000Z");
    }

    #[test]
    fn the_header_of_csv_is_printed_once() {
        let page = "position,x\r\n7,a\r\n8,b\r\n";
        assert_eq!((rows_of(page, true), rows_of(page, false)), (page, "7,a\r\n8,b\r\n"));
        assert_eq!(rows_of("position,x\r\n", false), "");
    }

    #[test]
    fn commits_of_csv_are_counted_by_their_positions() {
        assert_eq!(positions("position,x\r\n").unwrap(), 0);
        assert_eq!(positions("position,x\r\n7,\"a\r\nb\"\r\n7,c\r\n9,\r\n").unwrap(), 2);
    }
}
