//! `ledger log key`: the verifier key of a ledger's log, which is to be published where the log's readers trust it.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use server::directory::ReadDirectory;
use server::log::bound_keys;

use crate::exit::Refused;
use crate::out;

/// Whose key.
#[derive(Debug, Args)]
#[command(
    after_help = "Publish the key where the operators of the ledger cannot change it unnoticed: on a web site, in a contract. \
Readers of the log take it from there, not from the log itself.

Examples:
  ledger log key --data ledger-data > log.vkey
  ledger log verify ledger-data/log --key log.vkey"
)]
pub struct LogKeyArgs {
    /// Data directory of the ledger, also while `serve` runs on it.
    #[arg(long)]
    data: PathBuf,
}

/// Prints the key; exit code 1 if the ledger has no log.
///
/// # Errors
/// When the ledger could not be read.
pub(super) async fn run(arguments: LogKeyArgs) -> anyhow::Result<ExitCode> {
    let data = || format!("--data {}", arguments.data.display());
    let directory = ReadDirectory::open(&arguments.data).with_context(data)?;
    let Some(keys) = bound_keys(&directory.ledger).await.with_context(data)? else {
        return Err(Refused(format!("{}: the ledger has no log; start the server once", data())).into());
    };
    out::print(&keys.to_string())?;
    Ok(ExitCode::SUCCESS)
}
