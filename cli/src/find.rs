//! `ledger find`: finds products by SKU, by the beginning of their name, or by their id or its beginning.

use std::collections::HashMap;
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, value_parser};
use schema::ProductId;
use serde_json::{Value, json};

use crate::out;
use crate::product_table::ProductTable;
use crate::remote::{BadRequest, LedgerClient, RemoteServer};
use crate::text_table::{escaped, terminal_width};

/// The most that a page holds.
const PAGE: usize = 100;

/// What to look for.
#[derive(Debug, Args)]
pub struct FindArgs {
    /// A SKU, the beginning of a name (in upper or lower case), an id or its beginning.
    #[arg(value_parser = NonEmptyStringValueParser::new())]
    text: String,
    /// At most so many products by each of SKU, name and id.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = value_parser!(u32).range(1..))]
    limit: u32,
    /// Print JSON.
    #[arg(long)]
    json: bool,
    /// Show long names to their end.
    #[arg(long, conflicts_with = "json")]
    full: bool,
    #[command(flatten)]
    server: RemoteServer,
}

/// What of a product matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Matched {
    Id,
    IdPrefix,
    Sku,
    NamePrefix,
}

/// The products that were found, in the order in which they were, each once.
#[derive(Default)]
struct Found {
    products: Vec<(Value, Vec<Matched>)>,
    places: HashMap<String, usize>,
    /// Whether more match than were asked for.
    more: bool,
    /// Whether the server cannot look names through.
    without_names: bool,
}

/// Finds products; exit code 0 whatever is found.
///
/// # Errors
/// When the server cannot be reached, or refuses.
pub async fn run(arguments: FindArgs) -> anyhow::Result<ExitCode> {
    let client = arguments.server.client()?;
    let mut found = Found::default();
    let text = arguments.text.as_str();
    // `.` and `..` are no ids, but some begin with them.
    if ProductId::new(text).is_ok() || text == "." || text == ".." {
        arguments.look(&client, &mut found, &[("id_prefix", text)], Matched::IdPrefix).await?;
    }
    if (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control) {
        arguments.look(&client, &mut found, &[("sku", text)], Matched::Sku).await?;
    }
    if text.chars().count() <= 200 && !text.chars().any(char::is_control) {
        let names = [("sort", "name"), ("name_prefix", text)];
        if let Err(error) = arguments.look(&client, &mut found, &names, Matched::NamePrefix).await {
            match error.downcast_ref::<BadRequest>() {
                Some(BadRequest { pointer: Some(pointer), .. }) if pointer == "sort" => {
                    found.without_names = true;
                    out::message("names were not looked through: the server does not keep the order by name");
                }
                _ => return Err(error),
            }
        }
    }
    arguments.print(&found)?;
    Ok(ExitCode::SUCCESS)
}

impl FindArgs {
    /// Adds what a query lists, up to the limit.
    async fn look(
        &self,
        client: &LedgerClient,
        found: &mut Found,
        query: &[(&str, &str)],
        matched: Matched,
    ) -> anyhow::Result<()> {
        let mut left = self.limit as usize;
        let mut cursor: Option<String> = None;
        loop {
            let limit = ("limit", left.min(PAGE).to_string());
            let given = query.iter().map(|(name, value)| (*name, (*value).to_owned()));
            let cursor_given = cursor.take().map(|cursor| ("cursor", cursor));
            let query: Vec<_> = given.chain([limit]).chain(cursor_given).collect();
            let mut page = client.get(&["products"], &query).await?;
            let next = page["next"].as_str().map(str::to_owned);
            if let Value::Array(products) = page["products"].take() {
                left = left.saturating_sub(products.len());
                for product in products {
                    found.add(product, &self.text, matched);
                }
            }
            if left == 0 || next.is_none() {
                found.more |= next.is_some();
                return Ok(());
            }
            cursor = next;
        }
    }

    fn print(&self, found: &Found) -> anyhow::Result<()> {
        if self.json {
            let entry = |(product, matched): &(Value, Vec<Matched>)| {
                let matched: Vec<&str> = matched.iter().map(|matched| matched.name()).collect();
                json!({"matched": matched, "product": product})
            };
            let entries: Vec<Value> = found.products.iter().map(entry).collect();
            out::json(&json!({"found": entries, "more": found.more}))?;
            return Ok(());
        }
        if found.products.is_empty() {
            let begins = if found.without_names { "an id" } else { "a name or id" };
            out::line(format_args!(
                "no product has the SKU {}, or {begins} that begins with it",
                escaped(&self.text)
            ))?;
            return Ok(());
        }
        let mut table = ProductTable::new("matched", self.full);
        for (product, matched) in &found.products {
            let matched: Vec<&str> = matched.iter().map(|matched| matched.title()).collect();
            table.add(product, matched.join(", "));
        }
        out::print(&table.draw(terminal_width()))?;
        if found.more {
            out::message("more products match; --limit shows more");
        }
        Ok(())
    }
}

impl Found {
    fn add(&mut self, product: Value, text: &str, matched: Matched) {
        let id = product["id"].as_str().unwrap_or_default().to_owned();
        let matched = if matched == Matched::IdPrefix && id == text { Matched::Id } else { matched };
        if let Some(place) = self.places.get(&id) {
            self.products[*place].1.push(matched);
        } else {
            self.places.insert(id, self.products.len());
            self.products.push((product, vec![matched]));
        }
    }
}

impl Matched {
    /// Its name in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::IdPrefix => "id_prefix",
            Self::Sku => "sku",
            Self::NamePrefix => "name_prefix",
        }
    }

    /// Its name in the table.
    fn title(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::IdPrefix => "id begins",
            Self::Sku => "SKU",
            Self::NamePrefix => "name begins",
        }
    }
}
