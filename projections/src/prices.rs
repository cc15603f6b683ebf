//! The price history: every change of a price, once and in order of events, however late, double or torn the stream is.

mod anew;
mod entry;
pub mod log;
mod reduction;
mod timeline;
mod window;

use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use event_store::Journal;
use event_store::journal::commits_after;
use futures::StreamExt;
use schema::time::InvalidTimestamp;
use schema::{DecodeError, ProductId, StoredCommit, Timestamp};

use crate::projection::{Difference, News, Projection, Stuck};
use crate::views::{Generation, Unavailable, View};

pub use entry::{Entry, Place, What, entries_of};
#[cfg(feature = "sqlite")]
pub use log::SqlitePriceLog;
pub use log::{DynamoPriceLog, FoldedCommit, History, MemoryPriceLog, Newest, Origin, PriceLog, Products};
pub use reduction::{Reduction, Reference, reduction, reference};
pub use timeline::{Period, lowest_before_newest_change, timeline};
pub use window::{UnknownTimeZone, Window, Zone};

/// How many commits are folded together while catching up.
const CHUNK: usize = 100;

/// Folds the events of each product into its price history.
pub struct Prices {
    log: Arc<dyn PriceLog>,
    journal: Arc<dyn Journal>,
}

/// The event table lacks an event: `ledger verify` names the fault.
#[derive(Debug, thiserror::Error)]
#[error("the event table has no event {0} of the product, but later ones")]
struct Gap(u64);

/// How far some commits led.
struct Run {
    commits: Vec<FoldedCommit>,
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

    /// The history as the event table alone gives it.
    ///
    /// # Errors
    /// [`Stuck`]: a store did not answer, or a commit cannot be read.
    pub async fn from_the_ledger(&self, product: &ProductId) -> Result<History, Stuck> {
        self.gone_on(product, History::default(), None).await
    }

    /// The history with what the event table has beyond it: everything, or what was recorded by a moment. It reads the
    /// commits behind the history, and none after the first that was recorded later.
    ///
    /// # Errors
    /// [`Stuck`]: a store did not answer, or a commit cannot be read.
    pub async fn gone_on(
        &self,
        product: &ProductId,
        mut history: History,
        known_at: Option<Timestamp>,
    ) -> Result<History, Stuck> {
        let mut commits = pin!(commits_after(self.journal.clone(), product.clone(), history.folded));
        while let Some(commit) = commits.next().await {
            let commit = commit.map_err(|error| Stuck::for_now(history.folded + 1, &error))?;
            if let Some(known_at) = known_at {
                let recorded_at = recorded_at(&commit);
                let recorded_at = recorded_at.map_err(|error| Stuck::for_good(history.folded + 1, &error))?;
                // Moments of recording never run backwards within a product.
                if recorded_at > known_at {
                    break;
                }
            }
            let run = run(history.folded, [&commit].into_iter());
            if let Some(stuck) = run.stuck_in_the_ledger() {
                return Err(stuck);
            }
            history.entries.extend(run.commits.into_iter().flat_map(|commit| commit.entries));
            history.folded = run.last;
        }
        history.entries.sort_by_key(|entry| entry.place);
        Ok(history)
    }

    /// Another projector may fold the same product at the same time: whoever folds writes commit after commit from what
    /// it saw folded, so all before a commit that is there are there too, and both write the same.
    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: u64,
        run: &Run,
    ) -> Result<(), Stuck> {
        if run.commits.is_empty() {
            return Ok(());
        }
        let folded = self.log.fold(generation, product, &run.commits).await;
        folded.map_err(|error| Stuck::for_now(seen + 1, &error))
    }
}

#[async_trait]
impl Projection for Prices {
    fn view(&self) -> View {
        View::Prices
    }

    async fn apply(&self, generation: Generation, news: &News) -> Result<(), Stuck> {
        let newest = self.newest(generation, &news.product).await?;
        let links = anew::links(news);
        if anew::are_rivals(&links) || newest.as_ref().is_some_and(|newest| newest.is_contradicted_by(&links))
        {
            return self.catch_up(generation, &news.product).await;
        }
        let folded = newest.map_or(0, |newest| newest.last);
        let fresh = news.commits.range(folded + 1..).map(|(_, commit)| commit);
        let run = run(folded, fresh);
        self.fold(generation, &news.product, folded, &run).await?;
        if run.gap {
            return self.catch_up(generation, &news.product).await;
        }
        run.stuck.map_or(Ok(()), Err)
    }

    async fn catch_up(&self, generation: Generation, product: &ProductId) -> Result<(), Stuck> {
        let mut folded = self.as_the_ledger(generation, product).await?;
        let commits = commits_after(self.journal.clone(), product.clone(), folded);
        let mut chunks = pin!(commits.chunks(CHUNK));
        while let Some(chunk) = chunks.next().await {
            let read: Vec<&StoredCommit> = chunk.iter().map_while(|commit| commit.as_ref().ok()).collect();
            let run = run(folded, read.into_iter());
            self.fold(generation, product, folded, &run).await?;
            folded = run.last;
            if let Some(stuck) = run.stuck_in_the_ledger() {
                return Err(stuck);
            }
            if let Some(error) = chunk.iter().find_map(|commit| commit.as_ref().err()) {
                return Err(Stuck::for_now(folded + 1, error));
            }
        }
        Ok(())
    }

    async fn compare(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<Difference>, Stuck> {
        let ledger = self.from_the_ledger(product).await?;
        let seen = self.log.history(generation, product).await;
        let seen = seen.map_err(|error| Stuck::for_now(1, &error))?;
        Ok(match seen.folded {
            0 if ledger.folded > 0 => Some(Difference::Missing),
            folded if folded < ledger.folded => {
                Some(Difference::Behind { seen: folded, newest: ledger.folded })
            }
            folded if folded == ledger.folded => {
                (seen != ledger).then_some(Difference::Content { seen: folded })
            }
            folded => Some(Difference::Other { seen: folded }),
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

/// When a commit was recorded; its other fields may be those of a later build.
fn recorded_at(commit: &StoredCommit) -> Result<Timestamp, DecodeError> {
    let unreadable =
        |error: InvalidTimestamp| DecodeError::Field { field: "recorded_at", reason: error.to_string() };
    Timestamp::parse(commit.text("recorded_at")?).map_err(unreadable)
}

/// Folds commits as long as each follows the one before it.
fn run<'a>(folded: u64, commits: impl Iterator<Item = &'a StoredCommit>) -> Run {
    let mut run = Run { commits: Vec::new(), last: folded, gap: false, stuck: None };
    for stored in commits {
        match stored.decode() {
            Ok(commit) if commit.sequence == run.last + 1 => {
                run.last = commit.last_sequence();
                run.commits.push(FoldedCommit::of(&commit));
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
