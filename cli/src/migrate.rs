//! `ledger migrate`: converts a data directory of an earlier build to the files of this one.
//!
//! The promise: commits are kept byte for byte, with their receipts and parked products; the file of the commits appears last
//! and complete, the old file stays unchanged, and an interrupted migration can be repeated.

mod earlier;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use event_store::sqlite::{LEDGER, PUBLISHING};
use event_store::{Receipts, SqliteJournal, SqliteParking, SqliteReceipts};
use projections::sqlite::VIEWS;
use publisher::SqliteBus;
use server::directory::{self, DirectoryError, FORMER};
use sqlite::{Access, Database};
use web::ClockAndIds;

use crate::counts::counted;
use crate::out;
use crate::progress;
use earlier::EarlierStore;

/// The lock file of an earlier build.
const FORMER_LOCK: &str = "dynamodb.lock";

/// The directory in which the new files are made.
const PARTIAL: &str = "migrate.partial";

/// Commits, receipts or entries written together.
const GROUP: usize = 1_000;

/// Which directory.
#[derive(Debug, Args)]
#[command(
    after_help = "The directory holds dynamodb.sqlite3, which stays unchanged. No server may run on it. After an interruption \
run the command again; a directory that was migrated is left as it is.

Commits, publication receipts, products that the publisher has parked, and the entries of the local bus \
are migrated. Events that were not published yet are published after the next start. Views and prices are \
rebuilt at the next start.

Examples:
  ledger migrate ledger-data
  ledger verify --receipts --data ledger-data"
)]
pub struct MigrateArgs {
    /// The data directory.
    directory: PathBuf,
}

/// Migrates.
///
/// # Errors
/// When it could not be attempted, or was interrupted.
pub async fn run(arguments: MigrateArgs) -> anyhow::Result<ExitCode> {
    migrate(&arguments.directory).await
}

async fn migrate(data: &Path) -> anyhow::Result<ExitCode> {
    let started = Instant::now();
    let former = data.join(FORMER);
    let is_there = data.join(LEDGER.file).exists();
    anyhow::ensure!(
        is_there || former.exists(),
        "{} holds no ledger of an earlier build: there is no {FORMER}",
        data.display()
    );
    let (mut lock, created) = directory::claim(data)?;
    if is_there {
        out::line(format_args!("0 commits written: {} is there already", data.join(LEDGER.file).display()))?;
        return Ok(ExitCode::SUCCESS);
    }
    if created {
        return Err(DirectoryError::Gone { file: data.join(LEDGER.file) }.into());
    }
    let _former_lock = claim_former(data)?;
    let former = EarlierStore::open(&former, server::environment::settings()?.tables)?;
    let partial = data.join(PARTIAL);
    remove(&partial)?;
    let written = convert(&former, &partial).await?;
    let unwritable = || format!("{} cannot be written", data.display());
    Database::remove(data, &VIEWS)?;
    for schema in [&PUBLISHING, &LEDGER] {
        std::fs::rename(partial.join(schema.file), data.join(schema.file)).with_context(unwritable)?;
        File::open(data).and_then(|directory| directory.sync_all()).with_context(unwritable)?;
    }
    remove(&partial)?;
    directory::sign(&mut lock, true).with_context(unwritable)?;
    let Written { commits, receipts, parked, entries } = written;
    out::line(format_args!(
        "{} written; {}, {}, {} of the bus",
        counted(commits, "commit"),
        counted(receipts, "receipt"),
        counted(parked as u64, "parked product"),
        counted(entries, "entry")
    ))?;
    out::message(format_args!("migrated in {:.1} s", started.elapsed().as_secs_f64()));
    Ok(ExitCode::SUCCESS)
}

/// Takes the lock of the earlier build, so that its server cannot write meanwhile.
fn claim_former(data: &Path) -> anyhow::Result<Option<File>> {
    let path = data.join(FORMER_LOCK);
    if !path.exists() {
        return Ok(None);
    }
    let unreadable = || format!("{} cannot be locked", path.display());
    let lock = File::open(&path).with_context(unreadable)?;
    match lock.try_lock() {
        Ok(()) => Ok(Some(lock)),
        Err(TryLockError::WouldBlock) => {
            let holder = "a server of an earlier build".to_owned();
            Err(DirectoryError::InUse { directory: data.to_owned(), holder }.into())
        }
        Err(TryLockError::Error(error)) => Err(error).with_context(unreadable),
    }
}

fn remove(partial: &Path) -> anyhow::Result<()> {
    if partial.exists() {
        std::fs::remove_dir_all(partial)
            .with_context(|| format!("{} cannot be removed", partial.display()))?;
    }
    Ok(())
}

/// What was written.
struct Written {
    commits: u64,
    receipts: u64,
    parked: usize,
    entries: u64,
}

/// Writes the files of this build in `partial`, synced and closed.
async fn convert(former: &EarlierStore, partial: &Path) -> anyhow::Result<Written> {
    let (ledger, publishing) = directory::make(partial, (ClockAndIds::system().ids)().to_string()).await?;
    let access = Access::Committed(publishing.clone());
    let parked = former.parked()?;
    let written = Written {
        commits: commits(former, &SqliteJournal::new(ledger.clone())).await?,
        receipts: receipts(former, &SqliteReceipts::new(access.clone())).await?,
        parked: parked.len(),
        entries: entries(former, &SqliteBus::new(publishing.clone(), ClockAndIds::system().clock)).await?,
    };
    SqliteParking::new(access).bring(parked).await?;
    for database in [ledger, publishing] {
        database.close().await;
    }
    Ok(written)
}

async fn commits(former: &EarlierStore, journal: &SqliteJournal) -> anyhow::Result<u64> {
    let bar = progress::commits(former.count()?);
    let (mut statement, mut written) = (former.commits()?, 0);
    let mut rows = statement.query([])?;
    loop {
        let group = earlier::group(&mut rows, GROUP)?;
        if group.is_empty() {
            bar.finish_and_clear();
            return Ok(written);
        }
        journal.append_all(&group).await?;
        written += group.len() as u64;
        bar.inc(group.len() as u64);
    }
}

async fn receipts(former: &EarlierStore, receipts: &SqliteReceipts) -> anyhow::Result<u64> {
    let bar = progress::looking("receipts");
    let (mut after, mut written) = (String::new(), 0);
    while let Some((product, records)) = former.receipts_after(&after)? {
        for group in records.chunks(GROUP) {
            receipts.record(group).await?;
        }
        written += records.len() as u64;
        bar.set_position(written);
        after = product;
    }
    bar.finish_and_clear();
    Ok(written)
}

async fn entries(former: &EarlierStore, bus: &SqliteBus) -> anyhow::Result<u64> {
    let bar = progress::looking("entries of the bus");
    let (mut after, mut written) = ((String::new(), String::new()), 0);
    loop {
        let (last, entries) = former.entries_after(&after, GROUP)?;
        let Some(last) = last else {
            bar.finish_and_clear();
            return Ok(written);
        };
        bar.set_position(written);
        for (name, entries) in entries {
            written += entries.len() as u64;
            bus.bring(name, entries).await?;
        }
        after = last;
    }
}
