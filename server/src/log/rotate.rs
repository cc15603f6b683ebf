//! Another key for a log, under the same name: while no server runs on the ledger.
//!
//! The promise: the checkpoint at which the keys change carries the signatures of both, unless the first one is lost. A rotation
//! that was interrupted has not happened, or is finished at the next start.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use aws_lc_rs::error::Unspecified;
use ledger_log::{LogCheckpoint, LogPath, NoteSigner, SignedNote, TrustedKeys, VerifierKey};
use schema::Timestamp;
use sequencer::{DirectoryLog, LogStore, sync_above};
use sqlite::Database;

use super::bound::{bind, bound_keys, hand_over, handed_over};
use super::error::{LogStartError, unusable};
use super::{LOG_DIRECTORY, LOG_FORMER_KEY, LOG_KEY, key};

/// The new private key until the ledger is bound to it. Stored. Never rename.
const NEXT: &str = "log.next.key";

/// What becomes of the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyRotation {
    /// A new one is made; the present one signs too until a time, if one is given.
    Renewed(Option<Timestamp>),
    /// The present one is lost; a new one is made.
    Lost,
    /// The log goes on elsewhere, with this key.
    Moved(VerifierKey),
}

/// Why there is no other key; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum RotationError {
    /// There is no log.
    #[error("the ledger has no log; start the server once")]
    NoLog,
    /// Its checkpoint cannot be used.
    #[error(
        "the log has no checkpoint that its key has signed ({0}); put the log back from a backup, or run ledger log restore"
    )]
    Checkpoint(String),
    /// The present key is lost.
    #[error("{0}, the private key of the log, is missing; put it back, or say that it is lost (--lost)")]
    Missing(PathBuf),
    /// The present key is not lost.
    #[error("{0} is the private key of the log, so it is not lost; leave --lost out")]
    NotLost(PathBuf),
    /// The log goes on elsewhere.
    #[error(
        "the log was handed over to the key {0} and goes on elsewhere; two of one name would contradict each other"
    )]
    HandedOver(VerifierKey),
    /// The given key is one of this log already, or of another one.
    #[error("--to {key}: {reason}")]
    Key {
        /// The key.
        key: String,
        /// Why it cannot be used.
        reason: String,
    },
    /// A file cannot be used.
    #[error(transparent)]
    Start(#[from] LogStartError),
    /// The ledger's file could not be read or written.
    #[error(transparent)]
    Ledger(#[from] sqlite::Error),
}

/// Changes the key of the log in a data directory that nobody else uses, and answers with the keys.
///
/// # Errors
/// [`RotationError`]: its text says what to do. After a failure of a file it may be repeated.
pub async fn rotate(
    directory: &Path,
    ledger: &Database,
    how: KeyRotation,
) -> Result<TrustedKeys, RotationError> {
    let mut keys = bound_keys(ledger).await?.ok_or(RotationError::NoLog)?;
    let newest = keys.newest().cloned().ok_or(RotationError::NoLog)?;
    finish(directory, &newest)?;
    if let Some(to) = handed_over(ledger, &keys).await? {
        put_away(directory, &to)?;
        if !directory.join(LOG_KEY).exists() {
            // Repeated after an interruption, or after its end.
            return if how == KeyRotation::Moved(to.clone()) {
                Ok(keys)
            } else {
                Err(RotationError::HandedOver(to))
            };
        }
    }
    let store = DirectoryLog::at(directory.join(LOG_DIRECTORY));
    let (note, checkpoint) = published(&store, &keys)?;
    must_fit(directory, &newest, &how)?;
    let next = match &how {
        KeyRotation::Moved(key) if key.name() != newest.name() => {
            let reason = format!("is a key of {}, and this log is {}", key.name(), newest.name());
            return Err(RotationError::Key { key: key.to_string(), reason });
        }
        KeyRotation::Moved(key) if keys.contains(key) => {
            let reason = "is a key of this log already".to_owned();
            return Err(RotationError::Key { key: key.to_string(), reason });
        }
        KeyRotation::Moved(key) => key.clone(),
        KeyRotation::Renewed(_) | KeyRotation::Lost => renewed(directory, &store, &newest, note)?,
    };
    // A former key that still signs ends here, and with it the former one of the former one.
    keys.end_former(checkpoint.size);
    keys.add(next.clone(), checkpoint.size);
    let until = if let KeyRotation::Renewed(until) = how { until } else { None };
    if until.is_none() {
        keys.end_former(checkpoint.size);
    }
    if let KeyRotation::Moved(to) = &how {
        hand_over(ledger, to).await?;
    }
    bind(ledger, Some(&keys), until).await?;
    match how {
        KeyRotation::Moved(_) => put_away(directory, &next)?,
        KeyRotation::Renewed(_) | KeyRotation::Lost => finish(directory, &next)?,
    }
    if until.is_none() && !matches!(how, KeyRotation::Moved(_)) {
        removed(&directory.join(LOG_FORMER_KEY))?;
    }
    Ok(keys)
}

/// Puts the new private key in its place, if the ledger is bound to it; also after an interruption.
pub(super) fn finish(directory: &Path, newest: &VerifierKey) -> Result<(), LogStartError> {
    let next = directory.join(NEXT);
    let Some(Ok(pkcs8)) = key::read(&next).map_err(unusable(&next))? else { return Ok(()) };
    let is_bound =
        NoteSigner::from_pkcs8(newest.name(), &pkcs8).is_ok_and(|next| next.verifier_key() == newest);
    if is_bound {
        renamed(&directory.join(LOG_KEY), &directory.join(LOG_FORMER_KEY))?;
        renamed(&next, &directory.join(LOG_KEY))?;
    }
    Ok(())
}

/// Puts a private key away that no longer signs, because the log was handed over to another one; also after an interruption.
pub(super) fn put_away(directory: &Path, to: &VerifierKey) -> Result<(), LogStartError> {
    let file = directory.join(LOG_KEY);
    let Some(Ok(pkcs8)) = key::read(&file).map_err(unusable(&file))? else { return Ok(()) };
    let is_new = NoteSigner::from_pkcs8(to.name(), &pkcs8).is_ok_and(|own| own.verifier_key() == to);
    if is_new { Ok(()) } else { renamed(&file, &directory.join(LOG_FORMER_KEY)) }
}

/// The newest checkpoint.
fn published(store: &DirectoryLog, keys: &TrustedKeys) -> Result<(SignedNote, LogCheckpoint), RotationError> {
    let unusable = |reason: String| RotationError::Checkpoint(reason);
    let bytes = store.read(LogPath::Checkpoint).map_err(|error| unusable(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| unusable("it is missing".to_owned()))?;
    let checkpoint = keys.open(&bytes).map_err(|error| unusable(error.to_string()))?;
    let note = SignedNote::read(&bytes).map_err(|error| unusable(error.to_string()))?;
    Ok((note, checkpoint))
}

/// Whether the present private key is there, as the rotation needs it.
fn must_fit(directory: &Path, newest: &VerifierKey, how: &KeyRotation) -> Result<(), RotationError> {
    let file = directory.join(LOG_KEY);
    let found = key::read(&file).map_err(unusable(&file))?;
    let found =
        found.and_then(Result::ok).and_then(|pkcs8| NoteSigner::from_pkcs8(newest.name(), &pkcs8).ok());
    let is_there = found.is_some_and(|found| found.verifier_key() == newest);
    match how {
        KeyRotation::Lost if is_there => Err(RotationError::NotLost(file)),
        KeyRotation::Renewed(_) | KeyRotation::Moved(_) if !is_there => Err(RotationError::Missing(file)),
        _ => Ok(()),
    }
}

/// Makes a key, and lets it sign the newest checkpoint too.
fn renewed(
    directory: &Path,
    store: &DirectoryLog,
    newest: &VerifierKey,
    mut note: SignedNote,
) -> Result<VerifierKey, RotationError> {
    let file = directory.join(NEXT);
    let pkcs8 = key::generate().map_err(|Unspecified| LogStartError::Random)?;
    key::write(&file, &pkcs8).map_err(unusable(&file))?;
    let not_a_key = |reason: String| LogStartError::NotAKey { file: file.clone(), reason };
    let signer =
        NoteSigner::from_pkcs8(newest.name(), &pkcs8).map_err(|error| not_a_key(error.to_string()))?;
    let signature = signer.signature(&note.text).map_err(|error| not_a_key(error.to_string()))?;
    note.signatures.push(signature);
    let path = LogPath::Checkpoint;
    let written = store.write(path, note.to_string().as_bytes()).and_then(|()| store.settle(&[path]));
    written.map_err(unusable(&directory.join(LOG_DIRECTORY).join("checkpoint")))?;
    Ok(signer.verifier_key().clone())
}

/// Renames a file durably, if it is there.
pub(super) fn renamed(from: &Path, to: &Path) -> Result<(), LogStartError> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        renamed => renamed.and_then(|()| sync_above(to)).map_err(unusable(from)),
    }
}

fn removed(file: &Path) -> Result<(), LogStartError> {
    match std::fs::remove_file(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.and_then(|()| sync_above(file)).map_err(unusable(file)),
    }
}
