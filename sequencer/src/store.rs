//! Where the files of a log are: a directory, or memory.
//!
//! The promise: a file is whole or absent, whenever the process is killed or the power fails; it is durable once it is settled.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use ledger_log::{LogPath, bundle};

use super::failure::{LogFailure, LogStop};

/// Bytes of a hash in a tile.
const HASH_BYTES: usize = 32;

/// The files of a log, by their paths.
pub trait LogStore: Send + Sync {
    /// A file, if it is there.
    ///
    /// # Errors
    /// It cannot be read, or is longer than such a file can be.
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>>;

    /// Puts a file in its place; its content is durable, its name once it is settled.
    ///
    /// # Errors
    /// The file is as it was before.
    fn write(&self, path: LogPath, bytes: &[u8]) -> io::Result<()>;

    /// Puts a file in its place, as [`LogStore::write`], unless one is there, which is answered and stays.
    ///
    /// # Errors
    /// Whether it is there is not known; as it is written again, the same bytes change nothing.
    fn put(&self, path: LogPath, bytes: &[u8]) -> io::Result<Option<Vec<u8>>> {
        match self.read(path)? {
            Some(found) => Ok(Some(found)),
            None => self.write(path, bytes).map(|()| None),
        }
    }

    /// Replaces a checkpoint; an empty one stands for none. `false`: another one is there, and stays.
    ///
    /// # Errors
    /// Whether it was replaced is not known.
    fn publish(&self, replaced: &[u8], note: &[u8]) -> io::Result<bool> {
        let _ = replaced;
        self.write(LogPath::Checkpoint, note).map(|()| true)
    }

    /// Makes the names of files durable.
    ///
    /// # Errors
    /// Some or all may be lost with the power.
    fn settle(&self, paths: &[LogPath]) -> io::Result<()>;

    /// Removes the partial files whose place a full one has taken.
    ///
    /// # Errors
    /// Some or all are still there.
    fn remove_partial(&self, full: LogPath) -> io::Result<()>;

    /// Whether calls wait, for example for a disk, and so need a thread on which nothing else waits.
    fn blocks(&self) -> bool {
        true
    }
}

/// What a partial file holds, taken from the full one in its place; none if that is not a full one.
#[must_use]
pub fn prefix_of_full(partial: LogPath, full: &[u8]) -> Option<Vec<u8>> {
    let width = usize::from(partial.width());
    match partial {
        LogPath::Checkpoint => None,
        LogPath::Tile { .. } => {
            let is_whole = full.len() == HASH_BYTES * usize::from(partial.full().width());
            full.get(..width * HASH_BYTES).filter(|_| is_whole).map(<[u8]>::to_vec)
        }
        LogPath::Entries { .. } => {
            let entries = bundle::read(full, partial.full().width().into()).ok()?;
            let mut prefix = Vec::new();
            entries.iter().take(width).try_for_each(|entry| bundle::push(&mut prefix, entry)).ok()?;
            Some(prefix)
        }
    }
}

/// A file that the checkpoint needs, or what the full one in its place holds of it.
pub(super) fn needed(store: &dyn LogStore, path: LogPath) -> Result<Vec<u8>, LogFailure> {
    if let Some(bytes) = store.read(path).map_err(LogFailure::of(path))? {
        return Ok(bytes);
    }
    let full = store.read(path.full()).map_err(LogFailure::of(path.full()))?;
    let full = full.filter(|_| path != path.full()).ok_or(LogStop::Missing(path))?;
    Ok(prefix_of_full(path, &full).ok_or(LogStop::Damaged(path.full()))?)
}

/// A log in a directory, with the paths that a web server would serve.
#[derive(Debug)]
pub struct DirectoryLog {
    root: PathBuf,
}

impl DirectoryLog {
    /// The log in this directory, which is created if something is written.
    #[must_use]
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    fn file(&self, path: LogPath) -> PathBuf {
        self.root.join(path.to_string())
    }

    /// Creates the missing directories of a file, for their owner alone.
    fn create_parents(directory: &Path) -> io::Result<()> {
        let new = directory.ancestors().take_while(|directory| !directory.exists()).collect::<Vec<_>>();
        for directory in new.into_iter().rev() {
            DirBuilder::new().mode(0o700).create(directory)?;
            // The umask may have taken rights of the owner.
            std::fs::set_permissions(directory, Permissions::from_mode(0o700))?;
        }
        Ok(())
    }
}

impl LogStore for DirectoryLog {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        let metadata = match std::fs::metadata(self.file(path)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        // A pipe would be waited for.
        if !metadata.is_file() {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is not a file"));
        }
        let file = File::open(self.file(path))?;
        let most = path.most_bytes();
        let mut bytes = Vec::new();
        file.take(most as u64 + 1).read_to_end(&mut bytes)?;
        if bytes.len() > most {
            return Err(io::Error::new(ErrorKind::InvalidData, "it is longer than such a file can be"));
        }
        Ok(Some(bytes))
    }

    fn write(&self, path: LogPath, bytes: &[u8]) -> io::Result<()> {
        let file = self.file(path);
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let temporary = file.with_file_name(format!(".{name}.new"));
        Self::create_parents(file.parent().unwrap_or(&self.root))?;
        let written = write_new(&temporary, bytes).and_then(|()| std::fs::rename(&temporary, &file));
        written.inspect_err(|_| drop(std::fs::remove_file(&temporary)))
    }

    fn settle(&self, paths: &[LogPath]) -> io::Result<()> {
        let files: Vec<PathBuf> = paths.iter().map(|path| self.file(*path)).collect();
        // Each directory once, and those above it, in which its own name may be new.
        let directories: BTreeSet<&Path> = files
            .iter()
            .flat_map(|file| file.ancestors().skip(1).take_while(|above| above.starts_with(&self.root)))
            .collect();
        directories.iter().rev().try_for_each(|directory| File::open(directory)?.sync_all())?;
        if !paths.is_empty() {
            sync_above(&self.root)?;
        }
        Ok(())
    }

    fn remove_partial(&self, full: LogPath) -> io::Result<()> {
        let mut directory = self.file(full).into_os_string();
        directory.push(".p");
        match std::fs::remove_dir_all(PathBuf::from(directory)) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            removed => removed,
        }
    }
}

/// Makes the name of a file or directory durable, in the directory that holds it.
///
/// # Errors
/// The name may be lost with the power.
pub fn sync_above(path: &Path) -> io::Result<()> {
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    File::open(above.unwrap_or(Path::new(".")))?.sync_all()
}

/// Writes a file that only its owner can use; what a killed process left of it is written again.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(bytes)?;
    file.sync_all()
}

/// A log in memory.
#[derive(Debug, Default)]
pub struct MemoryLog(Mutex<BTreeMap<LogPath, Vec<u8>>>);

impl MemoryLog {
    fn files(&self) -> MutexGuard<'_, BTreeMap<LogPath, Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LogStore for MemoryLog {
    fn read(&self, path: LogPath) -> io::Result<Option<Vec<u8>>> {
        Ok(self.files().get(&path).cloned())
    }

    fn write(&self, path: LogPath, bytes: &[u8]) -> io::Result<()> {
        self.files().insert(path, bytes.to_vec());
        Ok(())
    }

    fn settle(&self, _: &[LogPath]) -> io::Result<()> {
        Ok(())
    }

    fn remove_partial(&self, full: LogPath) -> io::Result<()> {
        self.files().retain(|path, _| *path == full || path.full() != full);
        Ok(())
    }

    fn blocks(&self) -> bool {
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_there_whole_with_what_a_killed_process_left_beside_it() {
        let directory = tempfile::tempdir().unwrap();
        let log = DirectoryLog::at(directory.path().join("log"));
        let path: LogPath = "tile/0/x001/234.p/7".parse().unwrap();
        assert_eq!(log.read(path).unwrap(), None);
        log.write(path, b"old").unwrap();
        let file = directory.path().join("log/tile/0/x001/234.p/7");
        std::fs::write(file.with_file_name(".7.new"), b"half").unwrap();
        log.write(path, b"new").unwrap();
        log.settle(&[path]).unwrap();
        assert_eq!(log.read(path).unwrap().unwrap(), b"new");
        let names: Vec<_> = std::fs::read_dir(file.parent().unwrap()).unwrap().collect();
        assert_eq!(names.len(), 1, "nothing is left beside it");
        log.remove_partial("tile/0/x001/234".parse().unwrap()).unwrap();
        log.remove_partial("tile/0/x001/234".parse().unwrap()).unwrap();
        assert_eq!(log.read(path).unwrap(), None);
    }

    #[test]
    fn what_is_no_file_of_a_log_is_not_read() {
        let directory = tempfile::tempdir().unwrap();
        let log = DirectoryLog::at(directory.path().to_owned());
        std::fs::create_dir_all(directory.path().join("tile/0/000")).unwrap();
        assert!(log.read("tile/0/000".parse().unwrap()).is_err());
        std::fs::write(directory.path().join("tile/0/001"), vec![0; 8_193]).unwrap();
        assert!(log.read("tile/0/001".parse().unwrap()).is_err());
    }

    #[test]
    fn a_full_file_holds_what_the_partial_one_in_its_place_held() {
        let hashes: Vec<u8> = (0..8_192).map(|n: u32| n.to_be_bytes()[3]).collect();
        let tile = "tile/0/000.p/3".parse().unwrap();
        assert_eq!(prefix_of_full(tile, &hashes).unwrap(), hashes[..96]);
        assert_eq!(prefix_of_full(tile, &hashes[1..]), None);
        let mut entries = Vec::new();
        (0..=255).for_each(|n| bundle::push(&mut entries, &[n; 64]).unwrap());
        let bundle = "tile/entries/000.p/3".parse().unwrap();
        assert_eq!(prefix_of_full(bundle, &entries).unwrap(), entries[..66 * 3]);
        assert_eq!(prefix_of_full(bundle, &entries[..66 * 255]), None);
        assert_eq!(prefix_of_full(LogPath::Checkpoint, &entries), None);
    }
}
