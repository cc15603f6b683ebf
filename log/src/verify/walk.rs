//! The way through a log: bundle by bundle, with the tile over it, and the tiles above as they become full.

use futures::{StreamExt, TryStreamExt, stream};

use crate::checkpoint::LogCheckpoint;
use crate::entry::Entry;
use crate::path::{LogPath, TILE_WIDTH};
use crate::tiles::{Tile, TileBuilder};
use crate::tree::{TreeHash, entry_hash};
use crate::verify::commits::LoggedCommits;
use crate::verify::fault::{LogFault, LogFaults};
use crate::verify::restores::Restores;
use crate::verify::source::{Content, LogSource, entries, paths, tile};

/// Bundles that are read at once.
const AT_ONCE: usize = 8;

/// How far a verification is.
pub(super) struct LogWalk<'a> {
    kept: Option<&'a LogCheckpoint>,
    builder: TileBuilder,
    /// Tiles that have become full since they were last compared.
    full: Vec<Tile>,
    pub(super) faults: LogFaults,
    pub(super) commits: LoggedCommits,
    pub(super) restores: Restores,
    pub(super) not_understood: u64,
}

/// A bundle and the tile over it.
struct Part {
    tile_path: LogPath,
    entries: Content<Vec<Vec<u8>>>,
    tile: Content<Vec<TreeHash>>,
}

impl<'a> LogWalk<'a> {
    pub(super) fn new(kept: Option<&'a LogCheckpoint>) -> Self {
        Self {
            kept,
            builder: TileBuilder::default(),
            full: Vec::new(),
            faults: LogFaults::default(),
            commits: LoggedCommits::default(),
            restores: Restores::default(),
            not_understood: 0,
        }
    }

    /// Reads the whole log.
    pub(super) async fn whole<S: LogSource>(
        mut self,
        source: &S,
        checkpoint: &LogCheckpoint,
        mut progress: impl FnMut(u64),
    ) -> Result<Self, S::Error> {
        let size = checkpoint.size;
        if let Some(kept) = self.kept.filter(|kept| kept.size > size) {
            self.faults.add(LogFault::RolledBack { size, kept: kept.size });
        }
        self.compare_with_kept();
        let numbers = stream::iter(0..size.div_ceil(TILE_WIDTH.into()));
        let mut parts = numbers.map(|number| part(source, number, size)).buffered(AT_ONCE);
        while let Some(part) = parts.try_next().await? {
            let before = self.builder.size();
            if !self.take(part) {
                // Where neither entries nor hashes are known, no root is known behind them.
                return Ok(self);
            }
            for (path, hashes) in std::mem::take(&mut self.full) {
                self.compare_tile(source, path, &hashes).await?;
            }
            progress(self.builder.size() - before);
        }
        let partial: Vec<Tile> =
            self.builder.partial().map(|(path, hashes)| (path, hashes.to_vec())).collect();
        for (path, hashes) in partial {
            self.compare_tile(source, path, &hashes).await?;
        }
        let found = self.builder.root();
        if found != checkpoint.root {
            self.faults.add(LogFault::WrongRoot { size, found, signed: checkpoint.root });
        }
        Ok(self)
    }

    /// Takes a bundle with its tile; false if the hashes of its entries are not known.
    fn take(&mut self, part: Part) -> bool {
        let first = self.builder.size();
        let hashes: Option<Vec<TreeHash>> = match (part.entries, part.tile) {
            (Ok(entries), tile) => {
                let computed: Vec<TreeHash> = entries.iter().map(|entry| entry_hash(entry)).collect();
                match tile {
                    Ok(tile) => self.compare(part.tile_path, &computed, &tile),
                    Err(fault) => self.faults.add(fault),
                }
                (first..).zip(&entries).for_each(|(index, entry)| self.read(index, entry));
                Some(computed)
            }
            (Err(fault), tile) => {
                self.faults.add(fault);
                tile.map_err(|fault| self.faults.add(fault)).ok()
            }
        };
        for hash in hashes.iter().flatten() {
            self.builder.push(*hash, &mut self.full);
            self.compare_with_kept();
        }
        // That of the lowest level is compared already.
        self.full.retain(|(path, _)| !matches!(path, LogPath::Tile { level: 0, .. }));
        hashes.is_some()
    }

    fn read(&mut self, index: u64, entry: &[u8]) {
        match Entry::read(entry) {
            Entry::Commit(leaf) => self.commits.add(index, leaf),
            Entry::AcceptedRestore(restore) => self.restores.add(index, restore),
            Entry::NotUnderstood => self.not_understood += 1,
        }
    }

    fn compare_with_kept(&mut self) {
        let Some(kept) = self.kept.filter(|kept| kept.size == self.builder.size()) else { return };
        let found = self.builder.root();
        if found != kept.root {
            self.faults.add(LogFault::Rewritten { size: kept.size, found, kept: kept.root });
        }
    }

    async fn compare_tile<S: LogSource>(
        &mut self,
        source: &S,
        path: LogPath,
        computed: &[TreeHash],
    ) -> Result<(), S::Error> {
        if matches!(path, LogPath::Tile { level: 0, .. }) {
            return Ok(());
        }
        match tile(source, path).await? {
            Ok(stored) => self.compare(path, computed, &stored),
            Err(fault) => self.faults.add(fault),
        }
        Ok(())
    }

    fn compare(&mut self, path: LogPath, computed: &[TreeHash], stored: &[TreeHash]) {
        if let Some(first) = computed.iter().zip(stored).position(|(computed, stored)| computed != stored) {
            self.faults.add(LogFault::Differs { path, first });
        }
    }
}

/// Reads a bundle and the tile over it.
async fn part<S: LogSource>(source: &S, number: u64, size: u64) -> Result<Part, S::Error> {
    let (bundle_path, tile_path) = paths(number, size);
    Ok(Part { tile_path, entries: entries(source, bundle_path).await?, tile: tile(source, tile_path).await? })
}
