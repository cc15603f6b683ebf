//! Cosignatures of witnesses (C2SP tlog-cosignature, `cosignature/v1`): somebody else has seen this checkpoint, at this time, and
//! that the log has only grown.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

use crate::key::{VerifierKeyError, id_of, parts, written};
use crate::note::{NoteSignature, is_key_name};

/// The type of an Ed25519 key that cosigns.
const COSIGNATURE_TYPE: u8 = 4;

/// The public key of a witness, with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignerKey {
    name: String,
    key: [u8; 32],
}

impl CosignerKey {
    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id that its signatures carry.
    #[must_use]
    pub fn id(&self) -> u32 {
        id_of(&self.name, COSIGNATURE_TYPE, &self.key)
    }

    /// When it cosigned the text of a checkpoint, in seconds since 1970; none if the signature is not its own, or of another text.
    #[must_use]
    pub fn cosigned_at(&self, text: &str, signature: &NoteSignature) -> Option<u64> {
        let (time, bytes) = signature.signature.split_first_chunk::<8>()?;
        let time = u64::from_be_bytes(*time);
        let is_its_own = signature.name == self.name && signature.key_id == self.id() && bytes.len() == 64;
        let message = message(time, text);
        let key = UnparsedPublicKey::new(&ED25519, self.key);
        (is_its_own && key.verify(message.as_bytes(), bytes).is_ok()).then_some(time)
    }
}

/// What is signed for the text of a checkpoint.
#[must_use]
pub fn message(time: u64, text: &str) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&written(&self.name, self.id(), COSIGNATURE_TYPE, &self.key))
    }
}

impl FromStr for CosignerKey {
    type Err = VerifierKeyError;

    fn from_str(text: &str) -> Result<Self, VerifierKeyError> {
        let (name, id, typed) = parts(text)?;
        let (kind, key) = typed.split_first().ok_or(VerifierKeyError::Form)?;
        if *kind != COSIGNATURE_TYPE {
            return Err(VerifierKeyError::NotOfAWitness(*kind));
        }
        let key = key.try_into().map_err(|_| VerifierKeyError::Form)?;
        if !is_key_name(name) {
            return Err(VerifierKeyError::Form);
        }
        let read = Self { name: name.to_owned(), key };
        if format!("{:08x}", read.id()) == id { Ok(read) } else { Err(VerifierKeyError::Id) }
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

    use super::*;

    fn witness() -> (Ed25519KeyPair, CosignerKey) {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
        let key = pair.public_key().as_ref().try_into().unwrap();
        (pair, CosignerKey { name: "witness.example/w".to_owned(), key })
    }

    fn cosigned(text: &str, time: u64) -> NoteSignature {
        let (pair, key) = witness();
        let signature = pair.sign(message(time, text).as_bytes());
        let signature = [&time.to_be_bytes(), signature.as_ref()].concat();
        NoteSignature { name: key.name.clone(), key_id: key.id(), signature }
    }

    #[test]
    fn a_cosignature_is_of_one_text_one_time_and_one_witness() {
        let (_, key) = witness();
        let signature = cosigned("log\n1\nroot\n", 7);
        assert_eq!(key.cosigned_at("log\n1\nroot\n", &signature), Some(7));
        assert_eq!(key.cosigned_at("log\n2\nroot\n", &signature), None);
        let altered = |change: fn(&mut NoteSignature)| {
            let mut altered = signature.clone();
            change(&mut altered);
            key.cosigned_at("log\n1\nroot\n", &altered)
        };
        assert_eq!(altered(|signature| signature.signature[7] ^= 1), None, "another time");
        assert_eq!(altered(|signature| signature.signature[70] ^= 1), None);
        assert_eq!(altered(|signature| signature.signature.push(0)), None);
        assert_eq!(altered(|signature| signature.signature.truncate(7)), None);
        assert_eq!(altered(|signature| signature.name.push('x')), None);
        assert_eq!(altered(|signature| signature.key_id ^= 1), None);
    }

    #[test]
    fn a_key_of_a_witness_is_told_from_that_of_a_log() {
        let (_, key) = witness();
        assert_eq!(key.to_string().parse(), Ok(key.clone()));
        let of_log = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
        assert_eq!(of_log.parse::<CosignerKey>(), Err(VerifierKeyError::NotOfAWitness(1)));
        for wrong in ["", "witness", "witness.example/w+00000000"] {
            assert_eq!(wrong.parse::<CosignerKey>(), Err(VerifierKeyError::Form), "{wrong}");
        }
        let other_name = key.to_string().replace("example/w", "example/v");
        assert_eq!(other_name.parse::<CosignerKey>(), Err(VerifierKeyError::Id));
    }
}
