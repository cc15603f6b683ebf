//! `ledger log key`: the verifier key of a ledger's log, which is to be published where the log's readers trust it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use server::backend::TableLog;
use server::directory::ReadDirectory;
use server::log::bound_keys;

use crate::exit::Refused;
use crate::{environment, out};

/// Whose key.
#[derive(Debug, Args)]
#[command(
    after_help = "Publish the key where the operators of the ledger cannot change it unnoticed: on a web site, in a contract. \
Readers of the log take it from there, not from the log itself.

Examples:
  ledger log key --data ledger-data > log.vkey
  ledger log verify ledger-data/log --key log.vkey
  LEDGER_LOG_TABLE=TABLE ledger log key"
)]
pub struct LogKeyArgs {
    /// Data directory of the ledger, also while `serve` runs on it; without it, the AWS SDK's environment.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Prints the key; exit code 1 if the ledger has no log.
///
/// # Errors
/// When the ledger could not be read.
pub(super) async fn run(arguments: LogKeyArgs) -> anyhow::Result<ExitCode> {
    let (place, keys) = if let Some(data) = &arguments.data {
        let place = format!("--data {}", data.display());
        let directory = ReadDirectory::open(data).with_context(|| place.clone())?;
        let keys = bound_keys(&directory.ledger).await.with_context(|| place.clone())?;
        (place, keys)
    } else {
        let settings = server::environment::settings()?;
        let aws = environment::ledger_on_aws(&settings).await?;
        let log = TableLog::on_dynamodb(&aws, &settings.tables);
        (format!("log table {}", settings.tables.log), log.bound.keys().await?)
    };
    let Some(keys) = keys else {
        return Err(Refused(format!("{place}: the ledger has no log; start the server once")).into());
    };
    out::print(&keys.to_string())?;
    Ok(ExitCode::SUCCESS)
}
