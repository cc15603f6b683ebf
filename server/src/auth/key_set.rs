//! The keys that an issuer publishes (RFC 7517), limited to those that can verify a signature we accept.
//!
//! The promise: a key is used with the one algorithm of its type and no other, whatever a token asks for; and a key under which
//! others than its owner could sign is never used.

use curve25519_dalek::edwards::CompressedEdwardsY;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, KeyOperations, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use serde::Deserialize;
use serde_json::Value;

/// The key sizes that the cryptographic library accepts for RS256, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// A usable key.
struct Key {
    id: Option<String>,
    algorithm: Algorithm,
    public: DecodingKey,
}

/// At least one usable key, and what was left out.
pub(super) struct KeySet {
    keys: Vec<Key>,
    unusable: Vec<UnusableKey>,
}

/// Why a text gives no keys.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum KeySetError {
    #[error("is not a JSON Web Key Set: {0}")]
    NotASet(String),
    #[error(
        "{}; one for RS256 (RSA, 2048 to 8192 bits), ES256 (P-256) or EdDSA (Ed25519) is needed{}",
        none_of(*given),
        reasons(unusable)
    )]
    NoneUsable {
        /// The number of keys in the set.
        given: usize,
        /// Those that were meant to verify signatures.
        unusable: Vec<UnusableKey>,
    },
}

/// A key that is published to verify signatures and not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct UnusableKey {
    /// Its `kid`, shortened; empty if it has none.
    pub(super) id: String,
    pub(super) reason: KeyError,
}

/// Why a key is not used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeyError {
    #[error("it is no JSON Web Key of a known type, or a part of it cannot be read")]
    Unreadable,
    #[error("its type, curve or algorithm is none of RS256, ES256 (P-256) and EdDSA (Ed25519)")]
    Algorithm,
    #[error("an RSA key needs 2048 to 8192 bits, and an odd exponent of at least 3")]
    Rsa,
    #[error("it does not have the length of a key of its curve")]
    Length,
    #[error("it is not a point of its curve")]
    Point,
    #[error("it has a small order, so that anybody can sign under it")]
    SmallOrder,
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

/// That none of so many keys can be used.
fn none_of(given: usize) -> String {
    match given {
        0 => "it has no keys".into(),
        1 => "its only key cannot be used".into(),
        given => format!("none of its {given} keys can be used"),
    }
}

impl KeySet {
    /// The usable keys of a JSON Web Key Set; others are left out, as RFC 7517, section 5 asks.
    pub(super) fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        let set: Set =
            serde_json::from_slice(text).map_err(|error| KeySetError::NotASet(error.to_string()))?;
        let given = set.keys.len();
        let (mut keys, mut unusable) = (Vec::new(), Vec::new());
        for value in set.keys.into_iter().filter(is_for_signatures) {
            let id = id_of(&value);
            match usable(value) {
                Ok(key) => keys.push(key),
                Err(reason) => unusable.push(UnusableKey { id, reason }),
            }
        }
        if keys.is_empty() {
            Err(KeySetError::NoneUsable { given, unusable })
        } else {
            Ok(Self { keys, unusable })
        }
    }

    /// The keys that were meant to verify signatures and are not used.
    pub(super) fn unusable(&self) -> &[UnusableKey] {
        &self.unusable
    }

    /// Whether there is a key with this id.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.keys.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// The keys that may have signed a token with this `kid` and `alg`. A token without `kid` matches keys without one.
    pub(super) fn candidates(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &DecodingKey> {
        let signs = move |key: &&Key| key.id.as_deref() == id && key.algorithm == algorithm;
        self.keys.iter().filter(signs).map(|key| &key.public)
    }

    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }
}

/// Whether the key is published to verify signatures; an issuer may publish others beside.
fn is_for_signatures(key: &Value) -> bool {
    let operations = key["key_ops"].as_array();
    key["kty"] != "oct"
        && key["use"].as_str().is_none_or(|usage| usage == "sig")
        && operations.is_none_or(|may| may.iter().any(|may| may == "verify"))
}

/// The `kid` for messages: control characters escaped, and no longer than a line.
fn id_of(key: &Value) -> String {
    key["kid"].as_str().unwrap_or_default().escape_debug().take(100).collect()
}

fn reasons(unusable: &[UnusableKey]) -> String {
    let reason = |key: &UnusableKey| format!("; key {:?}: {}", key.id, key.reason);
    unusable.iter().take(5).map(reason).collect()
}

fn usable(value: Value) -> Result<Key, KeyError> {
    let jwk: Jwk = serde_json::from_value(value).map_err(|_| KeyError::Unreadable)?;
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return Err(KeyError::Algorithm),
    };
    let common = &jwk.common;
    let is_meant = common.key_algorithm.is_none_or(|algorithm| algorithm == named)
        && common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|may| may.contains(&KeyOperations::Verify));
    if !is_meant {
        return Err(KeyError::Algorithm);
    }
    let public = DecodingKey::from_jwk(&jwk).map_err(|_| KeyError::Unreadable)?;
    check(&public, algorithm)?;
    Ok(Key { id: jwk.common.key_id, algorithm, public })
}

fn check(key: &DecodingKey, algorithm: Algorithm) -> Result<(), KeyError> {
    use jsonwebtoken::DecodingKeyKind::{RsaModulusExponent, SecretOrDer};
    match (key.kind(), algorithm) {
        (RsaModulusExponent { n, e }, _) => {
            // With the exponent 1 every message is its own signature.
            let is_odd = e.last().is_some_and(|last| last % 2 == 1);
            if RSA_BITS.contains(&bits(n)) && bits(e) > 1 && is_odd { Ok(()) } else { Err(KeyError::Rsa) }
        }
        // An uncompressed point.
        (SecretOrDer(bytes), Algorithm::ES256) if bytes.len() == 65 => Ok(()),
        (SecretOrDer(_), Algorithm::ES256) => Err(KeyError::Length),
        (SecretOrDer(bytes), _) => check_edwards(bytes),
    }
}

/// Under a key of small order, one signature is valid for every message, or for every eighth.
fn check_edwards(key: &[u8]) -> Result<(), KeyError> {
    let key = CompressedEdwardsY::from_slice(key).map_err(|_| KeyError::Length)?;
    let point = key.decompress().ok_or(KeyError::Point)?;
    if point.is_small_order() { Err(KeyError::SmallOrder) } else { Ok(()) }
}

/// The length of a number in bits, without leading zeros.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| 8 - byte.leading_zeros() as usize);
    (number.len() - zeros).saturating_sub(1) * 8 + first
}

#[cfg(test)]
mod tests;
