//! `ledger log rotate-key`: another key for a log, under the same name.

use std::process::ExitCode;

use clap::Args;
use ledger_log::VerifierKey;
use server::log::{KeyRotation, RotationError, rotate};
use web::ClockAndIds;

use super::stopped::StoppedLedgerArgs;
use crate::exit::Refused;
use crate::out;

/// What becomes of the key.
#[derive(Debug, Args)]
#[command(
    after_help = "The log keeps its name. The newest checkpoint is signed by both keys, and so is each one of the following days, so \
that readers have time to take the new key: publish it where you published the present one. Proofs of before are checked with the \
key of then; /log/key and ledger log key list all of them, with the sizes that they sign. Witnesses need the new key too.

Examples:
  ledger log rotate-key --data ledger-data
  ledger log rotate-key --overlap 0 --data ledger-data
  ledger log rotate-key --lost --data ledger-data"
)]
pub struct RotateKeyArgs {
    #[command(flatten)]
    ledger: StoppedLedgerArgs,
    /// The private key is lost: the new one begins without its signature.
    #[arg(long, conflicts_with = "to")]
    lost: bool,
    /// The log goes on elsewhere with this key, under the same name; here nothing is signed any more.
    #[arg(long, value_name = "VKEY")]
    to: Option<VerifierKey>,
    /// For how many days the present key signs too; 0: it ends at once, because others may have it.
    #[arg(long, value_name = "DAYS", default_value_t = 30, conflicts_with_all = ["lost", "to"])]
    #[arg(value_parser = clap::value_parser!(u16).range(0..=3650))]
    overlap: u16,
}

/// Changes the key, and prints all keys; exit code 1 if the state of the log does not allow it.
///
/// # Errors
/// When it could not be attempted.
pub(super) async fn run(arguments: RotateKeyArgs) -> anyhow::Result<ExitCode> {
    let now = (ClockAndIds::system().clock)();
    let how = match (arguments.to, arguments.lost, arguments.overlap) {
        (Some(key), ..) => KeyRotation::Moved(key),
        (None, true, _) => KeyRotation::Lost,
        (None, false, 0) => KeyRotation::Renewed(None),
        (None, false, days) => KeyRotation::Renewed(Some(now.days_before(-i64::from(days)))),
    };
    let stopped = arguments.ledger.take().await?;
    let rotated = rotate(&stopped.path, &stopped.ledger, how).await;
    stopped.close().await;
    match rotated {
        Ok(keys) => {
            out::print(&keys.to_string())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failed @ (RotationError::Start(_) | RotationError::Ledger(_))) => Err(failed.into()),
        Err(refused) => Err(Refused(refused.to_string()).into()),
    }
}
