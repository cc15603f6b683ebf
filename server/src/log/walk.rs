//! Goes through the entries of a log and the ledger beside it, position by position, while no server runs.

use std::collections::VecDeque;

use event_store::{Feed, LogEntry, StoreError};
use ledger_log::path::TILE_WIDTH;
use ledger_log::tree::entry_hash;
use ledger_log::{LogCheckpoint, LogPath, TileBuilder, bundle};
use sequencer::{LogFailure, LogStop, LogStore, prefix_of_full};

use super::entries::leaf;

/// Positions that are read at once.
const BATCH: usize = 1_024;

/// What a log and its ledger have at one position.
pub(super) struct ComparedEntry {
    pub(super) position: u64,
    /// The entry of the log.
    pub(super) logged: Vec<u8>,
    /// What the ledger has there, as the log would have it; none without a commit or another entry.
    pub(super) recorded: Option<Vec<u8>>,
}

/// Calls `each` for every entry of a log, whose entries must give the root of its checkpoint.
///
/// # Errors
/// [`LogFailure`]: something cannot be read, or the log is not whole; or what `each` answers.
pub(super) async fn compared(
    store: &dyn LogStore,
    checkpoint: &LogCheckpoint,
    feed: &dyn Feed,
    mut each: impl FnMut(ComparedEntry),
) -> Result<(), LogFailure> {
    let (mut tiles, mut full) = (TileBuilder::default(), Vec::new());
    let mut recorded = RecordedEntries::from(feed, 0);
    for number in 0..checkpoint.size.div_ceil(TILE_WIDTH.into()) {
        for logged in entries(store, number, checkpoint.size)? {
            let position = tiles.size();
            tiles.push(entry_hash(&logged), &mut full);
            full.clear();
            each(ComparedEntry { position, recorded: recorded.at(position).await?, logged });
        }
    }
    if tiles.root() == checkpoint.root { Ok(()) } else { Err(LogStop::Root.into()) }
}

/// The entries of a bundle.
pub(super) fn entries(store: &dyn LogStore, index: u64, size: u64) -> Result<Vec<Vec<u8>>, LogFailure> {
    let there = (size - index * u64::from(TILE_WIDTH)).min(TILE_WIDTH.into());
    let path = LogPath::Entries { index, width: u16::try_from(there).unwrap_or(TILE_WIDTH) };
    let read = |path: LogPath| store.read(path).map_err(LogFailure::of(path));
    let bytes = match read(path)? {
        Some(bytes) => Some(bytes),
        None => read(path.full())?.and_then(|full| prefix_of_full(path, &full)),
    };
    let bytes = bytes.ok_or(LogStop::Missing(path))?;
    let entries = bundle::read(&bytes, path.width().into()).map_err(|_| LogStop::Damaged(path))?;
    Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
}

/// What a ledger has at its positions, in ascending order.
pub(super) struct RecordedEntries<'a> {
    feed: &'a dyn Feed,
    next: u64,
    is_read_out: bool,
    found: VecDeque<LogEntry>,
}

impl<'a> RecordedEntries<'a> {
    /// From a position on.
    pub(super) fn from(feed: &'a dyn Feed, next: u64) -> Self {
        Self { feed, next, is_read_out: false, found: VecDeque::new() }
    }

    /// What is at a position, which must be higher than the one before.
    pub(super) async fn at(&mut self, position: u64) -> Result<Option<Vec<u8>>, LogFailure> {
        loop {
            match self.found.front() {
                Some(found) if found.position > position => return Ok(None),
                Some(found) if found.position == position => {
                    return Ok(self.found.pop_front().map(|found| found.entry));
                }
                Some(_) => drop(self.found.pop_front()),
                None if self.is_read_out => return Ok(None),
                None => self.read_on().await?,
            }
        }
    }

    async fn read_on(&mut self) -> Result<(), LogFailure> {
        let commits = self.feed.after(self.next.checked_sub(1), BATCH).await?;
        self.is_read_out = commits.len() < BATCH;
        let last = commits.last().filter(|_| !self.is_read_out).map_or(u64::MAX, |last| last.position);
        let mut found = all_entries(self.feed, self.next, last).await?;
        for commit in commits {
            let position = commit.position;
            found.push(LogEntry { position, entry: leaf(position, commit)?.to_bytes().to_vec(), of: None });
        }
        found.sort_unstable_by_key(|found| found.position);
        self.next = last.saturating_add(1);
        self.found = found.into();
        Ok(())
    }
}

async fn all_entries(feed: &dyn Feed, mut first: u64, last: u64) -> Result<Vec<LogEntry>, StoreError> {
    let mut found = Vec::new();
    loop {
        let part = feed.entries(first, last, BATCH).await?;
        let Some(newest) = part.last().map(|newest| newest.position) else { return Ok(found) };
        first = newest + 1;
        found.extend(part);
    }
}
