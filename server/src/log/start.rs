//! What a log is at the start of a server: its key and its origin, both bound to the ledger at the first start.
//!
//! The promise: a log is never signed with another key or under another name than at first, and one that is lost is never begun
//! anew in its place. What is refused says what to do.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::error::{KeyRejected, Unspecified};
use event_store::SqliteJournal;
use ledger_log::signer::SignerError;
use ledger_log::{
    CheckpointSigner, LogCheckpoint, LogPath, NoteSigner, SignedNote, TrustedKeys, VerifierKey, note,
};
use schema::Clock;
use sequencer::{DirectoryLog, KeptLog, LogStop, LogStore, LogWriter, MemoryLog, ServedKeys, ServedLog};
use sqlite::Database;
use tokio::sync::Mutex;

use super::bound::{self, KeyOverlap, bound_keys};
use super::entries::positions;
use super::error::{LogStartError, unusable};
use super::keep::{KeptCheckpoint, KeptCheckpointError};
use super::witness::{WitnessAddress, WitnessAnswer, Witnesses};
use super::{LOG_DIRECTORY, LOG_FORMER_KEY, LOG_KEY, key, rotate};

/// The longest origin, in bytes.
const LONGEST_ORIGIN: usize = 200;

/// How a log is kept.
#[derive(Debug, Clone)]
pub struct LogSettings {
    /// Its name, for the first start; afterwards it has to be the same, or none.
    pub origin: Option<String>,
    /// The least time between two checkpoints.
    pub interval: Duration,
    /// The file outside the data directory in which the newest checkpoint is kept.
    pub keep: Option<PathBuf>,
    /// The witnesses that are asked to cosign each checkpoint.
    pub witnesses: Vec<WitnessAddress>,
    /// How many of them have to, before it is published.
    pub quorum: usize,
}

/// Why nothing signs a log here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unsigned {
    /// The file of its private key is missing.
    NoKey(PathBuf),
    /// It was handed over to this key, and goes on elsewhere.
    HandedOver(VerifierKey),
}

impl From<Unsigned> for LogStop {
    fn from(unsigned: Unsigned) -> Self {
        match unsigned {
            Unsigned::NoKey(file) => Self::NoKey(file),
            Unsigned::HandedOver(key) => Self::HandedOver(key),
        }
    }
}

/// A log that can go on.
#[derive(Clone)]
pub struct LogStarted {
    /// Its files, and the keys that sign it.
    pub log: ServedLog,
    /// What signs it, or why nothing does.
    pub signer: Result<Arc<dyn CheckpointSigner>, Unsigned>,
    /// Its key.
    pub key: VerifierKey,
    /// The size of its checkpoint; 0 if that cannot be read.
    pub published: u64,
    /// Where each checkpoint is kept too.
    pub keep: Option<KeptCheckpoint>,
    /// The time in which two keys sign.
    pub overlap: Option<KeyOverlap>,
    /// Who cosigns.
    pub witnesses: Arc<Mutex<Witnesses>>,
    /// Whether anybody has shown that the ledger is not an old one, or nobody could.
    pub is_answered: bool,
}

impl LogStarted {
    /// The log for those who read it.
    #[must_use]
    pub fn kept(&self) -> KeptLog {
        let ServedLog { store, keys } = self.log.clone();
        let changing = self.overlap.as_ref().map(|overlap| ServedKeys::Changing(overlap.keys()));
        KeptLog { store, keys: changing.unwrap_or(ServedKeys::Known(keys)) }
    }

    /// A log with a single key, which nobody watches.
    ///
    /// # Errors
    /// The client of HTTP could not be made.
    pub fn signed_by(
        signer: Arc<NoteSigner>,
        store: Arc<dyn LogStore>,
        published: u64,
    ) -> Result<Self, LogStartError> {
        let key = signer.verifier_key().clone();
        let log = ServedLog { store, keys: TrustedKeys::from(key.clone()) };
        let witnesses = Arc::new(Mutex::new(Witnesses::new(&[], 0)?));
        let (keep, overlap) = (None, None);
        Ok(Self { log, signer: Ok(signer), key, published, keep, overlap, witnesses, is_answered: true })
    }
}

/// Whether a log can have this name: one of a key, without a scheme and without a slash at its end.
#[must_use]
pub fn is_origin(name: &str) -> bool {
    let is_url = name.contains("://") || name.ends_with('/');
    note::is_key_name(name) && name.is_ascii() && name.len() <= LONGEST_ORIGIN && !is_url
}

/// How many entries the log of a ledger has, as far as its checkpoint can be read.
///
/// # Errors
/// [`LogStartError`]: the ledger's file cannot be read, or was changed.
pub async fn logged(directory: &Path, ledger: &Database) -> Result<u64, LogStartError> {
    let Some(keys) = bound_keys(ledger).await? else { return Ok(0) };
    let note = DirectoryLog::at(directory.join(LOG_DIRECTORY)).read(LogPath::Checkpoint).ok().flatten();
    Ok(size_of(note.as_deref(), &keys))
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
    LogStarted::signed_by(signer, store, 0)
}

/// The log in a data directory, which is begun at the first start.
///
/// # Errors
/// [`LogStartError`]: its text says what to do.
pub async fn on_files(
    directory: &Path,
    ledger: &Database,
    settings: &LogSettings,
    clock: &Clock,
) -> Result<LogStarted, LogStartError> {
    let log = directory.join(LOG_DIRECTORY);
    // First, so that a wrong name leaves no log behind.
    let keep = settings.keep.as_ref().map(|path| KeptCheckpoint::outside(path, directory)).transpose()?;
    let store: Arc<dyn LogStore> = Arc::new(DirectoryLog::at(log.clone()));
    let checkpoint = store.read(LogPath::Checkpoint).map_err(unusable(&log.join("checkpoint")))?;
    let bound = bound_keys(ledger).await?;
    if bound.is_some() && checkpoint.is_none() {
        return Err(LogStartError::NoLog(log));
    }
    // Of a log that is not bound yet, the first start ended before its end.
    let named = checkpoint.as_deref().and_then(origin_of);
    let origin = bound.as_ref().and_then(bound::origin).map(str::to_owned).or(named);
    if let (Some(origin), Some(wanted)) = (&origin, &settings.origin)
        && origin != wanted
    {
        return Err(LogStartError::OtherOrigin { wanted: wanted.clone(), origin: origin.clone() });
    }
    let started = match bound {
        Some(keys) => {
            let published = size_of(checkpoint.as_deref(), &keys);
            gone_on(directory, ledger, (store, keys, published), clock).await?
        }
        None => begun(directory, ledger, store, origin.or_else(|| settings.origin.clone())).await?,
    };
    watched(started, ledger, settings, keep).await
}

/// The log that the ledger is bound to.
async fn gone_on(
    directory: &Path,
    ledger: &Database,
    (store, keys, published): (Arc<dyn LogStore>, TrustedKeys, u64),
    clock: &Clock,
) -> Result<LogStarted, LogStartError> {
    let file = directory.join(LOG_KEY);
    let nameless = || LogStartError::NotBound("it names no key".to_owned());
    let newest = keys.newest().cloned().ok_or_else(nameless)?;
    rotate::finish(directory, &newest)?;
    let origin = newest.name().to_owned();
    let moved = bound::handed_over(ledger, &keys).await?;
    if moved.is_some() {
        rotate::put_away(directory, &newest)?;
    }
    let unsigned = moved.map_or_else(|| Unsigned::NoKey(file.clone()), Unsigned::HandedOver);
    let mut signer: Result<Arc<dyn CheckpointSigner>, Unsigned> = Err(unsigned);
    let mut overlap = None;
    if let Some(pkcs8) = read_key(&file)? {
        let own = self::signer(&file, Some(origin.clone()), &pkcs8)?;
        if *own.verifier_key() != newest {
            return Err(LogStartError::OtherKey { file, origin });
        }
        overlap = overlapping(directory, ledger, &keys, own.clone(), published, clock).await?;
        signer = Ok(overlap.as_ref().map_or_else(|| own as Arc<dyn CheckpointSigner>, KeyOverlap::signer));
    }
    // What has ended meanwhile.
    let keys = bound_keys(ledger).await?.unwrap_or(keys);
    let witnesses = Arc::new(Mutex::new(Witnesses::new(&[], 0)?));
    let log = ServedLog { store, keys };
    Ok(LogStarted { log, signer, key: newest, published, keep: None, overlap, witnesses, is_answered: true })
}

/// The key before the newest one, if its time is not over.
async fn overlapping(
    directory: &Path,
    ledger: &Database,
    keys: &TrustedKeys,
    newest: Arc<NoteSigner>,
    published: u64,
    clock: &Clock,
) -> Result<Option<KeyOverlap>, LogStartError> {
    let Some(until) = bound::overlap(ledger).await? else { return Ok(None) };
    let file = directory.join(LOG_FORMER_KEY);
    let former = keys.former().filter(|_| clock() < until);
    // Without the file nothing can be signed with it any more.
    let Some((former, pkcs8)) = former.zip(read_key(&file)?) else {
        bound::end(ledger, published, &file).await?;
        return Ok(None);
    };
    let signer = NoteSigner::from_pkcs8(former.name(), &pkcs8)
        .map_err(|error| LogStartError::NotAKey { file: file.clone(), reason: error.to_string() })?;
    if signer.verifier_key() != former {
        return Err(LogStartError::OtherKey { file, origin: former.name().to_owned() });
    }
    let (signers, keys) = ((newest, signer), keys.clone());
    Ok(Some(KeyOverlap::new(signers, keys, until, clock.clone(), (ledger, directory))))
}

/// A log that is begun, or whose first start ended before its end.
async fn begun(
    directory: &Path,
    ledger: &Database,
    store: Arc<dyn LogStore>,
    origin: Option<String>,
) -> Result<LogStarted, LogStartError> {
    let file = directory.join(LOG_KEY);
    let log = directory.join(LOG_DIRECTORY);
    let checkpoint = store.read(LogPath::Checkpoint).map_err(unusable(&log.join("checkpoint")))?;
    let pkcs8 = match read_key(&file)? {
        Some(pkcs8) => pkcs8,
        None if checkpoint.is_some() => return Err(LogStartError::NoKey(file)),
        None => {
            let pkcs8 = key::generate().map_err(|Unspecified| LogStartError::Random)?;
            key::write(&file, &pkcs8).map_err(unusable(&file))?;
            pkcs8
        }
    };
    let signer = signer(&file, origin, &pkcs8)?;
    let keys = TrustedKeys::from(signer.verifier_key().clone());
    match &checkpoint {
        Some(note) => {
            let origin = signer.verifier_key().name().to_owned();
            keys.open(note).map_err(|_| LogStartError::OtherKey { file, origin })?;
        }
        None => LogWriter::begin(store.clone(), signer.clone())?,
    }
    bound::bind(ledger, Some(&keys), None).await?;
    LogStarted::signed_by(signer, store, size_of(checkpoint.as_deref(), &keys))
}

/// Asks the kept checkpoint and the witnesses whether the log is an old one.
async fn watched(
    started: LogStarted,
    ledger: &Database,
    settings: &LogSettings,
    keep: Option<KeptCheckpoint>,
) -> Result<LogStarted, LogStartError> {
    let (log, mut is_answered) = (started.log.clone(), settings.witnesses.is_empty());
    if let Some(keep) = &keep {
        is_answered |= keep.check(&log, started.key.name())?;
    }
    let mut witnesses = Witnesses::new(&settings.witnesses, settings.quorum)?;
    let checkpoint = log.store.read(LogPath::Checkpoint).ok().flatten();
    let note = checkpoint.as_deref().filter(|note| log.keys.open(note).is_ok());
    if let Some(note) = note.and_then(|note| SignedNote::read(note).ok()) {
        let commits = ledger_size(ledger).await?;
        for (witness, answer) in witnesses.ask(&*log.store, &note, true).await {
            match answer {
                WitnessAnswer::Cosigned(_) => is_answered = true,
                WitnessAnswer::Ahead(seen) if seen > commits => {
                    return Err(LogStartError::WitnessAhead { witness, seen, size: started.published });
                }
                WitnessAnswer::Contradicted(reason) => {
                    return Err(LogStartError::WitnessDiffers { witness, reason, size: started.published });
                }
                // A larger one may have been cosigned and not published, as the process was killed.
                WitnessAnswer::Ahead(_) | WitnessAnswer::Failed(_) => {}
            }
        }
        if let Some(keep) = &keep {
            let failed = |source| KeptCheckpointError::File { file: keep.path().to_owned(), source };
            keep.keep(note.to_string().as_bytes()).map_err(failed)?;
        }
    }
    Ok(LogStarted { keep, witnesses: Arc::new(Mutex::new(witnesses)), is_answered, ..started })
}

/// How many positions the ledger has.
async fn ledger_size(ledger: &Database) -> Result<u64, LogStartError> {
    let journal = SqliteJournal::new(ledger.clone());
    positions(&journal).await.map_err(|error| LogStartError::Commits(error.to_string()))
}

fn read_key(file: &Path) -> Result<Option<Vec<u8>>, LogStartError> {
    let read = key::read(file).map_err(unusable(file))?;
    read.transpose().map_err(|reason| LogStartError::NotAKey { file: file.to_owned(), reason })
}

/// The size that a checkpoint names, if one of the keys signed it.
fn size_of(note: Option<&[u8]>, keys: &TrustedKeys) -> u64 {
    let checkpoint = note.and_then(|note| keys.open(note).ok());
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
