//! A batch of records, sorted by product, and the answer that says which of them have to come again.
//!
//! Its promise: the answer names ids of records, one for each product that is not dealt with, and it is the first
//! record that is not, so that nothing is skipped and nothing is repeated that need not be.

use std::collections::HashMap;

use event_store::follow::{Change, ChangeRecord};
use schema::{Commit, ProductId};

use crate::publish::CONSUMER;

/// What a batch says of one product.
#[derive(Debug)]
pub(crate) struct Delivery {
    pub(crate) product: ProductId,
    /// The commits that could be read, in order of delivery.
    pub(crate) commits: Vec<Commit>,
    records: Vec<Delivered>,
}

#[derive(Debug)]
struct Delivered {
    position: usize,
    id: String,
    /// The last event of its commit; `None` when the record could not be read.
    last_event: Option<u64>,
}

impl Delivery {
    /// The last event the batch tells of; `None` when a record could not be read, so that the ledger has to be asked.
    pub(crate) fn up_to(&self) -> Option<u64> {
        let last: Option<Vec<u64>> = self.records.iter().map(|record| record.last_event).collect();
        last?.into_iter().max()
    }
}

/// Sorts a batch. Records of changed or removed commits raise the tamper signal and are no part of any delivery.
pub(crate) fn sort(records: Vec<ChangeRecord>) -> Vec<Delivery> {
    let mut deliveries: Vec<Delivery> = Vec::new();
    let mut places: HashMap<ProductId, usize> = HashMap::new();
    for (position, record) in records.into_iter().enumerate() {
        let Some((product, commit)) = read(record.change) else {
            continue;
        };
        let delivered = Delivered {
            position,
            id: record.id,
            last_event: commit.as_ref().map(|commit| commit.last_sequence()),
        };
        let place = *places.entry(product.clone()).or_insert(deliveries.len());
        if place == deliveries.len() {
            deliveries.push(Delivery { product, commits: Vec::new(), records: Vec::new() });
        }
        deliveries[place].records.push(delivered);
        deliveries[place].commits.extend(commit);
    }
    deliveries
}

fn read(change: Change) -> Option<(ProductId, Option<Commit>)> {
    let (product, reason) = match change {
        Change::Committed(stored) => match stored.decode() {
            Ok(commit) => return Some((commit.product_id.clone(), Some(commit))),
            Err(error) => {
                let product = stored.text("product_id").ok().and_then(|id| ProductId::new(id).ok());
                (product, error.to_string())
            }
        },
        Change::Unreadable { product, reason } => (product, reason),
        Change::Tampered(tampering) => {
            tampering.count(CONSUMER);
            tracing::error!(target: "ledger::publisher",
                tampering = 1,
                operation = tampering.operation,
                product = tampering.product,
                sequence = tampering.sequence,
                "a commit of the event table was changed or removed"
            );
            return None;
        }
    };
    tracing::error!(target: "ledger::publisher",
        unreadable = 1,
        product = product.as_ref().map(ProductId::as_str),
        reason,
        "a stream record cannot be read"
    );
    product.map(|product| (product, None))
}

/// The answer to a batch: `unfinished` names the products that were not dealt with and their last event that was.
pub(crate) fn answer<'a>(unfinished: impl IntoIterator<Item = (&'a Delivery, u64)>) -> Vec<String> {
    let first_open = |(delivery, done): (&'a Delivery, u64)| {
        let open = |record: &&Delivered| record.last_event.is_none_or(|last| last > done);
        delivery.records.iter().find(open)
    };
    let mut records: Vec<&Delivered> = unfinished.into_iter().filter_map(first_open).collect();
    records.sort_by_key(|record| record.position);
    records.into_iter().map(|record| record.id.clone()).collect()
}
