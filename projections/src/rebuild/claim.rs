//! One rebuild of a view at a time: the one that runs is on record with the generations and updates a heartbeat there.
//!
//! Of two rebuilds of a view, one goes on and the other is refused or stops with an error. An interrupted one delays the
//! next by a few seconds at most.

use std::time::Duration;

use tokio::time::Instant;

use super::{OnProgress, Rebuild, RebuildConflict, RebuildError, ViewRebuildPhase, ViewRebuildProgress};
use crate::views::{Generations, GenerationsError, RebuildClaim, ViewGenerations};

/// Interval between two heartbeats, in pauses of the rebuild: two seconds.
const HEARTBEAT: u32 = 4;

/// Shortest interval, for rebuilds in tests and benchmarks that do not pause at all.
const SHORTEST: Duration = Duration::from_millis(10);

/// Without a heartbeat for this long, in pauses, a rebuild counts as interrupted: 15 seconds.
const TIMEOUT: u32 = 30;

/// How often a change is tried while the generations change concurrently.
pub(super) const ATTEMPTS: usize = 10;

impl Rebuild {
    /// Puts this rebuild on record as the running one; returns the id of its claim.
    pub(super) async fn claim(&self, watch: OnProgress<'_>) -> Result<u64, RebuildError> {
        let mut over = None;
        for _ in 0..ATTEMPTS {
            let current = self.views.generations().await?;
            let found = current.of(self.projection.view());
            if let (Some(other), RebuildConflict::Refuse) = (&found.rebuild, self.on_conflict)
                && over.as_ref() != Some(other)
            {
                watch(ViewRebuildProgress { phase: ViewRebuildPhase::Watching, commits: 0 });
                self.must_be_over(other).await?;
                // A heartbeat of the other view's rebuild may have outdated what was read before the wait.
                over = Some(other.clone());
                continue;
            }
            let id = current.revision + 1;
            let claimed = Generations { rebuild: Some(RebuildClaim { id, beats: 0 }), ..found.clone() };
            if self.change_to(&current, claimed).await? {
                return Ok(id);
            }
        }
        Err(RebuildError::Changed)
    }

    /// Updates the heartbeat until another rebuild holds the view; returns why this one has to end.
    pub(super) async fn keep_alive(&self, id: u64) -> RebuildError {
        loop {
            tokio::time::sleep((self.pause * HEARTBEAT).max(SHORTEST)).await;
            match self.beat(id).await {
                Ok(()) => {}
                Err(ended @ (RebuildError::TakenOver | RebuildError::Changed)) => return ended,
                // A watching rebuild waits for several heartbeats.
                Err(error) => {
                    tracing::warn!(target: "ledger::rebuild", %error, "a rebuild could not update its heartbeat");
                }
            }
        }
    }

    /// Takes the claim off the record. If that fails, the next rebuild notices the missing heartbeat.
    pub(super) async fn release(&self, id: u64) {
        let released = async {
            let current = self.views.generations().await?;
            let found = current.of(self.projection.view());
            if is_held(found, id) {
                self.change_to(&current, Generations { rebuild: None, ..found.clone() }).await?;
            }
            Ok::<(), RebuildError>(())
        };
        if let Err(error) = released.await {
            tracing::warn!(target: "ledger::rebuild", %error, "a finished rebuild is still on record; the next one waits a few seconds");
        }
    }

    async fn beat(&self, id: u64) -> Result<(), RebuildError> {
        let current = self.views.generations().await?;
        let found = current.of(self.projection.view());
        must_be_held(found, id)?;
        let beats = found.rebuild.as_ref().map_or(0, |claim| claim.beats) + 1;
        // A concurrent change is one of the other view or of this rebuild: the next heartbeat is soon enough.
        self.change_to(&current, Generations { rebuild: Some(RebuildClaim { id, beats }), ..found.clone() })
            .await?;
        Ok(())
    }

    /// Waits until it is certain that a rebuild on record no longer runs, or that it does.
    async fn must_be_over(&self, other: &RebuildClaim) -> Result<(), RebuildError> {
        let end = Instant::now() + self.pause * TIMEOUT;
        while Instant::now() < end {
            tokio::time::sleep(self.pause).await;
            match &self.generations().await?.rebuild {
                None => return Ok(()),
                Some(claim) if claim == other => {}
                Some(_) => return Err(RebuildError::Running),
            }
        }
        tracing::warn!(target: "ledger::rebuild", claim = other.id, "an interrupted rebuild is taken over");
        Ok(())
    }

    /// Whether the generations were still those that were read.
    async fn change_to(&self, read: &ViewGenerations, to: Generations) -> Result<bool, RebuildError> {
        match self.views.change_generations(&read.with(self.projection.view(), to)).await {
            Ok(()) => Ok(true),
            Err(GenerationsError::Changed) => Ok(false),
            Err(GenerationsError::Unavailable(error)) => Err(error.into()),
        }
    }
}

fn is_held(found: &Generations, id: u64) -> bool {
    found.rebuild.as_ref().is_some_and(|claim| claim.id == id)
}

/// # Errors
/// Another rebuild holds the view, or the claim is gone: end this one.
pub(super) fn must_be_held(found: &Generations, id: u64) -> Result<(), RebuildError> {
    match &found.rebuild {
        Some(claim) if claim.id == id => Ok(()),
        Some(_) => Err(RebuildError::TakenOver),
        None => Err(RebuildError::Changed),
    }
}
