//! The order in which the log of a ledger begins: keys of commits, sorted outside of memory, in runs that are stored.
//!
//! The promise: what was read of the event table is not read again, however short the runs of the sequencer are, and the keys of one
//! run or a chunk of each are in memory. Two sequencers that sort at the same time make one list of runs.

use std::collections::VecDeque;

use event_store::{ScanPosition, StoreError};
use futures::stream::{self, StreamExt, TryStreamExt};
use schema::{ProductId, StoredCommit, Timestamp};
use tokio::time::Instant;

use crate::round::Sequencer;
use crate::table::{InitialKey, KeyRun, LogTable, MOST_LEAVES};

/// Commits that are asked for at a time.
const PAGE: usize = 1_000;

/// Chunks that are read or written at the same time.
const AT_ONCE: usize = 8;

/// Keys of a part of the event table, and where the rest begins.
type ScannedPart = (Vec<InitialKey>, Option<ScanPosition>);

impl Sequencer {
    /// The sorted runs of all that was recorded `before`; `None` if the time was over before everything was read.
    pub(crate) async fn sorted(
        &self,
        before: Timestamp,
        deadline: Instant,
    ) -> Result<Option<Vec<KeyRun>>, StoreError> {
        let table = &*self.ports.table;
        loop {
            let runs = table.runs().await?;
            let from = match runs.last().map(|last| last.next.clone()) {
                None => None,
                Some(Some(next)) => Some(next),
                Some(None) => return Ok(Some(runs)),
            };
            if Instant::now() >= deadline {
                return Ok(None);
            }
            let (keys, next) = self.scanned(before, from, deadline).await?;
            tracing::info!(target: "ledger::log", keys = keys.len(), is_end = next.is_none(), "a part of the event table was read for the beginning of the log");
            let id = self.id();
            let chunks: Vec<(u64, Vec<InitialKey>)> =
                (0..).zip(keys.chunks(self.chunk()).map(<[_]>::to_vec)).collect();
            let ends = chunks.iter().filter_map(|(_, keys)| keys.last().cloned()).collect();
            let written = stream::iter(chunks)
                .map(|(chunk, keys)| async move { table.insert_keys(id, chunk, &keys).await });
            written.buffered(AT_ONCE).try_collect::<()>().await?;
            // Another sequencer's may be there; what is, is read again.
            table.insert_run(runs.len() as u64, &KeyRun { id, ends, next }).await?;
        }
    }

    /// Reads the event table from a place on: one page at least, and no more than memory takes or half of the time allows, the
    /// other half of which is for writing the keys.
    async fn scanned(
        &self,
        before: Timestamp,
        mut from: Option<ScanPosition>,
        deadline: Instant,
    ) -> Result<ScannedPart, StoreError> {
        let begun = Instant::now();
        let until = begun + deadline.saturating_duration_since(begun) / 2;
        let (mut keys, page) = (Vec::new(), PAGE.min(self.kept));
        loop {
            let read = self.ports.journal.scan(from, page).await?;
            keys.extend(read.commits.iter().filter_map(initial_key).filter(|key| key.recorded_at < before));
            from = read.next;
            if from.is_none() || keys.len() + page > self.kept || Instant::now() >= until {
                keys.sort();
                return Ok((keys, from));
            }
        }
    }

    /// The keys of a chunk.
    fn chunk(&self) -> usize {
        MOST_LEAVES.min(self.kept)
    }
}

/// Keys of several runs in one order.
pub(crate) struct MergedKeys<'a> {
    table: &'a dyn LogTable,
    runs: Vec<RunReader>,
}

/// A run that is read from its beginning.
struct RunReader {
    run: KeyRun,
    next_chunk: usize,
    keys: VecDeque<InitialKey>,
}

impl<'a> MergedKeys<'a> {
    /// The keys of these runs behind `after`.
    pub(crate) async fn behind(
        table: &'a dyn LogTable,
        runs: Vec<KeyRun>,
        after: Option<&InitialKey>,
    ) -> Result<Self, StoreError> {
        let readers = stream::iter(runs).map(|run| async move {
            let passed = run.ends.partition_point(|end| after.is_some_and(|after| end <= after));
            let mut reader = RunReader { run, next_chunk: passed, keys: VecDeque::new() };
            reader.fill(table).await?;
            let passed = reader.keys.partition_point(|key| after.is_some_and(|after| key <= after));
            reader.keys.drain(..passed);
            Ok::<_, StoreError>(reader)
        });
        Ok(Self { table, runs: readers.buffered(AT_ONCE).try_collect().await? })
    }

    /// The next keys, at most this many; none at the end.
    pub(crate) async fn next(&mut self, limit: usize) -> Result<Vec<InitialKey>, StoreError> {
        let mut keys = Vec::new();
        while keys.len() < limit {
            let heads = self.runs.iter_mut().filter(|run| !run.keys.is_empty());
            let Some(least) = heads.min_by(|one, other| one.keys.front().cmp(&other.keys.front())) else {
                break;
            };
            keys.extend(least.keys.pop_front());
            least.fill(self.table).await?;
        }
        Ok(keys)
    }
}

impl RunReader {
    /// Reads the next chunk if there is one and nothing is left of the one before.
    async fn fill(&mut self, table: &dyn LogTable) -> Result<(), StoreError> {
        if !self.keys.is_empty() || self.next_chunk >= self.run.ends.len() {
            return Ok(());
        }
        let chunk = table.keys(self.run.id, self.next_chunk as u64).await?;
        let missing = "keys with which the log begins are not there";
        self.keys = chunk.ok_or_else(|| StoreError::unreadable(missing.into()))?.into();
        self.next_chunk += 1;
        Ok(())
    }
}

/// The place of a commit in the order; none if it cannot be read, which the reconcile finds.
fn initial_key(commit: &StoredCommit) -> Option<InitialKey> {
    let recorded_at = Timestamp::parse(commit.text("recorded_at").ok()?).ok()?;
    let product = ProductId::new(commit.text("product_id").ok()?).ok()?;
    Some(InitialKey { recorded_at, product, sequence: commit.sequence().ok()? })
}
