//! How a command ends that was not done: one line on standard error, and an exit code.

use std::process::ExitCode;

use crate::out;
use crate::text_table::escaped;

pub use server::operators::Refused;

/// The exit code of everything that could not be attempted because of settings, arguments or the environment.
pub(crate) const CANNOT: u8 = 2;

/// Prints a refusal, which is exit code 1, and passes on every other error.
///
/// # Errors
/// Every other error.
pub(crate) fn refused(error: anyhow::Error) -> anyhow::Result<ExitCode> {
    let refused: Refused = error.downcast()?;
    out::message(format_args!("ledger: {}", escaped(&refused.to_string())));
    Ok(ExitCode::FAILURE)
}

/// Prints one line with every cause once.
pub(crate) fn cannot(error: &anyhow::Error) -> ExitCode {
    let line = event_store::error::causes(error.as_ref()).replace('\n', " ");
    // It may quote a server, a file or an argument.
    out::message(format_args!("ledger: {}", escaped(&line)));
    ExitCode::from(CANNOT)
}
