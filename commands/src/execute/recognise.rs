//! What is known of a command before it is carried out: whether it was recorded already, and whether it may be.

use schema::recent::KeyHash;
use schema::{Commit, Status};

use super::Executor;
use super::order::{Failure, Order, Precondition};
use crate::idempotency::key_hash;
use crate::product::MOST_EVENTS;

/// A key is known for this long at least, in milliseconds, as far as [`MOST_FURTHER_RINGS`] reach.
const KNOWN_FOR_MS: i64 = 60 * 60 * 1000;

/// How many rings are read behind that of the newest commit: with it 256 keys.
const MOST_FURTHER_RINGS: u32 = 7;

/// How many commits a failed precondition looks back over at the most.
const MOST_MISSED_COMMITS: usize = 100;

impl Executor {
    /// The commit this very command wrote before. The newest commit is at hand and names the last 32 keys; an older one costs
    /// one request. Where more than 32 were written within an hour, so does each further ring, of the commit before the
    /// oldest that a ring names. Rings up to `searched` are known from an earlier attempt.
    pub(super) async fn recognised(
        &self,
        order: &Order,
        newest: Option<&Commit>,
        searched: &mut u64,
    ) -> Result<Option<Commit>, Failure> {
        let (Some(given), Some(newest)) = (&order.idempotency, newest) else {
            return Ok(None);
        };
        let key = key_hash(&order.actor, &given.key);
        if let Some(repeated) = self.named_by(newest, key, order).await? {
            return Ok(Some(repeated));
        }
        let mut oldest = newest.recent.oldest_of_a_full_ring();
        for _ in 0..MOST_FURTHER_RINGS {
            let Some(sequence) = oldest.filter(|oldest| *oldest > 1 && oldest > searched) else { break };
            let Some(before) = self.at_most(&order.product_id, sequence - 1).await? else { break };
            if (self.clock_and_ids.clock)().millis() - before.recorded_at.millis() > KNOWN_FOR_MS {
                break;
            }
            if let Some(repeated) = self.named_by(&before, key, order).await? {
                return Ok(Some(repeated));
            }
            oldest = before.recent.oldest_of_a_full_ring();
        }
        *searched = newest.sequence;
        Ok(None)
    }

    /// The commit of this command, if the ring of a commit names it.
    async fn named_by(&self, ring: &Commit, key: KeyHash, order: &Order) -> Result<Option<Commit>, Failure> {
        let hinted: Vec<u64> = ring.recent.sequences_of(key).collect();
        for sequence in hinted {
            let commit = if sequence == ring.sequence {
                Some(ring.clone())
            } else {
                self.at_most(&order.product_id, sequence).await?
            };
            if let Some(commit) = commit
                && repeats(order, &commit)?
            {
                return Ok(Some(commit));
            }
        }
        Ok(None)
    }

    /// Whether the precondition holds of what is there.
    pub(super) async fn check(&self, order: &Order, newest: Option<&Commit>) -> Result<(), Failure> {
        let current = newest.map(|commit| commit.last_sequence());
        let exists = newest.is_some_and(|commit| commit.state.facts.status == Status::Active);
        let (holds, known) = match order.precondition {
            Precondition::None => (true, None),
            Precondition::Version(version) => (current == Some(version), Some(version)),
            Precondition::Exists => (exists, None),
            Precondition::Absent => (!exists, None),
        };
        if holds {
            return Ok(());
        }
        let missed = match known {
            Some(version) if current.is_some() => self.missed(order, version).await?,
            _ => Vec::new(),
        };
        Err(Failure::PreconditionFailed { current, missed })
    }

    /// The events after a version, which may lie inside a commit.
    async fn missed(
        &self,
        order: &Order,
        version: u64,
    ) -> Result<Vec<(u64, schema::RecordedEvent, schema::Timestamp)>, Failure> {
        let from = version.saturating_sub(MOST_EVENTS);
        let mut missed = Vec::new();
        let page = self.journal.page(&order.product_id, from, MOST_MISSED_COMMITS).await;
        for stored in page.map_err(Failure::Unavailable)? {
            let commit = stored.decode().map_err(|error| Failure::Unreadable(error.to_string()))?;
            let later = commit.numbered().filter(|(sequence, _)| *sequence > version);
            missed.extend(later.map(|(sequence, event)| (sequence, event.clone(), commit.recorded_at)));
        }
        Ok(missed)
    }
}

/// Whether the commit was written by an earlier sending of this very command.
///
/// # Errors
/// [`Failure::KeyReused`] when the actor used the key for another request.
pub(super) fn repeats(order: &Order, commit: &Commit) -> Result<bool, Failure> {
    let Some(given) = &order.idempotency else {
        return Ok(false);
    };
    let metadata = &commit.metadata;
    if metadata.idempotency_key.as_ref() != Some(&given.key) || metadata.actor != order.actor {
        return Ok(false);
    }
    let same_request = metadata.request_fingerprint.as_ref() == Some(&given.fingerprint);
    if same_request { Ok(true) } else { Err(Failure::KeyReused) }
}
