//! What a log is at the start of a server: its key and its origin, both bound to the ledger at the first start.
//!
//! The promise: a log is never signed with another key or under another name than at first, and one that is lost is never begun
//! anew in its place. What is refused says what to do.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::error::{KeyRejected, Unspecified};
use event_store::sqlite::{about, keep_about};
use ledger_log::signer::SignerError;
use ledger_log::{
    CheckpointSigner, LogCheckpoint, LogPath, NoteSigner, SignedNote, TrustedKeys, VerifierKey, note,
};
use sequencer::{DirectoryLog, LogFailure, LogStore, LogWriter, MemoryLog, ServedLog};
use sqlite::{Access, Database};

use super::key;
use super::{LOG_DIRECTORY, LOG_KEY};

/// The verifier key of the ledger's log. Stored. Never rename.
const BOUND: &str = "log_key";

/// The longest origin, in bytes.
const LONGEST_ORIGIN: usize = 200;

/// How a log is kept.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Its name, for the first start; afterwards it has to be the same, or none.
    pub origin: Option<String>,
    /// The least time between two checkpoints.
    pub interval: Duration,
}

/// A log that can go on.
#[derive(Clone)]
pub struct LogStarted {
    /// Its files, and the keys that sign it.
    pub log: ServedLog,
    /// What signs it.
    pub signer: Arc<dyn CheckpointSigner>,
    /// Its key.
    pub key: VerifierKey,
    /// The size of its checkpoint; 0 if that cannot be read.
    pub published: u64,
}

impl LogStarted {
    /// A log with a single key.
    #[must_use]
    pub fn signed_by(signer: Arc<NoteSigner>, store: Arc<dyn LogStore>, published: u64) -> Self {
        let key = signer.verifier_key().clone();
        let log = ServedLog { store, keys: TrustedKeys::from(key.clone()) };
        Self { log, signer, key, published }
    }
}

/// Why a server does not start with its log; what to do is in the text.
#[derive(Debug, thiserror::Error)]
pub enum LogStartError {
    /// The key is gone.
    #[error(
        "{0}, which signs the log of this ledger, is missing; put it back from where you keep it, or start without the log (--log off)"
    )]
    NoKey(PathBuf),
    /// The file of the key has something else.
    #[error(
        "{file} is not the private key of a log ({reason}); put back the right one, or start without the log (--log off)"
    )]
    NotAKey {
        /// The file.
        file: PathBuf,
        /// Why.
        reason: String,
    },
    /// The key is another one.
    #[error(
        "{file} is not the key of the log {origin}; put back the right one, or start without the log (--log off)"
    )]
    OtherKey {
        /// The file.
        file: PathBuf,
        /// The name of the log.
        origin: String,
    },
    /// The log has another name.
    #[error(
        "--log-origin {wanted}: the log of this ledger has the origin {origin}, which it keeps; leave the option out"
    )]
    OtherOrigin {
        /// The name that was given.
        wanted: String,
        /// The name that it has.
        origin: String,
    },
    /// The files are gone.
    #[error(
        "{0}, which holds the log of this ledger, is lost or has no checkpoint; put it back from a backup, or start without the log (--log off)"
    )]
    NoLog(PathBuf),
    /// What the ledger says about its log cannot be read.
    #[error("the ledger does not say which log it has: {0}; restore ledger.sqlite3 from a copy")]
    NotBound(String),
    /// No key could be made.
    #[error("no key could be made for the log")]
    Random,
    /// A file cannot be used.
    #[error(
        "{file} cannot be used: {source}; make room on the disk, or check that it can be read and written"
    )]
    File {
        /// The file.
        file: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The first checkpoint could not be published.
    #[error("the log cannot be begun: {0}; make room on the disk, or check that it can be written")]
    Begin(#[from] LogFailure),
    /// The ledger's file could not be read or written.
    #[error("a file cannot be used: {0}; make room on the disk, or check that it can be read and written")]
    Ledger(#[from] sqlite::Error),
}

/// Whether a log can have this name: one of a key, without a scheme and without a slash at its end.
#[must_use]
pub fn is_origin(name: &str) -> bool {
    let is_url = name.contains("://") || name.ends_with('/');
    note::is_key_name(name) && name.is_ascii() && name.len() <= LONGEST_ORIGIN && !is_url
}

/// The verifier key of the log that a ledger has, if it has one.
///
/// # Errors
/// [`LogStartError`]: the ledger's file cannot be read, or was changed.
pub async fn bound_key(ledger: &Database) -> Result<Option<VerifierKey>, LogStartError> {
    let bound = about(&Access::Committed(ledger.clone()), BOUND).await?;
    let parsed = bound.map(|key| key.parse()).transpose();
    parsed.map_err(|error: ledger_log::VerifierKeyError| LogStartError::NotBound(error.to_string()))
}

/// How many entries the log of a ledger has, as far as its checkpoint can be read.
///
/// # Errors
/// [`LogStartError`]: the ledger's file cannot be read, or was changed.
pub async fn logged(directory: &Path, ledger: &Database) -> Result<u64, LogStartError> {
    let Some(key) = bound_key(ledger).await? else { return Ok(0) };
    let note = DirectoryLog::at(directory.join(LOG_DIRECTORY)).read(LogPath::Checkpoint).ok().flatten();
    Ok(size_of(note.as_deref(), &key))
}

/// A log in memory, with a new key.
///
/// # Errors
/// [`LogStartError`]: no key could be made.
pub fn in_memory(settings: &LogSettings) -> Result<LogStarted, LogStartError> {
    let pkcs8 = key::generate().map_err(|Unspecified| LogStartError::Random)?;
    let signer = signer(Path::new("the new key"), settings.origin.clone(), &pkcs8)?;
    let store: Arc<dyn LogStore> = Arc::new(MemoryLog::default());
    LogWriter::begin(store.clone(), signer.clone())?;
    Ok(LogStarted::signed_by(signer, store, 0))
}

/// The log in a data directory, which is begun at the first start.
///
/// # Errors
/// [`LogStartError`]: its text says what to do.
pub async fn on_files(
    directory: &Path,
    ledger: &Database,
    settings: &LogSettings,
) -> Result<LogStarted, LogStartError> {
    let (file, log) = (directory.join(LOG_KEY), directory.join(LOG_DIRECTORY));
    let unusable = |file: &Path| {
        let file = file.to_owned();
        move |source| LogStartError::File { file, source }
    };
    let store: Arc<dyn LogStore> = Arc::new(DirectoryLog::at(log.clone()));
    let checkpoint = store.read(LogPath::Checkpoint).map_err(unusable(&log.join("checkpoint")))?;
    let bound = bound_key(ledger).await?;
    if bound.is_some() && checkpoint.is_none() {
        return Err(LogStartError::NoLog(log));
    }
    // Of a log that is not bound yet, the first start ended before its end.
    let named = checkpoint.as_deref().and_then(origin_of);
    let origin = bound.as_ref().map(|key| key.name().to_owned()).or(named);
    if let (Some(origin), Some(wanted)) = (&origin, &settings.origin)
        && origin != wanted
    {
        return Err(LogStartError::OtherOrigin { wanted: wanted.clone(), origin: origin.clone() });
    }
    let pkcs8 = match key::read(&file).map_err(unusable(&file))? {
        Some(pkcs8) => pkcs8.map_err(|reason| LogStartError::NotAKey { file: file.clone(), reason })?,
        None if checkpoint.is_some() => return Err(LogStartError::NoKey(file)),
        None => {
            let pkcs8 = key::generate().map_err(|Unspecified| LogStartError::Random)?;
            key::write(&file, &pkcs8).map_err(unusable(&file))?;
            pkcs8
        }
    };
    let signer = signer(&file, origin.or_else(|| settings.origin.clone()), &pkcs8)?;
    let own = signer.verifier_key();
    let published = size_of(checkpoint.as_deref(), own);
    let other_key = || LogStartError::OtherKey { file: file.clone(), origin: own.name().to_owned() };
    match (bound, checkpoint) {
        (Some(bound), _) if bound != *own => return Err(other_key()),
        // Whether the checkpoint is whole is judged where it is gone on with.
        (Some(_), _) => {}
        (None, checkpoint) => {
            match checkpoint {
                Some(note) => {
                    TrustedKeys::from(own.clone()).open(&note).map(drop).map_err(|_| other_key())?;
                }
                None => LogWriter::begin(store.clone(), signer.clone())?,
            }
            keep_about(&Access::Committed(ledger.clone()), BOUND, Some(own.to_string())).await?;
        }
    }
    Ok(LogStarted::signed_by(signer, store, published))
}

/// The size that a checkpoint names, if the key signed it.
fn size_of(note: Option<&[u8]>, key: &VerifierKey) -> u64 {
    let checkpoint = note.and_then(|note| TrustedKeys::from(key.clone()).open(note).ok());
    checkpoint.map_or(0, |checkpoint| checkpoint.size)
}

fn signer(file: &Path, origin: Option<String>, pkcs8: &[u8]) -> Result<Arc<NoteSigner>, LogStartError> {
    let not_a_key = |reason: String| LogStartError::NotAKey { file: file.to_owned(), reason };
    let origin = match origin {
        Some(origin) => origin,
        None => key::origin_of(pkcs8).map_err(|error: KeyRejected| not_a_key(error.to_string()))?,
    };
    let signer = NoteSigner::from_pkcs8(&origin, pkcs8);
    Ok(Arc::new(signer.map_err(|error: SignerError| not_a_key(error.to_string()))?))
}

/// The name that a checkpoint gives its log, whoever signed it.
fn origin_of(note: &[u8]) -> Option<String> {
    let note = SignedNote::read(note).ok()?;
    Some(LogCheckpoint::read(&note.text)?.origin)
}

#[cfg(test)]
mod tests;
