//! `ledger list`: lists the products of the catalogue, page by page.

use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, ValueEnum, value_parser};
use console::style;
use serde_json::Value;

use crate::json_list::JsonList;
use crate::out::{self, Output};
use crate::product_table::ProductTable;
use crate::remote::{BadRequest, LedgerClient, RemoteServer};
use crate::text_table::{escaped, terminal_width};

/// The most that a page holds.
const PAGE: usize = 100;

/// Rows of a table; further ones get a table of their own, so that however many products can be listed.
const ROWS: usize = 1_000;

/// Which products, and in which order.
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
#[derive(Debug, Args)]
pub struct ListArgs {
    /// The order.
    #[arg(long, value_enum, default_value_t, requires_if("price", "currency"))]
    sort: SortOrder,
    /// From the end to the beginning.
    #[arg(long)]
    descending: bool,
    /// The currency of the prices to sort by.
    #[arg(long, value_name = "CODE")]
    currency: Option<String>,
    /// Only products with exactly this SKU; by id or name.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    sku: Option<String>,
    /// Only products in exactly this category; by id or name.
    #[arg(long, value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    category: Option<String>,
    /// Deleted products too; with `--sort updated_at`.
    #[arg(long)]
    deleted: bool,
    /// At most so many products [default: all].
    #[arg(long, value_name = "N", value_parser = value_parser!(u32).range(1..))]
    limit: Option<u32>,
    /// Print the products as JSON, all pages in one.
    #[arg(long)]
    json: bool,
    /// Show long names to their end.
    #[arg(long, conflicts_with = "json")]
    full: bool,
    #[command(flatten)]
    server: RemoteServer,
}

/// The orders of the catalogue.
#[derive(Debug, Clone, Copy, Default, ValueEnum)]
#[value(rename_all = "snake_case")]
enum SortOrder {
    /// By id.
    #[default]
    Id,
    /// By name.
    Name,
    /// By price; needs `--currency`.
    Price,
    /// By the time of the newest change.
    UpdatedAt,
}

/// Lists the products.
///
/// # Errors
/// When the server cannot be reached, or refuses.
pub async fn run(arguments: ListArgs) -> anyhow::Result<ExitCode> {
    let client = arguments.server.client()?;
    arguments.check()?;
    let mut left = arguments.limit.map_or(usize::MAX, |limit| limit as usize);
    let mut listed = Listed::new(&arguments);
    let mut cursor = None;
    loop {
        let page = arguments.page(&client, left.min(PAGE), cursor.as_deref()).await?;
        let products = page["products"].as_array().map_or(&[][..], Vec::as_slice);
        left = left.saturating_sub(products.len());
        cursor = page["next"].as_str().map(str::to_owned);
        if listed.add(products)? == Output::Closed {
            return Ok(ExitCode::SUCCESS);
        }
        if left == 0 || cursor.is_none() {
            listed.end(cursor.as_deref())?;
            return Ok(ExitCode::SUCCESS);
        }
    }
}

impl ListArgs {
    /// Refuses what no server answers together.
    fn check(&self) -> anyhow::Result<()> {
        let is_looked_up = self.sku.is_some() || self.category.is_some();
        anyhow::ensure!(
            !(self.deleted && is_looked_up),
            "--deleted cannot be used with --sku or --category, which find active products alone"
        );
        anyhow::ensure!(
            !self.deleted || matches!(self.sort, SortOrder::UpdatedAt),
            "--deleted needs --sort updated_at: the other orders hold active products alone"
        );
        anyhow::ensure!(
            !is_looked_up || matches!(self.sort, SortOrder::Id | SortOrder::Name),
            "--sku and --category need --sort id or --sort name"
        );
        anyhow::ensure!(
            self.currency.is_none() || matches!(self.sort, SortOrder::Price),
            "--currency needs --sort price"
        );
        Ok(())
    }

    async fn page(&self, client: &LedgerClient, limit: usize, cursor: Option<&str>) -> anyhow::Result<Value> {
        let sort = match self.sort {
            SortOrder::Id => "id",
            SortOrder::Name => "name",
            SortOrder::Price => "price",
            SortOrder::UpdatedAt => "updated_at",
        };
        let given = [
            Some(("sort", sort.to_owned())),
            Some(("limit", limit.to_string())),
            self.descending.then(|| ("order", "desc".to_owned())),
            self.deleted.then(|| ("include", "deleted".to_owned())),
            self.currency.clone().map(|currency| ("currency", currency)),
            self.sku.clone().map(|sku| ("sku", sku)),
            self.category.clone().map(|category| ("category", category)),
            cursor.map(|cursor| ("cursor", cursor.to_owned())),
        ];
        let query: Vec<_> = given.into_iter().flatten().collect();
        client.get(&["products"], &query).await.map_err(of_option)
    }
}

/// The error of a parameter that the server does not accept, with the name of its option.
fn of_option(error: anyhow::Error) -> anyhow::Error {
    let option = match error.downcast_ref::<BadRequest>().and_then(|bad| bad.pointer.as_deref()) {
        Some("order") => "--descending",
        Some("include") => "--deleted",
        Some("sort") => "--sort",
        Some("currency") => "--currency",
        Some("sku") => "--sku",
        Some("category") => "--category",
        Some("limit") => "--limit",
        _ => return error,
    };
    error.context(option)
}

/// What was listed and not printed yet.
struct Listed {
    json: Option<JsonList>,
    full: bool,
    table: ProductTable,
    count: usize,
}

impl Listed {
    fn new(arguments: &ListArgs) -> Self {
        let (json, full) = (arguments.json.then(|| JsonList::named("products")), arguments.full);
        Self { json, full, table: Self::table(full), count: 0 }
    }

    fn table(full: bool) -> ProductTable {
        ProductTable::new("status", full)
    }

    fn add(&mut self, products: &[Value]) -> anyhow::Result<Output> {
        for product in products {
            self.count += 1;
            if let Some(json) = &mut self.json {
                if json.print(product)? == Output::Closed {
                    return Ok(Output::Closed);
                }
                continue;
            }
            self.table.add(product, status(product));
            if self.table.len() == ROWS && self.draw()? == Output::Closed {
                return Ok(Output::Closed);
            }
        }
        Ok(Output::Open)
    }

    fn draw(&mut self) -> anyhow::Result<Output> {
        let table = std::mem::replace(&mut self.table, Self::table(self.full));
        Ok(out::print(&table.draw(terminal_width()))?)
    }

    /// `next` is the cursor behind the last product, if there are more.
    fn end(&mut self, next: Option<&str>) -> anyhow::Result<()> {
        if let Some(json) = self.json.take() {
            json.end(format_args!("\"next\":{}", Value::from(next)))?;
        } else if self.count == 0 {
            out::line("no products")?;
        } else if !self.table.is_empty() {
            self.draw()?;
        }
        Ok(())
    }
}

fn status(product: &Value) -> String {
    let status = escaped(product["status"].as_str().unwrap_or("-"));
    if status == "deleted" { style(status).red().to_string() } else { status }
}
