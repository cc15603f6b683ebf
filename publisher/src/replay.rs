//! Replay: publishes a part of the ledger again, marked as a replay, to the configured bus or another one.
//!
//! Its promise: events keep their ids and their order per product, and the receipts of the original publication do not
//! change.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::time::Duration;

use event_store::{ScanPosition, StoreError};
use schema::message::Replay;
use schema::{ProductId, StoredCommit, Timestamp};
use tokio::time::Instant;

use crate::bus::BusRefusal;
use crate::message::Address;
use crate::publisher::Publisher;
use crate::queue::{ProductQueue, UnsentEvent};
use crate::send::EventSender;

/// How many commits are read and sent together.
const PAGE: usize = 500;

/// A replay has no deadline, only the retry policy; this one is never reached.
const NO_DEADLINE: Duration = Duration::from_hours(24 * 365);

/// What to replay: the events that match all of these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplaySelection {
    /// Only this product.
    pub product: Option<ProductId>,
    /// Only events recorded at this time or later.
    pub from: Option<Timestamp>,
    /// Only events recorded at this time or earlier.
    pub to: Option<Timestamp>,
}

/// The progress of a replay, and in the end its result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ReplayProgress {
    /// Events that the bus accepted.
    pub events: u64,
    /// Products whose replay stopped early.
    pub stopped: Vec<StoppedProduct>,
}

/// A product whose replay stopped early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoppedProduct {
    /// The product.
    pub product: ProductId,
    /// The first event that was not replayed.
    pub from_sequence: u64,
    /// Why: the bus refused the event, or its commit cannot be read.
    pub reason: BusRefusal,
}

/// The replay was aborted.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The event table did not answer: start the replay again later.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
    /// The bus accepts no events: start the replay again when the bus works.
    #[error("the bus accepts no events: {0}")]
    Refused(BusRefusal),
}

/// The commits that are still to be read.
enum RemainingCommits {
    OfProduct { product: ProductId, after: u64 },
    OfAll(Option<ScanPosition>),
    None,
}

impl RemainingCommits {
    fn of(selection: &ReplaySelection) -> Self {
        match &selection.product {
            Some(product) => Self::OfProduct { product: product.clone(), after: 0 },
            None => Self::OfAll(None),
        }
    }
}

impl Publisher {
    /// Publishes a selection again to `bus` (`None`: the configured one), marked with `mark`; calls `progress` after every
    /// round.
    ///
    /// # Errors
    /// [`ReplayError`]: the events accepted before it stay published; start again, subscribers recognise them by their ids.
    pub async fn replay(
        &self,
        selection: &ReplaySelection,
        bus: Option<&str>,
        mark: &Replay,
        mut progress: impl FnMut(&ReplayProgress) + Send,
    ) -> Result<ReplayProgress, ReplayError> {
        let mut address = self.address.clone();
        address.bus = bus.map_or(address.bus, str::to_owned);
        let mut remaining = RemainingCommits::of(selection);
        let mut done = ReplayProgress::default();
        let mut stopped = HashSet::new();
        while let Some(page) = self.next_page(&mut remaining).await? {
            let mut queues = queues(page, selection, &mut stopped, &mut done);
            let accepted_before = done.events;
            self.send_again(&mut queues, &address, mark, &mut done, &mut progress).await;
            let halted: Vec<StoppedProduct> = queues.iter().filter_map(stopped_product).collect();
            if let Some(first) = halted.first()
                && halted.len() == queues.len()
                && done.events == accepted_before
            {
                return Err(ReplayError::Refused(first.reason.clone()));
            }
            stopped.extend(halted.iter().map(|halted| halted.product.clone()));
            done.stopped.extend(halted);
        }
        progress(&done);
        Ok(done)
    }

    /// Counts the events that a replay of the selection would publish, and names the products it would stop at; sends nothing.
    ///
    /// # Errors
    /// [`StoreError`]: the event table did not answer; start the count again later.
    pub async fn count_replay(
        &self,
        selection: &ReplaySelection,
        mut progress: impl FnMut(&ReplayProgress) + Send,
    ) -> Result<ReplayProgress, StoreError> {
        let mut remaining = RemainingCommits::of(selection);
        let (mut done, mut stopped) = (ReplayProgress::default(), HashSet::new());
        while let Some(page) = self.next_page(&mut remaining).await? {
            let queues = queues(page, selection, &mut stopped, &mut done);
            done.events += queues.iter().map(|queue| queue.len() as u64).sum::<u64>();
            progress(&done);
        }
        Ok(done)
    }

    async fn next_page(
        &self,
        remaining: &mut RemainingCommits,
    ) -> Result<Option<Vec<StoredCommit>>, StoreError> {
        match std::mem::replace(remaining, RemainingCommits::None) {
            RemainingCommits::None => Ok(None),
            RemainingCommits::OfProduct { product, after } => {
                let page = self.ports.journal.page(&product, after, PAGE).await?;
                let last = page.last().and_then(|commit| commit.sequence().ok());
                if let Some(after) = last.filter(|_| page.len() == PAGE) {
                    *remaining = RemainingCommits::OfProduct { product, after };
                }
                Ok(Some(page))
            }
            RemainingCommits::OfAll(from) => {
                let page = self.ports.journal.scan(from, PAGE).await?;
                if page.next.is_some() {
                    *remaining = RemainingCommits::OfAll(page.next);
                }
                Ok(Some(page.commits))
            }
        }
    }

    async fn send_again(
        &self,
        queues: &mut [ProductQueue],
        address: &Address,
        mark: &Replay,
        done: &mut ReplayProgress,
        progress: &mut (impl FnMut(&ReplayProgress) + Send),
    ) {
        let mut sender = EventSender {
            bus: &*self.ports.bus,
            address,
            replay: Some(mark),
            max_in_flight: self.concurrency.requests,
            retry_policy: self.retry_policy,
            deadline: Instant::now() + NO_DEADLINE,
            queues,
        };
        while let Some(outcomes) = sender.next_round().await {
            done.events += outcomes.iter().filter(|outcome| outcome.result.is_ok()).count() as u64;
            progress(done);
        }
    }
}

/// The selected events of a page, by product; a product stops at a commit that cannot be read.
fn queues(
    page: Vec<StoredCommit>,
    selection: &ReplaySelection,
    stopped: &mut HashSet<ProductId>,
    done: &mut ReplayProgress,
) -> Vec<ProductQueue> {
    let mut products: BTreeMap<ProductId, VecDeque<UnsentEvent>> = BTreeMap::new();
    for stored in page.into_iter().filter(|stored| selection.contains(stored)) {
        let product = stored.text("product_id").ok().and_then(|id| ProductId::new(id).ok());
        let Some(product) = product.filter(|product| !stopped.contains(product)) else {
            continue;
        };
        match stored.decode() {
            Ok(commit) => products.entry(product).or_default().extend(UnsentEvent::of_commit(commit, 0)),
            Err(error) => {
                stopped.insert(product.clone());
                done.stopped.push(StoppedProduct {
                    product,
                    from_sequence: stored.sequence().unwrap_or_default(),
                    reason: BusRefusal::new("UnreadableCommit", error.to_string()),
                });
            }
        }
    }
    products.into_iter().map(|(product, events)| ProductQueue::new(product, events, 0)).collect()
}

fn stopped_product(queue: &ProductQueue) -> Option<StoppedProduct> {
    let halt = queue.halt.as_ref()?;
    Some(StoppedProduct {
        product: queue.product.clone(),
        from_sequence: queue.first()?.sequence,
        reason: halt.refusal.clone(),
    })
}

impl ReplaySelection {
    /// Whether a commit is selected; one whose time cannot be read is, so that its damage is reported.
    fn contains(&self, stored: &StoredCommit) -> bool {
        let recorded_at = stored.text("recorded_at").ok().and_then(|text| Timestamp::parse(text).ok());
        recorded_at
            .is_none_or(|at| self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to))
    }
}
