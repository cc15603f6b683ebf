//! The price history: every change of a price, once and in the order of events, although stream records may come late,
//! twice or with gaps.
//!
//! If a commit was removed from the event table and its sequence recorded anew, what was folded from it is taken back, newest
//! first, until the history matches the event table again; an interrupted repair can be resumed anywhere. Entries that an
//! earlier build folded without a hash are taken to match; `ledger rebuild prices` corrects them.

mod day;
mod entry;
pub mod log;
mod reduction;
mod timeline;
mod window;

use std::pin::pin;
use std::sync::Arc;

use async_trait::async_trait;
use event_store::Journal;
use event_store::StoreError;
use event_store::handled::{Fit, Link, recorded_anew};
use event_store::journal::commits_after;
use futures::StreamExt;
use schema::time::InvalidTimestamp;
use schema::{DecodeError, ProductId, StoredCommit, Timestamp};

use crate::projection::{Difference, ProductCommits, Projection, ProjectionError, ShownPage};
use crate::views::{Generation, View};

pub use day::CalendarDay;
pub use entry::{PriceChange, PriceEntry, TimelinePosition, entries_of};
#[cfg(feature = "sqlite")]
pub use log::SqlitePriceLog;
pub use log::{
    CommitOrigin, DynamoPriceLog, FoldedCommit, FoldedHead, MemoryPriceLog, PriceHistory, PriceLog,
    ProductIdPage,
};
pub use reduction::{PriceReduction, PriorPrice, prior_price, reduction};
pub use timeline::{PricePeriod, lowest_before_newest_change, timeline};
pub use window::{PriceWindow, UnknownTimeZone, Zone};

/// How many commits are folded at once while catching up.
const CHUNK: usize = 100;

/// Folds the events of each product into its price history.
pub struct Prices {
    log: Arc<dyn PriceLog>,
    journal: Arc<dyn Journal>,
}

/// The event table lacks an event: `ledger verify` names the fault.
#[derive(Debug, thiserror::Error)]
#[error("event {0} is missing from the event table although later events exist")]
struct Gap(u64);

/// The newest commit of the history cannot be taken back: try again.
#[derive(Debug, thiserror::Error)]
#[error("the price history of the product kept changing concurrently")]
struct Contended;

/// Consecutive commits, folded as far as possible.
struct Run {
    commits: Vec<FoldedCommit>,
    /// The last event that was folded.
    last: u64,
    /// Whether the next commit does not follow it.
    gap: bool,
    error: Option<ProjectionError>,
}

impl Prices {
    /// The price history in `log`; gaps are filled from `journal`.
    #[must_use]
    pub fn new(log: Arc<dyn PriceLog>, journal: Arc<dyn Journal>) -> Self {
        Self { log, journal }
    }

    /// The history folded from the event table alone.
    ///
    /// # Errors
    /// [`ProjectionError`]: a store did not answer, or a commit cannot be read.
    pub async fn from_journal(&self, product: &ProductId) -> Result<PriceHistory, ProjectionError> {
        self.extended(product, PriceHistory::default(), None).await
    }

    /// The history with the later commits of the event table added, up to those recorded by `known_at` if given. Reads
    /// only commits after the history, and one recorded after `known_at` at most.
    ///
    /// # Errors
    /// [`ProjectionError`]: a store did not answer, or a commit cannot be read.
    pub async fn extended(
        &self,
        product: &ProductId,
        mut history: PriceHistory,
        known_at: Option<Timestamp>,
    ) -> Result<PriceHistory, ProjectionError> {
        let mut commits = pin!(commits_after(self.journal.clone(), product.clone(), history.folded));
        while let Some(commit) = commits.next().await {
            let commit = commit.map_err(|error| ProjectionError::retryable(history.folded + 1, &error))?;
            if let Some(known_at) = known_at {
                let recorded_at = recorded_at(&commit);
                let recorded_at =
                    recorded_at.map_err(|error| ProjectionError::unreadable(history.folded + 1, &error))?;
                // `recorded_at` never decreases within a product.
                if recorded_at > known_at {
                    break;
                }
            }
            let run = run(history.folded, [&commit].into_iter());
            if let Some(error) = run.error_in_the_ledger() {
                return Err(error);
            }
            history.entries.extend(run.commits.into_iter().flat_map(|commit| commit.entries));
            history.folded = run.last;
        }
        history.entries.sort_by_key(|entry| entry.position);
        Ok(history)
    }

    async fn newest(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<FoldedHead>, ProjectionError> {
        let newest = self.log.newest(generation, product).await;
        newest.map_err(|error| ProjectionError::retryable(1, &error))
    }

    /// Another projector may fold the same product at the same time. Each writes commit after commit, starting from what
    /// it read as folded: whenever a commit is there, all before it are, and both write the same.
    async fn fold(
        &self,
        generation: Generation,
        product: &ProductId,
        seen: u64,
        run: &Run,
    ) -> Result<(), ProjectionError> {
        if run.commits.is_empty() {
            return Ok(());
        }
        let folded = self.log.fold(generation, product, &run.commits).await;
        folded.map_err(|error| ProjectionError::retryable(seen + 1, &error))
    }

    /// Takes back what contradicts the event table; returns the last event up to which the history matches. If the event
    /// table merely ends earlier, the history is left as it is: it may be the only trace of what was removed.
    async fn take_back_contradicted(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<u64, ProjectionError> {
        let mut newest = self.newest(generation, product).await?;
        let mut rival = None;
        while let Some(seen) = newest {
            let there = self.journal.newest(product, seen.last).await;
            let there = there.map_err(|error| ProjectionError::retryable(1, &error))?;
            let fit = match seen.handled() {
                Some(handled) => handled.fit(there.as_ref()),
                None => Fit::Same,
            };
            match fit {
                Fit::Shorter if rival.is_none() => return Ok(seen.last),
                Fit::Same => {
                    report_recorded_anew(product, rival.as_ref());
                    return Ok(seen.last);
                }
                Fit::Rival | Fit::Shorter => {}
            }
            let taken = self.log.take_back(generation, product, &seen).await;
            taken.map_err(|error| ProjectionError::retryable(1, &error))?;
            newest = self.newest(generation, product).await?;
            if newest.as_ref() == Some(&seen) {
                return Err(ProjectionError::retryable(seen.last, &Contended));
            }
            rival.get_or_insert(seen);
        }
        report_recorded_anew(product, rival.as_ref());
        Ok(0)
    }
}

#[async_trait]
impl Projection for Prices {
    fn view(&self) -> View {
        View::Prices
    }

    async fn apply(&self, generation: Generation, commits: &ProductCommits) -> Result<(), ProjectionError> {
        let newest = self.newest(generation, &commits.product).await?;
        let links: Vec<Link<'_>> = commits.by_sequence.values().filter_map(Link::of).collect();
        let contradicted = newest.as_ref().is_some_and(|newest| newest.is_contradicted_by(&links));
        if are_rivals(&links) || contradicted {
            return self.catch_up(generation, &commits.product).await;
        }
        let folded = newest.map_or(0, |newest| newest.last);
        let fresh = commits.by_sequence.range(folded + 1..).map(|(_, commit)| commit);
        let run = run(folded, fresh);
        self.fold(generation, &commits.product, folded, &run).await?;
        if run.gap {
            return self.catch_up(generation, &commits.product).await;
        }
        run.error.map_or(Ok(()), Err)
    }

    async fn catch_up(&self, generation: Generation, product: &ProductId) -> Result<(), ProjectionError> {
        let mut folded = self.take_back_contradicted(generation, product).await?;
        let commits = commits_after(self.journal.clone(), product.clone(), folded);
        let mut chunks = pin!(commits.chunks(CHUNK));
        while let Some(chunk) = chunks.next().await {
            let read: Vec<&StoredCommit> = chunk.iter().map_while(|commit| commit.as_ref().ok()).collect();
            let run = run(folded, read.into_iter());
            self.fold(generation, product, folded, &run).await?;
            folded = run.last;
            if let Some(error) = run.error_in_the_ledger() {
                return Err(error);
            }
            if let Some(error) = chunk.iter().find_map(|commit| commit.as_ref().err()) {
                return Err(ProjectionError::retryable(folded + 1, error));
            }
        }
        Ok(())
    }

    async fn compare(
        &self,
        generation: Generation,
        product: &ProductId,
    ) -> Result<Option<Difference>, ProjectionError> {
        let ledger = self.from_journal(product).await?;
        let seen = match self.log.history(generation, product).await {
            Err(error) if error.is_unreadable() => return Ok(Some(Difference::unreadable(&error))),
            seen => seen.map_err(|error| ProjectionError::retryable(1, &error))?,
        };
        Ok(match seen.folded {
            seen if seen > 0 && ledger.folded == 0 => Some(Difference::Unknown),
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

    async fn shown_version(&self, generation: Generation, product: &ProductId) -> Result<u64, StoreError> {
        Ok(self.log.newest(generation, product).await?.map_or(0, |newest| newest.last))
    }

    async fn shown(
        &self,
        generation: Generation,
        from: Option<String>,
        limit: usize,
    ) -> Result<ShownPage, StoreError> {
        let page = self.log.products(generation, from, limit).await?;
        Ok(ShownPage { ids: page.ids, unreadable: Vec::new(), next: page.next })
    }

    async fn drop_generation(&self, generation: Generation) -> Result<u64, StoreError> {
        self.log.drop_generation(generation).await
    }
}

impl Run {
    /// The error if the commits came from the event table, which must have no gaps.
    fn error_in_the_ledger(&self) -> Option<ProjectionError> {
        let gap = || self.gap.then(|| ProjectionError::permanent(self.last + 1, &Gap(self.last + 1)));
        self.error.clone().or_else(gap)
    }
}

impl FoldedHead {
    /// Whether these commits show that what was folded is not in the event table any more.
    fn is_contradicted_by(&self, commits: &[Link<'_>]) -> bool {
        let Some(handled) = self.handled() else { return false };
        commits.iter().any(|commit| handled.is_contradicted_by(*commit))
    }
}

/// Whether two of the commits cannot both be in the event table.
fn are_rivals(commits: &[Link<'_>]) -> bool {
    commits.windows(2).any(|pair| matches!(pair, [one, next] if one.is_rival_of(*next)))
}

fn report_recorded_anew(product: &ProductId, rival: Option<&FoldedHead>) {
    if let Some(handled) = rival.and_then(FoldedHead::handled) {
        recorded_anew("projector", View::Prices.name(), product, &handled);
    }
}

/// When a commit was recorded, even if its other fields are those of a later build.
fn recorded_at(commit: &StoredCommit) -> Result<Timestamp, DecodeError> {
    let unreadable =
        |error: InvalidTimestamp| DecodeError::Field { field: "recorded_at", reason: error.to_string() };
    Timestamp::parse(commit.text("recorded_at")?).map_err(unreadable)
}

/// Folds commits as long as each follows the one before it.
fn run<'a>(folded: u64, commits: impl Iterator<Item = &'a StoredCommit>) -> Run {
    let mut run = Run { commits: Vec::new(), last: folded, gap: false, error: None };
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
                run.error = Some(ProjectionError::unreadable(run.last + 1, &error));
                break;
            }
        }
    }
    run
}
