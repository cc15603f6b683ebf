//! The projector: stream records in, views brought up to date. One product's trouble never holds up another's, and what
//! cannot be projected is parked or handed back, never dropped.

mod batch;
mod reconcile;
mod retry;
mod seen;

use std::sync::Arc;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use event_store::StoreError;
use event_store::follow::ChangeRecord;
use event_store::parking::{Parking, ParkingCause};
use futures::StreamExt;
use schema::{Clock, ProductId};
use tracing::Instrument;

use crate::projection::{Projection, Stuck};
use crate::views::{self, Lineup, Views};

use batch::{Batch, Entry};
pub use retry::Retried;

/// How many products are written at once unless told.
const PARALLEL: usize = 16;

/// Brings every read model up to date with what the stream says. The function on Lambda and the poller of `serve` call
/// the same one.
pub struct Projector {
    views: Arc<dyn Views>,
    projections: Vec<Arc<dyn Projection>>,
    parking: Arc<dyn Parking>,
    clock: Clock,
    at_once: usize,
}

/// Names a record to repeat from, as Lambda reads it.
fn failure(record: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(record);
    failure
}

impl Projector {
    /// A projector for these read models; `views` names the generations they write.
    #[must_use]
    pub fn new(
        views: Arc<dyn Views>,
        projections: Vec<Arc<dyn Projection>>,
        parking: Arc<dyn Parking>,
        clock: Clock,
    ) -> Self {
        Self { views, projections, parking, clock, at_once: PARALLEL }
    }

    /// The same, writing another number of products at once.
    #[must_use]
    pub fn at_once(self, products: usize) -> Self {
        Self { at_once: products.max(1), ..self }
    }

    /// Projects one batch of stream records, as a function on Lambda is asked to and answers.
    pub async fn project(&self, event: Event) -> DynamoDbEventResponse {
        let records = event.records.iter().map(ChangeRecord::of).collect();
        let mut answer = DynamoDbEventResponse::default();
        answer.batch_item_failures = self.follow(records).await.into_iter().map(failure).collect();
        answer
    }

    /// Projects one batch. The answer names the records from which the batch has to be repeated: those whose product
    /// could be neither projected nor parked.
    pub async fn follow(&self, records: Vec<ChangeRecord>) -> Vec<String> {
        let batch = Batch::read(records);
        for tampering in &batch.tampered {
            tampering.count("projector");
            tracing::error!(target: "ledger::projector",
                operation = tampering.operation,
                product_id = tampering.product,
                sequence = tampering.sequence,
                "the event table was tampered with"
            );
        }
        for reason in &batch.nameless {
            tracing::error!(target: "ledger::projector", reason, "a stream record names no product; `ledger reconcile` finds what it was");
        }
        if batch.entries.is_empty() {
            return Vec::new();
        }
        let lineup = self.views.lineup().await;
        futures::stream::iter(batch.entries)
            .map(|entry| self.bring(lineup.as_ref(), entry))
            .buffer_unordered(self.at_once)
            .filter_map(std::future::ready)
            .collect()
            .await
    }

    /// Brings one product up to date; answers the record to repeat from when not even parking worked.
    async fn bring(&self, lineup: Result<&Lineup, &views::Unavailable>, entry: Entry) -> Option<String> {
        let mut lost = false;
        for projection in &self.projections {
            let name = projection.view().name();
            let span = entry.span(name);
            match self.advance(projection.as_ref(), lineup, &entry).instrument(span).await {
                Ok(()) => entry.record_lag(name, (self.clock)()),
                Err(stuck) => lost |= self.park(name, &entry.news.product, stuck).await.is_err(),
            }
        }
        lost.then_some(entry.record)
    }

    /// Brings one product up to date in every generation that is written.
    async fn advance(
        &self,
        projection: &dyn Projection,
        lineup: Result<&Lineup, &views::Unavailable>,
        entry: &Entry,
    ) -> Result<(), Stuck> {
        let lineup = lineup.map_err(|error| Stuck::for_now(entry.first_sequence(), error))?;
        let mut outcome = Ok(());
        for generation in &lineup.of(projection.view()).write {
            let done = if entry.unreadable {
                projection.catch_up(*generation, &entry.news.product).await
            } else {
                projection.apply(*generation, &entry.news).await
            };
            let later = done.as_ref().is_err_and(|stuck| stuck.retryable);
            outcome = outcome.and(done);
            if later {
                // The next one waits with it: a generation that is read never gets ahead of the one that takes its place,
                // or readers would see an older version after the switch. Trouble for good stops the rebuild instead.
                break;
            }
        }
        outcome
    }

    async fn park(
        &self,
        consumer: &'static str,
        product: &ProductId,
        stuck: Stuck,
    ) -> Result<(), StoreError> {
        tracing::warn!(target: "ledger::projector",
            consumer,
            product_id = product.as_str(),
            from_sequence = stuck.from_sequence,
            retryable = stuck.retryable,
            reason = stuck.reason,
            "a product cannot be projected and is parked"
        );
        let trouble = ParkingCause {
            from_sequence: stuck.from_sequence,
            reason: stuck.reason,
            retryable: stuck.retryable,
            at: (self.clock)(),
        };
        let parked = self.parking.park(consumer, product, &trouble).await;
        event_store::parking::count(consumer, &trouble);
        if let Err(error) = &parked {
            tracing::error!(target: "ledger::projector",
                consumer,
                product_id = product.as_str(),
                error = error.to_string(),
                "a product could not even be parked; its records are handed back"
            );
        }
        parked
    }
}
