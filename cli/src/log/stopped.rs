//! The ledger of a command that changes its log: no server may run on it, and none starts meanwhile.

use std::fs::File;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use event_store::sqlite::{LEDGER, about};
use server::directory::{self, DirectoryError, ReadDirectory, UNFINISHED};
use sqlite::{Access, Database};

/// Which ledger.
#[derive(Debug, Args)]
pub struct StoppedLedgerArgs {
    /// Data directory of the ledger, on which no server runs.
    #[arg(long)]
    data: PathBuf,
}

/// A ledger that only this process uses.
pub(super) struct StoppedLedger {
    pub(super) path: PathBuf,
    pub(super) ledger: Database,
    _lock: File,
}

impl StoppedLedgerArgs {
    /// Takes the ledger.
    ///
    /// # Errors
    /// One line: there is none, a server runs on it, or a restore is unfinished.
    pub(super) async fn take(&self) -> anyhow::Result<StoppedLedger> {
        taken(&self.data).await.with_context(|| format!("--data {}", self.data.display()))
    }
}

pub(super) async fn taken(data: &Path) -> anyhow::Result<StoppedLedger> {
    // Without a ledger no lock file is left behind.
    drop(ReadDirectory::open(data)?);
    let (lock, _) = directory::claim(data)?;
    let ledger = Database::open(data, &LEDGER)?;
    if let Some(command) = about(&Access::Committed(ledger.clone()), UNFINISHED).await? {
        return Err(DirectoryError::Unfinished { directory: data.to_owned(), command }.into());
    }
    Ok(StoppedLedger { path: data.to_owned(), ledger, _lock: lock })
}

impl StoppedLedger {
    /// Writes what is pending, and lets others use the ledger again.
    pub(super) async fn close(self) {
        self.ledger.close().await;
    }
}
