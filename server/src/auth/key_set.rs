//! The keys that an issuer publishes (RFC 7517), limited to those that can verify a signature we accept.
//!
//! The promise: a key is used with the one algorithm of its type and no other, whatever a token asks for.

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

/// At least one usable key.
pub(super) struct KeySet(Vec<Key>);

/// Why a text gives no keys.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub(super) enum KeySetError {
    #[error("is not a JSON Web Key Set: {0}")]
    NotASet(String),
    #[error(
        "none of its {0} keys can be used; one for RS256 (RSA, 2048 to 8192 bits), ES256 (P-256) or EdDSA (Ed25519) is needed"
    )]
    NoneUsable(usize),
}

#[derive(Deserialize)]
struct Set {
    keys: Vec<Value>,
}

impl KeySet {
    /// The usable keys of a JSON Web Key Set; others are ignored, as RFC 7517, section 5 asks.
    pub(super) fn parse(text: &[u8]) -> Result<Self, KeySetError> {
        let set: Set =
            serde_json::from_slice(text).map_err(|error| KeySetError::NotASet(error.to_string()))?;
        let given = set.keys.len();
        let keys: Vec<Key> = set.keys.into_iter().filter_map(usable).collect();
        if keys.is_empty() { Err(KeySetError::NoneUsable(given)) } else { Ok(Self(keys)) }
    }

    /// Whether there is a key with this id.
    pub(super) fn knows(&self, id: &str) -> bool {
        self.0.iter().any(|key| key.id.as_deref() == Some(id))
    }

    /// The keys that may have signed a token with this `kid` and `alg`. A token without `kid` matches keys without one.
    pub(super) fn candidates(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &DecodingKey> {
        let signs = move |key: &&Key| key.id.as_deref() == id && key.algorithm == algorithm;
        self.0.iter().filter(signs).map(|key| &key.public)
    }

    /// The number of keys.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

fn usable(value: Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let (algorithm, named) = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => (Algorithm::RS256, KeyAlgorithm::RS256),
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => {
            (Algorithm::ES256, KeyAlgorithm::ES256)
        }
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => {
            (Algorithm::EdDSA, KeyAlgorithm::EdDSA)
        }
        _ => return None,
    };
    let common = &jwk.common;
    let is_meant = common.key_algorithm.is_none_or(|algorithm| algorithm == named)
        && common.public_key_use.as_ref().is_none_or(|usage| *usage == PublicKeyUse::Signature)
        && common.key_operations.as_ref().is_none_or(|may| may.contains(&KeyOperations::Verify));
    let public = DecodingKey::from_jwk(&jwk).ok()?;
    (is_meant && has_right_size(&public, algorithm)).then_some(Key {
        id: jwk.common.key_id,
        algorithm,
        public,
    })
}

fn has_right_size(key: &DecodingKey, algorithm: Algorithm) -> bool {
    use jsonwebtoken::DecodingKeyKind::{RsaModulusExponent, SecretOrDer};
    match (key.kind(), algorithm) {
        (RsaModulusExponent { n, .. }, _) => RSA_BITS.contains(&bits(n)),
        // An uncompressed point, and a coordinate.
        (SecretOrDer(bytes), Algorithm::ES256) => bytes.len() == 65,
        (SecretOrDer(bytes), _) => bytes.len() == 32,
    }
}

/// The length of a number in bits, without leading zeros.
fn bits(number: &[u8]) -> usize {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    let first = number.get(zeros).map_or(0, |byte| 8 - byte.leading_zeros() as usize);
    (number.len() - zeros).saturating_sub(1) * 8 + first
}

#[cfg(test)]
mod tests;
