//! `--key VKEY|FILE`: the keys of a log, as they were published elsewhere than by the log itself.

use std::path::Path;

use anyhow::Context;
use ledger_log::{TrustedKeys, VerifierKeyError};

use crate::limited;

/// The longest file of keys, in bytes: one key a line, few in the life of a log.
const LONGEST: usize = 64 << 10;

/// The keys that `--key` gives.
///
/// # Errors
/// One line: it is no key, or the file cannot be read.
pub(crate) fn keys(given: &str) -> anyhow::Result<TrustedKeys> {
    match given.parse() {
        Ok(keys) => Ok(keys),
        Err(VerifierKeyError::Form) if !Path::new(given).exists() => {
            anyhow::bail!(
                "--key {given}: is neither a verifier key, which has the form NAME+ID+KEY, nor a file"
            )
        }
        Err(VerifierKeyError::Form) => of_file(Path::new(given)),
        Err(damaged) => Err(damaged).with_context(|| format!("--key {given}")),
    }
}

fn of_file(path: &Path) -> anyhow::Result<TrustedKeys> {
    let named = || format!("--key {}", path.display());
    let bytes = limited::read(path, LONGEST).with_context(named)?;
    let text = std::str::from_utf8(&bytes).with_context(named)?;
    text.parse().with_context(named)
}
