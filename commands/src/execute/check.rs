//! The check of a command's precondition, and what its client missed.

use schema::{Commit, RecordedEvent, Timestamp};

use super::Executor;
use super::precondition::FailedPrecondition;
use super::request::{CommandError, CommandRequest};
use crate::product::MOST_EVENTS;

/// Commits that the events of a failed precondition are read from, at most.
const MOST_MISSED_COMMITS: usize = 100;

impl Executor {
    /// Checks the precondition and the carried fields against the newest commit.
    pub(super) async fn check(
        &self,
        request: &CommandRequest,
        newest: Option<&Commit>,
    ) -> Result<(), CommandError> {
        if !request.precondition.holds(newest) || !request.carried.are_current(newest) {
            let failed = self.failed(request, newest.map(|commit| commit.last_sequence())).await?;
            return Err(CommandError::PreconditionFailed(failed));
        }
        let contradictions = request.carried.contradictions(newest);
        match newest {
            _ if contradictions.is_empty() => Ok(()),
            Some(_) => Err(CommandError::Contradicted(contradictions)),
            None => Err(CommandError::NothingToContradict(contradictions)),
        }
    }

    /// What the client missed since the version that it names.
    async fn failed(
        &self,
        request: &CommandRequest,
        current: Option<u64>,
    ) -> Result<FailedPrecondition, CommandError> {
        let listed = request.precondition.versions();
        let exists = |version: &u64| current.is_some_and(|current| *version <= current);
        // Of a list the client has the newest one; a version in the body is that of what it sends.
        let listed_newest = listed.iter().copied().filter(exists).max();
        let known = listed_newest.into_iter().chain(request.carried.version.filter(exists)).min();
        let ahead = listed.iter().copied().chain(request.carried.version).min().filter(|_| known.is_none());
        let missed = match known {
            Some(version) => self.missed(request, version).await?,
            None => Vec::new(),
        };
        Ok(FailedPrecondition { current, ahead, missed })
    }

    /// The events after a version, which may be inside a commit.
    async fn missed(
        &self,
        request: &CommandRequest,
        version: u64,
    ) -> Result<Vec<(u64, RecordedEvent, Timestamp)>, CommandError> {
        let from = version.saturating_sub(MOST_EVENTS);
        let mut missed = Vec::new();
        let page = self.journal.page(&request.product_id, from, MOST_MISSED_COMMITS).await;
        for stored in page.map_err(CommandError::Unavailable)? {
            let commit = stored.decode().map_err(CommandError::unreadable)?;
            let later = commit.numbered().filter(|(sequence, _)| *sequence > version);
            missed.extend(later.map(|(sequence, event)| (sequence, event.clone(), commit.recorded_at)));
        }
        Ok(missed)
    }
}
