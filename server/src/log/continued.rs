//! Goes on with a log in another data directory, whose ledger was restored from an export by position: with the key that has signed
//! it, or with the one to which it was handed over.
//!
//! The promise: nothing is signed but the checkpoint that the export has, and only over the entries that give its root. Where a log
//! was handed over, its first checkpoint here has the signatures of both keys.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use event_store::{Feed, SqliteJournal};
use ledger_log::{
    CheckpointFault, CheckpointSigner, LogCheckpoint, LogPath, NoteSigner, SignedNote, SigningError,
    TrustedKeys,
};
use sequencer::{DirectoryLog, LogFailure, LogStop, LogStore, LogWriter, ServedLog};
use sqlite::Database;

use super::bound::bind;
use super::entries::next_entries;
use super::error::{LogStartError, unusable};
use super::{LOG_DIRECTORY, LOG_KEY, key};

/// A log that can go on in a data directory.
pub struct ContinuedLog {
    /// What its checkpoint says.
    pub checkpoint: LogCheckpoint,
    note: SignedNote,
    keys: TrustedKeys,
    own: Arc<NoteSigner>,
}

/// Why a log does not go on; nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum ContinueError {
    /// The checkpoint is not what the keys say.
    #[error("the checkpoint of the export cannot be used: {0}")]
    Checkpoint(#[from] CheckpointFault),
    /// The private key has not signed it, and is not the one to which the log was handed over.
    #[error(
        "{file} is the private key of {own}, which does not sign the checkpoint of the export, with {size} entries: {reason}"
    )]
    OtherKey {
        /// The file.
        file: PathBuf,
        /// Its verifier key.
        own: String,
        /// The size of the checkpoint.
        size: u64,
        /// What is wrong.
        reason: &'static str,
    },
    /// There are files of a log already.
    #[error(
        "{directory} has a log of {size} entries already, and the export only {there}; take a newer export"
    )]
    Ahead {
        /// The directory.
        directory: PathBuf,
        /// Its size.
        size: u64,
        /// The size of the checkpoint.
        there: u64,
    },
    /// A file cannot be used.
    #[error(transparent)]
    Start(#[from] LogStartError),
    /// The log could not be written.
    #[error("the log cannot be written: {0}; run the command again")]
    Log(#[from] LogFailure),
}

/// The log of an export's checkpoint, if the private key in a directory is one that signs it: `keys` are those of the log, as
/// `ledger log key` prints them.
///
/// # Errors
/// [`ContinueError`]: its text says what is wrong.
pub fn continued(
    directory: &Path,
    note: &str,
    keys: Option<&TrustedKeys>,
) -> Result<Option<ContinuedLog>, ContinueError> {
    let mut note = SignedNote::read(note.as_bytes()).map_err(CheckpointFault::from)?;
    let checkpoint = LogCheckpoint::read(&note.text).ok_or(CheckpointFault::Text)?;
    if let Some(keys) = keys {
        keys.open(note.to_string().as_bytes())?;
    }
    let file = directory.join(LOG_KEY);
    let Some(pkcs8) = key::read(&file).map_err(unusable(&file))? else { return Ok(None) };
    let not_a_key = |reason: String| LogStartError::NotAKey { file: file.clone(), reason };
    let pkcs8 = pkcs8.map_err(not_a_key)?;
    let own =
        NoteSigner::from_pkcs8(&checkpoint.origin, &pkcs8).map_err(|error| not_a_key(error.to_string()))?;
    let own_key = own.verifier_key().clone();
    let has_signed = TrustedKeys::from(own_key.clone()).open(note.to_string().as_bytes());
    let is_signed = match has_signed {
        Ok(_) => true,
        Err(CheckpointFault::Unknown(_)) => false,
        Err(fault) => return Err(fault.into()),
    };
    let other = |reason| {
        let (file, own) = (file.clone(), own_key.to_string());
        ContinueError::OtherKey { file, own, size: checkpoint.size, reason }
    };
    let keys = match keys {
        None if is_signed => TrustedKeys::from(own_key.clone()),
        None => return Ok(None),
        Some(keys) if keys.newest() != Some(&own_key) => {
            return Err(other("the newest of the keys that were given is another one"));
        }
        Some(keys) if !keys.counts(&own_key, checkpoint.size) => {
            return Err(other(
                "it signs only larger ones, so take an export that was made after the key was changed",
            ));
        }
        Some(keys) => keys.clone(),
    };
    if !is_signed {
        let signature = own.signature(&note.text).map_err(|error| not_a_key(error.to_string()))?;
        note.signatures.push(signature);
    }
    Ok(Some(ContinuedLog { checkpoint, note, keys, own: Arc::new(own) }))
}

impl ContinuedLog {
    /// Whether the files of a log in the directory, if there are any, are an earlier state.
    ///
    /// # Errors
    /// [`ContinueError::Ahead`]; or they cannot be read.
    pub fn follows(&self, directory: &Path) -> Result<(), ContinueError> {
        let log = directory.join(LOG_DIRECTORY);
        let size = self.present(&DirectoryLog::at(log.clone()))?.map_or(0, |present| present.size);
        let there = self.checkpoint.size;
        if size > there { Err(ContinueError::Ahead { directory: log, size, there }) } else { Ok(()) }
    }

    /// Writes the log from the ledger that was restored, and then its checkpoint, and binds the ledger to its keys. It may be
    /// repeated after an interruption.
    ///
    /// # Errors
    /// [`ContinueError`].
    pub async fn write(self, directory: &Path, ledger: &Database) -> Result<(), ContinueError> {
        let journal = SqliteJournal::new(ledger.clone());
        let store: Arc<dyn LogStore> = Arc::new(DirectoryLog::at(directory.join(LOG_DIRECTORY)));
        let keys = match self.present(&*store)? {
            None => {
                LogWriter::begin(store.clone(), self.own.clone())?;
                TrustedKeys::from(self.own.verifier_key().clone())
            }
            Some(_) => self.opening(),
        };
        let signer =
            Arc::new(SignedBefore { note: self.note.clone(), origin: self.checkpoint.origin.clone() });
        let mut writer = LogWriter::open(ServedLog { store, keys }, signer)?;
        let size = self.checkpoint.size;
        while writer.size() < size {
            let entries = next_entries(&journal as &dyn Feed, writer.size()).await?;
            let left = usize::try_from(size - writer.size()).unwrap_or(usize::MAX);
            if entries.is_empty() {
                return Err(LogFailure::from(LogStop::Gap(writer.size())).into());
            }
            entries.into_iter().take(left).try_for_each(|entry| writer.append_entry(entry))?;
        }
        if writer.note() != self.note.to_string().as_bytes() {
            let note = writer.prepare()?;
            writer.replace_checkpoint(&note)?;
        }
        bind(ledger, Some(&self.keys), None).await.map_err(LogStartError::from)?;
        Ok(())
    }

    /// The checkpoint of the files that are there.
    fn present(&self, store: &dyn LogStore) -> Result<Option<LogCheckpoint>, ContinueError> {
        let note = store.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint))?;
        note.map(|note| Ok(self.opening().open(&note)?)).transpose()
    }

    /// The keys with which a checkpoint of before is opened: also one that the own key has signed at a size at which it does not
    /// count yet, of a log that has no entries.
    fn opening(&self) -> TrustedKeys {
        let mut keys = self.keys.clone();
        keys.add(self.own.verifier_key().clone(), 0);
        keys
    }
}

/// Answers with the note of one checkpoint alone.
struct SignedBefore {
    note: SignedNote,
    origin: String,
}

impl CheckpointSigner for SignedBefore {
    fn origin(&self) -> &str {
        &self.origin
    }

    fn sign(&self, text: String) -> Result<SignedNote, SigningError> {
        if text == self.note.text {
            return Ok(self.note.clone());
        }
        Err(SigningError("the ledger does not give the root of the checkpoint".to_owned()))
    }
}
