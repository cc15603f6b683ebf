//! Inclusion and consistency proofs (RFC 6962, sections 2.1.1 and 2.1.2; checked as in RFC 9162, sections 2.1.3.2 and 2.1.4.2).
//!
//! To make a proof is to say which complete subtrees it needs, so that a caller can read them from tiles.

use std::ops::Range;

use crate::tree::{TreeHash, joined, node_hash};

/// A complete subtree: of the entries from `index << level` on, `1 << level` many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TreeNode {
    /// How many levels it is above an entry.
    pub level: u32,
    /// How many of its size are to its left.
    pub index: u64,
}

/// What a proof consists of: for each of its hashes the complete subtrees, from left to right, that it is over.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProofPlan(Vec<Vec<TreeNode>>);

impl ProofPlan {
    /// The proof that the entry at `index` is in the tree of `size` entries; none if it cannot be.
    #[must_use]
    pub fn of_inclusion(index: u64, size: u64) -> Option<Self> {
        if index >= size {
            return None;
        }
        let (mut within, mut path) = (0..size, Vec::new());
        while within.end - within.start > 1 {
            let (left, right) = halves(&within);
            let (next, other) = if left.contains(&index) { (left, right) } else { (right, left) };
            path.push(subtrees(other));
            within = next;
        }
        path.reverse();
        Some(Self(path))
    }

    /// The proof that the tree of `new` entries begins with those of the tree of `old` entries; none if it cannot. Nothing is to
    /// prove where `old` is 0 or `new`.
    #[must_use]
    pub fn of_consistency(old: u64, new: u64) -> Option<Self> {
        if old > new {
            return None;
        }
        if old == 0 {
            return Some(Self::default());
        }
        let (mut within, mut path) = (0..new, Vec::new());
        while within.end != old {
            let (left, right) = halves(&within);
            let (next, other) = if old <= left.end { (left, right) } else { (right, left) };
            path.push(subtrees(other));
            within = next;
        }
        // The old root is known to whoever has the old checkpoint.
        if within.start > 0 {
            path.push(subtrees(within));
        }
        path.reverse();
        Some(Self(path))
    }

    /// Every complete subtree that is needed, some perhaps twice.
    pub fn nodes(&self) -> impl Iterator<Item = TreeNode> {
        self.0.iter().flatten().copied()
    }

    /// The hashes of the proof.
    ///
    /// # Errors
    /// That of `node`, which gives the hash of a complete subtree.
    pub fn hashes<E>(
        &self,
        mut node: impl FnMut(TreeNode) -> Result<TreeHash, E>,
    ) -> Result<Vec<TreeHash>, E> {
        let mut proof = Vec::with_capacity(self.0.len());
        for subtrees in &self.0 {
            let hashes = subtrees.iter().map(|subtree| node(*subtree)).collect::<Result<Vec<_>, E>>()?;
            proof.extend(joined(hashes.into_iter()));
        }
        Ok(proof)
    }
}

/// The halves of a subtree: it is split at the largest power of two that is smaller than its size.
fn halves(entries: &Range<u64>) -> (Range<u64>, Range<u64>) {
    let middle = entries.start + (1 << (entries.end - entries.start - 1).ilog2());
    (entries.start..middle, middle..entries.end)
}

/// The complete subtrees over entries, whose first is at a multiple of the largest of their sizes.
fn subtrees(entries: Range<u64>) -> Vec<TreeNode> {
    let (mut nodes, mut at) = (Vec::new(), entries.start);
    while at < entries.end {
        let level = (entries.end - at).ilog2();
        nodes.push(TreeNode { level, index: at >> level });
        at += 1 << level;
    }
    nodes
}

/// The root that a proof leads to from an entry; none if a proof of this length cannot belong to this entry and size.
#[must_use]
pub fn root_of_inclusion(index: u64, size: u64, entry: TreeHash, proof: &[TreeHash]) -> Option<TreeHash> {
    if index >= size {
        return None;
    }
    let (mut at, mut last, mut root) = (index, size - 1, entry);
    for hash in proof {
        if last == 0 {
            return None;
        }
        if at & 1 == 1 || at == last {
            root = node_hash(*hash, root);
            let skipped = at.trailing_zeros();
            (at, last) = (at >> skipped, last >> skipped);
        } else {
            root = node_hash(root, *hash);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    (last == 0).then_some(root)
}

/// Whether a proof shows that the tree of `new` entries begins with those of the tree of `old` entries.
#[must_use]
pub fn is_consistent(old: (u64, TreeHash), new: (u64, TreeHash), proof: &[TreeHash]) -> bool {
    let ((old_size, old_root), (new_size, new_root)) = (old, new);
    if old_size > new_size {
        return false;
    }
    if old_size == new_size || old_size == 0 {
        let is_same = old_size == 0 && old_root == crate::tree::empty_root() || old == new;
        return proof.is_empty() && is_same;
    }
    let (mut at, mut last) = (old_size - 1, new_size - 1);
    let complete = at.trailing_ones();
    (at, last) = (at >> complete, last >> complete);
    // Of a complete old tree the proof does not repeat the root.
    let (first, rest) = if old_size.is_power_of_two() {
        (old_root, proof)
    } else {
        let Some((first, rest)) = proof.split_first() else { return false };
        (*first, rest)
    };
    let (mut then, mut now) = (first, first);
    for hash in rest {
        if last == 0 {
            return false;
        }
        if at & 1 == 1 || at == last {
            then = node_hash(*hash, then);
            now = node_hash(*hash, now);
            let skipped = at.trailing_zeros();
            (at, last) = (at >> skipped, last >> skipped);
        } else {
            now = node_hash(now, *hash);
        }
        (at, last) = (at >> 1, last >> 1);
    }
    last == 0 && then == old_root && now == new_root
}
