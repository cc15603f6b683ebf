//! Rebuilds a view: writes a new generation from the event table while the stream feeds it too, compares it with the event
//! table, and only then switches queries to it. Readers notice nothing and nothing is published. A rebuild may be
//! interrupted at any moment and run again.

mod claim;
mod compare;
mod unknown;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event_store::{Journal, ScanPosition, StoreError};
use futures::{StreamExt, join, stream};
use schema::{ProductId, StoredCommit};

use crate::projection::{Difference, ProductCommits, Projection, ProjectionError};
use crate::views::{Generation, Generations, GenerationsError, Views};

use claim::{ATTEMPTS, must_be_held};
use compare::GenerationComparison;

pub use unknown::{MetRow, MetRows, unknown_rows};

/// Commits per request while the event table is scanned.
const PAGE: usize = 1_000;

/// How many products are built or compared concurrently.
const PARALLEL: usize = 128;

/// How many differences a report lists; it counts all of them.
const LISTED: usize = 100;

/// How long the old generation is still written after the switch: well above the 5 seconds for which queries cache the
/// generations.
pub const OVERLAP: Duration = Duration::from_mins(1);

/// Pause between two comparisons of a product that differs. A view counts as different, not late, after ten without
/// progress.
pub const PAUSE: Duration = Duration::from_millis(500);

/// A rebuild of one view.
pub struct Rebuild {
    /// Holds the generations.
    pub views: Arc<dyn Views>,
    /// The view to rebuild.
    pub projection: Arc<dyn Projection>,
    /// The commits it is built from.
    pub journal: Arc<dyn Journal>,
    /// How long both generations are written after the switch, [`OVERLAP`] outside tests.
    pub overlap: Duration,
    /// Pause between two comparisons of what differs, [`PAUSE`] outside tests.
    pub pause: Duration,
    /// What to do if another rebuild of the view is on record.
    pub on_conflict: RebuildConflict,
}

/// What to do if another rebuild of the view is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RebuildConflict {
    /// Check whether it still runs; if so, refuse to start.
    Refuse,
    /// Replace it: if it still runs, it stops soon.
    TakeOver,
}

/// The phase a rebuild is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewRebuildPhase {
    /// Checking whether another rebuild on record still runs.
    Watching,
    /// Removing what an earlier rebuild left behind.
    CleaningUp,
    /// Writing the new generation from the event table.
    Building,
    /// Comparing with the event table.
    Comparing,
    /// Reading the new generation, writing both.
    Overlapping,
    /// Removing the old generation.
    Dropping,
}

/// The progress of a rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ViewRebuildProgress {
    /// The current phase.
    pub phase: ViewRebuildPhase,
    /// Commits read in this phase so far.
    pub commits: u64,
}

/// The result of a rebuild or of a dry run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ViewRebuildReport {
    /// The generation that is read now; `None` after a dry run.
    pub generation: Option<Generation>,
    /// Commits in the event table.
    pub commits: u64,
    /// Products in the event table.
    pub products: u64,
    /// Products that the previous view showed incorrectly.
    pub differing: u64,
    /// The first hundred of them, by the key in the view.
    pub differences: Vec<(String, Difference)>,
    /// Products with a commit that cannot be read, and why; their views show what can be read.
    pub unreadable: Vec<(ProductId, String)>,
    /// Items removed with the old generation.
    pub dropped: u64,
}

/// Why a view was not rebuilt. Queries read what they read before, and the rebuild may be run again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// A store did not answer: run it again.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
    /// A product could not be built or compared at the moment: run it again.
    #[error("product {product}: {reason}")]
    Projection {
        /// The product.
        product: ProductId,
        /// Why.
        reason: String,
    },
    /// Another rebuild of this view is running: wait for it, or take over.
    #[error("another rebuild of this view is running; wait for it, or take over with --take-over")]
    Running,
    /// Another rebuild of this view replaced this one: nothing is left to do.
    #[error("another rebuild of this view took over; this one stopped")]
    TakenOver,
    /// The generations were changed concurrently: run it again.
    #[error("the generations of this view were changed concurrently; run the rebuild again")]
    Changed,
    /// The new view differs from the event table; it was not switched to.
    #[error("product {product} {difference} in the new view; other products that differ: {others}")]
    Incomplete {
        /// One of the products.
        product: ProductId,
        /// How it differs.
        difference: Difference,
        /// How many other products differ.
        others: usize,
    },
}

/// Called with the progress of the rebuild after every page of commits.
pub type OnProgress<'a> = &'a (dyn Fn(ViewRebuildProgress) + Send + Sync);

impl Rebuild {
    /// Compares the view that is read with the event table and changes nothing.
    ///
    /// # Errors
    /// [`RebuildError`]: a store did not answer; run it again.
    pub async fn dry_run(&self, watch: OnProgress<'_>) -> Result<ViewRebuildReport, RebuildError> {
        let read = self.generations().await?.read;
        let mut report = ViewRebuildReport::default();
        self.compare(&mut report, &mut [GenerationComparison::of(read)], watch).await?;
        Ok(report)
    }

    /// Builds the view as a new generation and switches queries to it.
    ///
    /// # Errors
    /// [`RebuildError`]: queries read either the old view or the complete new one; run it again.
    pub async fn run(&self, watch: OnProgress<'_>) -> Result<ViewRebuildReport, RebuildError> {
        let claim = self.claim(watch).await?;
        let done = tokio::select! {
            biased;
            done = self.steps(claim, watch) => done,
            ended = self.keep_alive(claim) => Err(ended),
        };
        self.release(claim).await;
        done
    }

    async fn steps(&self, claim: u64, watch: OnProgress<'_>) -> Result<ViewRebuildReport, RebuildError> {
        let settled = self.clean_up(claim, watch).await?;
        let both = self.begin(claim, &settled).await?;
        let (old, new) = (both.read, both.last);
        let mut report = ViewRebuildReport::default();
        self.build(new, &mut report, watch).await?;
        let mut comparisons = [GenerationComparison::of(old), GenerationComparison::of(new)];
        self.compare(&mut report, &mut comparisons, watch).await?;
        comparisons[1].must_agree()?;
        let switched = self.switch(claim, &both).await?;
        report.generation = Some(new);
        report.dropped = self.retire(claim, &switched, watch).await?;
        Ok(report)
    }

    /// Finishes or undoes what an interrupted rebuild left. What it removes stays on record until this rebuild removes its
    /// own old generation: the interrupted one may not have noticed yet and may still write.
    async fn clean_up(&self, claim: u64, watch: OnProgress<'_>) -> Result<Generations, RebuildError> {
        let found = self.generations().await?;
        if found.write == [found.read] && found.drop.is_empty() {
            return Ok(found);
        }
        watch(ViewRebuildProgress { phase: ViewRebuildPhase::CleaningUp, commits: 0 });
        if found.write.iter().any(|generation| *generation < found.read) {
            // It had switched already: queries may still read the old generation for a while.
            watch(ViewRebuildProgress { phase: ViewRebuildPhase::Overlapping, commits: 0 });
            tokio::time::sleep(self.overlap).await;
        }
        // A half-built generation is never completed: another version of this program may have begun it.
        let alone = self.write_only_read(claim, &found).await?;
        watch(ViewRebuildProgress { phase: ViewRebuildPhase::Dropping, commits: 0 });
        self.drop_recorded(&alone).await?;
        Ok(alone)
    }

    /// From here on the projector writes both generations. Commits it projected before are in the event table already, so
    /// the scan that starts after this finds them.
    async fn begin(&self, claim: u64, settled: &Generations) -> Result<Generations, RebuildError> {
        let new = Generation(settled.last.0 + 1);
        let both = Generations {
            filled: settled.filled && !self.is_missing(settled.read).await?,
            // The new one first, so that no reader steps back at the switch.
            write: vec![new, settled.read],
            last: new,
            ..settled.clone()
        };
        self.change(claim, settled, &both).await?;
        Ok(both)
    }

    /// Whether the view that is read is blank although the ledger has commits: its table is new.
    async fn is_missing(&self, read: Generation) -> Result<bool, RebuildError> {
        Ok(self.projection.is_blank(read).await? && !self.journal.scan_keys(None, 1).await?.keys.is_empty())
    }

    async fn build(
        &self,
        generation: Generation,
        report: &mut ViewRebuildReport,
        watch: OnProgress<'_>,
    ) -> Result<(), RebuildError> {
        let mut pages = Pages::of(self.journal.as_ref());
        let mut unreadable = BTreeMap::new();
        let mut page = pages.commits().await?;
        while let Some(commits) = page {
            // The next page is read while this one is written.
            let (next, built) = join!(pages.commits(), self.write(generation, commits, &mut unreadable));
            built?;
            page = next?;
            watch(ViewRebuildProgress { phase: ViewRebuildPhase::Building, commits: pages.commits });
        }
        report.unreadable = unreadable.into_iter().collect();
        Ok(())
    }

    async fn write(
        &self,
        generation: Generation,
        commits: Vec<StoredCommit>,
        unreadable: &mut BTreeMap<ProductId, String>,
    ) -> Result<(), RebuildError> {
        let mut written = stream::iter(by_product(commits))
            .map(|commits| async {
                let outcome = self.projection.apply(generation, &commits).await;
                (commits.product, outcome)
            })
            .buffer_unordered(PARALLEL);
        while let Some((product, outcome)) = written.next().await {
            outcome.or_else(|error| note_permanent(unreadable, product, error))?;
        }
        Ok(())
    }

    async fn switch(&self, claim: u64, both: &Generations) -> Result<Generations, RebuildError> {
        let switched = Generations { read: both.last, filled: true, ..both.clone() };
        self.change(claim, both, &switched).await?;
        Ok(switched)
    }

    /// Keeps writing both generations for a while, then only the one that is read, then removes the others and takes them
    /// off the record.
    async fn retire(
        &self,
        claim: u64,
        switched: &Generations,
        watch: OnProgress<'_>,
    ) -> Result<u64, RebuildError> {
        watch(ViewRebuildProgress { phase: ViewRebuildPhase::Overlapping, commits: 0 });
        tokio::time::sleep(self.overlap).await;
        let alone = self.write_only_read(claim, switched).await?;
        watch(ViewRebuildProgress { phase: ViewRebuildPhase::Dropping, commits: 0 });
        let dropped = self.drop_recorded(&alone).await?;
        let done = Generations { drop: Vec::new(), ..alone.clone() };
        self.change(claim, &alone, &done).await?;
        Ok(dropped)
    }

    /// Stops the writing of every generation but the one that is read; the others go on record as to be dropped.
    async fn write_only_read(&self, claim: u64, found: &Generations) -> Result<Generations, RebuildError> {
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

    async fn generations(&self) -> Result<Generations, RebuildError> {
        let current = self.views.generations().await?;
        Ok(current.of(self.projection.view()).clone())
    }

    /// Changes this view's generations if they are still as `seen`; concurrent changes to other views do not matter.
    async fn change(&self, claim: u64, seen: &Generations, to: &Generations) -> Result<(), RebuildError> {
        let view = self.projection.view();
        for _ in 0..ATTEMPTS {
            let current = self.views.generations().await?;
            let found = current.of(view);
            must_be_held(found, claim)?;
            if !is_same(found, seen) {
                return Err(RebuildError::Changed);
            }
            let to = Generations { rebuild: found.rebuild.clone(), ..to.clone() };
            match self.views.change_generations(&current.with(view, to)).await {
                Ok(()) => return Ok(()),
                Err(GenerationsError::Changed) => {}
                Err(GenerationsError::Unavailable(error)) => return Err(error.into()),
            }
        }
        Err(RebuildError::Changed)
    }
}

/// Whether the generations are the same, heartbeats aside.
fn is_same(found: &Generations, seen: &Generations) -> bool {
    let without = |generations: &Generations| Generations { rebuild: None, ..generations.clone() };
    without(found) == without(seen)
}

/// A scan of all commits.
struct Pages<'a> {
    journal: &'a dyn Journal,
    from: Option<ScanPosition>,
    ended: bool,
    commits: u64,
}

impl<'a> Pages<'a> {
    fn of(journal: &'a dyn Journal) -> Self {
        Self { journal, from: None, ended: false, commits: 0 }
    }

    /// The next commits, `None` at the end.
    async fn commits(&mut self) -> Result<Option<Vec<StoredCommit>>, RebuildError> {
        if self.ended {
            return Ok(None);
        }
        let page = self.journal.scan(self.from.take(), PAGE).await?;
        self.passed(page.next, page.commits.len());
        Ok(Some(page.commits))
    }

    /// The products of the next commits, one entry per commit, `None` at the end.
    async fn products(&mut self) -> Result<Option<Vec<ProductId>>, RebuildError> {
        if self.ended {
            return Ok(None);
        }
        let page = self.journal.scan_keys(self.from.take(), PAGE).await?;
        self.passed(page.next, page.keys.len());
        let products = page.keys.into_iter().map(|key| ProductId::new(key.product_id));
        Ok(Some(products.filter_map(Result::ok).collect()))
    }

    fn passed(&mut self, next: Option<ScanPosition>, commits: usize) {
        self.ended = next.is_none();
        self.from = next;
        self.commits += commits as u64;
    }
}

/// The commits of a page by product. A commit without a product id or a sequence is in no view either.
fn by_product(page: Vec<StoredCommit>) -> Vec<ProductCommits> {
    let mut products: BTreeMap<ProductId, BTreeMap<u64, StoredCommit>> = BTreeMap::new();
    for commit in page {
        let product = commit.text("product_id").ok().and_then(|text| ProductId::new(text).ok());
        if let (Some(product), Ok(sequence)) = (product, commit.sequence()) {
            products.entry(product).or_default().insert(sequence, commit);
        }
    }
    let commits = |(product, commits)| ProductCommits { product, by_sequence: commits };
    products.into_iter().map(commits).collect()
}

/// A permanent error is reported; a retryable one ends the rebuild.
fn note_permanent(
    unreadable: &mut BTreeMap<ProductId, String>,
    product: ProductId,
    error: ProjectionError,
) -> Result<(), RebuildError> {
    if error.retryable {
        return Err(RebuildError::Projection { product, reason: error.reason });
    }
    unreadable.insert(product, error.reason);
    Ok(())
}
