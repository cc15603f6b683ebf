//! Publishes a batch of records: groups them by product, runs passes over the products, and names what has to be redelivered.
//!
//! Its promise: for every record that the response does not name, the event is published with a receipt, or its product
//! is parked, or the record was tampering or of nothing that can be a product. For each product that is not finished the
//! response names the first record that is not, so that nothing is skipped and nothing finished is redelivered. Lambda and the
//! local follower run the same code.

use std::collections::HashMap;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use event_store::follow::{Change, ChangeRecord, give_up};
use event_store::limits::RunDeadlines;
use schema::{Commit, ProductId};

use crate::pass::{PassOutcome, PublishRequest};
use crate::publisher::{CONSUMER, Publisher};

/// The records of a batch that concern one product.
#[derive(Debug)]
struct ProductRecords {
    product: ProductId,
    /// The commits that could be read, in order of delivery.
    commits: Vec<Commit>,
    records: Vec<RecordRef>,
}

#[derive(Debug)]
struct RecordRef {
    /// Its index in the batch.
    index: usize,
    id: String,
    /// The last event of its commit; `None` when the record could not be read.
    last_event: Option<u64>,
}

impl Publisher {
    /// Publishes a batch of stream records within `time_left` and answers as Lambda expects: with the sequence numbers of
    /// the records to deliver again.
    pub async fn publish(&self, event: Event, time_left: Duration) -> DynamoDbEventResponse {
        let records = event.records.iter().map(ChangeRecord::of).collect();
        drop(event);
        let failure = |record| {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some(record);
            failure
        };
        let mut response = DynamoDbEventResponse::default();
        response.batch_item_failures =
            self.follow(records, time_left).await.into_iter().map(failure).collect();
        response
    }

    /// Publishes a batch of records within `time_left` and returns the ids of the records to deliver again because a store
    /// did not answer. A product whose event the bus refused is parked and counts as finished.
    pub async fn follow(&self, records: Vec<ChangeRecord>, time_left: Duration) -> Vec<String> {
        let deadlines = RunDeadlines::of(time_left);
        let mut batch = by_product(records);
        let mut requests: Vec<PublishRequest> = batch.iter_mut().map(ProductRecords::request).collect();
        let mut unfinished: HashMap<ProductId, u64> = HashMap::new();
        while !requests.is_empty() {
            let mut remaining = Vec::new();
            for result in self.pass(requests, self.retry_policy, deadlines).await {
                match result.outcome {
                    PassOutcome::Published | PassOutcome::Parked(_) => {}
                    PassOutcome::Incomplete(rest) => remaining.push(rest),
                    PassOutcome::Unavailable(error) => {
                        tracing::warn!(target: "ledger::publisher", product = result.product.as_str(), %error, "a product's records have to be redelivered");
                        unfinished.insert(result.product, result.published);
                    }
                }
            }
            requests = remaining;
        }
        let unfinished =
            batch.iter().filter_map(|records| Some((records, *unfinished.get(&records.product)?)));
        first_unpublished(unfinished)
    }
}

impl ProductRecords {
    /// The request to publish up to the last event of the batch, or up to the newest event if a record could not be read.
    fn request(&mut self) -> PublishRequest {
        let last_events: Option<Vec<u64>> = self.records.iter().map(|record| record.last_event).collect();
        PublishRequest {
            product: self.product.clone(),
            up_to: last_events.and_then(|last_events| last_events.into_iter().max()),
            commits: std::mem::take(&mut self.commits),
            even_if_parked: false,
        }
    }
}

/// Groups a batch by product. Records of changed or removed commits raise the tampering signal and are left out; so are those
/// that do not say which product they are of.
fn by_product(records: Vec<ChangeRecord>) -> Vec<ProductRecords> {
    let mut batch: Vec<ProductRecords> = Vec::new();
    let mut indexes: HashMap<ProductId, usize> = HashMap::new();
    for (index, record) in records.into_iter().enumerate() {
        let Some((product, commit)) = read(&record.id, record.change) else {
            continue;
        };
        let last_event = commit.as_ref().map(|commit| commit.last_sequence());
        let group = *indexes.entry(product.clone()).or_insert(batch.len());
        if group == batch.len() {
            batch.push(ProductRecords { product, commits: Vec::new(), records: Vec::new() });
        }
        batch[group].records.push(RecordRef { index, id: record.id, last_event });
        batch[group].commits.extend(commit);
    }
    batch
}

/// The product of a record, and its commit if that can be read.
fn read(record: &str, change: Change) -> Option<(ProductId, Option<Commit>)> {
    let (product, reason) = match change {
        Change::Committed(stored) => match stored.decode() {
            Ok(commit) => return Some((commit.product_id.clone(), Some(commit))),
            Err(error) => {
                let product = stored.text("product_id").ok().and_then(|id| ProductId::new(id).ok());
                (product, error.to_string())
            }
        },
        Change::Unreadable { product, reason } => (product, reason),
        Change::Nameless { reason } => {
            give_up(CONSUMER, record, &reason);
            return None;
        }
        Change::Tampered(tampering) => {
            tampering.count(CONSUMER);
            tracing::error!(target: "ledger::publisher",
                tampering = 1,
                operation = tampering.operation,
                product = tampering.product,
                sequence = tampering.sequence,
                "a commit in the event table was changed or removed"
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

/// The ids of the first unpublished record of each product, in order of delivery; every product comes with the last of its
/// events that is published.
fn first_unpublished<'a>(unfinished: impl Iterator<Item = (&'a ProductRecords, u64)>) -> Vec<String> {
    let first = |(product, published): (&'a ProductRecords, u64)| {
        let is_unpublished = |record: &&RecordRef| record.last_event.is_none_or(|last| last > published);
        product.records.iter().find(is_unpublished)
    };
    let mut records: Vec<&RecordRef> = unfinished.filter_map(first).collect();
    records.sort_by_key(|record| record.index);
    records.into_iter().map(|record| record.id.clone()).collect()
}
