//! One rebuild of a view at a time. The one that runs stands in the lineup and gives signs of life there.
//!
//! The promise: of two rebuilds of a view one goes on, and the other is refused or ends with a word; one that was cut short
//! holds up the next for a few seconds and no longer.

use std::time::Duration;

use tokio::time::Instant;

use super::{Others, Phase, Progress, Rebuild, RebuildError, Watch};
use crate::views::{Claim, Generations, Lineup, LineupError};

/// Between two signs of life, in pauses of the rebuild: two seconds.
const BEAT: u32 = 4;

/// Rebuilds of tests and measurements that pause for no time at all give signs of life no oftener.
const SHORTEST: Duration = Duration::from_millis(10);

/// How long nothing may be heard of a rebuild that runs, in pauses: 15 seconds.
const SILENCE: u32 = 30;

/// How often others may change the lineup at the same moment.
pub(super) const ROUNDS: usize = 10;

impl Rebuild {
    /// Puts this rebuild on record as the one that runs, and answers the claim's id.
    pub(super) async fn claim(&self, watch: Watch<'_>) -> Result<u64, RebuildError> {
        let mut over = None;
        for _ in 0..ROUNDS {
            let lineup = self.views.lineup().await?;
            let found = lineup.of(self.projection.view());
            if let (Some(other), Others::Refuse) = (&found.rebuild, self.others)
                && over.as_ref() != Some(other)
            {
                watch(Progress { phase: Phase::Watching, commits: 0 });
                self.must_be_over(other).await?;
                // A rebuild of the other view gave signs of life meanwhile: this lineup could not be changed any more.
                over = Some(other.clone());
                continue;
            }
            let id = lineup.revision + 1;
            let claimed = Generations { rebuild: Some(Claim { id, beats: 0 }), ..found.clone() };
            if self.change_to(&lineup, claimed).await? {
                return Ok(id);
            }
        }
        Err(RebuildError::Changed)
    }

    /// Gives signs of life until somebody else has the view; answers why this rebuild ends.
    pub(super) async fn keep_beating(&self, id: u64) -> RebuildError {
        loop {
            tokio::time::sleep((self.pause * BEAT).max(SHORTEST)).await;
            match self.beat(id).await {
                Ok(()) => {}
                Err(ended @ (RebuildError::TakenOver | RebuildError::Changed)) => return ended,
                // Whoever watches waits for several of them.
                Err(error) => {
                    tracing::warn!(target: "ledger::rebuild", %error, "a rebuild could not give a sign of life");
                }
            }
        }
    }

    /// Takes the claim off the record, if that can be done at once; if not, the next rebuild finds that nobody is there.
    pub(super) async fn let_go(&self, id: u64) {
        let gone = async {
            let lineup = self.views.lineup().await?;
            let found = lineup.of(self.projection.view());
            if is_held(found, id) {
                self.change_to(&lineup, Generations { rebuild: None, ..found.clone() }).await?;
            }
            Ok::<(), RebuildError>(())
        };
        if let Err(error) = gone.await {
            tracing::warn!(target: "ledger::rebuild", %error, "a rebuild that ended is still on record; the next one waits some seconds");
        }
    }

    async fn beat(&self, id: u64) -> Result<(), RebuildError> {
        let lineup = self.views.lineup().await?;
        let found = lineup.of(self.projection.view());
        must_be_held(found, id)?;
        let beats = found.rebuild.as_ref().map_or(0, |claim| claim.beats) + 1;
        // A change in the same moment is one of the other view or of this rebuild: the next beat is soon enough.
        self.change_to(&lineup, Generations { rebuild: Some(Claim { id, beats }), ..found.clone() }).await?;
        Ok(())
    }

    /// Waits until it is certain whether a rebuild that is on record still runs.
    async fn must_be_over(&self, other: &Claim) -> Result<(), RebuildError> {
        let end = Instant::now() + self.pause * SILENCE;
        while Instant::now() < end {
            tokio::time::sleep(self.pause).await;
            match &self.generations().await?.rebuild {
                None => return Ok(()),
                Some(claim) if claim == other => {}
                Some(_) => return Err(RebuildError::Running),
            }
        }
        tracing::warn!(target: "ledger::rebuild", claim = other.id, "a rebuild that was cut short is taken over");
        Ok(())
    }

    /// Whether the lineup was still the one that was read.
    async fn change_to(&self, read: &Lineup, to: Generations) -> Result<bool, RebuildError> {
        match self.views.change_lineup(&read.with(self.projection.view(), to)).await {
            Ok(()) => Ok(true),
            Err(LineupError::Changed) => Ok(false),
            Err(LineupError::Unavailable(error)) => Err(error.into()),
        }
    }
}

fn is_held(found: &Generations, id: u64) -> bool {
    found.rebuild.as_ref().is_some_and(|claim| claim.id == id)
}

/// # Errors
/// That somebody else has the view, or that the claim is gone.
pub(super) fn must_be_held(found: &Generations, id: u64) -> Result<(), RebuildError> {
    match &found.rebuild {
        Some(claim) if claim.id == id => Ok(()),
        Some(_) => Err(RebuildError::TakenOver),
        None => Err(RebuildError::Changed),
    }
}
