//! The data directory of a ledger on this machine: three files, one lock, at most one process that writes.
//!
//! The promise: files of different ledgers are never mixed, a lost file is never mistaken for a new one, nobody but the owner can
//! use the files, and a directory that cannot be opened is an error that says why and what to do.

mod fit;
mod privacy;

use std::fs::{DirBuilder, File, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use event_store::chain;
use event_store::error::causes;
use event_store::sqlite::{LEDGER, PUBLISHING, about, keep_about};
use event_store::{Change, CheckpointStore, Feed, SqliteCheckpointStore, SqliteJournal, StoreError};
use projections::sqlite::VIEWS;
use projections::views::BUILDING;
use rustix::io::Errno;
use rustix::process::{Pid, test_kill_process};
use schema::Orders;
use sqlite::{Access, Database, OpenError, Schema, Version, open_private};
use telemetry::meters::TAMPERING;

use crate::log::{LogStartError, logged};
use crate::stop::{StopSignal, is_stopped, pause, stopped};

/// The file that is locked. Stored. Never rename.
pub const LOCK: &str = "ledger.lock";
/// A line of the lock file once the files exist.
const CREATED: &str = "files created";
/// The beginning of the line of the lock file that names its holder.
const HOLDER: &str = "process ";
/// A lock file has two short lines; if it has more, it is not ours.
const LONGEST_LOCK: u64 = 1_000;
/// The file of earlier builds.
pub const FORMER: &str = "dynamodb.sqlite3";

/// How many of the newest commits are checked after another process has changed the file.
const CHECKED: usize = 1_000;

/// No ledger has as many commits, and no JSON number is as large: such a checkpoint is garbage, and no reason to skip
/// positions.
const IMPLAUSIBLE: u64 = 1 << 53;

/// The wait between two attempts.
const RETRY: Duration = Duration::from_secs(1);

/// Names of the properties of a file. Stored. Never rename.
const LEDGER_ID: &str = "ledger_id";
const ORDERS: &str = "orders";
/// The least position for the next commit, if a consumer had handled positions whose commits are gone.
pub const PASSED: &str = "next_position";
/// What can be done about views of another ledger.
const DELETE_VIEWS: &str = ", or delete it: the views are rebuilt";
/// Set in the ledger's file while a restore is unfinished.
pub const UNFINISHED: &str = "unfinished";

/// Why a data directory could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Another process uses it: ask that process, stop it, or choose another directory.
    #[error("{directory} is in use by {holder}; stop it first, or choose another data directory")]
    InUse {
        /// The data directory.
        directory: PathBuf,
        /// The process that holds it, as far as known.
        holder: String,
    },
    /// Others could replace its files: change its mode.
    #[error(
        "others can write to {directory} (mode {mode:04o}), and could replace its files; run: chmod 700 {directory}, or choose another data directory"
    )]
    OpenToOthers {
        /// The data directory.
        directory: PathBuf,
        /// Its mode.
        mode: u32,
    },
    /// A file is lost: restore it from a copy, or choose another directory.
    #[error(
        "{file} should hold a part of the ledger, but it is empty or missing; restore it from a copy, or choose another data directory"
    )]
    Gone {
        /// The file.
        file: PathBuf,
    },
    /// An earlier build wrote it: migrate it.
    #[error("{directory} was written by an earlier build; run: ledger migrate {directory}")]
    Former {
        /// The data directory.
        directory: PathBuf,
    },
    /// The files belong to different ledgers: put back the one that belongs there.
    #[error(
        "{file} belongs to the ledger {found}, but {ledger} holds the ledger {expected}; put the right file there{remedy}"
    )]
    Foreign {
        /// The file.
        file: PathBuf,
        /// The ledger it belongs to.
        found: String,
        /// The file of the commits.
        ledger: PathBuf,
        /// The ledger that holds.
        expected: String,
        /// What else can be done.
        remedy: &'static str,
    },
    /// A file says no longer which ledger it belongs to: somebody has changed it.
    #[error(
        "{file} does not say which ledger it belongs to, unlike {other}: somebody has changed it; restore it from a copy"
    )]
    Nameless {
        /// The file.
        file: PathBuf,
        /// The file that does.
        other: PathBuf,
    },
    /// A restore is unfinished: finish it.
    #[error("{directory}: {command} was started but not finished; run it again")]
    Unfinished {
        /// The data directory.
        directory: PathBuf,
        /// The command.
        command: String,
    },
    /// The file of the views is damaged or was changed: it can be deleted.
    #[error("{0}; or delete it: the views are rebuilt")]
    Views(OpenError),
    /// A file could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A file could not be read or written: the source says which and why.
    #[error("a file cannot be used; make room on the disk, or check that it can be read and written")]
    Failed(#[from] sqlite::Error),
    /// A file could not be read.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
    /// The ledger does not say which log it has.
    #[error(transparent)]
    Log(#[from] LogStartError),
}

/// A data directory that only this process writes to.
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

/// The files of a data directory, read-only, also while a server writes.
#[derive(Debug)]
pub struct ReadDirectory {
    /// Commits.
    pub ledger: Database,
    publishing: Option<Database>,
    /// Where the file of the receipts should be.
    publishing_path: PathBuf,
    /// Views and prices, if they can be read.
    pub views: Result<Database, NoViews>,
}

/// Why there are no views to read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoViews {
    /// Their file was deleted.
    #[error("the file of the views is missing; they are built at the next start")]
    Missing,
    /// An earlier build wrote their file.
    #[error("the views are of an earlier build (version {0}); they are rebuilt at the next start")]
    Older(i32),
    /// Their file cannot be used: the text says why, and what to do.
    #[error("{0}")]
    Unusable(String),
    /// Their file was just created, or another build or somebody else wrote it.
    #[error("the file of the views names no orders that this build knows; they are built at the next start")]
    WithoutOrders,
}

/// A server would build the views again at its start; until then nobody can work on them.
#[derive(Debug, thiserror::Error)]
pub enum OutdatedViews {
    /// There are none to read.
    #[error("{0}: start the server first")]
    None(NoViews),
    /// They cannot be used: the text says why, and what to do.
    #[error("{0}")]
    Unusable(String),
    /// They keep other orders than are configured.
    #[error(
        "the views keep the orders {kept}, and LEDGER_ORDERS is {wanted}: set it as the server has it, or start the server with it, and the views are rebuilt"
    )]
    OtherOrders {
        /// What they keep.
        kept: String,
        /// What is configured.
        wanted: String,
    },
    /// Their file could not be read.
    #[error(transparent)]
    Unreadable(#[from] sqlite::Error),
}

impl DataDirectory {
    /// Opens the directory and creates what is missing; `new_id` is the id of a new ledger.
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

    /// As [`DataDirectory::open`], also with an unfinished restore.
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
        if !path.join(LOCK).exists() {
            // Nobody serves the directory, and one that is refused gets no lock file.
            privacy::check(path)?;
            fit::check(path)?;
        }
        let (mut lock, created) = claim(path)?;
        if created {
            for schema in [&LEDGER, &PUBLISHING] {
                must_be_there(path, schema)?;
            }
        }
        fit::check(path)?;
        let ledger = Database::open(path, &LEDGER)?;
        let id = match about(&committed(&ledger), LEDGER_ID).await? {
            Some(id) => id,
            None => name(&ledger, new_id()).await?,
        };
        let publishing = Database::open(path, &PUBLISHING)?;
        belongs(&publishing, &ledger, &id, "").await?;
        let views = open_views(path, orders, &ledger, &id).await?;
        sign(&mut lock, true).map_err(not_writable(&path.join(LOCK)))?;
        privacy::tighten(path);
        Ok(Self { path: path.to_owned(), ledger, publishing, views, _lock: lock })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The journal. It never reuses a position that a consumer has handled or the log has.
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
        // What was logged at a position stands there for ever.
        floor = floor.max(logged(&self.path, &self.ledger).await?.min(IMPLAUSIBLE));
        // Its consumer corrects a checkpoint beyond the newest commit; that its positions are used is recorded here.
        let newest = journal.newest_position().await?.max(journal.newest_entry().await?);
        let next = newest.map_or(0, |newest| newest + 1);
        if floor > next && floor > known {
            keep_about(&access, PASSED, Some(floor.to_string())).await?;
        }
        journal.begin_at(floor);
        Ok(journal)
    }

    /// The checkpoints of projector and publisher.
    #[must_use]
    pub fn progress(&self) -> [SqliteCheckpointStore; 2] {
        [
            SqliteCheckpointStore::new(self.views.clone(), crate::follower::PROJECTOR),
            SqliteCheckpointStore::new(self.publishing.clone(), crate::follower::PUBLISHER),
        ]
    }

    /// The unfinished command, if there is one.
    ///
    /// # Errors
    /// [`DirectoryError`]: the file cannot be read.
    pub async fn unfinished(&self) -> Result<Option<String>, DirectoryError> {
        Ok(about(&committed(&self.ledger), UNFINISHED).await?)
    }

    /// Lets queries read new views as soon as these hold every commit that was recorded before their creation.
    pub async fn finish_building(self: Arc<Self>, stop: StopSignal) {
        let access = committed(&self.views);
        let mut committed = self.views.committed();
        while !is_stopped(&stop) {
            committed.mark_unchanged();
            let up_to = match about(&access, BUILDING).await {
                Ok(None) => return,
                Ok(Some(up_to)) => up_to.parse().unwrap_or(0),
                Err(error) => {
                    tracing::warn!(target: "ledger::files", %error, "the state of the views cannot be read; trying again");
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
                        tracing::warn!(target: "ledger::files", %error, "the state of the views cannot be written");
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

    /// Watches for changes that another process makes to the commits. Each is a sign of tampering: it is counted, and the
    /// newest commits are checked.
    pub async fn watch_for_tampering(self: Arc<Self>, stop: StopSignal) {
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

    /// Finishes pending writes and closes the files.
    pub async fn close(&self) {
        for database in [&self.ledger, &self.publishing, &self.views] {
            database.close().await;
        }
    }

    /// Waits until one of the files can no longer be written, and answers why.
    pub async fn failed(&self) -> String {
        tokio::select! {
            reason = self.ledger.ended() => format!("{}: {reason}", LEDGER.file),
            reason = self.publishing.ended() => format!("{}: {reason}", PUBLISHING.file),
            reason = self.views.ended() => format!("{}: {reason}", VIEWS.file),
            file = self.displaced() => {
                format!("{file} was moved, removed or replaced while in use; commits since then may be lost")
            }
        }
    }

    /// Waits until a file that must not be lost is no longer at its path, and answers its name.
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
    /// Opens the existing files, which must be those of one ledger. Views that cannot be used concern only who reads them.
    ///
    /// # Errors
    /// [`DirectoryError`]: its text says what to do.
    pub fn open(path: &Path) -> Result<Self, DirectoryError> {
        is_of_this_build(path)?;
        let (publishing_path, views_path) = (path.join(PUBLISHING.file), path.join(VIEWS.file));
        if !path.join(LEDGER.file).exists() && (publishing_path.exists() || views_path.exists()) {
            return Err(fit::gone(path, &LEDGER));
        }
        let ledger = Database::open_read_only(path, &LEDGER)?;
        let publishing =
            publishing_path.exists().then(|| Database::open_read_only(path, &PUBLISHING)).transpose()?;
        if let Some(publishing) = &publishing {
            fit::same_ledger(&ledger, publishing)?;
        }
        let views = match read_views(path, &ledger) {
            Ok(views) => views,
            Err(foreign @ DirectoryError::Foreign { .. }) => return Err(foreign),
            Err(error) => Err(NoViews::Unusable(causes(&error))),
        };
        Ok(Self { ledger, publishing, publishing_path, views })
    }

    /// Whether a server that keeps these orders would go on with the views.
    ///
    /// # Errors
    /// [`OutdatedViews`]: it would build them again.
    pub async fn check_views(&self, orders: &Orders) -> Result<(), OutdatedViews> {
        let views = self.views.as_ref().map_err(|none| match none {
            NoViews::Unusable(reason) => OutdatedViews::Unusable(reason.clone()),
            NoViews::Missing | NoViews::Older(_) | NoViews::WithoutOrders => {
                OutdatedViews::None(none.clone())
            }
        })?;
        let wanted = orders.to_string();
        match about(&committed(views), ORDERS).await? {
            Some(kept) if kept != wanted => Err(OutdatedViews::OtherOrders { kept, wanted }),
            _ => Ok(()),
        }
    }

    /// The views with the orders that they keep, whichever a server would keep; or why there are none to read.
    ///
    /// # Errors
    /// Their file cannot be read.
    pub async fn views_as_they_are(&self) -> Result<Result<(Database, Orders), NoViews>, sqlite::Error> {
        let views = match &self.views {
            Ok(views) => views,
            Err(none) => return Ok(Err(none.clone())),
        };
        let kept = about(&committed(views), ORDERS).await?;
        let orders = kept.and_then(|kept| Orders::parse(&kept).ok());
        Ok(orders.map(|orders| (views.clone(), orders)).ok_or(NoViews::WithoutOrders))
    }

    /// Receipts, bus, the publisher's parking rows and checkpoint.
    ///
    /// # Errors
    /// [`DirectoryError::Gone`]: the file is lost.
    pub fn publishing(&self) -> Result<&Database, DirectoryError> {
        self.publishing.as_ref().ok_or_else(|| DirectoryError::Gone { file: self.publishing_path.clone() })
    }
}

fn read_views(path: &Path, ledger: &Database) -> Result<Result<Database, NoViews>, DirectoryError> {
    if !path.join(VIEWS.file).exists() {
        return Ok(Err(NoViews::Missing));
    }
    let views = Database::open_read_only(path, &VIEWS).map_err(of_views)?;
    if let Version::Older(version) = views.version_of(&VIEWS)? {
        return Ok(Err(NoViews::Older(version)));
    }
    fit::same_views(ledger, &views)?;
    Ok(Ok(views))
}

fn is_of_this_build(path: &Path) -> Result<(), DirectoryError> {
    if !path.join(LEDGER.file).exists() && path.join(FORMER).exists() {
        return Err(DirectoryError::Former { directory: path.to_owned() });
    }
    Ok(())
}

/// Checks the hashes of the newest commits.
async fn check_newest(journal: &SqliteJournal) -> Result<(), StoreError> {
    let newest = journal.newest_position().await?.unwrap_or(0);
    for recorded in journal.after(newest.checked_sub(CHECKED as u64), CHECKED).await? {
        let whole = match &recorded.change {
            Change::Committed(commit) => chain::hash_of(commit).is_ok_and(|hash| {
                hash.as_str() == recorded.hash
                    && commit.text("hash").is_ok_and(|carried| carried == hash.as_str())
            }),
            Change::Tampered(_) | Change::Unreadable { .. } | Change::Nameless { .. } => false,
        };
        if !whole {
            tracing::error!(target: "ledger::files", position = recorded.position, "a commit does not have the hash it carries");
        }
    }
    Ok(())
}

/// The file of the views; created if it is of an earlier version, keeps other orders, or is missing.
async fn open_views(
    path: &Path,
    orders: &Orders,
    ledger: &Database,
    id: &str,
) -> Result<Database, DirectoryError> {
    if let Some(Version::Older(version)) = Database::version(path, &VIEWS).map_err(of_views)? {
        tracing::warn!(target: "ledger::files", version, "the views are of an earlier version and are rebuilt");
        Database::remove(path, &VIEWS)?;
    }
    let mut views = Database::open(path, &VIEWS).map_err(of_views)?;
    let wanted = orders.to_string();
    let kept = about(&committed(&views), ORDERS).await?;
    if kept.as_ref().is_some_and(|kept| *kept != wanted) {
        tracing::warn!(target: "ledger::files", kept, wanted, "other orders are configured; the views are rebuilt");
        views.close().await;
        drop(views);
        Database::remove(path, &VIEWS)?;
        views = Database::open(path, &VIEWS)?;
    }
    belongs(&views, ledger, id, DELETE_VIEWS).await?;
    let access = committed(&views);
    if about(&access, ORDERS).await?.is_none() {
        let newest = SqliteJournal::new(ledger.clone()).newest_position().await?;
        keep_about(&access, BUILDING, newest.map(|newest| newest.to_string())).await?;
        keep_about(&access, ORDERS, Some(wanted)).await?;
    }
    Ok(views)
}

/// Adds what can be done about the views, unlike the other files.
fn of_views(error: OpenError) -> DirectoryError {
    match error {
        OpenError::Damaged { .. } | OpenError::Schema { .. } => DirectoryError::Views(error),
        other => other.into(),
    }
}

/// Checks that a file belongs to the ledger `id`; a new file is assigned to it.
async fn belongs(
    database: &Database,
    ledger: &Database,
    id: &str,
    remedy: &'static str,
) -> Result<(), DirectoryError> {
    match about(&committed(database), LEDGER_ID).await? {
        Some(found) if found == id => Ok(()),
        Some(found) => Err(fit::foreign(database, found, ledger, id.to_owned(), remedy)),
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

/// Creates the files of a ledger in a directory that has none: for `migrate`, which moves them to their place at the end.
///
/// # Errors
/// [`DirectoryError`]: its text says what to do.
pub async fn make(path: &Path, id: String) -> Result<(Database, Database), DirectoryError> {
    create(path)?;
    let (ledger, publishing) = (Database::open(path, &LEDGER)?, Database::open(path, &PUBLISHING)?);
    name(&ledger, id.clone()).await?;
    name(&publishing, id).await?;
    Ok((ledger, publishing))
}

/// Creates the directory if it is missing, for its owner alone, and makes its name durable: what is recorded in it must not be
/// lost with it.
///
/// # Errors
/// [`DirectoryError`]: its text says what to do.
pub fn create(path: &Path) -> Result<(), DirectoryError> {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let new = path.ancestors().take_while(|directory| !directory.exists()).count();
    let created = DirBuilder::new().recursive(true).mode(0o700).create(&path);
    created.map_err(not_writable(&path))?;
    if new > 0 {
        // The umask may have taken rights of the owner.
        std::fs::set_permissions(&path, Permissions::from_mode(0o700)).map_err(not_writable(&path))?;
    }
    for parent in path.ancestors().skip(1).take(new) {
        File::open(parent).and_then(|parent| parent.sync_all()).map_err(not_writable(parent))?;
    }
    Ok(())
}

/// Takes the lock of the directory, which is held as long as the returned file is open; also answers whether there were
/// files before.
///
/// # Errors
/// [`DirectoryError`]: its text says what to do.
pub fn claim(directory: &Path) -> Result<(File, bool), DirectoryError> {
    privacy::check(directory)?;
    let path = directory.join(LOCK);
    let mut lock = open_private(&path, true)?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let holder = holder(&text(&mut lock));
            return Err(DirectoryError::InUse { directory: directory.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(not_writable(&path)(source).into()),
    }
    let created = text(&mut lock).lines().any(|line| line == CREATED);
    sign(&mut lock, created).map_err(not_writable(&path))?;
    Ok((lock, created))
}

/// The process that the lock file names, if it lives: another program may hold the lock, of which the file says nothing.
fn holder(lock: &str) -> String {
    let named = lock.lines().next().and_then(|line| line.strip_prefix(HOLDER));
    let named = named.and_then(|id| id.parse::<u32>().ok()).and_then(|id| i32::try_from(id).ok());
    match named.and_then(Pid::from_raw).filter(|id| lives(*id)) {
        Some(id) => format!("{HOLDER}{}", id.as_raw_nonzero()),
        None => "another process".to_owned(),
    }
}

/// Whether there is such a process, also one of another user.
fn lives(id: Pid) -> bool {
    matches!(test_kill_process(id), Ok(()) | Err(Errno::PERM))
}

fn must_be_there(directory: &Path, schema: &Schema) -> Result<(), DirectoryError> {
    let size = std::fs::metadata(directory.join(schema.file)).map_or(0, |file| file.len());
    if size == 0 { Err(fit::gone(directory, schema)) } else { Ok(()) }
}

/// Writes this process into the lock file, and whether the files exist: from then on, a missing file is a lost one.
///
/// # Errors
/// When the file cannot be written.
pub fn sign(lock: &mut File, created: bool) -> io::Result<()> {
    lock.set_len(0)?;
    lock.rewind()?;
    let created = if created { CREATED } else { "" };
    write!(lock, "{HOLDER}{}\n{created}\n", std::process::id())
}

/// The content of the lock file; empty if it cannot be read.
fn text(lock: &mut File) -> String {
    let mut text = String::new();
    let _ = lock.take(LONGEST_LOCK).read_to_string(&mut text);
    text
}

pub(crate) fn not_writable(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::NotWritable { path, source }
}

#[cfg(test)]
mod tests;
