//! The steps of a rebuild that everybody sees: which generations are written, which one is read, and which are to be
//! removed. What is to be removed is on record before anything is, and until all of it is gone.

use super::claim::{ROUNDS, must_be_held};
use super::{PAGE, Phase, Progress, Rebuild, RebuildError, Watch};
use crate::views::{Generation, Generations, LineupError, View};

impl Rebuild {
    pub(super) async fn generations(&self) -> Result<Generations, RebuildError> {
        let lineup = self.views.lineup().await?;
        Ok(lineup.of(self.projection.view()).clone())
    }

    /// Finishes or undoes what a rebuild that was cut short left. What it removes stays on record until this rebuild
    /// removes its own old generation: whoever was cut short may not have heard of it, and still write.
    pub(super) async fn clean_up(&self, claim: u64, watch: Watch<'_>) -> Result<Generations, RebuildError> {
        let found = self.generations().await?;
        if found.write == [found.read] && found.drop.is_empty() {
            return Ok(found);
        }
        watch(Progress { phase: Phase::CleaningUp, commits: 0 });
        if found.write.iter().any(|generation| *generation < found.read) {
            // It was switched already: queries may still read the old one, so it gets its time.
            watch(Progress { phase: Phase::Overlapping, commits: 0 });
            tokio::time::sleep(self.overlap).await;
        }
        // A half-built generation is not gone on with: another build of this program may have begun it.
        let alone = self.alone(claim, &found).await?;
        watch(Progress { phase: Phase::Dropping, commits: 0 });
        self.drop_recorded(&alone).await?;
        Ok(alone)
    }

    /// From here on the projector writes both. Commits it projected before are in the event table already, so the walk
    /// that begins after this finds them.
    pub(super) async fn begin(&self, claim: u64, settled: &Generations) -> Result<Generations, RebuildError> {
        let new = Generation(settled.last.0 + 1);
        let both = Generations {
            filled: settled.filled && !self.lacks_everything(settled.read).await?,
            // The new one first, so that at the switch no reader steps back.
            write: vec![new, settled.read],
            last: new,
            ..settled.clone()
        };
        self.change(claim, settled, &both).await?;
        Ok(both)
    }

    /// Whether the catalogue that is read has no row though the ledger has commits: its table is new, and an empty page would
    /// say that there are no products. A price history is empty only where queries go to the ledger.
    async fn lacks_everything(&self, read: Generation) -> Result<bool, RebuildError> {
        if self.projection.view() != View::Products || self.journal.scan_keys(None, 1).await?.keys.is_empty()
        {
            return Ok(false);
        }
        let mut from = None;
        loop {
            let page = self.views.rows(read, from, PAGE).await?;
            if !page.products.is_empty() {
                return Ok(false);
            }
            from = page.next;
            if from.is_none() {
                return Ok(true);
            }
        }
    }

    pub(super) async fn switch(&self, claim: u64, both: &Generations) -> Result<Generations, RebuildError> {
        let switched = Generations { read: both.last, filled: true, ..both.clone() };
        self.change(claim, both, &switched).await?;
        Ok(switched)
    }

    /// Writes all for a while, then the one that is read alone, then removes the others and takes them off the record.
    pub(super) async fn retire(
        &self,
        claim: u64,
        switched: &Generations,
        watch: Watch<'_>,
    ) -> Result<u64, RebuildError> {
        let at = |phase| watch(Progress { phase, commits: 0 });
        at(Phase::Overlapping);
        tokio::time::sleep(self.overlap).await;
        let alone = self.alone(claim, switched).await?;
        at(Phase::Dropping);
        let dropped = self.drop_recorded(&alone).await?;
        let done = Generations { drop: Vec::new(), ..alone.clone() };
        self.change(claim, &alone, &done).await?;
        Ok(dropped)
    }

    async fn alone(&self, claim: u64, found: &Generations) -> Result<Generations, RebuildError> {
        let mut drop = found.drop.clone();
        let others = found.write.iter().filter(|generation| **generation != found.read);
        drop.extend(others);
        let alone = Generations { write: vec![found.read], drop, ..found.clone() };
        if alone != *found {
            self.change(claim, found, &alone).await?;
        }
        Ok(alone)
    }

    async fn drop_recorded(&self, alone: &Generations) -> Result<u64, RebuildError> {
        let mut dropped = 0;
        for generation in &alone.drop {
            dropped += self.projection.drop_generation(*generation).await?;
        }
        Ok(dropped)
    }

    /// Changes this view's generations if they are as they were seen, whatever happens to other views' meanwhile.
    async fn change(&self, claim: u64, seen: &Generations, to: &Generations) -> Result<(), RebuildError> {
        let view = self.projection.view();
        for _ in 0..ROUNDS {
            let lineup = self.views.lineup().await?;
            let found = lineup.of(view);
            must_be_held(found, claim)?;
            if !is_same(found, seen) {
                return Err(RebuildError::Changed);
            }
            let to = Generations { rebuild: found.rebuild.clone(), ..to.clone() };
            match self.views.change_lineup(&lineup.with(view, to)).await {
                Ok(()) => return Ok(()),
                Err(LineupError::Changed) => {}
                Err(LineupError::Unavailable(error)) => return Err(error.into()),
            }
        }
        Err(RebuildError::Changed)
    }
}

/// Whether nothing but signs of life happened.
fn is_same(found: &Generations, seen: &Generations) -> bool {
    let without = |generations: &Generations| Generations { rebuild: None, ..generations.clone() };
    without(found) == without(seen)
}
