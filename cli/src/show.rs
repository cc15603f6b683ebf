//! `ledger show`: one product, as it is or as the ledger had it at a version or a moment.

use std::process::ExitCode;

use clap::Args;
use schema::{ProductId, Timestamp};
use serde_json::Value;

use crate::columns::{Columns, plain};
use crate::out;
use crate::remote::{Server, refused};

/// What comes first, in this order; the rest follows by name.
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

/// Which product, and when.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The product.
    id: ProductId,
    /// As it was at this version.
    #[arg(long, value_name = "N", conflicts_with = "as_of")]
    version: Option<u64>,
    /// As the ledger had it at this moment (RFC 3339).
    #[arg(long, value_name = "T")]
    as_of: Option<Timestamp>,
    /// Print the server's JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: Server,
}

/// Shows the product.
///
/// # Errors
/// When the server cannot be asked; what it refuses is told, with exit code 1.
pub async fn run(arguments: ShowArgs) -> anyhow::Result<ExitCode> {
    show(arguments).await.or_else(refused)
}

async fn show(arguments: ShowArgs) -> anyhow::Result<ExitCode> {
    let version = arguments.version.map(|version| ("version", version.to_string()));
    let as_of = arguments.as_of.map(|moment| ("as_of", moment.to_string()));
    let query: Vec<_> = version.into_iter().chain(as_of).collect();
    let product = arguments.server.get(&["products", arguments.id.as_str()], &query).await?;
    let text = if arguments.json { format!("{product}\n") } else { drawn(&product) };
    out::print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn drawn(product: &Value) -> String {
    let mut table = Columns::new(&["field", "value"]);
    let Value::Object(fields) = product else {
        return format!("{product}\n");
    };
    let rest = fields.keys().map(String::as_str).filter(|name| !FIRST.contains(name));
    for name in FIRST.into_iter().chain(rest) {
        match fields.get(name) {
            None => {}
            Some(Value::Object(pairs)) => {
                for (key, value) in pairs {
                    table.row(vec![plain(&format!("{name}.{key}")), text(value)]);
                }
            }
            Some(value) => table.row(vec![name.to_owned(), text(value)]),
        }
    }
    table.draw()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| plain(&value.to_string()), plain)
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
