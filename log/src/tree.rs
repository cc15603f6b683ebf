//! The Merkle tree of RFC 6962 (section 2.1) over the entries of the log, kept as its right edge.
//!
//! The promise: a tree grows from its right edge alone, at most 63 hashes whatever its size.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha2::{Digest, Sha256};

/// The largest tree, in entries: sizes of other implementations are signed numbers.
pub const MOST_ENTRIES: u64 = i64::MAX as u64;

/// A hash of the tree: of an entry, of a subtree, or the root.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeHash(pub [u8; 32]);

impl TreeHash {
    /// Reads the base64 of exactly 32 bytes.
    #[must_use]
    pub fn parse(base64: &str) -> Option<Self> {
        Some(Self(STANDARD.decode(base64).ok()?.try_into().ok()?))
    }
}

impl fmt::Display for TreeHash {
    /// Base64, as in checkpoints and proof files.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for TreeHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The root of a tree without entries.
#[must_use]
pub fn empty_root() -> TreeHash {
    TreeHash(Sha256::digest(b"").into())
}

/// The hash of an entry.
#[must_use]
pub fn entry_hash(entry: &[u8]) -> TreeHash {
    TreeHash(Sha256::new().chain_update([0]).chain_update(entry).finalize().into())
}

/// The hash of two subtrees that stand side by side.
#[must_use]
pub fn node_hash(left: TreeHash, right: TreeHash) -> TreeHash {
    TreeHash(Sha256::new().chain_update([1]).chain_update(left.0).chain_update(right.0).finalize().into())
}

/// The hash over complete subtrees that stand side by side, each smaller than the one before it.
pub(crate) fn joined(subtrees: impl DoubleEndedIterator<Item = TreeHash>) -> Option<TreeHash> {
    subtrees.rev().reduce(|right, left| node_hash(left, right))
}

/// A tree, as its complete subtrees from left to right: one for each 1 in the binary form of its size.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RightEdge {
    size: u64,
    hashes: Vec<TreeHash>,
}

impl RightEdge {
    /// The right edge as it was stored; none if so many hashes do not belong to a tree of this size.
    #[must_use]
    pub fn stored(size: u64, hashes: Vec<TreeHash>) -> Option<Self> {
        let fits = size <= MOST_ENTRIES && hashes.len() == size.count_ones() as usize;
        fits.then_some(Self { size, hashes })
    }

    /// Appends an entry by its hash.
    pub fn push(&mut self, entry: TreeHash) {
        // As many subtrees become complete as there are 1s at the end of the size.
        let kept = self.hashes.len() - self.size.trailing_ones() as usize;
        let complete = self.hashes.drain(kept..).rev().fold(entry, |right, left| node_hash(left, right));
        self.hashes.push(complete);
        self.size += 1;
    }

    /// How many entries the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The hashes to store.
    #[must_use]
    pub fn hashes(&self) -> &[TreeHash] {
        &self.hashes
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        joined(self.hashes.iter().copied()).unwrap_or_else(empty_root)
    }
}

impl FromIterator<TreeHash> for RightEdge {
    fn from_iter<T: IntoIterator<Item = TreeHash>>(entries: T) -> Self {
        let mut edge = Self::default();
        entries.into_iter().for_each(|entry| edge.push(entry));
        edge
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 6962, section 2.1, as it is written.
    fn root_by_definition(entries: &[TreeHash]) -> TreeHash {
        match entries.len() {
            0 => empty_root(),
            1 => entries[0],
            count => {
                let (left, right) = entries.split_at(1 << (count - 1).ilog2());
                node_hash(root_by_definition(left), root_by_definition(right))
            }
        }
    }

    #[test]
    fn a_tree_that_grew_by_its_edge_has_the_root_of_the_definition() {
        let entries: Vec<TreeHash> = (0..600_u32).map(|n| entry_hash(&n.to_be_bytes())).collect();
        let mut edge = RightEdge::default();
        for size in 0..=entries.len() {
            assert_eq!(edge.root(), root_by_definition(&entries[..size]), "{size}");
            // What was stored goes on like what was never stored.
            edge = RightEdge::stored(edge.size(), edge.hashes().to_vec()).unwrap();
            entries.get(size).into_iter().for_each(|entry| edge.push(*entry));
        }
    }

    #[test]
    fn an_edge_with_another_number_of_hashes_is_refused() {
        let hash = entry_hash(b"");
        assert!(RightEdge::stored(3, vec![hash; 2]).is_some());
        for (size, count) in [(3, 1), (3, 3), (0, 1), (1, 0)] {
            assert!(RightEdge::stored(size, vec![hash; count]).is_none(), "{size} {count}");
        }
        assert!(RightEdge::stored(MOST_ENTRIES, vec![hash; 63]).is_some());
        assert!(RightEdge::stored(1 << 63, vec![hash]).is_none());
    }

    #[test]
    fn the_hash_of_nothing_is_that_of_the_definition_and_its_text_is_read_again() {
        let text = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(empty_root().to_string(), text);
        assert_eq!(TreeHash::parse(text), Some(empty_root()));
        for wrong in ["", "47DE", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU", &text.replace("U=", "V=")] {
            assert_eq!(TreeHash::parse(wrong), None, "{wrong}");
        }
    }
}
