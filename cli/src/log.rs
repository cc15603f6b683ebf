//! `ledger log`: what can be done with a log, the record in one order of all commits that outsiders can check.

mod accept_restore;
mod kept;
mod key;
mod new;
mod restore;
mod rotate_key;
pub(crate) mod source;
mod stopped;
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
    /// Give the log another key, under the same name.
    RotateKey(rotate_key::RotateKeyArgs),
    /// Begin another log, under a new name and a new key.
    New(new::NewLogArgs),
    /// Bring the files of a log back from its entries, here or in a copy.
    Restore(restore::LogRestoreArgs),
    /// Go on with a log that is ahead of its restored ledger, on record.
    AcceptRestore(accept_restore::AcceptRestoreArgs),
}

/// Does it.
///
/// # Errors
/// When it could not be attempted, or not everything could be checked.
pub async fn run(arguments: LogArgs) -> anyhow::Result<ExitCode> {
    match arguments.action {
        Action::Verify(arguments) => verify::run(arguments).await,
        Action::Key(arguments) => key::run(arguments).await,
        Action::RotateKey(arguments) => rotate_key::run(arguments).await,
        Action::New(arguments) => new::run(arguments).await,
        Action::Restore(arguments) => restore::run(arguments).await,
        Action::AcceptRestore(arguments) => accept_restore::run(arguments).await,
    }
}
