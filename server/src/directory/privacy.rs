//! Who may use a data directory besides its owner: nobody.
//!
//! The promise: a directory that others can write to, or that has a symbolic or hard link in the place of a file, is refused before
//! anything in it is opened; files of earlier builds or copies that others could read are made private.

use std::fs::{Metadata, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use event_store::sqlite::{LEDGER, PUBLISHING};
use projections::sqlite::VIEWS;
use sqlite::check_file;

use crate::log::{LOG_FORMER_KEY, LOG_KEY};

use super::{DirectoryError, FORMER, LOCK, not_writable};

/// What the group and all others may do.
const OTHERS: u32 = 0o077;
/// What they would have to be able to do to replace a file.
const WRITE: u32 = 0o022;

/// SQLite's files beside a database.
const BESIDE: [&str; 4] = ["", "-wal", "-shm", "-journal"];

/// Refuses a directory that others can write to, or in which a file is none or has another name too.
pub(super) fn check(directory: &Path) -> Result<(), DirectoryError> {
    let metadata = std::fs::metadata(directory).map_err(not_writable(directory))?;
    let mode = mode(&metadata);
    if mode & WRITE != 0 {
        return Err(DirectoryError::OpenToOthers { directory: directory.to_owned(), mode });
    }
    for (path, metadata) in files(directory) {
        check_file(&path, &metadata)?;
    }
    Ok(())
}

/// Takes the files of a ledger from everybody but their owner, and warns of a directory that others can read.
pub(super) fn tighten(directory: &Path) {
    for (path, metadata) in files(directory) {
        let found = mode(&metadata);
        if found & OTHERS == 0 {
            continue;
        }
        let private = Permissions::from_mode(found & !OTHERS);
        let (file, found) = (path.display(), format!("{found:04o}"));
        match std::fs::set_permissions(&path, private) {
            Ok(()) => {
                tracing::info!(target: "ledger::files", %file, found, "a file that others could use is now private");
            }
            Err(error) => {
                tracing::warn!(target: "ledger::files", %file, found, %error, "others can use a file; change its mode to 0600");
            }
        }
    }
    let found = std::fs::metadata(directory).map_or(0, |metadata| mode(&metadata));
    if found & OTHERS != 0 {
        tracing::warn!(target: "ledger::files",
            directory = %directory.display(),
            found = format!("{found:04o}"),
            "others can read the data directory; change its mode to 0700"
        );
    }
}

/// The files of a ledger that are there, whatever they are; links are not followed.
fn files(directory: &Path) -> impl Iterator<Item = (PathBuf, Metadata)> {
    let databases = [LEDGER.file, PUBLISHING.file, VIEWS.file, FORMER];
    let databases = databases.iter().flat_map(|file| BESIDE.map(|ending| format!("{file}{ending}")));
    let paths = databases
        .chain([LOCK, LOG_KEY, LOG_FORMER_KEY].map(str::to_owned))
        .map(|name| directory.join(name))
        .collect::<Vec<_>>();
    paths.into_iter().filter_map(|path| {
        let metadata = std::fs::symlink_metadata(&path).ok()?;
        Some((path, metadata))
    })
}

fn mode(metadata: &Metadata) -> u32 {
    metadata.permissions().mode() & 0o7777
}
