//! A view is built anew beside the one that is read, fed by the event table and the stream at once, compared, and only
//! then put in its place: readers notice nothing, and nothing is published. It may be cut short at any moment and run again.

mod claim;
mod compare;
mod lineup;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use event_store::{Journal, ScanPosition};
use futures::{StreamExt, join, stream};
use schema::{ProductId, StoredCommit};

use crate::projection::{Difference, News, Projection, Stuck};
use crate::views::{self, Generation, Views};

use compare::Comparison;

/// How many commits one request of the walk through the event table asks for.
const PAGE: usize = 1_000;

/// How many products are built or compared at once.
const PARALLEL: usize = 128;

/// How many differences a report names; it counts all.
const NAMED: usize = 100;

/// How long the old generation is kept up to date after the switch: well above the 5 seconds queries keep the lineup.
pub const OVERLAP: Duration = Duration::from_mins(1);

/// Between two looks at what differs; ten without progress, and a view counts as different and not as late.
pub const PAUSE: Duration = Duration::from_millis(500);

/// One rebuild of one view.
pub struct Rebuild {
    /// Names the generations.
    pub views: Arc<dyn Views>,
    /// The view.
    pub projection: Arc<dyn Projection>,
    /// What it is built from.
    pub journal: Arc<dyn Journal>,
    /// How long both generations are written after the switch, [`OVERLAP`] outside tests.
    pub overlap: Duration,
    /// How long a view that lags is left alone before it is looked at again, [`PAUSE`] outside tests.
    pub pause: Duration,
    /// What to do about another rebuild of the view that is on record.
    pub others: Others,
}

/// What to do about another rebuild of the same view that is on record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Others {
    /// Watch whether it still runs. If it does, it goes on and this one is refused.
    Refuse,
    /// Take its place: it ends soon if it still runs.
    TakeOver,
}

/// Where a rebuild is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Watching whether another rebuild that is on record still runs.
    Watching,
    /// Removing what an earlier rebuild left.
    CleaningUp,
    /// Writing the new generation from the event table.
    Building,
    /// Comparing with the event table.
    Comparing,
    /// Reading from the new generation, writing both.
    Overlapping,
    /// Removing the old generation.
    Dropping,
}

/// How far a phase is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The phase.
    pub phase: Phase,
    /// Commits read in it so far.
    pub commits: u64,
}

/// What a rebuild found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// The generation that is read now; `None` after a dry run.
    pub generation: Option<Generation>,
    /// Commits of the event table.
    pub commits: u64,
    /// Products of the event table.
    pub products: u64,
    /// Products that the view that was read until now showed wrongly.
    pub differing: u64,
    /// The first hundred of them.
    pub differences: Vec<(ProductId, Difference)>,
    /// Products the event table has a commit of that cannot be read, and why; they show what could be.
    pub unreadable: Vec<(ProductId, String)>,
    /// Items removed with the old generation.
    pub dropped: u64,
}

/// Why a view was not rebuilt. What is read is as it was, and the rebuild may be run again.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The view's store did not answer: run it again.
    #[error(transparent)]
    Views(#[from] views::Unavailable),
    /// The event table did not answer: run it again.
    #[error(transparent)]
    Journal(#[from] event_store::StoreError),
    /// A product could not be built or compared now: run it again.
    #[error("product {product}: {reason}")]
    Stuck {
        /// The product.
        product: ProductId,
        /// Why.
        reason: String,
    },
    /// Another rebuild of this view runs: wait for it, or take over.
    #[error("another rebuild of this view runs; wait for it, or take over with --take-over")]
    Running,
    /// Another rebuild of this view took this one's place: nothing is left to do.
    #[error("another rebuild of this view took over; this one ended")]
    TakenOver,
    /// The generations changed meanwhile, and not by this rebuild: run it again.
    #[error("somebody else changed the generations of this view; run the rebuild again")]
    Changed,
    /// The new view does not show what the event table says; it was not switched to.
    #[error("product {product} {difference} in the new view, and {others} others differ")]
    Incomplete {
        /// One of the products.
        product: ProductId,
        /// How it differs.
        difference: Difference,
        /// How many besides.
        others: usize,
    },
}

/// Is told how far the rebuild is, after every page of commits.
pub type Watch<'a> = &'a (dyn Fn(Progress) + Send + Sync);

impl Rebuild {
    /// Compares the view that is read with the event table and changes nothing.
    ///
    /// # Errors
    /// [`RebuildError`]: a store did not answer.
    pub async fn dry_run(&self, watch: Watch<'_>) -> Result<Report, RebuildError> {
        let read = self.generations().await?.read;
        let mut report = Report::default();
        self.compare(&mut report, &mut [Comparison::of(read)], watch).await?;
        Ok(report)
    }

    /// Builds the view anew and puts it in the place of the one that is read.
    ///
    /// # Errors
    /// [`RebuildError`]: what is read is as it was, or already the complete new view; run it again.
    pub async fn run(&self, watch: Watch<'_>) -> Result<Report, RebuildError> {
        let claim = self.claim(watch).await?;
        let done = tokio::select! {
            biased;
            done = self.steps(claim, watch) => done,
            ended = self.keep_beating(claim) => Err(ended),
        };
        self.let_go(claim).await;
        done
    }

    async fn steps(&self, claim: u64, watch: Watch<'_>) -> Result<Report, RebuildError> {
        let settled = self.clean_up(claim, watch).await?;
        let both = self.begin(claim, &settled).await?;
        let (old, new) = (both.read, both.last);
        let mut report = Report::default();
        self.build(new, &mut report, watch).await?;
        let mut comparisons = [Comparison::of(old), Comparison::of(new)];
        self.compare(&mut report, &mut comparisons, watch).await?;
        comparisons[1].must_agree()?;
        let switched = self.switch(claim, &both).await?;
        report.generation = Some(new);
        report.dropped = self.retire(claim, &switched, watch).await?;
        Ok(report)
    }

    async fn build(
        &self,
        generation: Generation,
        report: &mut Report,
        watch: Watch<'_>,
    ) -> Result<(), RebuildError> {
        let mut pages = Pages::of(self.journal.as_ref());
        let mut unreadable = BTreeMap::new();
        let mut page = pages.commits().await?;
        while let Some(commits) = page {
            // The next page is read while this one is written.
            let (next, built) = join!(pages.commits(), self.write(generation, commits, &mut unreadable));
            built?;
            page = next?;
            watch(Progress { phase: Phase::Building, commits: pages.commits });
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
            .map(|news| async {
                let outcome = self.projection.apply(generation, &news).await;
                (news.product, outcome)
            })
            .buffer_unordered(PARALLEL);
        while let Some((product, outcome)) = written.next().await {
            outcome.or_else(|stuck| noted(unreadable, product, stuck))?;
        }
        Ok(())
    }
}

/// A walk through all commits.
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

    /// The products of the next commits, each as often as it has commits, `None` at the end.
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

/// What a page says of each product. A commit that names no product or no sequence stands in no view either.
fn by_product(page: Vec<StoredCommit>) -> Vec<News> {
    let mut products: BTreeMap<ProductId, BTreeMap<u64, StoredCommit>> = BTreeMap::new();
    for commit in page {
        let product = commit.text("product_id").ok().and_then(|text| ProductId::new(text).ok());
        if let (Some(product), Ok(sequence)) = (product, commit.sequence()) {
            products.entry(product).or_default().insert(sequence, commit);
        }
    }
    let news = |(product, commits)| News { product, commits };
    products.into_iter().map(news).collect()
}

/// What time cannot heal is reported; anything else ends the rebuild.
fn noted(
    unreadable: &mut BTreeMap<ProductId, String>,
    product: ProductId,
    stuck: Stuck,
) -> Result<(), RebuildError> {
    if stuck.retryable {
        return Err(RebuildError::Stuck { product, reason: stuck.reason });
    }
    unreadable.insert(product, stuck.reason);
    Ok(())
}
