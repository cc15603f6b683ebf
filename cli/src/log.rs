//! `ledger log`: what can be done with a log, the record in one order of all commits that outsiders can check.

mod kept;
mod key;
pub(crate) mod source;
mod verify;

use std::process::ExitCode;

use clap::{Args, Subcommand};

/// What to do with a log.
#[derive(Debug, Args)]
pub struct LogArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Verify a whole log by its files: signature, entries, tiles, root, and growth since a checkpoint that was kept.
    Verify(verify::LogVerifyArgs),
    /// Print the verifier key of a ledger's log.
    Key(key::LogKeyArgs),
}

/// Does it.
///
/// # Errors
/// When it could not be attempted, or not everything could be checked.
pub async fn run(arguments: LogArgs) -> anyhow::Result<ExitCode> {
    match arguments.action {
        Action::Verify(arguments) => verify::run(arguments).await,
        Action::Key(arguments) => key::run(arguments).await,
    }
}
