//! Tiles: the hashes of the tree in files of 256, by which any proof can be made.
//!
//! The promise: full tiles come out once, when they become full, and never change; the partial ones of any size are known.

use std::ops::Range;

use crate::path::{LogPath, TILE_WIDTH};
use crate::proof::TreeNode;
use crate::tree::{RightEdge, TreeHash, empty_root, joined};

/// Levels of the tree in a tile.
const TILE_HEIGHT: u32 = 8;

/// The tiles of a tree that grows: of each level those hashes that fill no tile yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TileBuilder {
    size: u64,
    levels: Vec<Vec<TreeHash>>,
}

/// A tile: its path and its hashes.
pub type Tile = (LogPath, Vec<TreeHash>);

impl TileBuilder {
    /// The tiles as they were stored: of each level the hashes that fill no tile; none unless a tree of this size has so many.
    #[must_use]
    pub fn stored(size: u64, levels: Vec<Vec<TreeHash>>) -> Option<Self> {
        let fits = |(level, hashes): (u8, &Vec<TreeHash>)| hashes.len() == partial_width(size, level);
        let is_whole = levels.len() == level_count(size) && (0..).zip(&levels).all(fits);
        is_whole.then_some(Self { size, levels })
    }

    /// Appends an entry by its hash; adds the tiles that become full to `full`, the lowest level first.
    pub fn push(&mut self, entry: TreeHash, full: &mut Vec<Tile>) {
        self.size += 1;
        let mut hash = entry;
        for level in 0_u8.. {
            if self.levels.len() == usize::from(level) {
                self.levels.push(Vec::new());
            }
            let hashes = &mut self.levels[usize::from(level)];
            hashes.push(hash);
            if hashes.len() < usize::from(TILE_WIDTH) {
                break;
            }
            let hashes = std::mem::take(hashes);
            hash = hashes.iter().copied().collect::<RightEdge>().root();
            let index = above(self.size, level) - 1;
            full.push((LogPath::Tile { level, index, width: TILE_WIDTH }, hashes));
        }
    }

    /// How many entries the tree has.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The partial tiles of this size, the lowest level first.
    pub fn partial(&self) -> impl Iterator<Item = (LogPath, &[TreeHash])> {
        (0_u8..).zip(&self.levels).filter_map(|(level, hashes)| {
            let width = u16::try_from(hashes.len()).ok().filter(|width| *width > 0)?;
            let index = above(self.size, level);
            Some((LogPath::Tile { level, index, width }, hashes.as_slice()))
        })
    }

    /// The root.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        let edges: Vec<RightEdge> =
            self.levels.iter().rev().map(|hashes| hashes.iter().copied().collect()).collect();
        joined(edges.iter().flat_map(RightEdge::hashes).copied()).unwrap_or_else(empty_root)
    }
}

/// How many levels of tiles a tree has.
#[must_use]
pub fn level_count(size: u64) -> usize {
    // As many as the size has digits of eight bits.
    (u64::BITS - size.leading_zeros()).div_ceil(TILE_HEIGHT) as usize
}

/// How many hashes of a level fill no tile.
#[must_use]
pub fn partial_width(size: u64, level: u8) -> usize {
    let hashes = size.checked_shr(TILE_HEIGHT * u32::from(level)).unwrap_or(0);
    usize::try_from(hashes % u64::from(TILE_WIDTH)).unwrap_or_default()
}

/// How many full tiles of a level a tree has.
fn above(size: u64, level: u8) -> u64 {
    size.checked_shr(TILE_HEIGHT * (u32::from(level) + 1)).unwrap_or(0)
}

/// Where a complete subtree of a tree of this size is found: the tile, and those of its hashes that are below the subtree.
#[must_use]
pub fn place(node: TreeNode, size: u64) -> (LogPath, Range<usize>) {
    let (level, height) = (node.level / TILE_HEIGHT, node.level % TILE_HEIGHT);
    let (first, width) = (node.index << height, u64::from(TILE_WIDTH));
    let index = first / width;
    let there = (size >> (TILE_HEIGHT * level)).saturating_sub(index * width);
    let path = LogPath::Tile {
        level: u8::try_from(level).unwrap_or(u8::MAX),
        index,
        width: u16::try_from(there).map_or(TILE_WIDTH, |there| there.min(TILE_WIDTH)),
    };
    let at = usize::try_from(first % width).unwrap_or_default();
    (path, at..at + (1 << height))
}

/// The bytes of a tile.
#[must_use]
pub fn bytes(hashes: &[TreeHash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The hashes of a tile; none unless the bytes are exactly so many.
#[must_use]
pub fn read(bytes: &[u8], width: u16) -> Option<Vec<TreeHash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    let fits = rest.is_empty() && hashes.len() == usize::from(width);
    fits.then(|| hashes.iter().copied().map(TreeHash).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tree::entry_hash;

    #[test]
    fn the_tiles_of_each_size_are_those_of_the_specification_and_full_ones_come_once() {
        let (mut builder, mut edge, mut full) = (TileBuilder::default(), RightEdge::default(), Vec::new());
        let mut known = BTreeMap::new();
        for size in 0..=66_000_u64 {
            if size % 257 < 3 || size > 65_500 {
                assert_eq!((builder.size(), builder.root()), (size, edge.root()), "{size}");
                let partial: Vec<(LogPath, u64)> =
                    builder.partial().map(|(path, hashes)| (path, hashes.len() as u64)).collect();
                let widths = [size % 256, size / 256 % 256, size / 65_536 % 256];
                let expected = (0_u8..).zip(widths).filter(|(_, width)| *width > 0).map(|(level, width)| {
                    let index = size >> (8 * (level + 1));
                    (LogPath::Tile { level, index, width: u16::try_from(width).unwrap() }, width)
                });
                assert_eq!(partial, expected.collect::<Vec<_>>(), "{size}");
            }
            let entry = entry_hash(&size.to_be_bytes());
            builder.push(entry, &mut full);
            edge.push(entry);
            for (path, hashes) in full.drain(..) {
                assert_eq!(hashes.len(), 256);
                assert!(known.insert(path, hashes).is_none(), "{path} came twice");
            }
        }
        let of = |level| {
            known.keys().filter(move |path| matches!(path, LogPath::Tile { level: l, .. } if *l == level))
        };
        let indexes = |level| of(level).map(ToString::to_string).collect::<Vec<String>>();
        assert_eq!((of(0).count(), indexes(1), indexes(2)), (257, vec!["tile/1/000".to_owned()], vec![]));
        let first = &known[&"tile/1/000".parse().unwrap()][0];
        let below = known[&"tile/0/000".parse().unwrap()].iter().copied().collect::<RightEdge>();
        assert_eq!(*first, below.root());
    }

    fn unfilled(builder: &TileBuilder, level: u8) -> Vec<TreeHash> {
        let of_level = |path: &LogPath| matches!(path, LogPath::Tile { level: l, .. } if *l == level);
        let found = builder.partial().find(|(path, _)| of_level(path));
        found.map(|(_, hashes)| hashes.to_vec()).unwrap_or_default()
    }

    #[test]
    fn what_was_stored_goes_on_like_what_was_never_stored() {
        let (mut builder, mut full) = (TileBuilder::default(), Vec::new());
        let mut stored = builder.clone();
        for number in 0..66_000_u64 {
            let is_edge = [0, 1, 255, 256, 257, 65_535, 65_536, 65_537, 65_792].contains(&number);
            if is_edge {
                let levels: Vec<Vec<TreeHash>> =
                    (0..).zip(0..level_count(number)).map(|(level, _)| unfilled(&builder, level)).collect();
                for (wrong, size) in [(1, number + 1), (256, number + 256)] {
                    assert_eq!(
                        TileBuilder::stored(size, levels.clone()),
                        None,
                        "{number} is not {wrong} more"
                    );
                }
                stored = TileBuilder::stored(number, levels).unwrap();
            }
            for tiles in [&mut builder, &mut stored] {
                tiles.push(entry_hash(&number.to_be_bytes()), &mut full);
            }
            if is_edge {
                assert_eq!((stored.root(), stored.size()), (builder.root(), builder.size()), "{number}");
                assert!(stored.partial().eq(builder.partial()), "{number}");
            }
        }
    }

    #[test]
    fn a_tile_has_exactly_its_hashes() {
        let hashes = vec![entry_hash(b"a"), entry_hash(b"b")];
        assert_eq!(read(&bytes(&hashes), 2), Some(hashes.clone()));
        for (bytes, width) in [(&bytes(&hashes)[..], 1), (&bytes(&hashes)[..63], 2), (&bytes(&hashes), 3)] {
            assert_eq!(read(bytes, width), None);
        }
    }
}
