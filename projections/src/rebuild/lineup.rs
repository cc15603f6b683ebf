//! The steps of a rebuild that everybody sees: which generations are written, and which one is read.

use super::{PAGE, Phase, Progress, Rebuild, RebuildError, Watch};
use crate::views::{Generation, Generations, LineupError, View};

/// How often a rebuild of another view may change the lineup at the same moment.
const ROUNDS: usize = 10;

impl Rebuild {
    pub(super) async fn generations(&self) -> Result<Generations, RebuildError> {
        let lineup = self.views.lineup().await?;
        Ok(lineup.of(self.projection.view()).clone())
    }

    /// Finishes or undoes what a rebuild that was cut short left.
    pub(super) async fn clean_up(&self, watch: Watch<'_>) -> Result<Generations, RebuildError> {
        let found = self.generations().await?;
        if found.write == [found.read] {
            return Ok(found);
        }
        watch(Progress { phase: Phase::CleaningUp, commits: 0 });
        if found.write.iter().any(|generation| *generation < found.read) {
            // It was switched already: queries may still read the old one, so it gets its time.
            self.retire(&found, watch).await?;
        } else {
            // A half-built generation is not gone on with: another build of this program may have begun it.
            self.alone(&found).await?;
            self.drop_others(&found).await?;
        }
        self.generations().await
    }

    /// From here on the projector writes both. Commits it projected before are in the event table already, so the walk
    /// that begins after this finds them.
    pub(super) async fn begin(&self, settled: &Generations) -> Result<Generations, RebuildError> {
        let new = Generation(settled.last.0 + 1);
        let both = Generations {
            filled: settled.filled && !self.lacks_everything(settled.read).await?,
            read: settled.read,
            // The new one first, so that at the switch no reader steps back.
            write: vec![new, settled.read],
            last: new,
        };
        self.change(settled, &both).await?;
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

    pub(super) async fn switch(&self, both: &Generations) -> Result<Generations, RebuildError> {
        let switched = Generations { read: both.last, filled: true, ..both.clone() };
        self.change(both, &switched).await?;
        Ok(switched)
    }

    /// Writes all for a while, then the one that is read alone, then removes the others.
    pub(super) async fn retire(&self, switched: &Generations, watch: Watch<'_>) -> Result<u64, RebuildError> {
        let at = |phase| watch(Progress { phase, commits: 0 });
        at(Phase::Overlapping);
        tokio::time::sleep(self.overlap).await;
        self.alone(switched).await?;
        at(Phase::Dropping);
        self.drop_others(switched).await
    }

    async fn alone(&self, found: &Generations) -> Result<(), RebuildError> {
        let alone = Generations { write: vec![found.read], ..found.clone() };
        self.change(found, &alone).await
    }

    async fn drop_others(&self, found: &Generations) -> Result<u64, RebuildError> {
        let mut dropped = 0;
        for generation in found.write.iter().filter(|generation| **generation != found.read) {
            dropped += self.projection.drop_generation(*generation).await?;
        }
        Ok(dropped)
    }

    /// Changes this view's generations if they are as they were seen, whatever happens to other views' meanwhile.
    async fn change(&self, seen: &Generations, to: &Generations) -> Result<(), RebuildError> {
        let view = self.projection.view();
        for _ in 0..ROUNDS {
            let lineup = self.views.lineup().await?;
            if lineup.of(view) != seen {
                return Err(RebuildError::Changed);
            }
            match self.views.change_lineup(&lineup.with(view, to.clone())).await {
                Ok(()) => return Ok(()),
                Err(LineupError::Changed) => {}
                Err(LineupError::Unavailable(error)) => return Err(error.into()),
            }
        }
        Err(RebuildError::Changed)
    }
}
