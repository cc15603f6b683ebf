//! A part of the ledger is published again, marked as a replay, to a bus of choice.
//!
//! Its promise: events keep their ids and their order per product, and the receipts of the original publication stay
//! untouched.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use event_store::{ScanPosition, StoreError};
use schema::message::Replay;
use schema::{Commit, ProductId, StoredCommit, Timestamp};
use tokio::time::Instant;

use crate::bus::Refusal;
use crate::lane::{Lane, Unsent};
use crate::message::Address;
use crate::publish::Publisher;
use crate::send::Run;

/// How many commits are read and sent together.
const PAGE: usize = 500;

/// A replay has no deadline but patience; this one is out of reach.
const ENDLESS: Duration = Duration::from_hours(24 * 365);

/// What is replayed: everything that fits all of these.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Selection {
    /// Only this product.
    pub product: Option<ProductId>,
    /// Only what was recorded at this moment or later.
    pub from: Option<Timestamp>,
    /// Only what was recorded at this moment or earlier.
    pub to: Option<Timestamp>,
}

/// How far a replay got, and at its end what it did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Replayed {
    /// Events the bus accepted.
    pub events: u64,
    /// Products that were left, and why.
    pub left: Vec<Left>,
}

/// A product whose replay ended early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The product.
    pub product: ProductId,
    /// The first event that was not replayed.
    pub from_sequence: u64,
    /// What the bus or the ledger said.
    pub reason: Refusal,
}

/// The replay could not go on at all.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The event table did not answer: start again later.
    #[error(transparent)]
    Unavailable(#[from] StoreError),
    /// The bus accepts nothing: start again when it is repaired.
    #[error("the bus accepts nothing: {0}")]
    Refused(Refusal),
}

/// Where the commits come from.
enum Source {
    Product { product: ProductId, after: u64 },
    All(Option<ScanPosition>),
    Nothing,
}

impl Source {
    fn of(selection: &Selection) -> Self {
        match &selection.product {
            Some(product) => Self::Product { product: product.clone(), after: 0 },
            None => Self::All(None),
        }
    }
}

impl Publisher {
    /// Publishes a selection again to `bus` (`None`: the configured one), marked with `mark`; `progress` is told after
    /// every round.
    ///
    /// # Errors
    /// [`ReplayError`]: what was accepted until then stays published; start again, subscribers know events by their id.
    pub async fn replay(
        &self,
        selection: &Selection,
        bus: Option<&str>,
        mark: &Replay,
        mut progress: impl FnMut(&Replayed) + Send,
    ) -> Result<Replayed, ReplayError> {
        let mut address = self.address.clone();
        address.bus = bus.map_or(address.bus, str::to_owned);
        let mut source = Source::of(selection);
        let mut done = Replayed::default();
        let mut stopped = HashSet::new();
        while let Some(page) = self.next_page(&mut source).await? {
            let mut lanes = lanes(page, selection, &mut stopped, &mut done);
            let accepted_before = done.events;
            self.send_again(&mut lanes, &address, mark, &mut done, &mut progress).await;
            let halted: Vec<Left> = lanes.iter().filter_map(left).collect();
            if let Some(first) = halted.first()
                && halted.len() == lanes.len()
                && done.events == accepted_before
            {
                return Err(ReplayError::Refused(first.reason.clone()));
            }
            stopped.extend(halted.iter().map(|left| left.product.clone()));
            done.left.extend(halted);
        }
        progress(&done);
        Ok(done)
    }

    /// How many events a replay of the selection would publish, and which products it would leave; nothing is sent.
    ///
    /// # Errors
    /// [`StoreError`]: the event table did not answer; start again later.
    pub async fn count(
        &self,
        selection: &Selection,
        mut progress: impl FnMut(&Replayed) + Send,
    ) -> Result<Replayed, StoreError> {
        let mut source = Source::of(selection);
        let (mut done, mut stopped) = (Replayed::default(), HashSet::new());
        while let Some(page) = self.next_page(&mut source).await? {
            let lanes = lanes(page, selection, &mut stopped, &mut done);
            done.events += lanes.iter().map(|lane| lane.len() as u64).sum::<u64>();
            progress(&done);
        }
        Ok(done)
    }

    /// Whether there is a bus of this name, as far as that can be learnt.
    pub async fn knows(&self, bus: &str) -> bool {
        self.ports.bus.knows(bus).await
    }

    async fn next_page(&self, source: &mut Source) -> Result<Option<Vec<StoredCommit>>, StoreError> {
        match std::mem::replace(source, Source::Nothing) {
            Source::Nothing => Ok(None),
            Source::Product { product, after } => {
                let page = self.ports.journal.page(&product, after, PAGE).await?;
                let last = page.last().and_then(|commit| commit.sequence().ok());
                if let Some(after) = last.filter(|_| page.len() == PAGE) {
                    *source = Source::Product { product, after };
                }
                Ok(Some(page))
            }
            Source::All(from) => {
                let page = self.ports.journal.scan(from, PAGE).await?;
                if page.next.is_some() {
                    *source = Source::All(page.next);
                }
                Ok(Some(page.commits))
            }
        }
    }

    async fn send_again(
        &self,
        lanes: &mut [Lane],
        address: &Address,
        mark: &Replay,
        done: &mut Replayed,
        progress: &mut (impl FnMut(&Replayed) + Send),
    ) {
        let mut run = Run {
            bus: &*self.ports.bus,
            address,
            replay: Some(mark),
            at_once: self.at_once.requests,
            patience: self.patience,
            deadline: Instant::now() + ENDLESS,
            lanes,
        };
        while let Some(sent) = run.next().await {
            done.events += sent.iter().filter(|sent| sent.result.is_ok()).count() as u64;
            progress(done);
        }
    }
}

/// The selected events of a page, by product; a product with a commit that cannot be read is left from there on.
fn lanes(
    page: Vec<StoredCommit>,
    selection: &Selection,
    stopped: &mut HashSet<ProductId>,
    done: &mut Replayed,
) -> Vec<Lane> {
    let mut products: BTreeMap<ProductId, VecDeque<Unsent>> = BTreeMap::new();
    for stored in page.into_iter().filter(|stored| selection.holds(stored)) {
        let product = stored.text("product_id").ok().and_then(|id| ProductId::new(id).ok());
        let Some(product) = product.filter(|product| !stopped.contains(product)) else {
            continue;
        };
        match stored.decode() {
            Ok(commit) => products.entry(product).or_default().extend(unsent(commit)),
            Err(error) => {
                stopped.insert(product.clone());
                done.left.push(Left {
                    product,
                    from_sequence: stored.sequence().unwrap_or_default(),
                    reason: Refusal::new("UnreadableCommit", error.to_string()),
                });
            }
        }
    }
    products.into_iter().map(|(product, queue)| Lane::new(product, queue, 0)).collect()
}

fn unsent(commit: Commit) -> impl Iterator<Item = Unsent> {
    let commit = Arc::new(commit);
    (commit.sequence..=commit.last_sequence())
        .map(move |sequence| Unsent { commit: commit.clone(), sequence })
}

fn left(lane: &Lane) -> Option<Left> {
    let halt = lane.halt.as_ref()?;
    Some(Left {
        product: lane.product.clone(),
        from_sequence: lane.first()?.sequence,
        reason: halt.refusal.clone(),
    })
}

impl Selection {
    /// A commit whose time cannot be read is looked at, so that its damage is named.
    fn holds(&self, stored: &StoredCommit) -> bool {
        let recorded_at = stored.text("recorded_at").ok().and_then(|text| Timestamp::parse(text).ok());
        recorded_at
            .is_none_or(|at| self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at <= to))
    }
}
