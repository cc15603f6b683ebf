//! `ledger restore`: writes the commits of an export, byte for byte, into a ledger that is empty or holds a part of them.
//!
//! The promise: every chain is verified before anything is written; an export that is refused leaves the ledger unchanged; an
//! interrupted restore goes on where it stopped, in the same order; nothing is published unless requested.

mod check;
mod log;
mod plan;
mod write;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use event_store::sqlite::LEDGER;
use server::directory::{DataDirectory, FORMER};
use web::ClockAndIds;

use crate::counts::counted;
use crate::export_file::ExportFile;
use crate::interrupt::UNFINISHED;
use crate::out;
use log::RestoredLogArgs;
use plan::RestorePlan;

/// What to restore, and where.
#[derive(Debug, Args)]
#[command(
    after_help = "The ledger must be empty, or hold only the first commits of each product of this export. Every chain of \
the export is verified first. No server may run on the directory. An interrupted restore goes on when the \
command is run again; once it has begun to write, the server does not start until it is finished.

An export by position (ledger export --by position) keeps its order, and only a ledger that is empty or holds its first \
positions takes it. If it has the checkpoint of a log, that log goes on with its private key, which is put to DIR/log.key before; \
without the key, --log-origin begins another one. If the log was handed over to a new key (ledger log rotate-key --to), --key names \
the keys of both.

Nothing is published: events without a receipt in FILE count as published, and the history shows them as \
restored. With --publish they are published after the next start.

Examples:
  ledger restore ledger.ndjson --data new-data
  ledger restore ledger.ndjson --receipts receipts.ndjson --data new-data
  ledger restore ledger.ndjson --publish --data new-data
  ledger restore by-position.ndjson --key log.vkey --data new-data
  ledger restore by-position.ndjson --log-origin ledger.example.com/log-2 --data new-data"
)]
pub struct RestoreArgs {
    /// An export by `ledger export`.
    export: PathBuf,
    /// Data directory of the ledger; created if it is missing.
    #[arg(long)]
    data: Option<PathBuf>,
    /// The receipts of the export's events, by `ledger export --receipts`.
    #[arg(long, value_name = "FILE")]
    receipts: Option<PathBuf>,
    /// Publish events without a receipt after the next start.
    #[arg(long)]
    publish: bool,
    #[command(flatten)]
    log: RestoredLogArgs,
}

/// Restores; exit code 1 if the export or the ledger does not allow it.
///
/// # Errors
/// When it could not be attempted, or was interrupted.
pub async fn run(arguments: RestoreArgs) -> anyhow::Result<ExitCode> {
    let begun = Arc::new(AtomicBool::new(false));
    let has_begun = begun.clone();
    let says = move |unfinished| {
        if has_begun.load(Ordering::Relaxed) { unfinished } else { "nothing was written yet; run it again" }
    };
    UNFINISHED.ends_saying(restore(arguments, &begun), says).await
}

/// Restores; `begun` becomes true before anything is written.
async fn restore(arguments: RestoreArgs, begun: &AtomicBool) -> anyhow::Result<ExitCode> {
    let data = arguments
        .data
        .as_deref()
        .context("give --data DIR: only a ledger on this machine can be restored")?;
    let started = Instant::now();
    is_file(&arguments.export)?;
    let export = ExportFile::open(&arguments.export).await?;
    // An existing ledger is opened before the check, so that one in use is refused at once; a new one is created only for an
    // export that is whole.
    let there = [LEDGER.file, FORMER].iter().any(|file| data.join(file).exists());
    let directory = if there { Some(begin(data).await?) } else { None };
    if let Some(directory) = &directory
        && directory.unfinished().await?.is_some()
    {
        begun.store(true, Ordering::Relaxed);
    }
    let mut plan = RestorePlan::new()?;
    if let Some(file) = &arguments.receipts {
        plan.receipts(file)?;
    }
    check::check((&export, &arguments.export), directory.as_ref(), &mut plan).await?;
    let log = arguments.log.decide(export.positions.as_ref(), data, directory.as_ref()).await?;
    let directory = match directory {
        Some(directory) => directory,
        None => begin(data).await?,
    };
    begun.store(true, Ordering::Relaxed);
    let how = (arguments.publish, log);
    let written = write::write(&mut plan, (&export, &arguments.export), how, (&directory, data)).await;
    directory.close().await;
    let written = written?;
    let total = counted(plan.pending + plan.there, "commit");
    out::line(format_args!("{total}: {} written, {} there before; {written}", plan.pending, plan.there))?;
    out::message(format_args!("restored in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(ExitCode::SUCCESS)
}

async fn begin(data: &Path) -> anyhow::Result<DataDirectory> {
    let (clock_and_ids, orders) = (ClockAndIds::system(), server::environment::settings()?.orders);
    let directory = DataDirectory::begin(data, &orders, || (clock_and_ids.ids)().to_string()).await;
    directory.with_context(|| format!("--data {}", data.display()))
}

/// The export is read several times, so it must be a file.
fn is_file(path: &Path) -> anyhow::Result<()> {
    let metadata = std::fs::metadata(path).with_context(|| format!("{} cannot be read", path.display()))?;
    anyhow::ensure!(metadata.is_file(), "{} is not a file; an export is read twice", path.display());
    Ok(())
}
