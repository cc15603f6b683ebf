//! `ledger log new`: another log for a ledger, under a new name and a new key.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use server::log::{LogSettings, LogStartError, RenewError, is_origin, new_log};
use web::ClockAndIds;

use super::stopped::StoppedLedgerArgs;
use crate::exit::Refused;
use crate::out;

/// The new name.
#[derive(Debug, Args)]
#[command(
    after_help = "For a log that cannot go on: its ledger was restored and has recorded other commits since, or it contradicts what others \
know. The log before is moved to DIR/log.NAME/ (with %2F for each slash of its name) and its key beside it; it stays as evidence, and proofs \
from it stay good. The next start of the server logs all positions again. Readers, and those who keep checkpoints, have to take the \
new name and key; move the file of --log-keep away.

Example:
  ledger log new --log-origin ledger.example.com/log-2 --data ledger-data"
)]
pub struct NewLogArgs {
    #[command(flatten)]
    ledger: StoppedLedgerArgs,
    /// Name of the new log, such as `ledger.example.com/log-2`; not that of the present one.
    #[arg(long, value_name = "NAME", value_parser = origin)]
    log_origin: String,
}

fn origin(text: &str) -> Result<String, String> {
    let what = "the name of a log is like the beginning of a URL without its scheme, such as ledger.example.com/log-2";
    is_origin(text).then(|| text.to_owned()).ok_or_else(|| what.to_owned())
}

/// Begins it, and prints its key; exit code 1 if the state of the ledger does not allow it.
///
/// # Errors
/// When it could not be attempted.
pub(super) async fn run(arguments: NewLogArgs) -> anyhow::Result<ExitCode> {
    let stopped = arguments.ledger.take().await?;
    let settings = LogSettings {
        origin: Some(arguments.log_origin),
        interval: Duration::from_secs(1),
        keep: None,
        witnesses: Vec::new(),
        quorum: 0,
    };
    let clock = ClockAndIds::system().clock;
    let begun = new_log(&stopped.path, &stopped.ledger, &settings, &clock).await;
    stopped.close().await;
    match begun {
        Ok(log) => {
            if let Some(former) = log.former {
                out::message(format_args!("the log before is in {}", former.display()));
            }
            out::print(&log.key)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(RenewError::Start(error @ LogStartError::File { .. })) => Err(error.into()),
        Err(refused) => Err(Refused(refused.to_string()).into()),
    }
}
