//! The checkpoint that is kept in a file: what a later one has to grow from.
//!
//! The promise: the file is replaced as a whole, and only by a checkpoint of a log that was whole; another one is put beside it.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::Context;
use ledger_log::{LogCheckpoint, TrustedKeys, note};

use crate::limited;

/// The file of `--keep`.
pub(super) struct KeptFile {
    path: PathBuf,
    /// The checkpoint that it held, if there was one.
    pub(super) checkpoint: Option<LogCheckpoint>,
}

impl KeptFile {
    /// Reads the file, which may be missing.
    ///
    /// # Errors
    /// One line: it cannot be read, or holds something else than a checkpoint of these keys.
    pub(super) fn open(path: PathBuf, keys: &TrustedKeys) -> anyhow::Result<Self> {
        if !path.try_exists().with_context(|| format!("--keep {}", path.display()))? {
            return Ok(Self { path, checkpoint: None });
        }
        let note = limited::read(&path, note::MOST_BYTES)?;
        let checkpoint = keys.open(&note).with_context(|| {
            format!(
                "--keep {}: holds no checkpoint of this log; give the key that signed it too",
                path.display()
            )
        })?;
        Ok(Self { checkpoint: Some(checkpoint), path })
    }

    /// Keeps a checkpoint instead.
    pub(super) fn replace(&self, note: &[u8]) -> anyhow::Result<()> {
        write(&self.path, note)
    }

    /// Puts a checkpoint beside the one that is kept, in FILE.refused, whose path is returned.
    pub(super) fn refuse(&self, note: &[u8]) -> anyhow::Result<PathBuf> {
        let beside = beside(&self.path, ".refused");
        write(&beside, note)?;
        Ok(beside)
    }
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(ending);
    name.into()
}

/// Writes a file that appears whole or not at all.
fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let partial = beside(path, ".partial");
    let written = File::create(&partial).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| std::fs::rename(&partial, path));
    renamed.with_context(|| format!("{} cannot be written", path.display()))
}
