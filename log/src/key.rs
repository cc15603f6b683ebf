//! Verifier keys of Ed25519 (C2SP signed-note): how a log's public key is told to those who check it.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

use crate::note::is_key_name;

/// The type of an Ed25519 key that signs the text of a note.
const ED25519_TYPE: u8 = 1;

/// A public key with the name that its signatures carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    key: [u8; 32],
}

/// The text is not a verifier key that this build can use.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VerifierKeyError {
    /// It has another form.
    #[error("is not a verifier key, which has the form NAME+ID+KEY")]
    Form,
    /// Its id is not that of its name and key: it was damaged or put together.
    #[error("is not whole: its id does not belong to its name and key")]
    Id,
    /// It is of another algorithm.
    #[error("is a key of type {0}; only type 1 (Ed25519) can be used")]
    Type(u8),
    /// It does not cosign.
    #[error("is a key of type {0}; that of a witness has type 4 (cosignatures with Ed25519)")]
    NotOfAWitness(u8),
}

impl VerifierKey {
    /// The key of a name.
    ///
    /// # Errors
    /// [`VerifierKeyError::Form`]: the name is empty, or has spaces, control characters or a plus.
    pub fn new(name: &str, key: [u8; 32]) -> Result<Self, VerifierKeyError> {
        if !is_key_name(name) {
            return Err(VerifierKeyError::Form);
        }
        Ok(Self { name: name.to_owned(), key })
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id that its signatures carry.
    #[must_use]
    pub fn id(&self) -> u32 {
        id_of(&self.name, ED25519_TYPE, &self.key)
    }

    /// Whether it signed the text.
    #[must_use]
    pub fn has_signed(&self, text: &str, signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, self.key).verify(text.as_bytes(), signature).is_ok()
    }
}

/// The id of a key of a type.
pub(crate) fn id_of(name: &str, kind: u8, key: &[u8; 32]) -> u32 {
    let digest = Sha256::new().chain_update(name).chain_update([b'\n', kind]);
    let digest: [u8; 32] = digest.chain_update(key).finalize().into();
    u32::from_be_bytes([digest[0], digest[1], digest[2], digest[3]])
}

/// The text of a key of a type, `NAME+ID+KEY`.
pub(crate) fn written(name: &str, id: u32, kind: u8, key: &[u8; 32]) -> String {
    let typed = [&[kind], key.as_slice()].concat();
    format!("{name}+{id:08x}+{}", STANDARD.encode(typed))
}

/// The name, the id as it is written, and the type with the key, of the text of a key.
pub(crate) fn parts(text: &str) -> Result<(&str, &str, Vec<u8>), VerifierKeyError> {
    // The base64 may have a plus too.
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(id), Some(encoded)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(VerifierKeyError::Form);
    };
    let typed = STANDARD.decode(encoded).map_err(|_| VerifierKeyError::Form)?;
    Ok((name, id, typed))
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(&self.name, self.id(), ED25519_TYPE, &self.key))
    }
}

impl FromStr for VerifierKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let (name, id, typed) = parts(text)?;
        let (kind, key) = typed.split_first().ok_or(VerifierKeyError::Form)?;
        if *kind != ED25519_TYPE {
            return Err(VerifierKeyError::Type(*kind));
        }
        let key = key.try_into().map_err(|_| VerifierKeyError::Form)?;
        let read = Self::new(name, key)?;
        let is_id = id.len() == 8 && id.bytes().all(|digit| b"0123456789abcdef".contains(&digit));
        match (is_id, format!("{:08x}", read.id()) == id) {
            (false, _) => Err(VerifierKeyError::Form),
            (true, false) => Err(VerifierKeyError::Id),
            (true, true) => Ok(read),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first example of C2SP signed-note, which is that of Go's package `note`.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
    const SIGNATURE: &str =
        "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=";

    #[test]
    fn the_example_of_the_specification_verifies() {
        let key: VerifierKey = KEY.parse().unwrap();
        assert_eq!((key.name(), key.id(), key.to_string().as_str()), ("PeterNeumann", 0xc74f_20a3, KEY));
        let signature = STANDARD.decode(SIGNATURE).unwrap();
        assert_eq!(signature[..4], key.id().to_be_bytes());
        assert!(key.has_signed(NOTE, &signature[4..]));
        assert!(!key.has_signed(NOTE, &signature[5..]));
        assert!(!key.has_signed(&NOTE[1..], &signature[4..]));
    }

    #[test]
    fn a_plus_in_the_key_is_no_separator() {
        let key = VerifierKey::new("example.com/log", [0xfb; 32]).unwrap();
        assert!(key.to_string().matches('+').count() > 2, "{key}");
        assert_eq!(key.to_string().parse(), Ok(key));
    }

    #[test]
    fn what_is_no_key_is_told_from_a_damaged_one_and_one_of_another_kind() {
        for (text, error) in [
            (String::new(), VerifierKeyError::Form),
            ("name".to_owned(), VerifierKeyError::Form),
            ("name+c74f20a3".to_owned(), VerifierKeyError::Form),
            (KEY.replace("PeterNeumann", ""), VerifierKeyError::Form),
            (KEY.replace("PeterNeumann", "Peter Neumann"), VerifierKeyError::Form),
            (KEY.replace("c74f20a3", "C74F20A3"), VerifierKeyError::Form),
            (KEY.replace("c74f20a3", "74f20a3"), VerifierKeyError::Form),
            (KEY.replace("TW", "T"), VerifierKeyError::Form),
            (KEY.replace("TW", ""), VerifierKeyError::Form),
            (format!("{KEY}\n"), VerifierKeyError::Form),
            (KEY.replace("PeterNeumann", "PeterNeuman"), VerifierKeyError::Id),
            (KEY.replace("c74f20a3", "c74f20a4"), VerifierKeyError::Id),
            (KEY.replace("TW", "TX"), VerifierKeyError::Id),
            (KEY.replace("+ARpc", "+BBpc"), VerifierKeyError::Type(4)),
        ] {
            assert_eq!(text.parse::<VerifierKey>(), Err(error), "{text}");
        }
    }
}
