//! The ring of a product's newest idempotency keys, which every commit carries on.
//!
//! Stored form: base64url without padding over entries of 13 bytes, oldest first: 8 bytes of the key's hash, then 5 bytes of the
//! sequence of its commit, big-endian. A match is a hint: the commit it names is read and compared.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

const KEY_BYTES: usize = 8;
const ENTRY_BYTES: usize = 13;
const MOST_SEQUENCE: u64 = (1 << 40) - 1;

/// Keys in a full ring: those of the last 32 commands with a key that recorded events.
pub const REMEMBERED_KEYS: usize = 32;

/// The first 8 bytes of the hash of an actor's key.
pub type KeyHash = [u8; KEY_BYTES];

/// The newest keys, each with the sequence of its commit.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recent(Vec<(KeyHash, u64)>);

/// The text is not a packed ring.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`recent` is not base64url over entries of {ENTRY_BYTES} bytes")]
pub struct InvalidRecent;

impl Recent {
    /// Whether no key is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The sequences of the commits whose key has this hash, newest first.
    pub fn sequences_of(&self, key: KeyHash) -> impl Iterator<Item = u64> + '_ {
        self.0.iter().rev().filter(move |(known, _)| *known == key).map(|(_, sequence)| *sequence)
    }

    /// The sequence of the oldest key's commit, if the ring is full, so that older keys may have dropped out.
    #[must_use]
    pub fn oldest_of_a_full_ring(&self) -> Option<u64> {
        let oldest = self.0.first().map(|(_, sequence)| *sequence);
        oldest.filter(|_| self.0.len() >= REMEMBERED_KEYS)
    }

    /// The ring with one more key; the oldest drops out beyond [`REMEMBERED_KEYS`].
    #[must_use]
    pub fn remembering(mut self, key: KeyHash, sequence: u64) -> Self {
        self.0.push((key, sequence.min(MOST_SEQUENCE)));
        let surplus = self.0.len().saturating_sub(REMEMBERED_KEYS);
        self.0.drain(..surplus);
        self
    }
}

impl TryFrom<String> for Recent {
    type Error = InvalidRecent;

    fn try_from(text: String) -> Result<Self, InvalidRecent> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidRecent)?;
        let (entries, rest) = bytes.as_chunks::<ENTRY_BYTES>();
        if !rest.is_empty() {
            return Err(InvalidRecent);
        }
        Ok(Self(entries.iter().map(unpack).collect()))
    }
}

impl From<Recent> for String {
    fn from(recent: Recent) -> Self {
        let pack = |(key, sequence): (KeyHash, u64)| {
            let mut entry = [0; ENTRY_BYTES];
            entry[..KEY_BYTES].copy_from_slice(&key);
            entry[KEY_BYTES..].copy_from_slice(&sequence.to_be_bytes()[3..]);
            entry
        };
        URL_SAFE_NO_PAD.encode(recent.0.into_iter().flat_map(pack).collect::<Vec<u8>>())
    }
}

fn unpack(entry: &[u8; ENTRY_BYTES]) -> (KeyHash, u64) {
    let mut key = [0; KEY_BYTES];
    key.copy_from_slice(&entry[..KEY_BYTES]);
    (key, entry[KEY_BYTES..].iter().fold(0, |sequence, byte| sequence << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ring_reads_back_as_written_and_forgets_the_oldest() {
        let ring = (1..=40_u8)
            .fold(Recent::default(), |ring, n| ring.remembering([n; 8], 1_000_000_000 + u64::from(n)));
        let read = Recent::try_from(String::from(ring.clone())).unwrap();
        assert_eq!(read, ring);
        assert_eq!(read.oldest_of_a_full_ring(), Some(1_000_000_009));
        let few = (1..32).fold(Recent::default(), |ring, n| ring.remembering([n; 8], n.into()));
        assert_eq!(few.oldest_of_a_full_ring(), None);
        assert_eq!(few.remembering([32; 8], 32).oldest_of_a_full_ring(), Some(1));
        assert_eq!(read.sequences_of([8; 8]).next(), None);
        assert_eq!(read.sequences_of([9; 8]).next(), Some(1_000_000_009));
        assert_eq!(read.sequences_of([40; 8]).next(), Some(1_000_000_040));
    }

    #[test]
    fn a_torn_ring_is_refused() {
        for text in ["!", "AAAA", "AAAAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(Recent::try_from(text.to_owned()), Err(InvalidRecent), "{text}");
        }
    }
}
