//! What cannot be done because of what a ledger or a file holds: one clear line and exit code 1, and nothing was written.

use std::process::ExitCode;

use crate::columns::plain;
use crate::out;

pub use server::operators::Refused;

/// Tells a refusal, in which nothing can steer the terminal, and passes on every other error.
///
/// # Errors
/// Every other error.
pub fn told(error: anyhow::Error) -> anyhow::Result<ExitCode> {
    let refused: Refused = error.downcast()?;
    out::tell(format_args!("ledger: {}", plain(&refused.to_string())));
    Ok(ExitCode::FAILURE)
}
