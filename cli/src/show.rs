//! `ledger show`: shows a product, as it is or as it was at a version or a time.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use schema::ProductId;
use serde_json::Value;

use crate::completions::product_ids;
use crate::date_or_time::{DateOrTime, TimeZoneName};
use crate::out;
use crate::product_source::ProductSourceArgs;
use crate::text_table::{TextTable, escaped, terminal_width};

/// The first fields, in this order; the others follow by name.
const FIRST: [&str; 11] = [
    "id",
    "name",
    "price",
    "currency",
    "sku",
    "category",
    "description",
    "status",
    "version",
    "created_at",
    "updated_at",
];

/// Which product, and of when.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledger show helmet --as-of 2026-01-31
  ledger show helmet --version 2 --file ledger.ndjson")]
pub struct ShowArgs {
    /// The product.
    #[arg(add = product_ids())]
    id: ProductId,
    /// As it was at this version.
    #[arg(long, value_name = "N", conflicts_with = "as_of")]
    version: Option<u64>,
    /// As the ledger had it at this time (RFC 3339), or at the end of this date.
    #[arg(long, value_name = "T")]
    as_of: Option<DateOrTime>,
    /// Time zone of a date, for example Europe/Berlin [default: UTC].
    #[arg(long, value_name = "NAME")]
    time_zone: Option<TimeZoneName>,
    /// Print the product as JSON, as a server answers it.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    source: ProductSourceArgs,
}

/// Shows the product.
///
/// # Errors
/// When the server or the export cannot be read, or the product is refused.
pub async fn run(arguments: ShowArgs) -> anyhow::Result<ExitCode> {
    let version = arguments.version.map(|version| ("version", version.to_string()));
    let as_of = arguments.as_of.map(|as_of| as_of.last_moment(arguments.time_zone.as_ref()));
    let as_of = as_of.transpose().context("--as-of")?.map(|moment| ("as_of", moment.to_string()));
    let query: Vec<_> = version.into_iter().chain(as_of).collect();
    let source = arguments.source.of(&arguments.id).await?;
    let product = source.get(&["products", arguments.id.as_str()], &query).await?;
    let text = if arguments.json { format!("{product}\n") } else { drawn(&product) };
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn drawn(product: &Value) -> String {
    let mut table = TextTable::new(&["field", "value"]);
    let Value::Object(fields) = product else {
        return format!("{product}\n");
    };
    let rest = fields.keys().map(String::as_str).filter(|name| !FIRST.contains(name));
    for name in FIRST.into_iter().chain(rest) {
        match fields.get(name) {
            None => {}
            Some(Value::Object(pairs)) => {
                for (key, value) in pairs {
                    table.row(vec![escaped(&format!("{name}.{key}")), text(value)]);
                }
            }
            Some(value) => table.row(vec![name.to_owned(), text(value)]),
        }
    }
    table.draw(terminal_width())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| escaped(&value.to_string()), escaped)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_product_is_shown_field_by_field() {
        let product =
            json!({"version": 3, "price": "34.99", "id": "p", "attributes": {"color": "Red"}, "later": [1]});
        let shown = console::strip_ansi_codes(&drawn(&product)).into_owned();
        assert_eq!(
            shown,
            "field             value\nid                p\nprice             34.99\nversion           3\n\
             attributes.color  Red\nlater             [1]\n"
        );
    }
}
