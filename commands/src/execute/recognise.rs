//! Whether a command was recorded already: by the keys that the commits of its product remember.

use schema::Commit;
use schema::recent::KeyHash;

use super::Executor;
use super::request::{CommandError, CommandRequest};
use crate::idempotency::key_hash;

/// How long a key is remembered at least, in milliseconds, within [`MOST_FURTHER_RINGS`].
const KNOWN_FOR_MS: i64 = 60 * 60 * 1000;

/// Rings that are read besides the newest commit's: 256 keys in all.
const MOST_FURTHER_RINGS: u32 = 7;

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
