//! SHA-256 hashes in lower-case hex, which link the chain of commits.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Lower-case hex of 32 bytes, 64 characters.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(try_from = "String", into = "String")]
#[schemars(extend("pattern" = r"^[0-9a-f]{64}$"))]
pub struct Hash(String);

/// The text is not 64 lower-case hex digits.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a hash is 64 lower-case hex digits")]
pub struct InvalidHash;

impl Hash {
    /// The previous hash of a product's first commit: 64 zeros.
    #[must_use]
    pub fn genesis() -> Self {
        Self("0".repeat(64))
    }

    /// The hex of a digest.
    #[must_use]
    pub fn of_digest(digest: &[u8; 32]) -> Self {
        use fmt::Write;
        Self(digest.iter().fold(String::with_capacity(64), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        }))
    }

    /// The 32 bytes.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let (pairs, _) = self.0.as_bytes().as_chunks::<2>();
        let mut digest = [0; 32];
        for (byte, pair) in digest.iter_mut().zip(pairs) {
            *byte = pair.iter().fold(0, |value, digit| (value << 4) | nibble(*digit));
        }
        digest
    }

    /// The 64 hex digits.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The value of a lower-case hex digit.
fn nibble(digit: u8) -> u8 {
    if digit.is_ascii_digit() { digit - b'0' } else { digit - b'a' + 10 }
}

impl TryFrom<String> for Hash {
    type Error = InvalidHash;

    fn try_from(text: String) -> Result<Self, InvalidHash> {
        let hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if text.len() == 64 && text.bytes().all(hex) { Ok(Self(text)) } else { Err(InvalidHash) }
    }
}

impl From<Hash> for String {
    fn from(hash: Hash) -> Self {
        hash.0
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digits_of_a_digest_are_read_as_the_same_digest() {
        let digest: [u8; 32] = std::array::from_fn(|at| u8::try_from(at * 8 + at % 8).unwrap_or_default());
        let hash = Hash::of_digest(&digest);
        assert_eq!(Hash::try_from(hash.as_str().to_owned()).as_ref(), Ok(&hash));
        assert_eq!(hash.digest(), digest);
        assert_eq!(Hash::of_digest(&[0xaf; 32]).digest(), [0xaf; 32]);
    }
}
