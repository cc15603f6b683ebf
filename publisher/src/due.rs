//! Which events of a product are due: everything from its cursor up to what a batch tells of, or up to its newest.
//!
//! Its promise: the events come without a gap. What the batch does not hold is read from the event table, and a hole or
//! an unreadable commit there ends the list with the reason.

use std::collections::VecDeque;
use std::sync::Arc;

use event_store::handled::{Handled, Link};
use event_store::receipts::PublicationClaim;
use event_store::{Journal, StoreError};
use schema::{Commit, DecodeError, ProductId, StoredCommit};

use crate::lane::Unsent;

/// How many commits one request for a gap asks for.
const PAGE: usize = 100;

/// How many events of a product are taken into one run, which bounds the memory a long gap can take.
const MOST_EVENTS: usize = 1_000;

/// The events of a product that are due, in order, and what comes after them.
#[derive(Debug, Default)]
pub(crate) struct Due {
    pub(crate) events: VecDeque<Unsent>,
    pub(crate) then: Then,
}

/// What comes after the due events.
#[derive(Debug, Default)]
pub(crate) enum Then {
    /// Nothing: that was all.
    #[default]
    Nothing,
    /// More, for the next run.
    More,
    /// A commit that cannot be published.
    Trouble {
        from_sequence: u64,
        reason: String,
        /// Whether a later build can read it.
        retryable: bool,
    },
}

/// The due events from the commits of a batch; `None` when they leave a gap after what is published, or do not follow it.
pub(crate) fn in_batch(said: &PublicationClaim, up_to: u64, mut commits: Vec<Commit>) -> Option<Due> {
    let rival = |newest: &Handled| commits.iter().any(|commit| newest.is_contradicted_by(Link::from(commit)));
    if said.newest.as_ref().is_some_and(rival) {
        return None;
    }
    let published = said.published;
    commits.sort_by_key(|commit| commit.sequence);
    if commits.windows(2).any(are_rivals) {
        return None;
    }
    commits.dedup_by_key(|commit| commit.sequence);
    let mut due = Due::default();
    for commit in commits {
        if !due.take(published, commit) {
            return None;
        }
    }
    (due.next(published) > up_to).then_some(due)
}

/// Whether two commits of a batch cannot both be in the ledger: one was removed and recorded anew.
fn are_rivals(pair: &[Commit]) -> bool {
    matches!(pair, [one, next] if Link::from(one).is_rival_of(Link::from(next)))
}

/// The due events from the event table.
pub(crate) async fn in_journal(
    journal: &dyn Journal,
    product: &ProductId,
    published: u64,
    up_to: Option<u64>,
) -> Result<Due, StoreError> {
    let mut due = Due::default();
    let mut after = published;
    loop {
        let mut page = journal.page(product, after, PAGE).await?;
        let is_last = page.len() < PAGE;
        if due.events.is_empty() && !starts_at(page.first(), published + 1) {
            // The cursor may stand inside a commit, which begins before it.
            page.splice(0..0, journal.newest(product, published + 1).await?);
        }
        for stored in page {
            let next = due.next(published);
            let commit = match stored.decode() {
                Ok(commit) => commit,
                Err(error) => return Ok(due.until_unreadable(next, &stored, &error)),
            };
            if !due.take(published, commit) {
                return Ok(due.until_hole(next));
            }
            after = due.next(published) - 1;
        }
        let reached = due.next(published) - 1;
        if is_last && up_to.is_some_and(|up_to| up_to > reached) {
            return Ok(due.until_hole(reached + 1));
        }
        if is_last || up_to.is_some_and(|up_to| up_to <= reached) {
            return Ok(due);
        }
        if due.events.len() >= MOST_EVENTS {
            due.then = Then::More;
            return Ok(due);
        }
    }
}

fn starts_at(commit: Option<&StoredCommit>, sequence: u64) -> bool {
    commit.is_some_and(|commit| commit.sequence().is_ok_and(|first| first == sequence))
}

impl Due {
    /// The sequence that has to come next.
    fn next(&self, published: u64) -> u64 {
        self.events.back().map_or(published, |unsent| unsent.sequence) + 1
    }

    /// Takes the events of a commit that are due; `false` when events before it are missing.
    fn take(&mut self, published: u64, commit: Commit) -> bool {
        let next = self.next(published);
        if commit.sequence > next {
            return false;
        }
        let commit = Arc::new(commit);
        for sequence in next..=commit.last_sequence() {
            self.events.push_back(Unsent { commit: commit.clone(), sequence });
        }
        true
    }

    fn until_hole(mut self, missing: u64) -> Self {
        self.then = Then::Trouble {
            from_sequence: missing,
            reason: format!("event {missing} is missing in the event table; run `ledger verify`"),
            retryable: false,
        };
        self
    }

    fn until_unreadable(mut self, next: u64, stored: &StoredCommit, error: &DecodeError) -> Self {
        let at = stored.sequence().map_or_else(|_| String::new(), |sequence| format!(" {sequence}"));
        self.then = Then::Trouble {
            from_sequence: next,
            reason: format!("commit{at} cannot be read: {error}"),
            retryable: matches!(error, DecodeError::Newer { .. }),
        };
        self
    }
}
