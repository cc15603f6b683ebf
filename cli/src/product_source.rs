//! Where a command reads a product from: a server, or an export.

use std::path::PathBuf;

use clap::Args;
use schema::ProductId;
use serde_json::Value;

use crate::exported::ExportedProduct;
use crate::remote::{LedgerClient, RemoteServer};

/// Where to read from.
#[derive(Debug, Args)]
pub struct ProductSourceArgs {
    /// Read this export of `ledger export` instead of asking a server, and check the product's chain in it; `-` is standard
    /// input.
    #[arg(long, value_name = "EXPORT")]
    file: Option<PathBuf>,
    #[command(flatten)]
    server: RemoteServer,
}

/// Answers queries about a product.
pub(crate) enum ProductSource {
    Server(LedgerClient),
    Export(ExportedProduct),
}

impl ProductSourceArgs {
    /// The source of a product.
    ///
    /// # Errors
    /// [`crate::exit::Refused`] inside if an export has no such product, or faults.
    pub(crate) async fn of(&self, id: &ProductId) -> anyhow::Result<ProductSource> {
        Ok(match &self.file {
            Some(path) => ProductSource::Export(ExportedProduct::read(path, id).await?),
            None => ProductSource::Server(self.server.client()?),
        })
    }
}

impl ProductSource {
    /// Gets `path` with query parameters, from a server or as a server would answer.
    ///
    /// # Errors
    /// [`crate::exit::Refused`] inside if the state of the ledger does not allow it; any other error if there is no answer.
    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, String)]) -> anyhow::Result<Value> {
        match self {
            Self::Server(server) => server.get(path, query).await,
            Self::Export(export) => export.get(path, query).await,
        }
    }

    /// Whether it knows receipts of publication.
    pub(crate) fn has_receipts(&self) -> bool {
        matches!(self, Self::Server(_))
    }
}
