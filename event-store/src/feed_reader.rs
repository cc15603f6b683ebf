//! Pages of the feed: the commits of the ledger in the order of recording, those that a filter selects.
//!
//! The promise: following `next` meets every selected commit once, in order, whatever is recorded meanwhile; and a page reads a
//! bounded number of commits, none of which its filter rules out in blocks.

mod blocks;
mod days;
mod filter;
mod kept;
mod price_times;
mod summary;
mod walk;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use schema::{ProductId, StoredCommit};
use tokio::sync::watch;

use crate::error::StoreError;
use crate::follow::{Change, Feed, FeedEntry, FeedSlice};
use crate::log_entry::LogEntry;

use blocks::{Block, Blocks};
pub use days::{CommitDays, DayCounts};
use filter::Selector;
pub use filter::{CommitFilter, FilteredTime};
use kept::KeptDays;
pub use kept::{CountedBlock, KeptSummaries, SummarisedCommits};
use price_times::PriceTimes;
pub use summary::CommitSummary;
use walk::PageWalk;

/// Commits of a block.
const BLOCK: usize = 1_024;

/// Kept summaries per read.
const SUMMARIES: usize = 1_000;

/// Commits per read: each may be large.
const READ_AT_ONCE: usize = 100;

/// Reads pages of a feed. Clones share the blocks.
#[derive(Clone)]
pub struct FeedReader {
    feed: Arc<dyn Feed>,
    blocks: Arc<Blocks>,
    kept: Option<Arc<dyn KeptSummaries>>,
    kept_days: Arc<Mutex<KeptDays>>,
}

/// Which page to read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FeedQuery {
    /// Only positions above this one.
    pub after: Option<u64>,
    /// Only positions below this one.
    pub before: Option<u64>,
    /// Whether the highest position comes first.
    pub newest_first: bool,
    /// Which commits.
    pub filter: CommitFilter,
    /// Where the page ends.
    pub limits: PageLimits,
}

/// Where a page ends, whichever is reached first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageLimits {
    /// Entries; at least 1.
    pub entries: usize,
    /// Commits that are read, also those that the filter then leaves out; at least 1.
    pub rows: usize,
    /// Bytes of the commits as JSON; the first entry is taken whatever its size.
    pub bytes: usize,
}

impl Default for PageLimits {
    fn default() -> Self {
        Self { entries: 50, rows: 1_000, bytes: 1024 * 1024 }
    }
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedPage {
    /// In the order of the query.
    pub entries: Vec<PageEntry>,
    /// The value of `after` (or `before`) for the next page: the last position that was looked at, if any is left to look at.
    pub next: Option<u64>,
    /// The newest position when the page was read.
    pub newest: Option<u64>,
    /// How many commits were read.
    pub rows: usize,
}

/// What is at a position.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageEntry {
    /// The position.
    pub position: u64,
    /// The commit; `None` if it is gone, or if the log has another entry there.
    pub commit: Option<SelectedCommit>,
    /// Without a commit the entry of the log that is known.
    pub entry: Option<LogEntry>,
}

/// A commit of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectedCommit {
    /// As stored.
    pub commit: StoredCommit,
    /// Whether it states a price of a time before the newest one that was stated until then.
    pub retroactive: bool,
}

/// Why there is no page.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The feed does not reach `after` yet: ask again from a position that it has.
    #[error("the newest position is {}", .newest.map_or_else(|| "none".to_owned(), |newest| newest.to_string()))]
    NotReached {
        /// The newest position.
        newest: Option<u64>,
    },
    /// A commit cannot be read: verify its product; the feed can be read on from its position.
    #[error("the commit at position {position} cannot be read: {reason}")]
    Unreadable {
        /// Its position.
        position: u64,
        /// Its product, where that can be read.
        product: Option<ProductId>,
        /// What is wrong.
        reason: String,
    },
    /// The store failed: try again later.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FeedReader {
    /// A reader of `feed`, which does not know any block yet.
    #[must_use]
    pub fn new(feed: Arc<dyn Feed>) -> Self {
        Self::with_blocks_of(feed, BLOCK)
    }

    /// The same with another number of commits in a block.
    #[must_use]
    pub fn with_blocks_of(feed: Arc<dyn Feed>, commits: usize) -> Self {
        Self { feed, blocks: Arc::new(Blocks::of(commits.max(1))), kept: None, kept_days: Arc::default() }
    }

    /// A reader of `feed` whose blocks are kept in a store: they are read as filters need them, and [`FeedReader::summarise`] has
    /// nothing to do.
    #[must_use]
    pub fn with_kept_summaries(feed: Arc<dyn Feed>, kept: Arc<dyn KeptSummaries>) -> Self {
        Self { kept: Some(kept), ..Self::new(feed) }
    }

    /// A count that changes after every append.
    #[must_use]
    pub fn appended(&self) -> watch::Receiver<u64> {
        self.feed.appended()
    }

    /// Reads a page.
    ///
    /// # Errors
    /// [`FeedError`]: each case says what the caller should do.
    pub async fn page(&self, query: &FeedQuery) -> Result<FeedPage, FeedError> {
        let newest = self.feed.newest_position().await?.max(self.feed.newest_entry().await?);
        if query.after.is_some_and(|after| newest.is_none_or(|newest| after > newest)) {
            return Err(FeedError::NotReached { newest });
        }
        if let Some(kept) = self.kept.as_ref().filter(|_| !query.filter.is_empty()) {
            self.read_summaries(&**kept).await?;
        }
        let (mut walk, mut times) = (PageWalk::begin(query, newest), PriceTimes::default());
        while let Some((first, last)) = walk.run(&self.blocks) {
            let limit = walk.read_next();
            if limit == 0 {
                break;
            }
            let (product, newest_first) = (query.filter.product.clone(), query.newest_first);
            let entries = self.feed.slice(&FeedSlice { first, last, product, newest_first, limit }).await?;
            let is_read_out = entries.len() < limit;
            walk.rows += entries.len();
            if self.look_at(entries, &mut walk, &mut times).await? && is_read_out {
                walk.pass_missing_to(if newest_first { first } else { last });
            }
        }
        let next = walk.next(&self.blocks);
        let entries = self.with_log_entries(walk.entries).await?;
        Ok(FeedPage { entries, next, newest, rows: walk.rows })
    }

    /// Adds what the log has at positions without a commit.
    async fn with_log_entries(&self, mut entries: Vec<PageEntry>) -> Result<Vec<PageEntry>, StoreError> {
        let gaps = || entries.iter().filter(|entry| entry.commit.is_none()).map(|entry| entry.position);
        let Some((first, last)) = gaps().min().zip(gaps().max()) else { return Ok(entries) };
        let found = self.feed.entries(first, last, entries.len()).await?;
        let mut found: BTreeMap<u64, LogEntry> =
            found.into_iter().map(|found| (found.position, found)).collect();
        for entry in entries.iter_mut().filter(|entry| entry.commit.is_none()) {
            entry.entry = found.remove(&entry.position);
        }
        Ok(entries)
    }

    /// Reads the summaries that were kept since the last time.
    async fn read_summaries(&self, kept: &dyn KeptSummaries) -> Result<(), StoreError> {
        loop {
            let next = self.blocks.next();
            let summaries = kept.summaries(next, SUMMARIES).await?;
            let is_end = summaries.len() < SUMMARIES;
            for SummarisedCommits { first, last, summary } in summaries {
                self.blocks.push(Block::kept(first, last, summary));
            }
            // Where nothing fits behind what is known, there is nothing to wait for.
            if is_end || self.blocks.next() == next {
                return Ok(());
            }
        }
    }

    /// Looks at commits that were read, one after the other; answers whether all were looked at.
    async fn look_at(
        &self,
        entries: Vec<FeedEntry>,
        walk: &mut PageWalk<'_>,
        times: &mut PriceTimes,
    ) -> Result<bool, FeedError> {
        for entry in entries {
            let position = entry.position;
            if !walk.pass_missing_before(position) {
                return Ok(false);
            }
            let selected = match self.selected(entry, walk.selector(), times).await {
                // The page ends before it, and the next one says so.
                Err(FeedError::Unreadable { .. }) if walk.has_moved() => {
                    walk.end();
                    return Ok(false);
                }
                other => other?,
            };
            walk.rows += std::mem::take(&mut times.rows);
            if !walk.pass(position, selected) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The commit, if the filter selects it.
    async fn selected(
        &self,
        entry: FeedEntry,
        selector: &Selector<'_>,
        times: &mut PriceTimes,
    ) -> Result<Option<SelectedCommit>, FeedError> {
        let position = entry.position;
        let commit = match entry.change {
            Change::Committed(commit) => *commit,
            Change::Unreadable { product, reason } => {
                return Err(FeedError::Unreadable { position, product, reason });
            }
            Change::Tampered(tampering) => {
                let product = ProductId::new(tampering.product.as_str()).ok();
                return Err(FeedError::Unreadable { position, product, reason: tampering.to_string() });
            }
            Change::Nameless { reason } => {
                return Err(FeedError::Unreadable { position, product: None, reason });
            }
        };
        if !selector.selects(&commit) {
            return Ok(None);
        }
        let retroactive = times.is_retroactive(&*self.feed, &commit, position).await?;
        let selected = retroactive || !selector.filter.retroactive;
        Ok(selected.then_some(SelectedCommit { commit, retroactive }))
    }

    /// How many commits there are of each day, by one of their times: from the blocks, and from at most two blocks of commits
    /// behind them. `None` while more commits than that are not summarised: try again later.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    pub async fn days(&self, by: FilteredTime) -> Result<Option<DayCounts>, StoreError> {
        if let Some(kept) = &self.kept {
            return Ok(self.days_kept_in(&**kept).await?.map(|days| days.by(by)));
        }
        let (mut days, mut after) = self.blocks.days();
        let mut rows = 0;
        loop {
            let entries = self.feed.after(after, READ_AT_ONCE).await?;
            rows += entries.len();
            if rows > 2 * self.blocks.size {
                return Ok(None);
            }
            for entry in &entries {
                after = Some(entry.position);
                if let Change::Committed(commit) = &entry.change {
                    days.add(commit);
                }
            }
            if entries.len() < READ_AT_ONCE {
                return Ok(Some(days.by(by)));
            }
        }
    }

    /// The days of all commits, from the counts of blocks that a store keeps, read once, and from what lies behind them.
    async fn days_kept_in(&self, kept: &dyn KeptSummaries) -> Result<Option<CommitDays>, StoreError> {
        let known = || self.kept_days.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let next = known().next;
            let counted = kept.counted(next, SUMMARIES).await?;
            let is_end = counted.len() < SUMMARIES;
            for block in counted {
                known().add(block);
            }
            if is_end || known().next == next {
                break;
            }
        }
        let KeptDays { mut days, behind, .. } = known().clone();
        let further = kept.days_from(behind, 2 * self.blocks.size as u64).await?;
        Ok(further.map(|further| {
            days.extend(further);
            days
        }))
    }

    /// Summarises the next block, so that filters can rule it out; answers whether there was a whole one. Call it until there
    /// is none, and again after appends. Pages are right without it, but read more.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    pub async fn summarise(&self) -> Result<bool, StoreError> {
        if self.kept.is_some() {
            return Ok(false);
        }
        let size = self.blocks.size;
        let Some((first, newest)) = self.blocks.due(self.feed.newest_position().await?) else {
            return Ok(false);
        };
        let (mut block, mut rows, mut after) = (Block::from(first), 0, first.checked_sub(1));
        while rows < size {
            let wanted = (size - rows).min(READ_AT_ONCE);
            let entries = self.feed.after(after, wanted).await?;
            for entry in &entries {
                block.add(entry);
                after = Some(entry.position);
            }
            rows += entries.len();
            if entries.len() < wanted {
                // Positions are missing: the block is whole only after as many further commits.
                self.blocks.not_before(newest + (size - rows) as u64);
                return Ok(false);
            }
        }
        self.blocks.push(block);
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
