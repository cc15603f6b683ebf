//! `ledger log accept-restore`: goes on with a log that is ahead of its restored ledger, on record.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use ledger_log::LogPath;
use ledger_log::entry::LONGEST_REASON;
use sequencer::{AcceptRestoreError, AcceptedForks, LogStore, Sequencer};
use server::backend::TableLog;
use server::log::{AcceptError, AcceptedLoss, CloudLogFiles, accept_restore};
use web::ClockAndIds;

use super::stopped::taken;
use crate::counts::counted;
use crate::exit::Refused;
use crate::{environment, out};

/// How long feed items may be read that the sequencer has left.
const TIME_LIMIT: Duration = Duration::from_mins(10);

/// What to accept, and why.
#[derive(Debug, Args)]
#[command(
    after_help = "For a ledger that was put back from a backup while its log is the newest one (ledger log restore brings it back). The \
commits that the ledger has lost become positions without a commit: nothing that was signed is taken back. Behind them an entry of \
the log names, without product ids, the first commit that each product lost, and the reason. Readers of the log see it, and ledger log \
verify accepts these forks and no others.

With --data no server may run, and it has to come before the server records anything: afterwards only a new log leads on (ledger \
log new). On AWS the sequencer may run meanwhile, and commits that were recorded since the event table was restored are logged \
behind the entry: the products that it has parked go on. An interrupted one is finished when it is run again.

Examples:
  ledger log accept-restore --reason 'disk of 3 May lost, backup of 2 May' --data ledger-data
  ledger log accept-restore --reason 'event table of 3 May restored to 09:00'"
)]
pub struct AcceptRestoreArgs {
    /// Data directory of the ledger, on which no server runs; without it, the AWS SDK's environment.
    #[arg(long)]
    data: Option<PathBuf>,
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
    match &arguments.data {
        Some(data) => on_files(data, &arguments.reason).await,
        None => on_tables(&arguments.reason).await,
    }
}

async fn on_files(data: &Path, reason: &str) -> anyhow::Result<ExitCode> {
    let stopped = taken(data).await.with_context(|| format!("--data {}", data.display()))?;
    let accepted = accept_restore(&stopped.path, &stopped.ledger, reason).await;
    stopped.close().await;
    match accepted {
        Ok(AcceptedLoss { commits, products, position }) => {
            lost(commits, products, position)?;
            Ok(ExitCode::SUCCESS)
        }
        Err(failed @ (AcceptError::Store(_) | AcceptError::Start(_))) => Err(failed.into()),
        Err(refused) => Err(Refused(refused.to_string()).into()),
    }
}

async fn on_tables(reason: &str) -> anyhow::Result<ExitCode> {
    let settings = server::environment::settings()?;
    let aws = environment::ledger_on_aws(&settings).await?;
    let ClockAndIds { clock, ids } = ClockAndIds::system();
    let files = CloudLogFiles::named(&settings.log, &aws)?.map(|files| files.files(&clock));
    let published = match files {
        None => None,
        Some(files) => {
            let note = tokio::task::spawn_blocking(move || files.read(LogPath::Checkpoint)).await?;
            let note = note.context("the checkpoint cannot be read from the bucket")?;
            // Whose it is does not matter here: the size alone is compared.
            note.and_then(|note| {
                let note = ledger_log::SignedNote::read(&note).ok()?;
                Some(ledger_log::LogCheckpoint::read(&note.text)?.size)
            })
        }
    };
    let log = TableLog::on_dynamodb(&aws, &settings.tables);
    let sequencer = Sequencer::new(log.ports, clock, ids);
    match sequencer.accept_restore(reason, published, TIME_LIMIT).await {
        Ok(accepted) => went_on(accepted),
        Err(AcceptRestoreError::Store(failed)) => Err(failed.into()),
        Err(refused) => Err(Refused(refused.to_string()).into()),
    }
}

/// Prints what was accepted on tables; exit code 1 if a product is still parked for the log.
fn went_on(accepted: AcceptedForks) -> anyhow::Result<ExitCode> {
    let AcceptedForks { commits, products, index, released, still_parked } = accepted;
    if let Some(index) = index {
        lost(commits, products, index)?;
    }
    out::line(format_args!("{} parked for the log released", counted(released, "product")))?;
    if still_parked == 0 {
        return Ok(ExitCode::SUCCESS);
    }
    out::line(format_args!(
        "{} still parked for the log; ledger parked says why",
        counted(still_parked, "product")
    ))?;
    Ok(ExitCode::FAILURE)
}

fn lost(commits: u64, products: u64, position: u64) -> anyhow::Result<()> {
    let (commits, products) = (counted(commits, "commit"), counted(products, "product"));
    out::line(format_args!("{commits} lost by {products}; entry {position} of the log says so"))?;
    Ok(())
}
