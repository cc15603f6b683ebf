//! Refusals: what the state of a ledger or a file does not allow is one line and exit code 1, and nothing was written.

use std::process::ExitCode;

use crate::out;
use crate::text_table::escaped;

pub use server::operators::Refused;

/// Prints a refusal, escaped, and passes on every other error.
///
/// # Errors
/// Every other error.
pub fn print(error: anyhow::Error) -> anyhow::Result<ExitCode> {
    let refused: Refused = error.downcast()?;
    out::message(format_args!("ledger: {}", escaped(&refused.to_string())));
    Ok(ExitCode::FAILURE)
}
