//! What accepted restores say: which commits were lost, so that others may take their place.

use std::collections::BTreeMap;

use crate::entry::AcceptedRestore;
use crate::leaf::Leaf;

/// A fork that an accepted restore names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AcceptedFork {
    /// The entry of the commit that was lost.
    pub lost: u64,
    /// The entry of the commit that took its place.
    pub anew: u64,
    /// The entry of the restore that names it.
    pub restore: u64,
}

/// The accepted restores of a log.
#[derive(Debug, Default)]
pub(super) struct Restores {
    entries: Vec<(u64, AcceptedRestore)>,
    /// Of each lost entry the restores that name it, with the hash that they name.
    named: BTreeMap<u64, Vec<(u64, [u8; 32])>>,
}

impl Restores {
    pub(super) fn add(&mut self, index: u64, restore: AcceptedRestore) {
        // Of what comes later nobody can say yet that it is lost.
        for fork in restore.forks.iter().filter(|fork| fork.lost < index) {
            self.named.entry(fork.lost).or_default().push((index, fork.hash.digest()));
        }
        self.entries.push((index, restore));
    }

    pub(super) fn entries(&self) -> impl Iterator<Item = (u64, &AcceptedRestore)> {
        self.entries.iter().map(|(index, restore)| (*index, restore))
    }

    /// The first restore before an entry that names this commit as lost.
    pub(super) fn naming(&self, lost: u64, leaf: Leaf, before: u64) -> Option<u64> {
        let named = self.named.get(&lost)?.iter();
        named
            .map(|(restore, hash)| (*restore, hash))
            .find_map(|(restore, hash)| (*hash == leaf.hash && restore < before).then_some(restore))
    }
}

/// The commits that accepted restores lost, found in order of index.
pub(super) struct LostCommits<'a> {
    restores: &'a Restores,
    /// Their hashes, each with the restore that lost it.
    hashes: BTreeMap<[u8; 32], u64>,
}

impl<'a> LostCommits<'a> {
    pub(super) fn of(restores: &'a Restores) -> Self {
        Self { restores, hashes: BTreeMap::new() }
    }

    /// The restore that lost a commit: it names it, or one that it follows.
    pub(super) fn take(&mut self, index: u64, leaf: Leaf) -> Option<u64> {
        let named = self.restores.naming(index, leaf, u64::MAX);
        let followed = self.hashes.get(&leaf.parent).copied().filter(|restore| index < *restore);
        let restore = named.or(followed)?;
        self.hashes.insert(leaf.hash, restore);
        Some(restore)
    }
}
