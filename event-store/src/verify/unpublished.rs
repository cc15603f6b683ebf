//! Events that have no receipt yet when a ledger is verified, because the publisher follows the commits. They are collected, and
//! their receipts are polled for as long as some arrive.
//!
//! The promise: an event between published ones, or one that the publisher has passed, is a fault; one that it has not reached
//! is not.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures::{StreamExt, TryStreamExt, stream};
use schema::{Hash, ProductId, Timestamp};

use super::chain::Chain;
use super::fault::FaultKind;
use super::report::ProductReport;
use super::witness::{EventIdentity, against};
use crate::error::StoreError;
use crate::poll::PollPolicy;
use crate::receipts::{Receipts, readable};

/// Events that are polled for; further ones are only counted.
const MOST: usize = 100_000;

/// Products whose receipts are read at the same time.
const AT_ONCE: usize = 16;

/// An event without a receipt, behind which no event of its product has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpublished {
    /// The product.
    pub product: ProductId,
    /// The event's number within the product.
    pub sequence: u64,
    /// When its commit was recorded, where that can be read.
    pub recorded_at: Option<Timestamp>,
    pub(super) event_id: String,
    pub(super) hash: Hash,
}

/// The result of polling for receipts.
#[derive(Debug, Default)]
pub struct UnpublishedEvents {
    /// Faults of events that got a record meanwhile, which does not match or is a failure.
    pub faults: Vec<ProductReport>,
    /// Events still without a receipt, by product and sequence.
    pub unpublished: Vec<Unpublished>,
    /// How many further ones were not polled for.
    pub more: u64,
}

/// The events that were collected.
#[derive(Debug, Default)]
pub(super) struct Unsettled(Mutex<(Vec<Unpublished>, u64)>);

impl Unpublished {
    /// Its fault, where the publisher has passed it.
    #[must_use]
    pub fn fault(&self) -> ProductReport {
        fault(&self.product, self.sequence, FaultKind::Unpublished)
    }
}

impl Unsettled {
    pub(super) fn put(&self, event: Unpublished) {
        let mut aside = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if aside.0.len() < MOST {
            aside.0.push(event);
        } else {
            aside.1 += 1;
        }
    }

    /// Polls for receipts until all are there, or as long as `policy` allows.
    pub(super) async fn settle(
        &self,
        receipts: &dyn Receipts,
        policy: PollPolicy,
    ) -> Result<UnpublishedEvents, StoreError> {
        let (mut left, more) = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut faults, mut poll) = (Vec::new(), policy.begin());
        loop {
            left = look(receipts, left, &mut faults).await?;
            if !poll.again(left.len()).await {
                break;
            }
        }
        left.sort_by(|a, b| (&a.product, a.sequence).cmp(&(&b.product, b.sequence)));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = (left.clone(), more);
        Ok(UnpublishedEvents { faults, unpublished: left, more })
    }
}

/// Reads the receipts once; returns the events that still have none.
async fn look(
    receipts: &dyn Receipts,
    events: Vec<Unpublished>,
    faults: &mut Vec<ProductReport>,
) -> Result<Vec<Unpublished>, StoreError> {
    let mut products: BTreeMap<ProductId, Vec<Unpublished>> = BTreeMap::new();
    for event in events {
        products.entry(event.product.clone()).or_default().push(event);
    }
    let looks = stream::iter(products).map(async |(product, events)| {
        let sequences = || events.iter().map(|event| event.sequence);
        let (from, to) = (sequences().min().unwrap_or(1), sequences().max().unwrap_or(0));
        let found = readable(receipts, &product, from, to).await?;
        Ok::<_, StoreError>((events, found))
    });
    let mut looks = std::pin::pin!(looks.buffer_unordered(AT_ONCE));
    let mut left = Vec::new();
    while let Some((events, found)) = looks.try_next().await? {
        for event in events {
            if let Some(error) = found.unreadable.get(&event.sequence) {
                faults.push(fault(&event.product, event.sequence, FaultKind::unreadable(error)));
                continue;
            }
            let Some(record) = found.records.get(&event.sequence) else {
                left.push(event);
                continue;
            };
            let published = EventIdentity { event_id: &event.event_id, hash: &event.hash };
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
