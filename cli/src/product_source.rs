//! Where a command reads a product from: a server, or an export.

use std::path::PathBuf;

use clap::{ArgMatches, Args, Command, FromArgMatches};
use schema::ProductId;
use serde_json::Value;

use crate::exported::ExportedProduct;
use crate::remote::{LedgerClient, RemoteServer, not_beside_url};

/// Where to read from: a server or an export, not both.
#[derive(Debug)]
pub struct ProductSourceArgs(SourceOptions);

#[derive(Debug, Args)]
struct SourceOptions {
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

impl FromArgMatches for ProductSourceArgs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        not_beside_url(matches, "file", "--file <EXPORT>")?;
        SourceOptions::from_arg_matches(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

impl Args for ProductSourceArgs {
    fn augment_args(command: Command) -> Command {
        SourceOptions::augment_args(command)
    }

    fn augment_args_for_update(command: Command) -> Command {
        SourceOptions::augment_args_for_update(command)
    }
}

impl ProductSourceArgs {
    /// The source of a product.
    ///
    /// # Errors
    /// [`crate::exit::Refused`] inside if an export has no such product, or faults.
    pub(crate) async fn of(&self, id: &ProductId) -> anyhow::Result<ProductSource> {
        Ok(match &self.0.file {
            Some(path) => ProductSource::Export(ExportedProduct::read(path, id).await?),
            None => ProductSource::Server(self.0.server.client()?),
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
