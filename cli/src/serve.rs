//! `ledger serve`: the whole system in this process.

use std::process::ExitCode;

use crate::out;

pub use server::serve::ServeArgs;

/// Serves until SIGINT or SIGTERM.
///
/// # Errors
/// One line that says which setting, address or directory to correct.
pub async fn run(arguments: ServeArgs) -> anyhow::Result<ExitCode> {
    server::serve::run(arguments, |address| {
        out::line(format_args!("Listening on http://{address}")).map(drop)
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}
