//! The price history: every change of a price, once and in order of events, however late, double or torn the stream is.

mod entry;
pub mod log;
mod timeline;

use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use event_store::Journal;
use event_store::journal::commits_after;
use futures::StreamExt;
use schema::{ProductId, StoredCommit};

use crate::projection::{Difference, News, Projection, Stuck};
use crate::views::{Generation, Unavailable, View};

pub use entry::{Entry, Place, What, entries_of};
pub use log::{DynamoPriceLog, History, MemoryPriceLog, PriceLog};
pub use timeline::{Period, lowest_before_newest_change, timeline};

/// How many commits are folded between two moves of the cursor while catching up.
const CHUNK: usize = 100;

/// How often somebody else may move the cursor while this one catches up.
const ROUNDS: usize = 5;

/// Folds the events of each product into its price history.
pub struct Prices {
    log: Arc<dyn PriceLog>,
    journal: Arc<dyn Journal>,
}

/// The event table lacks an event: `ledger verify` names the fault.
#[derive(Debug, thiserror::Error)]
#[error("the event table has no event {0} of the product, but later ones")]
struct Gap(u64);

/// Somebody else keeps moving the cursor.
#[derive(Debug, thiserror::Error)]
#[error("another projector is folding this product")]
struct Contended;

/// How far some commits led.
struct Run {
    entries: Vec<Entry>,
    /// The last event before what could not be folded.
    last: u64,
    /// The first commit that does not follow.
    gap: bool,
    stuck: Option<Stuck>,
}

impl Prices {
    /// The price history in `log`, gaps filled from `journal`.
    #[must_use]
    pub fn new(log: Arc<dyn PriceLog>, journal: Arc<dyn Journal>) -> Self {
        Self { log, journal }
    }

    /// The history as the event table alone gives it, for a product the log does not know yet.
    ///
    /// # Errors
    /// [`Stuck`]: a store did not answer, or a commit cannot be read.
    pub async fn from_the_ledger(&self, product: &ProductId) -> Result<History, Stuck> {
        let mut history = History::default();
        let mut commits = pin!(commits_after(self.journal.clone(), product.clone(), 0));
        while let Some(commit) = commits.next().await {
            let commit = commit.map_err(|error| Stuck::for_now(history.folded + 1, &error))?;
            let run = run(history.folded, [&commit].into_iter());
            if let Some(stuck) = run.stuck_in_the_ledger() {
                return Err(stuck);
            }
            history.entries.extend(run.entries);
            history.folded = run.last;
        }
        history.entries.sort_by_key(|entry| entry.place);
        Ok(history)
    }

    async fn folded(&self, generation: Generation, product: &ProductId) -> Result<u64, Stuck> {
        let folded = self.log.folded(generation, product).await;
        folded.map_err(|error| Stuck::for_now(1, &error))
    }

    /// Writes what a run found and moves the cursor; says whether it still was where it was seen.
    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: u64,
        run: &Run,
    ) -> Result<bool, Stuck> {
        if run.last == seen {
            return Ok(true);
        }
        let stuck = |error: Unavailable| Stuck::for_now(seen + 1, &error);
        // The entries first: a cursor without its entries would lose them, entries without the cursor are written again.
        self.log.write(generation, product, &run.entries).await.map_err(stuck)?;
        self.log.advance(generation, product, seen, run.last).await.map_err(stuck)
    }

    /// One walk from the cursor to the end; says whether the cursor moved by this hand alone.
    async fn walk(&self, generation: Generation, product: &ProductId) -> Result<bool, Stuck> {
        let mut folded = self.folded(generation, product).await?;
        let commits = commits_after(self.journal.clone(), product.clone(), folded);
        let mut chunks = pin!(commits.chunks(CHUNK));
        while let Some(chunk) = chunks.next().await {
            let read: Vec<&StoredCommit> = chunk.iter().map_while(|commit| commit.as_ref().ok()).collect();
            let run = run(folded, read.into_iter());
            if !self.fold(generation, product, folded, &run).await? {
                return Ok(false);
            }
            folded = run.last;
            if let Some(stuck) = run.stuck_in_the_ledger() {
                return Err(stuck);
            }
            if let Some(error) = chunk.iter().find_map(|commit| commit.as_ref().err()) {
                return Err(Stuck::for_now(folded + 1, error));
            }
        }
        Ok(true)
    }
}

#[async_trait]
impl Projection for Prices {
    fn view(&self) -> View {
        View::Prices
    }

    async fn apply(&self, generation: Generation, news: &News) -> Result<(), Stuck> {
        let folded = self.folded(generation, &news.product).await?;
        let fresh = news.commits.range(folded + 1..).map(|(_, commit)| commit);
        let run = run(folded, fresh);
        let moved = self.fold(generation, &news.product, folded, &run).await?;
        if run.gap || !moved {
            return self.catch_up(generation, &news.product).await;
        }
        run.stuck.map_or(Ok(()), Err)
    }

    async fn catch_up(&self, generation: Generation, product: &ProductId) -> Result<(), Stuck> {
        for _ in 0..ROUNDS {
            if self.walk(generation, product).await? {
                return Ok(());
            }
        }
        Err(Stuck::for_now(1, &Contended))
    }

    async fn compare(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<Difference>, Stuck> {
        let ledger = self.from_the_ledger(product).await?;
        let seen = self.log.history(generation, product, None).await;
        let seen = seen.map_err(|error| Stuck::for_now(1, &error))?;
        Ok(match seen.folded {
            0 if ledger.folded > 0 => Some(Difference::Missing),
            folded if folded < ledger.folded => {
                Some(Difference::Behind { seen: folded, newest: ledger.folded })
            }
            folded => (seen != ledger).then_some(Difference::Other { seen: folded }),
        })
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, Unavailable> {
        self.log.drop_generation(generation).await
    }
}

impl Run {
    /// What is wrong when the commits came from the event table itself, which has no gaps.
    fn stuck_in_the_ledger(&self) -> Option<Stuck> {
        let gap = || self.gap.then(|| Stuck::for_good(self.last + 1, &Gap(self.last + 1)));
        self.stuck.clone().or_else(gap)
    }
}

/// Folds commits as long as each follows the one before it.
fn run<'a>(folded: u64, commits: impl Iterator<Item = &'a StoredCommit>) -> Run {
    let mut run = Run { entries: Vec::new(), last: folded, gap: false, stuck: None };
    for stored in commits {
        match stored.decode() {
            Ok(commit) if commit.sequence == run.last + 1 => {
                run.entries.extend(entries_of(&commit));
                run.last = commit.last_sequence();
            }
            Ok(_) => {
                run.gap = true;
                break;
            }
            Err(error) => {
                run.stuck = Some(Stuck::for_good(run.last + 1, &error));
                break;
            }
        }
    }
    run
}
