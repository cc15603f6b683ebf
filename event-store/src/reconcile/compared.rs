//! A product as the event table has it, for comparing a consumer with it.

use std::time::Duration;

use schema::{ProductId, Status, StoredCommit, Timestamp};
use tokio::time::Instant;

use crate::error::StoreError;
use crate::journal::Journal;

/// What was recorded within this time is still on its way through the stream, and does not count as missing.
pub const GRACE: Duration = Duration::from_mins(15);

/// A product of the event table.
pub struct ComparedProduct<'a> {
    /// Its id.
    pub id: ProductId,
    /// Its newest commit when the comparison began.
    pub newest: StoredCommit,
    /// The number of its newest event.
    pub version: u64,
    /// When the comparison began.
    pub now: Timestamp,
    /// When the run ends.
    pub deadline: Instant,
    journal: &'a dyn Journal,
}

impl<'a> ComparedProduct<'a> {
    /// Reads the newest commit; `None` if there is none or its events cannot be counted.
    pub(super) async fn read(
        id: ProductId,
        journal: &'a dyn Journal,
        now: Timestamp,
        deadline: Instant,
    ) -> Result<Option<Self>, StoreError> {
        let Some(newest) = journal.newest(&id, u64::MAX).await? else { return Ok(None) };
        let Some(version) = version_of(&newest) else { return Ok(None) };
        Ok(Some(Self { id, newest, version, now, deadline, journal }))
    }

    /// Its state after the newest commit, if that can be read.
    pub(super) fn status(&self) -> Option<Status> {
        self.newest.decode().ok().map(|commit| commit.state.facts.status)
    }

    /// Since when a consumer that has handled the events up to `seen` lacks the next one; `None` if that is on its way.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    pub async fn lacks_since(&self, seen: u64) -> Result<Option<Timestamp>, StoreError> {
        let next = self.journal.newest(&self.id, seen + 1).await?;
        let recorded_at = next.as_ref().and_then(|commit| commit.text("recorded_at").ok());
        let since = recorded_at.and_then(|text| Timestamp::parse(text).ok());
        let Some(since) = since else { return Ok(Some(self.now)) };
        Ok((since.seconds_until(self.now) >= GRACE.as_secs_f64()).then_some(since))
    }

    /// Whether the event table has this version by now: the product may have been changed since the comparison began.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    pub async fn has_reached(&self, version: u64) -> Result<bool, StoreError> {
        let newest = self.journal.newest(&self.id, u64::MAX).await?;
        Ok(newest.as_ref().and_then(version_of).is_some_and(|newest| newest >= version))
    }
}

fn version_of(commit: &StoredCommit) -> Option<u64> {
    let events = commit.sequences().ok().filter(|events| !events.is_empty())?;
    events.end.checked_sub(1)
}
