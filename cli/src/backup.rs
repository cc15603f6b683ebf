//! `ledger backup`: makes a consistent copy of a data directory, even while a server runs on it.
//!
//! The promise: the copy is complete and verified, or absent. The log and receipts are copied first, so that nothing in the
//! copy is ahead of its commits: a server that starts on it finds no sign of tampering, and publishes events without a receipt (at least
//! once).

mod log;

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use event_store::heads::ProductListing;
use event_store::sqlite::{LEDGER, PUBLISHING, about};
use event_store::verify::{JournalVerifier, Verdict};
use event_store::{Journal, SqliteJournal, SqliteReceipts};
use futures::{StreamExt, TryStreamExt};
use server::directory::{self, ReadDirectory, UNFINISHED};
use server::log::{LOG_DIRECTORY, LOG_FORMER_KEY, LOG_KEY};
use sqlite::{Access, Database, open_private};

use crate::exit::Refused;
use crate::export_file::at_once;
use crate::out;
use crate::progress;
use crate::verify::report::VerifyReport;

/// What to copy, and where to.
#[derive(Debug, Args)]
#[command(
    after_help = "The copy is a data directory for serve, verify and export. It has no views: they are built at the first \
start. Until it is complete and verified it is called DIR.partial.

A server that starts on the copy publishes events without a receipt; an event that was published during \
the copy is published again. Do not run two servers on copies of one ledger: they would diverge.

The log of the ledger comes along, its private key with --with-key alone: whoever has the key can sign another log. Keep it \
apart from the copies.

Examples:
  ledger backup /backups/2026-11-28 --data ledger-data
  ledger verify --receipts --data /backups/2026-11-28"
)]
pub struct BackupArgs {
    /// Directory for the copy; it must not exist, or be empty.
    directory: PathBuf,
    /// Data directory of the ledger, also while `serve` runs on it.
    #[arg(long)]
    data: PathBuf,
    /// Copy the private key of the log too. A server starts on a copy without it only with --log off, or after the key was put
    /// there.
    #[arg(long)]
    with_key: bool,
}

/// Copies; exit code 1 if the ledger does not allow it.
///
/// # Errors
/// When it could not be attempted.
pub async fn run(arguments: BackupArgs) -> anyhow::Result<ExitCode> {
    backup(&arguments.data, &arguments.directory, arguments.with_key).await
}

async fn backup(data: &Path, to: &Path, with_key: bool) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let source = ReadDirectory::open(data).with_context(|| format!("--data {}", data.display()))?;
    if let Some(command) = about(&Access::Committed(source.ledger.clone()), UNFINISHED).await? {
        return Err(Refused(format!("{command} was started but not finished; run it again first")).into());
    }
    let publishing = source.publishing()?;
    publishing.compare(&PUBLISHING)?;
    source.ledger.compare(&LEDGER)?;
    let is_free = std::fs::read_dir(to).map_or(!to.exists(), |mut entries| entries.next().is_none());
    anyhow::ensure!(is_free, "{} exists and is not empty; choose another directory", to.display());
    let partial = partial(to)?;
    if let Err(error) = log::copy(data, &source.ledger, &partial, with_key).await {
        remove(&partial)?;
        return Err(error);
    }
    for (database, file) in [(publishing, PUBLISHING.file), (&source.ledger, LEDGER.file)] {
        copy(database, &partial.join(file)).await?;
    }
    let found = verify(&partial).await?;
    match found.verdict() {
        Verdict::Whole => {}
        Verdict::Faulty => {
            remove(&partial)?;
            let what = "the ledger is not whole, so there is no copy; run ledger verify, and restore what is damaged";
            return Err(Refused(what.to_owned()).into());
        }
        Verdict::NotUnderstood => {
            remove(&partial)?;
            anyhow::bail!(
                "a later build wrote some commits, which this one cannot verify; back up with that build"
            )
        }
    }
    let (mut lock, _) = directory::claim(&partial)?;
    let unwritable = || format!("{} cannot be written", to.display());
    directory::sign(&mut lock, true).with_context(unwritable)?;
    for name in [LEDGER.file, PUBLISHING.file, "."] {
        File::open(partial.join(name)).and_then(|file| file.sync_all()).with_context(unwritable)?;
    }
    std::fs::rename(&partial, to).with_context(unwritable)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent).and_then(|parent| parent.sync_all()).with_context(unwritable)?;
    found.print()?;
    out::message(format_args!("copied and verified in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(ExitCode::SUCCESS)
}

/// The directory next to `to` in which the copy is made, without the remains of an interrupted one.
fn partial(to: &Path) -> anyhow::Result<PathBuf> {
    let name = to.file_name().with_context(|| format!("{} has no name", to.display()))?;
    let mut partial = OsString::from(name);
    partial.push(".partial");
    let partial = to.with_file_name(partial);
    remove(&partial)?;
    directory::create(&partial)?;
    Ok(partial)
}

/// Removes the remains of a backup, and nothing else.
fn remove(partial: &Path) -> anyhow::Result<()> {
    let failed = || format!("{} cannot be removed", partial.display());
    if !partial.exists() {
        return Ok(());
    }
    for entry in std::fs::read_dir(partial).with_context(failed)? {
        let name = entry.with_context(failed)?.file_name();
        let ours = name.to_str().is_some_and(|name| {
            [directory::LOCK, LOG_DIRECTORY, LOG_KEY, LOG_FORMER_KEY].contains(&name)
                || [LEDGER.file, PUBLISHING.file].iter().any(|file| name.starts_with(file))
        });
        anyhow::ensure!(ours, "{} holds {}, which is not from a backup", partial.display(), name.display());
    }
    std::fs::remove_dir_all(partial).with_context(failed)
}

/// Copies a file into one that only its owner can use.
async fn copy(database: &Database, to: &Path) -> anyhow::Result<()> {
    let unwritable = || format!("{} cannot be written", to.display());
    open_private(to, true)?;
    let status = progress::status();
    status.set_message(format!("copying to {}", to.display()));
    let copied = database.copy(to).await;
    status.finish_and_clear();
    copied.with_context(unwritable)
}

/// Verifies the chains and the receipts of the copy.
async fn verify(copy: &Path) -> anyhow::Result<VerifyReport> {
    let (ledger, publishing) = (Database::open(copy, &LEDGER)?, Database::open(copy, &PUBLISHING)?);
    let journal: Arc<dyn Journal> = Arc::new(SqliteJournal::new(ledger.clone()));
    let receipts = Arc::new(SqliteReceipts::new(Access::Committed(publishing.clone())));
    let listing = ProductListing::begin(journal.clone(), |_| {}).await?;
    let bar = progress::commits(listing.commits());
    let told = bar.clone();
    let verification = JournalVerifier::of(journal)
        .with_lagging_receipts(receipts)
        .with_progress(Arc::new(move |commits| told.inc(commits)));
    let mut found = VerifyReport::new(false, false);
    let mut reports = verification.products(listing, at_once()).boxed();
    while let Some(report) = reports.try_next().await? {
        found.take(report, &bar)?;
    }
    bar.finish_and_clear();
    drop(reports);
    for database in [ledger, publishing] {
        database.close().await;
    }
    Ok(found)
}
