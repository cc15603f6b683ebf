//! Events that have no receipt while a ledger is verified. Most are on their way: the publisher comes after the commit. So
//! they are put aside, looked for again as long as it gets better, and told apart from faults.
//!
//! The promise: an event between others that are published, or one that the publisher has passed, is a fault; one that it
//! has not come to is none.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures::{StreamExt, TryStreamExt, stream};
use schema::{Hash, ProductId, Timestamp};
use tokio::time::Instant;

use super::chain::Chain;
use super::fault::FaultKind;
use super::report::ProductReport;
use super::witness::{Published, against};
use crate::journal::Unavailable;
use crate::receipts::Receipts;

/// So many events are looked for again; the others are counted.
const MOST: usize = 100_000;

/// Products whose receipts are looked for at the same time.
const AT_ONCE: usize = 16;

/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// So many looks at which nothing got better end the looking.
const IDLE_LOOKS: u32 = 15;

/// As long as it gets better it is looked for this long at most.
const AT_MOST: Duration = Duration::from_mins(1);

/// An event without a receipt behind which its product has none either.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpublished {
    /// The product.
    pub product: ProductId,
    /// The event's number within the product.
    pub sequence: u64,
    /// When its commit says that it was recorded, as far as it can be read.
    pub recorded_at: Option<Timestamp>,
    pub(super) event_id: String,
    pub(super) hash: Hash,
}

/// How long what is not published is waited for.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    pause: Duration,
    idle_looks: u32,
    at_most: Duration,
}

/// What is left after the waiting.
#[derive(Debug, Default)]
pub struct Settled {
    /// Faults of events that got a receipt meanwhile, which is not theirs.
    pub faults: Vec<ProductReport>,
    /// Events without a receipt, by product and sequence.
    pub unpublished: Vec<Unpublished>,
    /// How many more there are, which were not looked for again.
    pub more: u64,
}

/// What was put aside.
#[derive(Debug, Default)]
pub(super) struct Aside(Mutex<(Vec<Unpublished>, u64)>);

impl Patience {
    /// One look and no waiting.
    #[must_use]
    pub fn none() -> Self {
        Self { pause: Duration::ZERO, idle_looks: 0, at_most: Duration::ZERO }
    }

    /// Up to this long, whether it gets better or not.
    #[must_use]
    pub fn of(at_most: Duration) -> Self {
        Self { pause: PAUSE.min(at_most), idle_looks: u32::MAX, at_most }
    }

    /// The waiting itself, from now on.
    #[must_use]
    pub fn begin(self) -> Waiting {
        Waiting { patience: self, least: usize::MAX, idle: 0, end: Instant::now() + self.at_most }
    }
}

/// Waiting for something to become less, look after look.
#[derive(Debug)]
pub struct Waiting {
    patience: Patience,
    least: usize,
    idle: u32,
    end: Instant,
}

impl Waiting {
    /// Pauses and says that it is worth another look, as long as something is `left` and the patience lasts.
    pub async fn goes_on(&mut self, left: usize) -> bool {
        self.idle = if left < self.least { 0 } else { self.idle + 1 };
        self.least = self.least.min(left);
        if left == 0 || self.idle >= self.patience.idle_looks || Instant::now() >= self.end {
            return false;
        }
        tokio::time::sleep(self.patience.pause).await;
        true
    }
}

/// As long as it gets better, a minute at most; some seconds where it does not.
impl Default for Patience {
    fn default() -> Self {
        Self { pause: PAUSE, idle_looks: IDLE_LOOKS, at_most: AT_MOST }
    }
}

impl Unpublished {
    /// Its fault, for one that the publisher has passed.
    #[must_use]
    pub fn fault(&self) -> ProductReport {
        fault(&self.product, self.sequence, FaultKind::Unpublished)
    }
}

impl Aside {
    pub(super) fn put(&self, event: Unpublished) {
        let mut aside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if aside.0.len() < MOST {
            aside.0.push(event);
        } else {
            aside.1 += 1;
        }
    }

    /// Looks for receipts until all are there, or as `patience` says.
    pub(super) async fn settle(
        &self,
        receipts: &dyn Receipts,
        patience: Patience,
    ) -> Result<Settled, Unavailable> {
        let (mut left, more) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut faults, mut waiting) = (Vec::new(), patience.begin());
        loop {
            left = look(receipts, left, &mut faults).await?;
            if !waiting.goes_on(left.len()).await {
                break;
            }
        }
        left.sort_by(|a, b| (&a.product, a.sequence).cmp(&(&b.product, b.sequence)));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (left.clone(), more);
        Ok(Settled { faults, unpublished: left, more })
    }
}

/// The events that have no receipt still.
async fn look(
    receipts: &dyn Receipts,
    events: Vec<Unpublished>,
    faults: &mut Vec<ProductReport>,
) -> Result<Vec<Unpublished>, Unavailable> {
    let mut products: BTreeMap<ProductId, Vec<Unpublished>> = BTreeMap::new();
    for event in events {
        products.entry(event.product.clone()).or_default().push(event);
    }
    let looks = stream::iter(products).map(async |(product, events)| {
        let sequences = || events.iter().map(|event| event.sequence);
        let (from, to) = (sequences().min().unwrap_or(1), sequences().max().unwrap_or(0));
        let found: BTreeMap<_, _> = receipts.of(&product, from, to).await?.into_iter().collect();
        Ok::<_, Unavailable>((events, found))
    });
    let mut looks = std::pin::pin!(looks.buffer_unordered(AT_ONCE));
    let mut left = Vec::new();
    while let Some((events, found)) = looks.try_next().await? {
        for event in events {
            let Some(record) = found.get(&event.sequence) else {
                left.push(event);
                continue;
            };
            let published = Published { event_id: &event.event_id, hash: &event.hash };
            let kinds = against(published, Some(record)).into_iter();
            faults.extend(kinds.map(|kind| fault(&event.product, event.sequence, kind)));
        }
    }
    Ok(left)
}

fn fault(product: &ProductId, sequence: u64, kind: FaultKind) -> ProductReport {
    let mut chain = Chain::of(product.as_str());
    chain.fault(Some(sequence), None, kind);
    chain.end()
}
