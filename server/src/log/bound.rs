//! Which keys the log of a ledger has, as the ledger's own file names them, and the time in which two of them sign.
//!
//! The promise: a key that no longer signs counts for no later checkpoint; that is on record before the first one without it.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use event_store::sqlite::{about, keep_about};
use ledger_log::{CheckpointSigner, NoteSigner, SignedNote, SigningError, TrustedKeys, VerifierKey};
use schema::{Clock, Timestamp};
use sqlite::{Access, Database};
use tokio::sync::watch;

use super::LOG_FORMER_KEY;
use super::error::{LogStartError, unusable};

/// The keys of the ledger's log, one a line, the newest last; a single key without sizes from builds before. Stored. Never rename.
const BOUND: &str = "log_key";

/// Until when the key before the newest one signs too. Stored. Never rename.
const OVERLAP: &str = "log_overlap";

/// The key to which the log was handed over, to go on elsewhere. It means nothing unless it is the newest of the keys. Stored. Never rename.
const HANDED_OVER: &str = "log_handed_over";

/// The key to which the log was handed over, if it was.
///
/// # Errors
/// [`sqlite::Error`]: the ledger's file cannot be read.
pub(super) async fn handed_over(
    ledger: &Database,
    keys: &TrustedKeys,
) -> Result<Option<VerifierKey>, sqlite::Error> {
    let to = about(&Access::Committed(ledger.clone()), HANDED_OVER).await?;
    Ok(keys.newest().filter(|newest| to == Some(newest.to_string())).cloned())
}

/// Puts on record, before the keys are changed, that the log is handed over.
pub(super) async fn hand_over(ledger: &Database, to: &VerifierKey) -> Result<(), sqlite::Error> {
    keep_about(&Access::Committed(ledger.clone()), HANDED_OVER, Some(to.to_string())).await
}

/// The verifier keys of the log that a ledger has, the newest last, if it has one.
///
/// # Errors
/// [`LogStartError`]: the ledger's file cannot be read, or was changed.
pub async fn bound_keys(ledger: &Database) -> Result<Option<TrustedKeys>, LogStartError> {
    let bound = about(&Access::Committed(ledger.clone()), BOUND).await?;
    let parsed = bound.map(|keys| keys.parse()).transpose();
    parsed.map_err(|error: ledger_log::VerifierKeyError| LogStartError::NotBound(error.to_string()))
}

/// Until when the key before the newest one signs too, if it does.
pub(super) async fn overlap(ledger: &Database) -> Result<Option<Timestamp>, LogStartError> {
    let until = about(&Access::Committed(ledger.clone()), OVERLAP).await?;
    let parsed = until.map(|until| Timestamp::parse(&until)).transpose();
    parsed.map_err(|error| LogStartError::NotBound(error.to_string()))
}

/// Binds the keys of a log to its ledger.
pub(super) async fn bind(
    ledger: &Database,
    keys: Option<&TrustedKeys>,
    overlap: Option<Timestamp>,
) -> Result<(), sqlite::Error> {
    let access = Access::Committed(ledger.clone());
    // Killed in between, a time without a former key says nothing, and a former key without a time would sign for ever.
    if let Some(until) = overlap {
        keep_about(&access, OVERLAP, Some(until.to_string())).await?;
    }
    keep_about(&access, BOUND, keys.map(ToString::to_string)).await?;
    if overlap.is_none() {
        keep_about(&access, OVERLAP, None).await?;
    }
    Ok(())
}

/// Signs with the newest key and, for a while, with the one before it.
pub(super) struct OverlapSigner {
    newest: Arc<NoteSigner>,
    former: Mutex<Option<NoteSigner>>,
}

impl OverlapSigner {
    fn former(&self) -> MutexGuard<'_, Option<NoteSigner>> {
        self.former.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CheckpointSigner for OverlapSigner {
    fn origin(&self) -> &str {
        self.newest.origin()
    }

    fn sign(&self, text: String) -> Result<SignedNote, SigningError> {
        let mut note = CheckpointSigner::sign(&*self.newest, text)?;
        if let Some(former) = &*self.former() {
            let signature = former.signature(&note.text);
            note.signatures.push(signature.map_err(|error| SigningError(error.to_string()))?);
        }
        Ok(note)
    }
}

/// The time in which the key before the newest one signs too.
#[derive(Clone)]
pub struct KeyOverlap {
    signer: Arc<OverlapSigner>,
    until: Timestamp,
    clock: Clock,
    ledger: Database,
    former: PathBuf,
    keys: Arc<watch::Sender<TrustedKeys>>,
}

impl KeyOverlap {
    /// `newest` and `former` sign until a time.
    pub(super) fn new(
        (newest, former): (Arc<NoteSigner>, NoteSigner),
        keys: TrustedKeys,
        until: Timestamp,
        clock: Clock,
        (ledger, directory): (&Database, &Path),
    ) -> Self {
        let signer = Arc::new(OverlapSigner { newest, former: Mutex::new(Some(former)) });
        let (former, keys) = (directory.join(LOG_FORMER_KEY), Arc::new(watch::Sender::new(keys)));
        Self { signer, until, clock, ledger: ledger.clone(), former, keys }
    }

    /// The keys of the log as they are now.
    #[must_use]
    pub fn keys(&self) -> watch::Receiver<TrustedKeys> {
        self.keys.subscribe()
    }

    /// What signs.
    pub(super) fn signer(&self) -> Arc<dyn CheckpointSigner> {
        self.signer.clone()
    }

    /// Takes the former key away once its time is over; `published` is the last size that it signed.
    ///
    /// # Errors
    /// [`LogStartError`]: it signs on; try again.
    pub async fn end_if_over(&self, published: u64) -> Result<(), LogStartError> {
        if self.signer.former().is_none() || (self.clock)() < self.until {
            return Ok(());
        }
        end(&self.ledger, published, &self.former).await?;
        if let Some(keys) = bound_keys(&self.ledger).await? {
            self.keys.send_replace(keys);
        }
        *self.signer.former() = None;
        tracing::info!(target: "ledger::log", size = published, "the former key of the log signs no longer");
        Ok(())
    }
}

/// Records that the former keys sign no checkpoint above a size, and removes the private one.
pub(super) async fn end(ledger: &Database, published: u64, former: &Path) -> Result<(), LogStartError> {
    if let Some(mut keys) = bound_keys(ledger).await? {
        keys.end_former(published);
        bind(ledger, Some(&keys), None).await?;
    }
    match std::fs::remove_file(former) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(unusable(former)(error)),
        _ => Ok(()),
    }
}

/// The name of a log by its keys.
pub(super) fn origin(keys: &TrustedKeys) -> Option<&str> {
    keys.newest().map(VerifierKey::name)
}
