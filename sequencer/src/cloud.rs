//! The log of a ledger in DynamoDB: its files in a bucket, its key in KMS, and which key that is in the log table.
//!
//! The promise: a log is never signed under another name than at first, nor with another key unless the settings name the one that it
//! replaces; where the keys change, both have signed. What is refused says what to do.

use std::sync::Arc;

use aws_types::SdkConfig;
use event_store::StoreError;
use ledger_log::{
    CheckpointFault, CheckpointSigner, LogCheckpoint, LogPath, SignedNote, TrustedKeys, VerifierKey,
    VerifierKeyError,
};
use schema::settings::CloudLogSettings;
use schema::{Clock, Timestamp};

use crate::api::ServedLog;
use crate::bound::{BoundKeys, KeysOnRecord, NextKey};
use crate::failure::{LogFailure, LogStop};
use crate::kms::{CloudSigner, KmsKeyError, KmsSigner};
use crate::run_end::RunEnd;
use crate::s3::{InvalidRetention, LogRetention, S3Log};
use crate::store::LogStore;
use crate::writer::LogWriter;

/// Where the log of a ledger in `DynamoDB` is, as its settings name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudLogPlace {
    /// The bucket.
    pub bucket: String,
    /// The key of KMS.
    pub key_id: String,
    /// How it may take the place of the key before it.
    pub rotation: KeyRotationSetting,
    /// The name.
    pub origin: String,
    /// What is locked, and for how long.
    pub retention: Option<LogRetention>,
}

/// How a key may take the place of the one that signs the log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyRotationSetting {
    /// The key of KMS before it, which signs too for a while.
    pub former_id: Option<String>,
    /// For how many days; 0: it ends at once.
    pub overlap_days: u16,
    /// The key before it, which is lost.
    pub lost: Option<VerifierKey>,
}

/// A setting of the log that is missing or wrong.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CloudLogSetting {
    /// It is missing.
    #[error("{0} is not set, and the log with the bucket of LEDGER_LOG_BUCKET needs it")]
    Missing(&'static str),
    /// The retention.
    #[error("LEDGER_LOG_RETENTION: {0}")]
    Retention(#[from] InvalidRetention),
    /// The lost key.
    #[error("LEDGER_LOG_LOST_KEY: {0}")]
    LostKey(#[from] VerifierKeyError),
}

impl CloudLogPlace {
    /// The place that the settings name; `None` without a bucket.
    ///
    /// # Errors
    /// [`CloudLogSetting`]: correct it.
    pub fn of(settings: &CloudLogSettings) -> Result<Option<Self>, CloudLogSetting> {
        let Some(bucket) = settings.bucket.clone() else { return Ok(None) };
        let key_id = settings.key_id.clone().ok_or(CloudLogSetting::Missing("LEDGER_LOG_KEY_ID"))?;
        let origin = settings.origin.clone().ok_or(CloudLogSetting::Missing("LEDGER_LOG_ORIGIN"))?;
        let retention = settings.retention.as_deref().map(str::parse).transpose()?;
        let lost = settings.lost_key.as_deref().map(str::parse).transpose()?;
        let rotation = KeyRotationSetting {
            former_id: settings.former_key_id.clone(),
            overlap_days: settings.overlap_days,
            lost,
        };
        Ok(Some(Self { bucket, key_id, rotation, origin, retention }))
    }
}

/// A log on AWS that can go on.
#[derive(Debug, Clone)]
pub struct CloudLog {
    /// Its files.
    pub files: S3Log,
    /// What signs it.
    pub signer: CloudSigner,
    /// Until when it has to be opened again, because the key before the newest one signs no longer.
    pub until: Option<Timestamp>,
    keys: TrustedKeys,
}

/// Why the log on AWS does not go on; what to do is in the text.
#[derive(Debug, thiserror::Error)]
pub enum CloudLogError {
    /// Its key cannot be used.
    #[error(transparent)]
    Key(#[from] KmsKeyError),
    /// Its table cannot be read or written: try again.
    #[error("which key signs the log cannot be read: {0}")]
    Table(#[from] StoreError),
    /// It is signed by another key.
    #[error(
        "LEDGER_LOG_KEY_ID: the key is {own}, and the log of this ledger is signed by {bound}; name that one's key"
    )]
    OtherKey {
        /// The keys that sign it.
        bound: String,
        /// The key of the settings.
        own: VerifierKey,
    },
    /// Another key has taken its place.
    #[error("LEDGER_LOG_KEY_ID: the key is {own}, which {newest} has replaced; name that one's key")]
    Replaced {
        /// The newest key.
        newest: VerifierKey,
        /// The key of the settings.
        own: VerifierKey,
    },
    /// The former key is another one.
    #[error(
        "LEDGER_LOG_FORMER_KEY_ID: the key is {found}, and the one that {own} follows is {expected}; name that one's key"
    )]
    OtherFormer {
        /// The key that is replaced.
        expected: Box<VerifierKey>,
        /// The key of the settings.
        found: Box<VerifierKey>,
        /// The new one.
        own: Box<VerifierKey>,
    },
    /// It has another name.
    #[error("LEDGER_LOG_ORIGIN={wanted}: the log of this ledger has the origin {origin}, which it keeps")]
    OtherOrigin {
        /// The name of the settings.
        wanted: String,
        /// The name that it has.
        origin: String,
    },
    /// The bucket has the checkpoint of another log.
    #[error(
        "the bucket {bucket} has the checkpoint of another log ({fault}); name an empty bucket, or that log's key and origin"
    )]
    OtherLog {
        /// The bucket.
        bucket: String,
        /// Why the checkpoint is not one of this log.
        fault: CheckpointFault,
    },
    /// The bucket cannot be read or written, or nothing was signed: try again.
    #[error("the log cannot be begun: {0}")]
    Begin(#[from] LogFailure),
}

impl CloudLogError {
    /// Whether it is a contradiction, which another attempt does not change.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        match self {
            Self::OtherKey { .. }
            | Self::Replaced { .. }
            | Self::OtherFormer { .. }
            | Self::OtherOrigin { .. }
            | Self::OtherLog { .. } => true,
            Self::Key(_) | Self::Table(_) | Self::Begin(_) => false,
        }
    }
}

impl CloudLog {
    /// The log at this place, which is begun and bound to its key if `bound` has none yet. Nothing is asked or signed after the
    /// `end` of a run.
    ///
    /// # Errors
    /// [`CloudLogError`]: its text says what to do.
    pub async fn open(
        place: &CloudLogPlace,
        aws: &SdkConfig,
        bound: &dyn BoundKeys,
        clock: Clock,
        end: RunEnd,
    ) -> Result<Self, CloudLogError> {
        let opening = Opening { place, aws, bound, clock, end };
        let signer = opening.signer(&place.key_id).await?;
        let files = S3Log::new(aws, &place.bucket, opening.clock.clone())
            .locked(place.retention)
            .ending(opening.end.clone());
        if bound.on_record().await?.is_none() {
            begin(&place.bucket, &files, &signer).await?;
            bound.bind(signer.verifier_key()).await?;
        }
        let mut record = opening.on_record().await?;
        if !record.keys.contains(signer.verifier_key()) {
            opening.replace(&record, &signer, &files).await?;
            record = opening.on_record().await?;
        }
        opening.opened(record, signer, files).await
    }

    /// The log to read and to write.
    #[must_use]
    pub fn served(&self) -> ServedLog {
        ServedLog { store: Arc::new(self.files.clone()), keys: self.keys.clone() }
    }
}

/// What a log is opened with.
struct Opening<'a> {
    place: &'a CloudLogPlace,
    aws: &'a SdkConfig,
    bound: &'a dyn BoundKeys,
    clock: Clock,
    end: RunEnd,
}

impl Opening<'_> {
    async fn signer(&self, id: &str) -> Result<KmsSigner, CloudLogError> {
        Ok(KmsSigner::new(self.aws, id, &self.place.origin).await?.ending(self.end.clone()))
    }

    async fn on_record(&self) -> Result<KeysOnRecord, CloudLogError> {
        let none = || StoreError::unreadable("the key of the log is not on record".into());
        Ok(self.bound.on_record().await?.ok_or_else(none)?)
    }

    /// Puts a key in the place of the newest one, if the settings say so: it signs the newest checkpoint too, then it is on record.
    async fn replace(
        &self,
        KeysOnRecord { keys, newest_from, .. }: &KeysOnRecord,
        signer: &KmsSigner,
        files: &S3Log,
    ) -> Result<(), CloudLogError> {
        let own = signer.verifier_key();
        let Some(newest) = keys.newest() else { return Ok(()) };
        if newest.name() != self.place.origin {
            let (wanted, origin) = (self.place.origin.clone(), newest.name().to_owned());
            return Err(CloudLogError::OtherOrigin { wanted, origin });
        }
        let KeyRotationSetting { former_id, overlap_days, lost } = &self.place.rotation;
        let overlap = match former_id {
            _ if lost.as_ref() == Some(newest) => None,
            Some(id) => {
                self.former(id, newest, own).await?;
                let until = (self.clock)().days_before(-i64::from(*overlap_days));
                (*overlap_days > 0).then_some(until)
            }
            None => {
                let names: Vec<String> = keys.keys().map(ToString::to_string).collect();
                return Err(CloudLogError::OtherKey { bound: names.join(", "), own: own.clone() });
            }
        };
        let (also, known, log) = (signer.clone(), keys.clone(), files.clone());
        let size = blocking(move || countersigned(&log, &known, &also)).await?;
        let from = size.max(newest_from + 1);
        self.bound.follow(&NextKey { key: own.clone(), from, overlap }).await?;
        tracing::warn!(target: "ledger::log", size, key = %own, former = %newest, "the log has another key");
        Ok(())
    }

    /// The key before another one, which has to be the expected one.
    async fn former(
        &self,
        id: &str,
        expected: &VerifierKey,
        own: &VerifierKey,
    ) -> Result<KmsSigner, CloudLogError> {
        let former = self.signer(id).await?;
        let found = former.verifier_key().clone();
        if found == *expected {
            return Ok(former);
        }
        let (expected, found, own) = (expected.clone().into(), found.into(), own.clone().into());
        Err(CloudLogError::OtherFormer { expected, found, own })
    }

    /// The log with what is on record, whose newest key has to be this one.
    async fn opened(
        &self,
        record: KeysOnRecord,
        signer: KmsSigner,
        files: S3Log,
    ) -> Result<CloudLog, CloudLogError> {
        let KeysOnRecord { keys, newest_from, overlap } = record;
        let own = signer.verifier_key();
        if let Some(newest) = keys.newest().filter(|newest| *newest != own) {
            return Err(CloudLogError::Replaced { newest: newest.clone(), own: own.clone() });
        }
        let alone = |keys, signer| CloudLog { files: files.clone(), signer, until: None, keys };
        let (Some(until), Some(expected)) = (overlap, keys.former().cloned()) else {
            return Ok(alone(keys, CloudSigner::from(signer)));
        };
        let id = self.place.rotation.former_id.as_ref().filter(|_| (self.clock)() < until);
        if let Some(id) = id {
            let former = self.former(id, &expected, own).await?;
            return Ok(CloudLog {
                files,
                signer: CloudSigner { newest: signer, former: Some(former) },
                until: Some(until),
                keys,
            });
        }
        // On record before the first checkpoint without its signature.
        let (log, known) = (files.clone(), keys.clone());
        let size = blocking(move || published(&log, &known).map(|(_, size)| size)).await?;
        self.bound.end_former(newest_from, size).await?;
        tracing::info!(target: "ledger::log", size, former = %expected, "the former key of the log signs no longer");
        Ok(alone(self.on_record().await?.keys, CloudSigner::from(signer)))
    }
}

/// The newest checkpoint and its size.
fn published(files: &S3Log, keys: &TrustedKeys) -> Result<(Vec<u8>, u64), LogFailure> {
    let note = files.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint))?;
    let note = note.ok_or(LogStop::NoCheckpoint)?;
    let size = keys.open(&note).map_err(LogStop::from)?.size;
    Ok((note, size))
}

/// Publishes the newest checkpoint with the signature of one more key, unless it has it; answers with its size.
fn countersigned(files: &S3Log, keys: &TrustedKeys, signer: &KmsSigner) -> Result<u64, LogFailure> {
    let (note, size) = published(files, keys)?;
    let mut both = SignedNote::read(&note).map_err(|error| LogStop::Checkpoint(error.into()))?;
    let also = signer.sign(both.text.clone())?.signatures;
    if also.iter().all(|signature| both.signatures.contains(signature)) {
        return Ok(size);
    }
    both.signatures.extend(also);
    match files.publish(&note, both.to_string().as_bytes()) {
        Ok(true) => Ok(size),
        Ok(false) => Err(LogFailure::Interrupted("another checkpoint was published meanwhile".to_owned())),
        Err(error) => Err(LogFailure::of(LogPath::Checkpoint)(error)),
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LogFailure> + Send + 'static,
) -> Result<T, LogFailure> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(LogFailure::Interrupted(error.to_string())))
}

/// Publishes the checkpoint of a log without entries, unless one of this log is there: the first start may have ended before the
/// key was bound.
async fn begin(bucket: &str, files: &S3Log, signer: &KmsSigner) -> Result<(), CloudLogError> {
    let (bucket, files, signer) = (bucket.to_owned(), files.clone(), signer.clone());
    let begun = tokio::task::spawn_blocking(move || {
        if has_begun(&bucket, &files, &signer)? {
            return Ok(());
        }
        match LogWriter::begin(Arc::new(files.clone()), Arc::new(signer.clone())) {
            // Another sequencer was quicker.
            Err(LogFailure::Stopped(LogStop::Foreign)) if has_begun(&bucket, &files, &signer)? => Ok(()),
            begun => Ok(begun?),
        }
    });
    begun.await.unwrap_or_else(|error| Err(LogFailure::Interrupted(error.to_string()).into()))
}

/// Whether the bucket has a checkpoint, which has to be one of this key.
fn has_begun(bucket: &str, files: &S3Log, signer: &KmsSigner) -> Result<bool, CloudLogError> {
    let found = files.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint))?;
    let Some(note) = found else { return Ok(false) };
    let opened = TrustedKeys::from(signer.verifier_key().clone()).open(&note);
    let other = |fault| CloudLogError::OtherLog { bucket: bucket.to_owned(), fault };
    opened.map(|_| true).map_err(other)
}

/// The size that the newest checkpoint in a place names, whoever signed it; 0 if there is none, or it is another log's.
pub(crate) async fn size_in(
    place: &CloudLogPlace,
    aws: &SdkConfig,
    clock: Clock,
    end: RunEnd,
) -> Result<u64, LogFailure> {
    let files = S3Log::new(aws, &place.bucket, clock).ending(end);
    let found =
        blocking(move || files.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint)));
    let note = found.await?.and_then(|note| SignedNote::read(&note).ok());
    let named = note.and_then(|note| LogCheckpoint::read(&note.text));
    Ok(named.filter(|named| named.origin == place.origin).map_or(0, |named| named.size))
}
