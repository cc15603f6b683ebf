//! The data directory of a ledger on this machine: three files, one lock, at most one process that writes.
//!
//! The promise: files of different ledgers are never mixed, a lost file is never taken for a new one, and whoever cannot
//! have the directory learns why and what to do about it.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use event_store::chain;
use event_store::sqlite::{LEDGER, PUBLISHING, about, keep_about};
use event_store::{Change, Feed, Progress, SqliteJournal, SqliteProgress, Unavailable};
use projections::sqlite::VIEWS;
use projections::views::BUILDING;
use schema::Orders;
use sqlite::{Access, Database, OpenError, Schema, Version};
use telemetry::meters::TAMPERING;

use crate::mapping::{Stop, is_stopped, pause, stopped};

/// The file that is locked. Stored. Never rename.
pub(crate) const LOCK: &str = "ledger.lock";
/// A line of the lock file, from the moment the files are there.
const CREATED: &str = "files created";
/// The file of the builds before this store.
pub const FORMER: &str = "dynamodb.sqlite3";

/// So many of the newest commits are checked when somebody else has changed the file.
const CHECKED: usize = 1_000;

/// No ledger comes so far, and no JSON number either: such a checkpoint is garbage, and no reason to leave positions out.
const IMPLAUSIBLE: u64 = 1 << 53;

/// Between two tries.
const RETRY: Duration = Duration::from_secs(1);

/// Names of the values about a file. Stored. Never rename.
const LEDGER_ID: &str = "ledger_id";
const ORDERS: &str = "orders";
/// The position that is given next at the earliest, where a consumer had passed positions whose commits are gone.
const PASSED: &str = "next_position";
/// Set in the ledger's file as long as a restore or a migration is not finished.
pub const UNFINISHED: &str = "unfinished";

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another process writes to it: send the work to that process, stop it, or choose another directory.
    #[error("{directory} is in use by {holder}; stop it first, or choose another data directory")]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// Who holds it, as well as it is known.
        holder: String,
    },
    /// A file that was there is lost: restore it from a copy, or choose another directory.
    #[error(
        "{file} is empty or gone although it should hold a part of the ledger; restore it from a copy, or choose another data directory"
    )]
    Gone {
        /// The file.
        file: PathBuf,
    },
    /// A build before this store wrote it: bring it over.
    #[error("{directory} was written by an earlier build; run: ledger migrate {directory}")]
    Former {
        /// The data directory.
        directory: PathBuf,
    },
    /// The files belong to different ledgers: put those together that belong together.
    #[error(
        "{file} belongs to the ledger {found}, and {ledger} holds the ledger {expected}; put the right file there{remedy}"
    )]
    Foreign {
        /// The file.
        file: PathBuf,
        /// Whose it is.
        found: String,
        /// The file of the commits.
        ledger: &'static str,
        /// Whose that is.
        expected: String,
        /// What may be done besides.
        remedy: &'static str,
    },
    /// A restore was begun and not finished: finish it.
    #[error("{directory}: {command} was begun and not finished; run it again")]
    Unfinished {
        /// The data directory.
        directory: PathBuf,
        /// The command.
        command: String,
    },
    /// The file of the views is damaged or was changed: it may be deleted.
    #[error("{0}; or delete it: the views are built anew")]
    Views(OpenError),
    /// A file could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file could not be read or written; the source says which and why.
    #[error("a file cannot be used; make room, or see whether it can be read and written")]
    Failed(#[from] sqlite::Error),
    /// A file could not be read.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// A data directory that this process alone writes to.
#[derive(Debug)]
pub struct DataDirectory {
    path: PathBuf,
    /// Commits.
    pub ledger: Database,
    /// Receipts, bus, the publisher's parking rows and checkpoint.
    pub publishing: Database,
    /// Views, prices, the projector's parking rows and checkpoint.
    pub views: Database,
    _lock: File,
}

/// The files of a data directory for those who only read them, also while a server writes.
#[derive(Debug)]
pub struct ReadDirectory {
    /// Commits.
    pub ledger: Database,
    /// Receipts, bus, the publisher's parking rows and checkpoint.
    pub publishing: Database,
    /// Views and prices; `None` where they were deleted.
    pub views: Option<Database>,
}

impl DataDirectory {
    /// Opens the directory, and creates what is missing of it; `new_id` names a new ledger.
    ///
    /// # Errors
    /// [`DirectoryError`]: its text says what to do.
    pub async fn open(
        path: &Path,
        orders: &Orders,
        new_id: impl FnOnce() -> String,
    ) -> Result<Self, DirectoryError> {
        let directory = Self::begin(path, orders, new_id).await?;
        if let Some(command) = directory.unfinished().await? {
            return Err(DirectoryError::Unfinished { directory: path.to_owned(), command });
        }
        Ok(directory)
    }

    /// As [`DataDirectory::open`], also where a restore was begun and not finished.
    ///
    /// # Errors
    /// [`DirectoryError`]: its text says what to do.
    pub async fn begin(
        path: &Path,
        orders: &Orders,
        new_id: impl FnOnce() -> String,
    ) -> Result<Self, DirectoryError> {
        is_of_this_build(path)?;
        create(path)?;
        let (mut lock, created) = claim(path)?;
        if created {
            for schema in [&LEDGER, &PUBLISHING] {
                must_be_there(path, schema)?;
            }
        }
        let ledger = Database::open(path, &LEDGER)?;
        let id = match about(&committed(&ledger), LEDGER_ID).await? {
            Some(id) => id,
            None => name(&ledger, new_id()).await?,
        };
        let publishing = Database::open(path, &PUBLISHING)?;
        belongs(&publishing, &id, "").await?;
        let views = open_views(path, orders, &ledger, &id).await?;
        sign(&mut lock, true).map_err(not_writable(&path.join(LOCK)))?;
        Ok(Self { path: path.to_owned(), ledger, publishing, views, _lock: lock })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The journal, which gives no position again that a consumer has passed.
    ///
    /// # Errors
    /// [`DirectoryError`]: a file cannot be read.
    pub async fn journal(&self) -> Result<SqliteJournal, DirectoryError> {
        let journal = SqliteJournal::new(self.ledger.clone());
        let access = committed(&self.ledger);
        let known = about(&access, PASSED).await?.and_then(|passed| passed.parse().ok()).unwrap_or(0);
        let mut floor = known;
        for progress in self.progress() {
            let checkpoint = progress.checkpoint().await?.filter(|at| at.position < IMPLAUSIBLE);
            floor = floor.max(checkpoint.map_or(0, |checkpoint| checkpoint.position + 1));
        }
        // A checkpoint beyond the newest commit is corrected by its consumer; that its positions are spent is kept.
        let next = journal.newest_position().await?.map_or(0, |newest| newest + 1);
        if floor > next && floor > known {
            keep_about(&access, PASSED, Some(floor.to_string())).await?;
        }
        journal.begin_at(floor);
        Ok(journal)
    }

    /// How far projector and publisher are.
    #[must_use]
    pub fn progress(&self) -> [SqliteProgress; 2] {
        [
            SqliteProgress::new(self.views.clone(), crate::follower::PROJECTOR),
            SqliteProgress::new(self.publishing.clone(), crate::follower::PUBLISHER),
        ]
    }

    /// The command that was begun and not finished.
    ///
    /// # Errors
    /// [`DirectoryError`]: the file cannot be read.
    pub async fn unfinished(&self) -> Result<Option<String>, DirectoryError> {
        Ok(about(&committed(&self.ledger), UNFINISHED).await?)
    }

    /// Lets queries read the views as soon as everything that was recorded before they were made is in them.
    pub async fn finish_building(self: Arc<Self>, stop: Stop) {
        let access = committed(&self.views);
        let mut committed = self.views.committed();
        while !is_stopped(&stop) {
            committed.mark_unchanged();
            let up_to = match about(&access, BUILDING).await {
                Ok(None) => return,
                Ok(Some(up_to)) => up_to.parse().unwrap_or(0),
                Err(error) => {
                    tracing::warn!(target: "ledger::files", %error, "whether the views are built cannot be read; trying again");
                    pause(RETRY, &stop).await;
                    continue;
                }
            };
            let [projector, _] = self.progress();
            let reached = projector.checkpoint().await.ok().flatten();
            if reached.is_some_and(|checkpoint| checkpoint.position >= up_to) {
                match keep_about(&access, BUILDING, None).await {
                    Ok(()) => tracing::info!(target: "ledger::files", "the views are built"),
                    Err(error) => {
                        tracing::warn!(target: "ledger::files", %error, "that the views are built cannot be kept");
                    }
                }
                pause(RETRY, &stop).await;
                continue;
            }
            tokio::select! {
                _ = committed.changed() => {}
                () = stopped(&stop) => return,
            }
        }
    }

    /// Watches for changes that another connection makes to the commits: each is a sign of tampering, is counted, and has
    /// the newest commits checked.
    pub async fn look_out(self: Arc<Self>, stop: Stop) {
        let (mut foreign, journal) = (self.ledger.foreign(), SqliteJournal::new(self.ledger.clone()));
        loop {
            tokio::select! {
                changed = foreign.changed() => if changed.is_err() { return },
                () = stopped(&stop) => return,
            }
            metrics::counter!(TAMPERING.name, "consumer" => "ledger", "operation" => "other").increment(1);
            tracing::error!(target: "ledger::files",
                file = LEDGER.file,
                "the ledger was tampered with: another process has changed the file; run ledger verify"
            );
            if let Err(error) = check_newest(&journal).await {
                tracing::error!(target: "ledger::files", %error, "the newest commits cannot be read");
            }
        }
    }

    /// Finishes what was sent to the files, and lets go of them.
    pub async fn close(&self) {
        for database in [&self.ledger, &self.publishing, &self.views] {
            database.close().await;
        }
    }

    /// Waits until one of the files can be written no more, and says why.
    pub async fn failed(&self) -> String {
        tokio::select! {
            reason = self.ledger.ended() => format!("{}: {reason}", LEDGER.file),
            reason = self.publishing.ended() => format!("{}: {reason}", PUBLISHING.file),
            reason = self.views.ended() => format!("{}: {reason}", VIEWS.file),
            file = self.displaced() => {
                format!("{file} was moved, removed or replaced while it was in use; what was recorded since may be lost")
            }
        }
    }

    /// Waits until a file that must not be lost is no longer at its path, and names it.
    async fn displaced(&self) -> &'static str {
        loop {
            for (database, schema) in [(&self.ledger, &LEDGER), (&self.publishing, &PUBLISHING)] {
                if !database.is_in_place() {
                    return schema.file;
                }
            }
            tokio::time::sleep(RETRY).await;
        }
    }
}

impl ReadDirectory {
    /// Opens what is there.
    ///
    /// # Errors
    /// [`DirectoryError`]: its text says what to do.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        is_of_this_build(path)?;
        let views = path.join(VIEWS.file).exists();
        Ok(Self {
            ledger: Database::open_read_only(path, &LEDGER)?,
            publishing: Database::open_read_only(path, &PUBLISHING)?,
            views: views.then(|| Database::open_read_only(path, &VIEWS)).transpose()?,
        })
    }
}

fn is_of_this_build(path: &Path) -> Result<(), DirectoryError> {
    if !path.join(LEDGER.file).exists() && path.join(FORMER).exists() {
        return Err(DirectoryError::Former { directory: path.to_owned() });
    }
    Ok(())
}

/// Checks the hashes of the newest commits.
async fn check_newest(journal: &SqliteJournal) -> Result<(), Unavailable> {
    let newest = journal.newest_position().await?.unwrap_or(0);
    for recorded in journal.after(newest.checked_sub(CHECKED as u64), CHECKED).await? {
        let whole = match &recorded.change {
            Change::Committed(commit) => chain::hash_of(commit).is_ok_and(|hash| {
                hash.as_str() == recorded.hash
                    && commit.text("hash").is_ok_and(|carried| carried == hash.as_str())
            }),
            Change::Tampered(_) | Change::Unreadable { .. } => false,
        };
        if !whole {
            tracing::error!(target: "ledger::files", position = recorded.position, "a commit does not have the hash it carries");
        }
    }
    Ok(())
}

/// The file of the views, made anew where it is of an earlier version, keeps other orders, or is not there.
async fn open_views(
    path: &Path,
    orders: &Orders,
    ledger: &Database,
    id: &str,
) -> Result<Database, DirectoryError> {
    if let Some(Version::Older(version)) = Database::version(path, &VIEWS).map_err(of_views)? {
        tracing::warn!(target: "ledger::files", version, "the views are of an earlier version and are built anew");
        Database::remove(path, &VIEWS)?;
    }
    let mut views = Database::open(path, &VIEWS).map_err(of_views)?;
    let wanted = orders.to_string();
    let kept = about(&committed(&views), ORDERS).await?;
    if kept.as_ref().is_some_and(|kept| *kept != wanted) {
        tracing::warn!(target: "ledger::files", kept, wanted, "other orders are wanted: the views are built anew");
        views.close().await;
        drop(views);
        Database::remove(path, &VIEWS)?;
        views = Database::open(path, &VIEWS)?;
    }
    belongs(&views, id, ", or delete it: the views are built anew").await?;
    let access = committed(&views);
    if about(&access, ORDERS).await?.is_none() {
        let newest = SqliteJournal::new(ledger.clone()).newest_position().await?;
        keep_about(&access, BUILDING, newest.map(|newest| newest.to_string())).await?;
        keep_about(&access, ORDERS, Some(wanted)).await?;
    }
    Ok(views)
}

/// What may be done about the views and about no other file.
fn of_views(error: OpenError) -> DirectoryError {
    match error {
        OpenError::Damaged { .. } | OpenError::Schema { .. } => DirectoryError::Views(error),
        other => other.into(),
    }
}

/// Sees to it that a file belongs to the ledger `id`; a new one does from now on.
async fn belongs(database: &Database, id: &str, remedy: &'static str) -> Result<(), DirectoryError> {
    match about(&committed(database), LEDGER_ID).await? {
        Some(found) if found == id => Ok(()),
        Some(found) => Err(DirectoryError::Foreign {
            file: database.path().to_owned(),
            found,
            ledger: LEDGER.file,
            expected: id.to_owned(),
            remedy,
        }),
        None => name(database, id.to_owned()).await.map(drop),
    }
}

async fn name(database: &Database, id: String) -> Result<String, DirectoryError> {
    keep_about(&committed(database), LEDGER_ID, Some(id.clone())).await?;
    Ok(id)
}

fn committed(database: &Database) -> Access {
    Access::Committed(database.clone())
}

/// The files of a ledger, in a directory that has none: for `migrate`, which gives them their place at the end.
pub(crate) async fn make(path: &Path, id: String) -> Result<(Database, Database), DirectoryError> {
    create(path)?;
    let (ledger, publishing) = (Database::open(path, &LEDGER)?, Database::open(path, &PUBLISHING)?);
    name(&ledger, id.clone()).await?;
    name(&publishing, id).await?;
    Ok((ledger, publishing))
}

/// Makes the directory where it is missing, and its name durable: what is recorded in it must not be lost with it.
pub(crate) fn create(path: &Path) -> Result<(), DirectoryError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let new = path.ancestors().take_while(|directory| !directory.exists()).count();
    let created = DirBuilder::new().recursive(true).mode(0o700).create(&path);
    created.map_err(not_writable(&path))?;
    for parent in path.ancestors().skip(1).take(new) {
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(not_writable(parent))?;
    }
    Ok(())
}

/// Takes the lock of the directory, which lasts as long as the file it returns; says whether there were files before.
pub(crate) fn claim(directory: &Path) -> Result<(File, bool), DirectoryError> {
    let path = directory.join(LOCK);
    let opened =
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(&path);
    let mut lock = opened.map_err(not_writable(&path))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = text(&mut lock).lines().next().unwrap_or("another process").to_owned();
            return Err(DirectoryError::InUse { directory: directory.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(not_writable(&path)(source).into()),
    }
    let created = text(&mut lock).lines().any(|line| line == CREATED);
    sign(&mut lock, created).map_err(not_writable(&path))?;
    Ok((lock, created))
}

fn must_be_there(directory: &Path, schema: &Schema) -> Result<(), DirectoryError> {
    let file = directory.join(schema.file);
    let size = std::fs::metadata(&file).map_or(0, |file| file.len());
    if size == 0 { Err(DirectoryError::Gone { file }) } else { Ok(()) }
}

/// Writes into the lock file whose it is, and whether the files are there: from now on a missing one is lost.
pub(crate) fn sign(lock: &mut File, created: bool) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    let created = if created { CREATED } else { "" };
    write!(lock, "process {}\n{created}\n", std::process::id())
}

/// What stands in the lock file; nothing where it cannot be read.
fn text(lock: &mut File) -> String {
    let mut text = String::new();
    let _ = lock.read_to_string(&mut text);
    text
}

pub(crate) fn not_writable(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::NotWritable { path, source }
}

#[cfg(test)]
mod tests;
