//! `ledger log accept-restore`: goes on with a log that is ahead of its restored ledger, on record.

use std::process::ExitCode;

use clap::Args;
use server::log::{AcceptError, AcceptedLoss, LONGEST_REASON, accept_restore};

use super::stopped::StoppedLedgerArgs;
use crate::counts::counted;
use crate::exit::Refused;
use crate::out;

/// What to accept, and why.
#[derive(Debug, Args)]
#[command(
    after_help = "For a ledger that was put back from a backup while its log is the newest one (ledger log restore brings it back). The \
commits that the ledger has lost become positions without a commit: nothing that was signed is taken back. Behind them an entry of \
the log names, without product ids, the first commit that each product lost, and the reason. Readers of the log see it, and ledger log \
verify accepts these forks and no others.

Run it before the server records anything: afterwards only a new log leads on (ledger log new).

Example:
  ledger log accept-restore --reason 'disk of 3 May lost, backup of 2 May' --data ledger-data"
)]
pub struct AcceptRestoreArgs {
    #[command(flatten)]
    ledger: StoppedLedgerArgs,
    /// Why the ledger was restored; everybody who may read the log can read it.
    #[arg(long, value_name = "TEXT", value_parser = reason)]
    reason: String,
}

fn reason(text: &str) -> Result<String, String> {
    let count = text.chars().count();
    let fits = !text.trim().is_empty() && count <= LONGEST_REASON;
    fits.then(|| text.to_owned())
        .ok_or_else(|| format!("a reason has 1 to {LONGEST_REASON} characters, this one {count}"))
}

/// Accepts it, and prints what was lost; exit code 1 if the state of the ledger does not allow it.
///
/// # Errors
/// When it could not be attempted.
pub(super) async fn run(arguments: AcceptRestoreArgs) -> anyhow::Result<ExitCode> {
    let stopped = arguments.ledger.take().await?;
    let accepted = accept_restore(&stopped.path, &stopped.ledger, &arguments.reason).await;
    stopped.close().await;
    match accepted {
        Ok(AcceptedLoss { commits, products, position }) => {
            out::line(format_args!(
                "{} lost by {}; entry {position} of the log says so",
                counted(commits, "commit"),
                counted(products, "product")
            ))?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failed @ (AcceptError::Store(_) | AcceptError::Start(_))) => Err(failed.into()),
        Err(refused) => Err(Refused(refused.to_string()).into()),
    }
}
