//! The log of a ledger in DynamoDB: its files in a bucket, its key in KMS, and which key that is in the log table.
//!
//! The promise: a log is never signed with another key or under another name than at first. What is refused says what to do.

use std::sync::Arc;

use aws_types::SdkConfig;
use event_store::StoreError;
use ledger_log::{CheckpointFault, LogPath, TrustedKeys, VerifierKey};
use schema::Clock;
use schema::settings::CloudLogSettings;

use crate::api::ServedLog;
use crate::bound::BoundKeys;
use crate::failure::LogFailure;
use crate::kms::{KmsKeyError, KmsSigner};
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
    /// The name.
    pub origin: String,
    /// What is locked, and for how long.
    pub retention: Option<LogRetention>,
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
        Ok(Some(Self { bucket, key_id, origin, retention }))
    }
}

/// A log on AWS that can go on.
#[derive(Debug, Clone)]
pub struct CloudLog {
    /// Its files.
    pub files: S3Log,
    /// What signs it.
    pub signer: KmsSigner,
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
            Self::OtherKey { .. } | Self::OtherOrigin { .. } | Self::OtherLog { .. } => true,
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
        let signer = KmsSigner::new(aws, &place.key_id, &place.origin).await?.ending(end.clone());
        let files = S3Log::new(aws, &place.bucket, clock).locked(place.retention).ending(end);
        if bound.keys().await?.is_none() {
            begin(&place.bucket, &files, &signer).await?;
            bound.bind(signer.verifier_key()).await?;
        }
        let keys = bound.keys().await?.unwrap_or_else(|| signer.verifier_key().clone().into());
        let own = signer.verifier_key();
        if keys.keys().any(|key| key == own) {
            return Ok(Self { files, signer, keys });
        }
        let origin = keys.keys().next().map(|key| key.name().to_owned()).unwrap_or_default();
        if origin != place.origin {
            return Err(CloudLogError::OtherOrigin { wanted: place.origin.clone(), origin });
        }
        let names: Vec<String> = keys.keys().map(ToString::to_string).collect();
        Err(CloudLogError::OtherKey { bound: names.join(", "), own: own.clone() })
    }

    /// The log to read and to write.
    #[must_use]
    pub fn served(&self) -> ServedLog {
        ServedLog { store: Arc::new(self.files.clone()), keys: self.keys.clone() }
    }
}

/// Publishes the checkpoint of a log without entries, unless one of this log is there: the first start may have ended before the
/// key was bound.
async fn begin(bucket: &str, files: &S3Log, signer: &KmsSigner) -> Result<(), CloudLogError> {
    let (bucket, files, signer) = (bucket.to_owned(), files.clone(), signer.clone());
    let begun = tokio::task::spawn_blocking(move || {
        let found = files.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint))?;
        match found {
            None => Ok(LogWriter::begin(Arc::new(files), Arc::new(signer))?),
            Some(note) => {
                let keys = TrustedKeys::from(signer.verifier_key().clone());
                keys.open(&note).map(drop).map_err(|fault| CloudLogError::OtherLog { bucket, fault })
            }
        }
    });
    begun.await.unwrap_or_else(|error| Err(LogFailure::Interrupted(error.to_string()).into()))
}
