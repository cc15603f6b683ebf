//! Grows a log by entries, and signs what is durable.
//!
//! The promise: full tiles and bundles are written once and never changed; before a checkpoint is signed, all that it needs is
//! durable; a checkpoint is never replaced by a smaller one, nor one that somebody else has put there.

use std::sync::Arc;

use ledger_log::path::TILE_WIDTH;
use ledger_log::tiles::{self, Tile, TileBuilder, level_count, partial_width};
use ledger_log::tree::entry_hash;
use ledger_log::{CheckpointSigner, Leaf, LogCheckpoint, LogPath, SignedNote, TreeHash, bundle};

use crate::api::ServedLog;
use crate::failure::{LogFailure, LogStop};
use crate::store::{LogStore, needed};

/// A log that grows.
pub struct LogWriter {
    store: Arc<dyn LogStore>,
    signer: Arc<dyn CheckpointSigner>,
    tiles: TileBuilder,
    /// The entries that fill no bundle yet.
    bundle: Vec<u8>,
    last: Option<Vec<u8>>,
    /// What was written since the last checkpoint.
    written: Vec<LogPath>,
    /// The newest checkpoint: its size and its note.
    published: (u64, Vec<u8>),
}

impl LogWriter {
    /// Publishes the checkpoint of a log without entries.
    ///
    /// # Errors
    /// [`LogFailure`]: nothing was published, or its name may be lost with the power.
    pub fn begin(store: Arc<dyn LogStore>, signer: Arc<dyn CheckpointSigner>) -> Result<(), LogFailure> {
        let mut writer = Self {
            store,
            signer,
            tiles: TileBuilder::default(),
            bundle: Vec::new(),
            last: None,
            written: Vec::new(),
            published: (0, Vec::new()),
        };
        let note = writer.signed()?;
        writer.replace_checkpoint(&note)
    }

    /// Goes on after the published checkpoint.
    ///
    /// # Errors
    /// [`LogStop`] if what is stored is not the log of its checkpoint; otherwise try again.
    pub fn open(log: ServedLog, signer: Arc<dyn CheckpointSigner>) -> Result<Self, LogFailure> {
        let ServedLog { store, keys } = log;
        let note = store.read(LogPath::Checkpoint).map_err(LogFailure::of(LogPath::Checkpoint))?;
        let note = note.ok_or(LogStop::NoCheckpoint)?;
        let LogCheckpoint { size, root, .. } = keys.open(&note).map_err(LogStop::from)?;
        let levels = (0..).zip(0..level_count(size)).map(|(level, _)| unfilled(&*store, size, level));
        let tiles = TileBuilder::stored(size, levels.collect::<Result<_, _>>()?).ok_or(LogStop::Root)?;
        if tiles.root() != root {
            return Err(LogStop::Root.into());
        }
        let (bundle, last) = newest_bundle(&*store, &tiles)?;
        // It may have been written by a process that was killed before its name was durable.
        store.settle(&[LogPath::Checkpoint]).map_err(LogStop::Unsynced)?;
        Ok(Self { store, signer, tiles, bundle, last, written: Vec::new(), published: (size, note) })
    }

    /// How many entries it has, published or not.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.tiles.size()
    }

    /// The root over all entries, published or not.
    #[must_use]
    pub fn root(&self) -> TreeHash {
        self.tiles.root()
    }

    /// The size of the newest checkpoint.
    #[must_use]
    pub fn published(&self) -> u64 {
        self.published.0
    }

    /// The newest entry.
    #[must_use]
    pub fn last(&self) -> Option<&[u8]> {
        self.last.as_deref()
    }

    /// Adds the entry of a commit, and writes what becomes full.
    ///
    /// # Errors
    /// [`LogFailure`]: drop this, and go on after the published checkpoint.
    pub fn append(&mut self, leaf: Leaf) -> Result<(), LogFailure> {
        self.append_entry(leaf.to_bytes().to_vec())
    }

    /// Adds an entry of any form, and writes what becomes full.
    ///
    /// # Errors
    /// As [`LogWriter::append`]; also for an entry that is longer than a bundle can hold.
    pub fn append_entry(&mut self, entry: Vec<u8>) -> Result<(), LogFailure> {
        let mut full = Vec::new();
        bundle::push(&mut self.bundle, &entry).map_err(|error| LogFailure::Interrupted(error.to_string()))?;
        self.tiles.push(entry_hash(&entry), &mut full);
        self.last = Some(entry);
        let Some((LogPath::Tile { index, .. }, _)) = full.first() else { return Ok(()) };
        let bundle = std::mem::take(&mut self.bundle);
        self.put(LogPath::Entries { index: *index, width: TILE_WIDTH }, &bundle)?;
        full.into_iter().try_for_each(|(path, hashes)| self.put(path, &tiles::bytes(&hashes)))
    }

    /// The note of the newest checkpoint.
    #[must_use]
    pub fn note(&self) -> &[u8] {
        &self.published.1
    }

    /// Publishes a checkpoint over all entries, if there are new ones.
    ///
    /// # Errors
    /// [`LogFailure`]: drop this, and go on after the published checkpoint.
    pub fn publish(&mut self) -> Result<(), LogFailure> {
        if self.size() == self.published.0 {
            return Ok(());
        }
        let note = self.prepare()?;
        self.replace_checkpoint(&note)
    }

    /// Makes everything below a checkpoint over all entries durable, and signs that checkpoint without publishing it.
    ///
    /// # Errors
    /// [`LogFailure`]: drop this, and go on after the published checkpoint.
    pub fn prepare(&mut self) -> Result<SignedNote, LogFailure> {
        let partial: Vec<Tile> = self.tiles.partial().map(|(path, hashes)| (path, hashes.to_vec())).collect();
        for (path, hashes) in partial {
            self.put(path, &tiles::bytes(&hashes))?;
        }
        if !self.bundle.is_empty() {
            let width = u16::try_from(self.size() % u64::from(TILE_WIDTH)).unwrap_or_default();
            let (index, bundle) = (self.size() / u64::from(TILE_WIDTH), std::mem::take(&mut self.bundle));
            self.put(LogPath::Entries { index, width }, &bundle)?;
            self.bundle = bundle;
        }
        let written = std::mem::take(&mut self.written);
        self.store.settle(&written).map_err(LogStop::Unsynced)?;
        for full in written.into_iter().filter(|path| path.width() == TILE_WIDTH) {
            self.store.remove_partial(full).map_err(LogFailure::of(full))?;
        }
        self.signed()
    }

    /// Signs the checkpoint of all entries, of which everything has to be durable.
    fn signed(&self) -> Result<SignedNote, LogFailure> {
        let origin = self.signer.origin().to_owned();
        let checkpoint = LogCheckpoint { origin, size: self.size(), root: self.tiles.root() };
        Ok(self.signer.sign(checkpoint.to_string())?)
    }

    /// Publishes what [`LogWriter::prepare`] signed, with further signatures or without.
    ///
    /// # Errors
    /// [`LogFailure`]: drop this, and go on after the published checkpoint.
    pub fn replace_checkpoint(&mut self, note: &SignedNote) -> Result<(), LogFailure> {
        let path = LogPath::Checkpoint;
        let found = self.store.read(path).map_err(LogFailure::of(path))?;
        if found.unwrap_or_default() != self.published.1 {
            return Err(LogStop::Foreign.into());
        }
        let note = note.to_string().into_bytes();
        if !self.store.publish(&self.published.1, &note).map_err(LogFailure::of(path))? {
            return Err(LogStop::Foreign.into());
        }
        self.store.settle(&[path]).map_err(LogStop::Unsynced)?;
        self.published = (self.size(), note);
        Ok(())
    }

    /// Writes a file, unless it is there already.
    fn put(&mut self, path: LogPath, bytes: &[u8]) -> Result<(), LogFailure> {
        let found = self.store.put(path, bytes).map_err(LogFailure::of(path))?;
        if found.is_some_and(|found| found != bytes) {
            return Err(LogStop::Differs(path).into());
        }
        // Also what a killed process has written: its name may not be durable yet.
        self.written.push(path);
        Ok(())
    }
}

/// The hashes of a level that fill no tile.
fn unfilled(store: &dyn LogStore, size: u64, level: u8) -> Result<Vec<TreeHash>, LogFailure> {
    let width = u16::try_from(partial_width(size, level)).unwrap_or_default();
    if width == 0 {
        return Ok(Vec::new());
    }
    let index = size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
    let path = LogPath::Tile { level, index, width };
    let hashes = tiles::read(&needed(store, path)?, width);
    Ok(hashes.ok_or(LogStop::Damaged(path))?)
}

/// The entries that fill no bundle, which must be those of the tile over them, and the last entry.
fn newest_bundle(
    store: &dyn LogStore,
    tiles: &TileBuilder,
) -> Result<(Vec<u8>, Option<Vec<u8>>), LogFailure> {
    let Some(before) = tiles.size().checked_sub(1) else { return Ok((Vec::new(), None)) };
    let width = u64::from(TILE_WIDTH);
    let count = u16::try_from(before % width + 1).unwrap_or(TILE_WIDTH);
    let path = LogPath::Entries { index: before / width, width: count };
    let bytes = needed(store, path)?;
    let damaged = || LogStop::Damaged(path);
    let entries = bundle::read(&bytes, count.into()).map_err(|_| damaged())?;
    let last = entries.last().map(|entry| entry.to_vec());
    if count == TILE_WIDTH {
        return Ok((Vec::new(), last));
    }
    let hashes: Vec<TreeHash> = entries.iter().map(|entry| entry_hash(entry)).collect();
    let is_of_tile = |(path, tile): (LogPath, &[TreeHash])| {
        matches!(path, LogPath::Tile { level: 0, .. }) && tile == hashes
    };
    if !tiles.partial().any(is_of_tile) {
        return Err(damaged().into());
    }
    Ok((bytes, last))
}

#[cfg(test)]
mod tests;
