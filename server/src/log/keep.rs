//! The newest checkpoint, kept in a file outside the data directory: it tells a directory that was put back from a backup that it
//! is old.
//!
//! The promise: the file is whole, whenever the process is killed or the power fails, and never goes back to a smaller size.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ledger_log::{LogCheckpoint, LogPath, SignedNote, TreeHash, note, proof};
use sequencer::{LogFailure, ServedLog, growth, sync_above};

/// What leads on after the ledger went back. Ways out of a refusal are named in the same words everywhere.
pub const WAYS: &str = "was the data directory put back from a backup? With the server stopped, run ledger log restore and then ledger log \
     accept-restore, or begin a new log with ledger log new; or start without the log (--log off)";

/// The file of `--log-keep`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptCheckpoint {
    path: PathBuf,
}

/// Why a server does not start with a file of `--log-keep`; what to do is in the text.
#[derive(Debug, thiserror::Error)]
pub enum KeptCheckpointError {
    /// It would be put back together with the data directory.
    #[error(
        "--log-keep {0}: lies in the data directory, with which it would be put back; give a file elsewhere, best on another machine"
    )]
    Inside(PathBuf),
    /// It cannot be read or written.
    #[error(
        "--log-keep {file}: {source}; give a file that can be read and written, in a directory that exists"
    )]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It holds something else.
    #[error(
        "--log-keep {file}: holds no checkpoint of the log {origin} ({reason}); move it away, or give another file"
    )]
    Other {
        /// The file.
        file: PathBuf,
        /// The name of the log.
        origin: String,
        /// Why.
        reason: String,
    },
    /// The log is shorter.
    #[error(
        "--log-keep {file}: its checkpoint has {kept} entries, and the log of this ledger has {size}; {WAYS}"
    )]
    Ahead {
        /// The file.
        file: PathBuf,
        /// Entries of its checkpoint.
        kept: u64,
        /// Entries of the log.
        size: u64,
    },
    /// The log does not begin with the same entries.
    #[error(
        "--log-keep {file}: its checkpoint has {kept} entries, and the log of this ledger, which has {size}, does not begin with the same ones; {WAYS}"
    )]
    Differs {
        /// The file.
        file: PathBuf,
        /// Entries of its checkpoint.
        kept: u64,
        /// Entries of the log.
        size: u64,
    },
    /// The tiles of the log cannot be read.
    #[error(
        "--log-keep {file}: cannot be compared with the log ({reason}); put the log back from a backup, or run ledger log restore"
    )]
    Log {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
}

impl KeptCheckpoint {
    /// A file, which may be missing.
    ///
    /// # Errors
    /// [`KeptCheckpointError`]: it lies in the data directory, or its own directory is missing.
    pub fn outside(path: &Path, data: &Path) -> Result<Self, KeptCheckpointError> {
        let failed = |source| KeptCheckpointError::File { file: path.to_owned(), source };
        let absolute = std::path::absolute(path).map_err(failed)?;
        let name = absolute.file_name().ok_or_else(|| failed(ErrorKind::InvalidFilename.into()))?;
        let above = absolute.parent().unwrap_or(Path::new("/")).canonicalize().map_err(failed)?;
        let absolute = above.join(name);
        // A link may lead into the directory.
        let target = absolute.canonicalize().unwrap_or_else(|_| absolute.clone());
        let data = data.canonicalize().map_err(failed)?;
        if [&absolute, &target].iter().any(|path| path.starts_with(&data)) {
            return Err(KeptCheckpointError::Inside(path.to_owned()));
        }
        Ok(Self { path: target })
    }

    /// Compares the log with the file; whether there was one.
    ///
    /// # Errors
    /// [`KeptCheckpointError`]: the log has not grown from it, or that cannot be told.
    pub fn check(&self, log: &ServedLog, origin: &str) -> Result<bool, KeptCheckpointError> {
        let file = || self.path.clone();
        let Some(note) = self.read().map_err(|source| KeptCheckpointError::File { file: file(), source })?
        else {
            return Ok(false);
        };
        let other =
            |reason: String| KeptCheckpointError::Other { file: file(), origin: origin.to_owned(), reason };
        let kept = log.keys.open(&note).map_err(|error| other(error.to_string()))?;
        let own = log.store.read(LogPath::Checkpoint).ok().flatten();
        let own = own.and_then(|note| log.keys.open(&note).ok());
        let size = own.as_ref().map_or(0, |own| own.size);
        match own.filter(|own| own.size >= kept.size) {
            None => Err(KeptCheckpointError::Ahead { file: file(), kept: kept.size, size }),
            Some(own) => match has_grown(log, &kept, &own) {
                Ok(true) => Ok(true),
                Ok(false) => Err(KeptCheckpointError::Differs { file: file(), kept: kept.size, size }),
                Err(error) => Err(KeptCheckpointError::Log { file: file(), reason: error.to_string() }),
            },
        }
    }

    /// Keeps a checkpoint, unless the file has one that is as large.
    ///
    /// # Errors
    /// The file is as it was before.
    pub fn keep(&self, note: &[u8]) -> io::Result<()> {
        let found = self.read()?;
        let size = |note: &[u8]| Some(LogCheckpoint::read(&SignedNote::read(note).ok()?.text)?.size);
        let is_newer =
            found.as_deref().and_then(size).is_some_and(|found| size(note).is_none_or(|new| new < found));
        if is_newer || found.as_deref() == Some(note) {
            return Ok(());
        }
        let mut temporary = self.path.clone().into_os_string();
        temporary.push(".new");
        let temporary = PathBuf::from(temporary);
        let mut file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(note)?;
        file.sync_all()?;
        std::fs::rename(&temporary, &self.path)?;
        sync_above(&self.path)
    }

    /// The file as messages name it.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn read(&self) -> io::Result<Option<Vec<u8>>> {
        let file = match std::fs::metadata(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            // A pipe would be waited for.
            Ok(metadata) if !metadata.is_file() => {
                return Err(io::Error::new(ErrorKind::InvalidData, "it is not a file"));
            }
            metadata => metadata.and_then(|_| File::open(&self.path))?,
        };
        let mut note = Vec::new();
        file.take(note::MOST_BYTES as u64 + 1).read_to_end(&mut note)?;
        Ok(Some(note))
    }
}

/// Whether a log has grown from a checkpoint of at most its size.
fn has_grown(log: &ServedLog, kept: &LogCheckpoint, own: &LogCheckpoint) -> Result<bool, LogFailure> {
    let hashes: Vec<TreeHash> = growth(&*log.store, kept.size, own.size)?;
    Ok(proof::is_consistent((kept.size, kept.root), (own.size, own.root), &hashes))
}

#[cfg(test)]
mod tests;
