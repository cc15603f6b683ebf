//! `ledger diff`: compares the catalogues of two times, from a server or from a data directory.
//!
//! The promise: both catalogues are read in the order of their ids, page by page, so a comparison needs no more memory than two
//! pages however large they are.

mod change;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};
use console::style;
use projections::http::harmless;
use serde_json::{Value, json};

use crate::catalogue::ListingFormat;
use crate::catalogue::walk::{CatalogueTime, CatalogueWalk};
use crate::date_or_time::{DateOrTime, TimeZoneName};
use crate::json_list::JsonList;
use crate::ledger_source::LedgerSourceArgs;
use crate::out::{self, Output};
use crate::text_table::{TextTable, escaped, shortened, terminal_width};
use change::{ChangeCounts, ProductChange, changes};

/// Rows of a table; further ones get a table of their own, so that however many changes can be listed.
const ROWS: usize = 1_000;

/// Which catalogues, and how what differs is shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledger diff 2024-05-01 2024-06-01 --data ledger-data
  ledger diff 2026-10-31 2026-11-30 --by recorded --format csv > november.csv")]
pub struct DiffArgs {
    /// The first time (RFC 3339), or the end of this date.
    #[arg(value_name = "T1")]
    from: DateOrTime,
    /// The second time (RFC 3339), or the end of this date.
    #[arg(value_name = "T2")]
    to: DateOrTime,
    /// What was in force at these times, as known now; or what was recorded by them, which also tells what was renamed or has
    /// other details.
    #[arg(long, value_enum, default_value_t)]
    by: CatalogueClock,
    /// Time zone of dates, for example Europe/Berlin [default: UTC].
    #[arg(long, value_name = "NAME")]
    time_zone: Option<TimeZoneName>,
    /// A table for people, one JSON object, or a row for each change as CSV.
    #[arg(long, value_enum, default_value_t)]
    format: ListingFormat,
    #[command(flatten)]
    source: LedgerSourceArgs,
}

/// The clock of a catalogue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum CatalogueClock {
    /// What was in force.
    #[default]
    InForce,
    /// What was recorded.
    Recorded,
}

/// Lists the changes.
///
/// # Errors
/// When the ledger cannot be read, or refuses.
pub async fn run(arguments: DiffArgs) -> anyhow::Result<ExitCode> {
    let source = arguments.source.open().await?;
    let zone = arguments.time_zone.as_ref();
    let from = arguments.time(arguments.from.last_moment(zone).context("T1")?);
    let to = arguments.time(arguments.to.last_moment(zone).context("T2")?);
    let (mut before, mut after) = (CatalogueWalk::new(&source, from), CatalogueWalk::new(&source, to));
    let mut listed = Listed::new(arguments.format);
    let (mut one, mut other) = (before.next().await?, after.next().await?);
    loop {
        let order = match (&one, &other) {
            (None, None) => break,
            (Some(_), None) => std::cmp::Ordering::Less,
            (None, Some(_)) => std::cmp::Ordering::Greater,
            (Some(one), Some(other)) => id(one).cmp(id(other)),
        };
        let was = if order.is_le() { one.take() } else { None };
        let is = if order.is_ge() { other.take() } else { None };
        if listed.add(was.as_ref(), is.as_ref(), arguments.by == CatalogueClock::Recorded)? == Output::Closed
        {
            return Ok(ExitCode::SUCCESS);
        }
        if order.is_le() {
            one = before.next().await?;
        }
        if order.is_ge() {
            other = after.next().await?;
        }
    }
    listed.end(from, to)?;
    Ok(ExitCode::SUCCESS)
}

impl DiffArgs {
    fn time(&self, at: schema::Timestamp) -> CatalogueTime {
        match self.by {
            CatalogueClock::InForce => CatalogueTime::InForce(at),
            CatalogueClock::Recorded => CatalogueTime::Recorded(at),
        }
    }
}

fn id(product: &Value) -> &str {
    product["id"].as_str().unwrap_or_default()
}

/// What was compared, as far as it is shown.
struct Listed {
    form: Form,
    counts: ChangeCounts,
    rows: usize,
}

enum Form {
    Table(TextTable),
    Json(JsonList),
    Csv(bool),
}

const CSV_COLUMNS: [&str; 7] = ["product_id", "name", "change", "from", "to", "from_currency", "to_currency"];

impl Listed {
    fn new(format: ListingFormat) -> Self {
        let form = match format {
            ListingFormat::Table => Form::Table(table()),
            ListingFormat::Json => Form::Json(JsonList::named("changes")),
            ListingFormat::Csv => Form::Csv(false),
        };
        Self { form, counts: ChangeCounts::default(), rows: 0 }
    }

    /// Compares a product with itself; it is missing where it was not in the catalogue.
    fn add(&mut self, was: Option<&Value>, is: Option<&Value>, whole: bool) -> anyhow::Result<Output> {
        let Some(product) = is.or(was) else { return Ok(Output::Open) };
        let changes = changes(was, is, whole);
        self.counts.add(&changes);
        for change in &changes {
            self.rows += 1;
            let shown = match &mut self.form {
                Form::Json(list) => list.print(entry(product, change))?,
                Form::Csv(is_begun) => {
                    let is_first = !std::mem::replace(is_begun, true);
                    out::print(&csv(is_first, Some((product, change)))?)?
                }
                Form::Table(table) => {
                    table.row(row(product, change));
                    Output::Open
                }
            };
            if shown == Output::Closed || (self.rows.is_multiple_of(ROWS) && self.draw()? == Output::Closed) {
                return Ok(Output::Closed);
            }
        }
        Ok(Output::Open)
    }

    /// Prints the rows of a table so far.
    fn draw(&mut self) -> anyhow::Result<Output> {
        let Form::Table(rows) = &mut self.form else { return Ok(Output::Open) };
        if rows.is_empty() {
            return Ok(Output::Open);
        }
        Ok(out::print(&std::mem::replace(rows, table()).draw(terminal_width()))?)
    }

    fn end(mut self, from: CatalogueTime, to: CatalogueTime) -> anyhow::Result<()> {
        if self.draw()? == Output::Closed {
            return Ok(());
        }
        match self.form {
            Form::Json(list) => list.end(format_args!("\"counts\":{}", self.counts.to_json()))?,
            Form::Csv(true) => Output::Open,
            Form::Csv(false) => out::print(&csv(true, None)?)?,
            Form::Table(_) => {
                out::line(format_args!("from {} to {}: {}", from.said(), to.said(), self.counts))?
            }
        };
        Ok(())
    }
}

fn table() -> TextTable {
    TextTable::new(&["id", "name", "change"])
}

fn row(product: &Value, change: &ProductChange) -> Vec<String> {
    let name = escaped(product["name"].as_str().unwrap_or("-"));
    vec![
        style(escaped(id(product))).cyan().to_string(),
        shortened(&name).into_owned(),
        escaped(&change.to_string()),
    ]
}

fn entry(product: &Value, change: &ProductChange) -> Value {
    json!({"product_id": id(product), "name": product["name"], "change": change.name(), "from": change.from(), "to": change.to()})
}

/// A row of CSV, behind the header if it is the first.
fn csv(is_first: bool, change: Option<(&Value, &ProductChange)>) -> anyhow::Result<String> {
    let mut writer = ::csv::WriterBuilder::new().terminator(::csv::Terminator::CRLF).from_writer(Vec::new());
    if is_first {
        writer.write_record(CSV_COLUMNS)?;
    }
    if let Some((product, change)) = change {
        let cell = |value: &Value| match value {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        };
        let side = |value: &Value| match value.get("price") {
            Some(price) => (cell(price), cell(&value["currency"])),
            None => (cell(value), String::new()),
        };
        let ((from, from_currency), (to, to_currency)) = (side(&change.from()), side(&change.to()));
        let name = cell(&product["name"]);
        let texts = [&name, change.name(), &from, &to].map(|text| harmless(text).into_owned());
        let [name, change, from, to] = texts;
        writer.write_record([id(product), &name, &change, &from, &to, &from_currency, &to_currency])?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}
