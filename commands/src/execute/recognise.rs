//! The checks before a command is recorded: whether it was recorded already, and whether its precondition holds.

use schema::recent::KeyHash;
use schema::{Commit, Status};

use super::Executor;
use super::request::{CommandError, CommandRequest, Precondition};
use crate::idempotency::key_hash;
use crate::product::MOST_EVENTS;

/// How long a key is remembered at least, in milliseconds, within [`MOST_FURTHER_RINGS`].
const KNOWN_FOR_MS: i64 = 60 * 60 * 1000;

/// Rings that are read besides the newest commit's: 256 keys in all.
const MOST_FURTHER_RINGS: u32 = 7;

/// Commits that the events of a failed precondition are read from, at most.
const MOST_MISSED_COMMITS: usize = 100;

impl Executor {
    /// The commit that this command wrote before. The ring of the newest commit, which is loaded already, has the last 32 keys; an
    /// older commit costs one request. With more than 32 keys within the hour each further ring costs one more: it is in the
    /// commit before the oldest of the ring. Rings up to `searched` were read by an earlier attempt.
    pub(super) async fn recognised(
        &self,
        request: &CommandRequest,
        newest: Option<&Commit>,
        searched: &mut u64,
    ) -> Result<Option<Commit>, CommandError> {
        let (Some(given), Some(newest)) = (&request.idempotency, newest) else {
            return Ok(None);
        };
        let key = key_hash(&request.actor, &given.key);
        if let Some(repeated) = self.named_by(newest, key, request).await? {
            return Ok(Some(repeated));
        }
        let mut oldest = newest.recent.oldest_of_a_full_ring();
        for _ in 0..MOST_FURTHER_RINGS {
            let Some(sequence) = oldest.filter(|oldest| *oldest > 1 && oldest > searched) else { break };
            let Some(before) = self.at_most(&request.product_id, sequence - 1).await? else { break };
            if (self.clock_and_ids.clock)().millis() - before.recorded_at.millis() > KNOWN_FOR_MS {
                break;
            }
            if let Some(repeated) = self.named_by(&before, key, request).await? {
                return Ok(Some(repeated));
            }
            oldest = before.recent.oldest_of_a_full_ring();
        }
        *searched = newest.sequence;
        Ok(None)
    }

    /// The commit of this command, if the ring of `ring` names it.
    async fn named_by(
        &self,
        ring: &Commit,
        key: KeyHash,
        request: &CommandRequest,
    ) -> Result<Option<Commit>, CommandError> {
        let hinted: Vec<u64> = ring.recent.sequences_of(key).collect();
        for sequence in hinted {
            let commit = if sequence == ring.sequence {
                Some(ring.clone())
            } else {
                self.at_most(&request.product_id, sequence).await?
            };
            if let Some(commit) = commit
                && repeats(request, &commit)?
            {
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }

    /// Checks the precondition against the newest commit.
    pub(super) async fn check(
        &self,
        request: &CommandRequest,
        newest: Option<&Commit>,
    ) -> Result<(), CommandError> {
        let current = newest.map(|commit| commit.last_sequence());
        let exists = newest.is_some_and(|commit| commit.state.facts.status == Status::Active);
        let (holds, known) = match request.precondition {
            Precondition::None => (true, None),
            Precondition::Version(version) => (current == Some(version), Some(version)),
            Precondition::Exists => (exists, None),
            Precondition::Absent => (!exists, None),
        };
        if holds {
            return Ok(());
        }
        let missed = match known {
            Some(version) if current.is_some() => self.missed(request, version).await?,
            _ => Vec::new(),
        };
        Err(CommandError::PreconditionFailed { current, missed })
    }

    /// The events after a version, which may be inside a commit.
    async fn missed(
        &self,
        request: &CommandRequest,
        version: u64,
    ) -> Result<Vec<(u64, schema::RecordedEvent, schema::Timestamp)>, CommandError> {
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

/// Whether an earlier sending of this command wrote the commit.
///
/// # Errors
/// [`CommandError::KeyReused`] when the actor used the key for another request.
pub(super) fn repeats(request: &CommandRequest, commit: &Commit) -> Result<bool, CommandError> {
    let Some(given) = &request.idempotency else {
        return Ok(false);
    };
    let metadata = &commit.metadata;
    if metadata.idempotency_key.as_ref() != Some(&given.key) || metadata.actor != request.actor {
        return Ok(false);
    }
    let same_request = metadata.request_fingerprint.as_ref() == Some(&given.fingerprint);
    if same_request { Ok(true) } else { Err(CommandError::KeyReused) }
}
