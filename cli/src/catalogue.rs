//! `ledger catalogue`: lists the catalogue of another time, from a server or from a data directory.

pub(crate) mod walk;

use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, ValueEnum};

use crate::commits::rows_of;
use crate::date_or_time::{DateOrTime, TimeZoneName};
use crate::json_list::JsonList;
use crate::ledger_source::{LedgerSource, LedgerSourceArgs};
use crate::out::{self, Output};
use crate::product_table::ProductTable;
use crate::remote::BadRequest;
use crate::text_table::{moment, terminal_width};
use walk::{CatalogueTime, CatalogueWalk};

/// Products of a page of CSV.
const CSV_PAGE: usize = 10_000;

/// Rows of a table; further ones get a table of their own, so that however many products can be listed.
const ROWS: usize = 1_000;

/// Which catalogue, and how it is shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledger catalogue --in-force 2024-06-01 --data ledger-data
  ledger catalogue --as-of 2026-11-01T09:00:00Z --format csv > catalogue.csv")]
pub struct CatalogueArgs {
    /// As the ledger had it at this time (RFC 3339), or at the end of this date.
    #[arg(long, value_name = "T", required_unless_present = "in_force", conflicts_with = "in_force")]
    as_of: Option<DateOrTime>,
    /// What was in force at this time (RFC 3339), or at the end of this date, as known now.
    #[arg(long, value_name = "T")]
    in_force: Option<DateOrTime>,
    /// Time zone of dates, for example Europe/Berlin [default: UTC].
    #[arg(long, value_name = "NAME")]
    time_zone: Option<TimeZoneName>,
    /// A table for people, the products as JSON, or a row for each as CSV.
    #[arg(long, value_enum, default_value_t)]
    format: ListingFormat,
    /// Show long names to their end in a table.
    #[arg(long)]
    full: bool,
    #[command(flatten)]
    source: LedgerSourceArgs,
}

/// How a listing is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum ListingFormat {
    /// For people.
    #[default]
    Table,
    /// One object, with all entries.
    Json,
    /// For spreadsheets.
    Csv,
}

/// Lists the products.
///
/// # Errors
/// When the ledger cannot be read, or refuses.
pub async fn run(arguments: CatalogueArgs) -> anyhow::Result<ExitCode> {
    let source = arguments.source.open().await?;
    let time = arguments.time()?;
    match arguments.format {
        ListingFormat::Csv => csv(&source, &time).await?,
        ListingFormat::Json => json(&source, &time).await?,
        ListingFormat::Table => table(&source, &time, arguments.full).await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl CatalogueArgs {
    fn time(&self) -> anyhow::Result<CatalogueTime> {
        let zone = self.time_zone.as_ref();
        match (self.as_of, self.in_force) {
            (Some(as_of), _) => Ok(CatalogueTime::Recorded(as_of.last_moment(zone).context("--as-of")?)),
            (None, Some(in_force)) => {
                Ok(CatalogueTime::InForce(in_force.last_moment(zone).context("--in-force")?))
            }
            (None, None) => anyhow::bail!("give --as-of or --in-force"),
        }
    }
}

async fn csv(source: &LedgerSource, time: &CatalogueTime) -> anyhow::Result<()> {
    let (mut next, mut is_first): (Option<String>, _) = (None, true);
    loop {
        let query = time.query(CSV_PAGE, next.as_deref());
        let page = source.csv("products", &query).await.map_err(of_option)?;
        let rows = rows_of(&page.text, is_first);
        if out::print(rows)? == Output::Closed {
            return Ok(());
        }
        (next, is_first) = (page.next, false);
        if next.is_none() {
            return Ok(());
        }
    }
}

async fn json(source: &LedgerSource, time: &CatalogueTime) -> anyhow::Result<()> {
    let mut walk = CatalogueWalk::new(source, *time);
    let mut list = JsonList::named("products");
    while let Some(product) = walk.next().await.map_err(of_option)? {
        if list.print(product)? == Output::Closed {
            return Ok(());
        }
    }
    list.end("\"next\":null")?;
    Ok(())
}

async fn table(source: &LedgerSource, time: &CatalogueTime, full: bool) -> anyhow::Result<()> {
    let (title, field) = match time {
        CatalogueTime::Recorded(_) => ("recorded", "updated_at"),
        CatalogueTime::InForce(_) => ("price since", "price_occurred_at"),
    };
    let mut walk = CatalogueWalk::new(source, *time);
    let (mut table, mut count) = (ProductTable::new(title, full), 0_u64);
    while let Some(product) = walk.next().await.map_err(of_option)? {
        count += 1;
        table.add(&product, moment(product[field].as_str()));
        if table.len() == ROWS {
            let full_table = std::mem::replace(&mut table, ProductTable::new(title, full));
            if out::print(&full_table.draw(terminal_width()))? == Output::Closed {
                return Ok(());
            }
        }
    }
    if !table.is_empty() && out::print(&table.draw(terminal_width()))? == Output::Closed {
        return Ok(());
    }
    let products = if count == 1 { "product" } else { "products" };
    out::line(format_args!("{count} {products} {}", time.said()))?;
    Ok(())
}

/// The error of a parameter that the server does not accept, with the name of its option.
fn of_option(error: anyhow::Error) -> anyhow::Error {
    let option = match error.downcast_ref::<BadRequest>().and_then(|bad| bad.pointer.as_deref()) {
        Some("as_of") => "--as-of",
        Some("in_force") => "--in-force",
        _ => return error,
    };
    error.context(option)
}
