//! Every committed event reaches the bus, in order per product, and leaves a durable receipt.
//!
//! Its promise: what [`Publisher::publish`] does not name in its answer is published with a receipt, or its product is
//! parked, or it was tampering. The very function runs in Lambda and behind the local poller.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use event_store::follow::ChangeRecord;
use event_store::{Journal, Parking, Receipts};
use schema::{Clock, ProductId};
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::batch::{self, Delivery};
use crate::bus::Bus;
use crate::message::Address;
use crate::pass::{End, Wanted};
use crate::patience::Patience;

/// The name of this consumer in the parking rows. Stored. Never change.
pub const CONSUMER: &str = "publisher";

/// At most this much of a run's time is kept for receipts, cursors and parking rows.
const RESERVE: Duration = Duration::from_secs(5);

/// What the publisher works with.
#[derive(Clone)]
pub struct Ports {
    /// The event table: the truth.
    pub journal: Arc<dyn Journal>,
    /// What became of each event.
    pub receipts: Arc<dyn Receipts>,
    /// Products that cannot go on.
    pub parking: Arc<dyn Parking>,
    /// Where events go.
    pub bus: Arc<dyn Bus>,
    /// Times of receipts and failures.
    pub clock: Clock,
}

/// Publishes commits. Cheap to clone.
#[derive(Clone)]
pub struct Publisher {
    pub(crate) ports: Ports,
    pub(crate) address: Address,
    pub(crate) patience: Patience,
    pub(crate) at_once: AtOnce,
    /// Held by whoever brings products up to date from the event table.
    pub(crate) catching_up: Arc<Mutex<()>>,
}

/// How much is under way at once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct AtOnce {
    /// Products that are read or written.
    pub(crate) products: usize,
    /// Requests to the bus.
    pub(crate) requests: usize,
}

impl Publisher {
    /// A publisher that speaks as `address` says.
    #[must_use]
    pub fn new(ports: Ports, address: Address, patience: Patience) -> Self {
        let at_once = AtOnce { products: 16, requests: 4 };
        Self { ports, address, patience, at_once, catching_up: Arc::default() }
    }

    /// The same with more under way at once: `products` are read or written, and an eighth of that many requests sent.
    #[must_use]
    pub fn at_once(self, products: usize) -> Self {
        Self { at_once: AtOnce { products: products.max(1), requests: (products / 8).max(1) }, ..self }
    }

    /// Publishes what a batch of stream records tells of within `time_left`, as a function on Lambda is asked to and
    /// answers.
    pub async fn publish(&self, event: Event, time_left: Duration) -> DynamoDbEventResponse {
        let records = event.records.iter().map(ChangeRecord::of).collect();
        drop(event);
        let failure = |record| {
            let mut failure = DynamoDbBatchItemFailure::default();
            failure.item_identifier = Some(record);
            failure
        };
        let mut answer = DynamoDbEventResponse::default();
        answer.batch_item_failures = self.follow(records, time_left).await.into_iter().map(failure).collect();
        answer
    }

    /// Publishes what a batch tells of within `time_left`, and names the records that have to come again because a
    /// store did not answer. Whatever the bus refuses is parked and counts as dealt with.
    pub async fn follow(&self, records: Vec<ChangeRecord>, time_left: Duration) -> Vec<String> {
        let deadline = deadline(time_left);
        let mut deliveries = batch::sort(records);
        let mut wanted: Vec<Wanted> = deliveries.iter_mut().map(wanted).collect();
        let mut unfinished: HashMap<ProductId, u64> = HashMap::new();
        while !wanted.is_empty() {
            let mut again = Vec::new();
            for finished in self.pass(wanted, self.patience, deadline).await {
                match finished.end {
                    End::Published | End::Parked(_) => {}
                    End::More(rest) => again.push(rest),
                    End::Unavailable(error) => {
                        tracing::warn!(target: "ledger::publisher", product = finished.product.as_str(), %error, "a product has to come again");
                        unfinished.insert(finished.product, finished.recorded);
                    }
                }
            }
            wanted = again;
        }
        let done = deliveries.iter().map(|delivery| (delivery, unfinished.get(&delivery.product)));
        batch::answer(done.filter_map(|(delivery, done)| Some((delivery, *done?))))
    }
}

fn wanted(delivery: &mut Delivery) -> Wanted {
    Wanted {
        product: delivery.product.clone(),
        up_to: delivery.up_to(),
        commits: std::mem::take(&mut delivery.commits),
        even_if_parked: false,
    }
}

/// When sending has to end so that what was sent can still be recorded.
pub(crate) fn deadline(time_left: Duration) -> Instant {
    Instant::now() + time_left.saturating_sub(RESERVE.min(time_left / 4))
}
