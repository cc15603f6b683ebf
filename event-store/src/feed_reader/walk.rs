//! One page on its way through the positions: where it is, what it has, and when it is full.

use super::blocks::Blocks;
use super::filter::Selector;
use super::{FeedQuery, PageEntry, PageLimits, READ_AT_ONCE, SelectedCommit};

/// The state of a page that is being read.
pub(super) struct PageWalk<'a> {
    query: &'a FeedQuery,
    selector: Selector<'a>,
    /// The next position to look at; `None` at the end.
    at: Option<u64>,
    /// The positions that the query asks about, from the lowest to the highest.
    range: (u64, u64),
    bytes: usize,
    is_full: bool,
    has_moved: bool,
    /// How many commits were looked at since the last one that was selected.
    unselected: usize,
    pub(super) entries: Vec<PageEntry>,
    /// How many commits were read.
    pub(super) rows: usize,
}

impl<'a> PageWalk<'a> {
    pub(super) fn begin(query: &'a FeedQuery, newest: Option<u64>) -> Self {
        let lowest = query.after.map_or(Some(0), |after| after.checked_add(1));
        let below = query
            .before
            .map_or(newest, |before| newest.and_then(|newest| Some(newest.min(before.checked_sub(1)?))));
        let range = lowest.zip(below).filter(|(lowest, highest)| lowest <= highest);
        let at = range.map(|(lowest, highest)| if query.newest_first { highest } else { lowest });
        Self {
            query,
            selector: Selector::of(&query.filter),
            at,
            range: range.unwrap_or_default(),
            bytes: 0,
            is_full: false,
            has_moved: false,
            unselected: 0,
            entries: Vec::new(),
            rows: 0,
        }
    }

    /// The next positions to read, from the lowest to the highest; skips blocks that the filter rules out.
    pub(super) fn run(&mut self, blocks: &Blocks) -> Option<(u64, u64)> {
        let run = blocks.run(self.at?, self.range, self.query.newest_first, &self.selector);
        self.at = run.map(|(first, last)| if self.query.newest_first { last } else { first });
        run
    }

    /// How many commits to read next; 0 if the page is full.
    pub(super) fn read_next(&self) -> usize {
        let PageLimits { entries, rows, .. } = self.query.limits;
        let (missing, left) = (entries.saturating_sub(self.entries.len()), rows.saturating_sub(self.rows));
        if self.is_full || missing == 0 || left == 0 {
            return 0;
        }
        // Not one by one where the filter selects few.
        missing.max(self.unselected).min(left).min(READ_AT_ONCE)
    }

    /// Looks at a commit that was read; answers whether the page goes on behind it.
    pub(super) fn pass(&mut self, position: u64, selected: Option<SelectedCommit>) -> bool {
        let PageLimits { entries, rows, bytes } = self.query.limits;
        self.unselected += 1;
        if let Some(selected) = selected {
            let size = serde_json::to_vec(&selected.commit).map_or(0, |json| json.len());
            if !self.entries.is_empty() && self.bytes + size > bytes {
                self.is_full = true;
                return false;
            }
            self.bytes += size;
            self.unselected = 0;
            self.entries.push(PageEntry { position, commit: Some(selected), entry: None });
        }
        self.step(position);
        self.entries.len() < entries && self.rows <= rows
    }

    /// Which commits are wanted.
    pub(super) fn selector(&self) -> &Selector<'a> {
        &self.selector
    }

    /// Whether the page has looked at any position.
    pub(super) fn has_moved(&self) -> bool {
        self.has_moved
    }

    /// Ends the page where it is.
    pub(super) fn end(&mut self) {
        self.is_full = true;
    }

    /// Passes positions whose commits are gone, up to a commit that was read; answers whether the page reaches it.
    pub(super) fn pass_missing_before(&mut self, position: u64) -> bool {
        while let Some(at) = self.at.filter(|at| *at != position) {
            if !self.query.filter.is_empty() {
                // Nothing of a commit that is gone can be what the filter wants.
                self.at = Some(position);
                return true;
            }
            if self.entries.len() >= self.query.limits.entries {
                return false;
            }
            self.entries.push(PageEntry { position: at, commit: None, entry: None });
            self.step(at);
        }
        self.at.is_some() && self.entries.len() < self.query.limits.entries
    }

    /// The same up to and with the last position that was asked for, where no commit is left.
    pub(super) fn pass_missing_to(&mut self, last: u64) {
        let is_behind = |at: u64| if self.query.newest_first { at < last } else { at > last };
        if !self.is_full && self.at.is_some_and(|at| !is_behind(at)) && self.pass_missing_before(last) {
            if self.query.filter.is_empty() {
                if self.entries.len() >= self.query.limits.entries {
                    return;
                }
                self.entries.push(PageEntry { position: last, commit: None, entry: None });
            }
            self.step(last);
        }
    }

    /// The last position that was looked at, if any is left.
    pub(super) fn next(&mut self, blocks: &Blocks) -> Option<u64> {
        self.run(blocks)?;
        let at = self.at?;
        if self.query.newest_first { at.checked_add(1) } else { at.checked_sub(1) }
    }

    /// Goes on behind a position.
    fn step(&mut self, position: u64) {
        self.has_moved = true;
        let (lowest, highest) = self.range;
        let next = if self.query.newest_first { position.checked_sub(1) } else { position.checked_add(1) };
        self.at = next.filter(|next| (lowest..=highest).contains(next));
    }
}
