//! Summaries of blocks of commits, kept in memory: what the commits of a block have in common.
//!
//! The promise: no block is ruled out that holds a commit which the filter selects.

use std::sync::{Arc, PoisonError, RwLock};

use super::days::CommitDays;
use super::filter::Selector;
use super::summary::CommitSummary;
use crate::follow::{Change, FeedEntry};

/// The summaries of all blocks so far. A block holds a fixed number of commits, wherever their positions are.
pub(super) struct Blocks {
    /// Commits of a block.
    pub(super) size: usize,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    blocks: Vec<Arc<Block>>,
    /// The days of all commits in the blocks.
    days: CommitDays,
    /// The newest position from which on another block may be whole.
    due_at: u64,
}

/// The summary of a block.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// The position behind the block before it.
    first: u64,
    /// The position of its last commit.
    last: u64,
    summary: CommitSummary,
    /// Whether a commit of it cannot be read.
    is_unreadable: bool,
    /// The days of its commits, until it is one of the blocks.
    days: CommitDays,
}

impl Blocks {
    pub(super) fn of(size: usize) -> Self {
        Self { size, known: RwLock::default() }
    }

    /// Where the next block begins and the newest position, if it may be whole.
    pub(super) fn due(&self, newest: Option<u64>) -> Option<(u64, u64)> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let first = known.blocks.last().map_or(0, |block| block.last + 1);
        let newest = newest?;
        let is_due = newest >= known.due_at && newest - first.min(newest) + 1 >= self.size as u64;
        (is_due && newest >= first).then_some((first, newest))
    }

    /// The position behind the last block.
    pub(super) fn next(&self) -> u64 {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        known.blocks.last().map_or(0, |block| block.last + 1)
    }

    /// No further block is whole before this position is the newest.
    pub(super) fn not_before(&self, newest: u64) {
        self.known.write().unwrap_or_else(PoisonError::into_inner).due_at = newest;
    }

    /// Adds the next block; one that was added meanwhile is left as it is.
    pub(super) fn push(&self, mut block: Block) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.blocks.last().map_or(0, |before| before.last + 1) == block.first {
            known.days.extend(std::mem::take(&mut block.days));
            known.blocks.push(Arc::new(block));
        }
    }

    /// The days of all commits in the blocks, and the last position of these.
    pub(super) fn days(&self) -> (CommitDays, Option<u64>) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        (known.days.clone(), known.blocks.last().map(|block| block.last))
    }

    /// The next positions that the filter does not rule out, from the lowest to the highest, beginning with `at` in the
    /// direction of the walk, and inside `range`. `None`: there are none.
    pub(super) fn run(
        &self,
        at: u64,
        (lowest, highest): (u64, u64),
        newest_first: bool,
        selector: &Selector<'_>,
    ) -> Option<(u64, u64)> {
        if selector.filter.is_empty() {
            return Some(if newest_first { (lowest, at) } else { (at, highest) });
        }
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let blocks = &known.blocks;
        let place = blocks.partition_point(|block| block.last < at);
        // Commits of one product are read by an index, so further blocks cost nothing.
        let goes_on = selector.filter.product.is_some();
        let admitted = |block: &Arc<Block>| !block.is_ruled_out(selector);
        let behind = blocks.last().map_or(0, |block| block.last + 1);
        if newest_first {
            let mut places = (0..=place.min(blocks.len())).rev();
            let end = places.find(|place| blocks.get(*place).is_none_or(admitted))?;
            let last = blocks.get(end).map_or(at, |block| block.last.min(at));
            let first = |place: usize| blocks.get(place).map_or(behind, |block| block.first);
            let further = (0..end).rev().take_while(|place| goes_on && admitted(&blocks[*place])).last();
            let first = first(further.unwrap_or(end)).max(lowest);
            return (first <= last).then_some((first, last));
        }
        let begin = (place..=blocks.len()).find(|place| blocks.get(*place).is_none_or(admitted))?;
        let first = blocks.get(begin).map_or(behind.max(at), |block| block.first.max(at));
        let ends = (begin + 1..=blocks.len())
            .take_while(|place| goes_on && blocks.get(*place).is_none_or(admitted))
            .last()
            .unwrap_or(begin);
        let last = blocks.get(ends).map_or(highest, |block| block.last.min(highest));
        (first <= last).then_some((first, last))
    }
}

impl Block {
    /// An empty block from a position on.
    pub(super) fn from(first: u64) -> Self {
        Self { first, ..Self::default() }
    }

    /// The block of a summary that a store keeps.
    pub(super) fn kept(first: u64, last: u64, summary: CommitSummary) -> Self {
        Self { first, last, summary, ..Self::default() }
    }

    /// Adds the next commit.
    pub(super) fn add(&mut self, entry: &FeedEntry) {
        self.last = entry.position;
        match &entry.change {
            Change::Committed(commit) => {
                self.summary.add(commit);
                self.days.add(commit);
            }
            Change::Tampered(_) | Change::Unreadable { .. } | Change::Nameless { .. } => {
                self.is_unreadable = true;
            }
        }
    }

    /// Whether no commit of the block is wanted, as far as its summary tells.
    fn is_ruled_out(&self, selector: &Selector<'_>) -> bool {
        !self.is_unreadable && self.summary.is_ruled_out(selector)
    }
}
