//! What the log has of a ledger: the entry of each position.

use event_store::follow::Change;
use event_store::{Feed, FeedEntry, StoreError};
use ledger_log::Leaf;
use sequencer::{LogFailure, LogStop};

/// Commits that are read at once.
const BATCH: usize = 1_024;

/// How many positions a ledger has, with and without commits.
///
/// # Errors
/// [`StoreError`]: try again later.
pub async fn positions(feed: &dyn Feed) -> Result<u64, StoreError> {
    let newest = feed.newest_position().await?.max(feed.newest_entry().await?);
    Ok(newest.map_or(0, |newest| newest + 1))
}

/// What follows at and after a position, without gaps, as the log has it: not all at once, and nothing only at the end.
///
/// # Errors
/// [`LogFailure`]: it cannot be read, or a position has neither a commit nor an entry.
pub async fn next_entries(feed: &dyn Feed, first: u64) -> Result<Vec<Vec<u8>>, LogFailure> {
    let commits = feed.after(first.checked_sub(1), BATCH).await?;
    let last = commits.last().map_or(u64::MAX, |last| last.position);
    let mut others = feed.entries(first, last, BATCH).await?.into_iter().peekable();
    let (mut commits, mut entries) = (commits.into_iter().peekable(), Vec::new());
    while entries.len() < BATCH {
        let position = first + entries.len() as u64;
        if let Some(other) = others.next_if(|other| other.position == position) {
            entries.push(other.entry);
        } else if let Some(commit) = commits.next() {
            entries.push(leaf(position, commit)?.to_bytes().to_vec());
        } else if others.peek().is_some() {
            return Err(LogStop::Gap(position).into());
        } else {
            break;
        }
    }
    Ok(entries)
}

/// The entry of the commit at a position.
pub(super) fn leaf(position: u64, recorded: FeedEntry) -> Result<Leaf, LogStop> {
    if recorded.position != position {
        return Err(LogStop::Gap(position));
    }
    let unreadable = |reason: String| LogStop::Unreadable { position, reason };
    let leaf = match recorded.change {
        Change::Committed(commit) => Leaf::of(&commit).map_err(|error| unreadable(error.to_string()))?,
        Change::Unreadable { reason, .. } | Change::Nameless { reason } => return Err(unreadable(reason)),
        Change::Tampered(tampering) => return Err(unreadable(tampering.to_string())),
    };
    if hex::encode(leaf.hash) != recorded.hash {
        return Err(unreadable("its row has another hash than its line".to_owned()));
    }
    Ok(leaf)
}
