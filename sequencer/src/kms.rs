//! The key of a log in AWS KMS, which never leaves it: its signatures of checkpoints with Ed25519.
//!
//! The promise: what is answered as signed was verified with the public key.

use std::fmt;

use aws_sdk_kms::Client;
use aws_sdk_kms::config::Builder;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::primitives::Blob;
use aws_sdk_kms::types::{MessageType, SigningAlgorithmSpec};
use aws_types::SdkConfig;
use event_store::aws::describe;
use event_store::limits;
use ledger_log::note::NoteSignature;
use ledger_log::signer::SigningError;
use ledger_log::{CheckpointSigner, SignedNote, VerifierKey};
use tokio::runtime::Handle;

use crate::run_end::RunEnd;

/// A public key of Ed25519 as X.509 has it, without its last 32 bytes, which are the key (RFC 8410).
const ED25519: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// A key of KMS with the name of the log. Its calls block: they belong on a thread for that, never on one of the runtime.
#[derive(Clone)]
pub struct KmsSigner {
    client: Client,
    id: String,
    key: VerifierKey,
    runtime: Handle,
    end: RunEnd,
}

/// Why a key cannot sign the log.
#[derive(Debug, thiserror::Error)]
pub enum KmsKeyError {
    /// KMS did not tell its public key: try again, or see to the permissions.
    #[error("the public key of {id} cannot be read: {reason}")]
    Unread {
        /// The key.
        id: String,
        /// Why.
        reason: String,
    },
    /// It cannot sign checkpoints.
    #[error("{0} is no key of Ed25519; create one with the key spec ECC_NIST_EDWARDS25519")]
    OtherKind(String),
    /// The log cannot have this name.
    #[error("LEDGER_LOG_ORIGIN={0:?} is no name of a log")]
    Origin(String),
}

impl KmsSigner {
    /// The key with this id or ARN, which signs a log of this name on the runtime that this is called on.
    ///
    /// # Errors
    /// [`KmsKeyError`]: its text says what to do.
    pub async fn new(settings: &SdkConfig, id: &str, origin: &str) -> Result<Self, KmsKeyError> {
        let limited = limits::FUNCTION.by_default_on(settings);
        let client = Client::from_conf(Builder::from(&limited).build());
        let found = client.get_public_key().key_id(id).send().await;
        let unread = |error| KmsKeyError::Unread { id: id.to_owned(), reason: describe(&error) };
        let encoded = found.map_err(unread)?.public_key.map(Blob::into_inner).unwrap_or_default();
        let key = encoded.strip_prefix(&ED25519).and_then(|key| key.try_into().ok());
        let key = key.ok_or_else(|| KmsKeyError::OtherKind(id.to_owned()))?;
        let key = VerifierKey::new(origin, key).map_err(|_| KmsKeyError::Origin(origin.to_owned()))?;
        Ok(Self { client, id: id.to_owned(), key, runtime: Handle::current(), end: RunEnd::default() })
    }

    /// Its public key, with the name of the log.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// The same; nothing is signed after the end of a run.
    #[must_use]
    pub fn ending(self, end: RunEnd) -> Self {
        Self { end, ..self }
    }

    async fn signature(&self, text: &str) -> Result<Vec<u8>, SigningError> {
        let asked = self
            .client
            .sign()
            .key_id(&self.id)
            .message(Blob::new(text.as_bytes()))
            .message_type(MessageType::Raw)
            .signing_algorithm(SigningAlgorithmSpec::Ed25519Sha512);
        let signed = asked.send().await.map_err(|error| SigningError(refused(&error)))?;
        let signature = signed.signature.map(Blob::into_inner).unwrap_or_default();
        if self.key.has_signed(text, &signature) {
            return Ok(signature);
        }
        Err(SigningError(format!("the signature of {} does not verify with its public key", self.id)))
    }
}

impl CheckpointSigner for KmsSigner {
    fn origin(&self) -> &str {
        self.key.name()
    }

    fn sign(&self, text: String) -> Result<SignedNote, SigningError> {
        let over = || Err(SigningError("the time of this run was over".to_owned()));
        let signing = self.end.within(self.signature(&text));
        let signature = self.runtime.block_on(async { signing.await.unwrap_or_else(over) })?;
        let signature = NoteSignature { name: self.key.name().to_owned(), key_id: self.key.id(), signature };
        Ok(SignedNote { signatures: vec![signature], text })
    }
}

/// The key that signs a log and, for a while, the one before it.
#[derive(Debug, Clone)]
pub struct CloudSigner {
    /// The newest key.
    pub newest: KmsSigner,
    /// The one before it, as long as it signs too.
    pub former: Option<KmsSigner>,
}

impl From<KmsSigner> for CloudSigner {
    fn from(newest: KmsSigner) -> Self {
        Self { newest, former: None }
    }
}

impl CloudSigner {
    /// The newest public key, with the name of the log.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        self.newest.verifier_key()
    }
}

impl CheckpointSigner for CloudSigner {
    fn origin(&self) -> &str {
        self.newest.origin()
    }

    fn sign(&self, text: String) -> Result<SignedNote, SigningError> {
        let mut note = self.newest.sign(text)?;
        if let Some(former) = &self.former {
            note.signatures.extend(former.sign(note.text.clone())?.signatures);
        }
        Ok(note)
    }
}

impl fmt::Debug for KmsSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KmsSigner").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Why KMS did not sign, with what to do where that is known.
fn refused<E>(error: &SdkError<E>) -> String
where
    E: std::error::Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let what = match error.code() {
        Some("DisabledException") => "; enable the key again",
        Some("KMSInvalidStateException") => "; the key is to be deleted: cancel that",
        Some("AccessDeniedException") => "; grant kms:Sign",
        _ => "",
    };
    format!("{}{what}", describe(error))
}
