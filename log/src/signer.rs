//! The key of a log, which signs its checkpoints with Ed25519. The same text gets the same signature.

use std::fmt;

use aws_lc_rs::error::{KeyRejected, Unspecified};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use crate::key::{VerifierKey, VerifierKeyError};
use crate::note::{NoteSignature, SignedNote};

/// A private key with the name that its signatures carry.
pub struct NoteSigner {
    pair: Ed25519KeyPair,
    key: VerifierKey,
}

/// What signs the checkpoints of a log. Calls may block.
pub trait CheckpointSigner: Send + Sync {
    /// The name of the log.
    fn origin(&self) -> &str;

    /// Signs the text of a checkpoint. The same text gets the same signatures.
    ///
    /// # Errors
    /// It was not signed; try again.
    fn sign(&self, text: String) -> Result<SignedNote, SigningError>;
}

/// A checkpoint was not signed, and why.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct SigningError(pub String);

/// The private key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// It is not a key of Ed25519 in this form.
    #[error("is not a private key of Ed25519: {0}")]
    Key(#[from] KeyRejected),
    /// No key can have this name.
    #[error("the name {0}")]
    Name(#[from] VerifierKeyError),
}

impl NoteSigner {
    /// The key of a log from PKCS#8.
    ///
    /// # Errors
    /// [`SignerError`]: the key or the name is none.
    pub fn from_pkcs8(name: &str, pkcs8: &[u8]) -> Result<Self, SignerError> {
        Self::new(name, Ed25519KeyPair::from_pkcs8(pkcs8)?)
    }

    /// The key of a log from the 32 bytes that RFC 8032 derives it from.
    ///
    /// # Errors
    /// [`SignerError`]: the seed or the name is none.
    pub fn from_seed(name: &str, seed: &[u8; 32]) -> Result<Self, SignerError> {
        Self::new(name, Ed25519KeyPair::from_seed_unchecked(seed)?)
    }

    fn new(name: &str, pair: Ed25519KeyPair) -> Result<Self, SignerError> {
        let mut key = [0; 32];
        key.copy_from_slice(pair.public_key().as_ref());
        Ok(Self { key: VerifierKey::new(name, key)?, pair })
    }

    /// The public key.
    #[must_use]
    pub fn verifier_key(&self) -> &VerifierKey {
        &self.key
    }

    /// The signature of a text, which has to end with a newline.
    ///
    /// # Errors
    /// Never for a key that was accepted; signing is fallible.
    pub fn signature(&self, text: &str) -> Result<NoteSignature, Unspecified> {
        let signature = self.pair.try_sign(text.as_bytes())?.as_ref().to_vec();
        Ok(NoteSignature { name: self.key.name().to_owned(), key_id: self.key.id(), signature })
    }

    /// The note with this signature alone.
    ///
    /// # Errors
    /// As [`NoteSigner::signature`].
    pub fn sign(&self, text: String) -> Result<SignedNote, Unspecified> {
        Ok(SignedNote { signatures: vec![self.signature(&text)?], text })
    }
}

impl CheckpointSigner for NoteSigner {
    fn origin(&self) -> &str {
        self.key.name()
    }

    fn sign(&self, text: String) -> Result<SignedNote, SigningError> {
        Self::sign(self, text).map_err(|error| SigningError(error.to_string()))
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NoteSigner").field("key", &self.key).finish_non_exhaustive()
    }
}
