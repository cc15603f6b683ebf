//! The projector turns stream records into views. A product that fails never holds up another; what cannot be projected is
//! parked or handed back, never dropped, unless its record names no product. A run that has a time limit ends within it.

mod announce;
mod batch;
mod reconcile;

use std::sync::Arc;
use std::time::Duration;

use aws_lambda_events::event::dynamodb::Event;
use aws_lambda_events::event::streams::{DynamoDbBatchItemFailure, DynamoDbEventResponse};
use event_store::StoreError;
use event_store::follow::ChangeRecord;
use event_store::limits::{RunDeadlines, until};
use event_store::parking::{Parked, Parking, ParkingCause, note_parked};
use futures::StreamExt;
use schema::{Clock, ProductId};
use serde::Serialize;
use tokio::time::Instant;
use tracing::Instrument;

use crate::projection::{Difference, ProductCommits, Projection, ProjectionError};
use crate::views::{View, ViewGenerations, Views};

use announce::CommitAnnouncer;
use batch::{ProductRecords, RecordBatch};
use reconcile::RecentGenerations;

pub use reconcile::ROUNDS;

/// The name of the projector as a whole in metrics; its consumers are the views.
const PROJECTOR: &str = "projector";

/// How many products are written concurrently by default.
const PARALLEL: usize = 16;

/// How many parking rows are read at once.
const PAGE: usize = 100;

/// Projects every read model. The Lambda function and `serve` run the same one.
pub struct Projector {
    views: Arc<dyn Views>,
    projections: Vec<Arc<dyn Projection>>,
    parking: Arc<dyn Parking>,
    clock: Clock,
    at_once: usize,
    generations: RecentGenerations,
    announcer: Option<CommitAnnouncer>,
}

/// The outcome of a retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct ProjectionRetries {
    /// Views that have caught up with the event table.
    pub repaired: usize,
    /// Views that have not; their parking rows say why.
    pub still_parked: usize,
}

/// A record to repeat from, as Lambda reads it.
fn failure(record: String) -> DynamoDbBatchItemFailure {
    let mut failure = DynamoDbBatchItemFailure::default();
    failure.item_identifier = Some(record);
    failure
}

impl Projector {
    /// A projector for these read models; `views` names the generations to write.
    #[must_use]
    pub fn new(
        views: Arc<dyn Views>,
        projections: Vec<Arc<dyn Projection>>,
        parking: Arc<dyn Parking>,
        clock: Clock,
    ) -> Self {
        let generations = RecentGenerations::default();
        Self { views, projections, parking, clock, at_once: PARALLEL, generations, announcer: None }
    }

    /// The same projector with another number of products written concurrently.
    #[must_use]
    pub fn at_once(self, products: usize) -> Self {
        Self { at_once: products.max(1), ..self }
    }

    /// Projects a batch of stream records given as a Lambda event; returns Lambda's partial batch response.
    pub async fn project(&self, event: Event) -> DynamoDbEventResponse {
        self.project_until(event, None).await
    }

    /// The same within `time_left`: products that are not projected by then are handed back.
    pub async fn project_within(&self, event: Event, time_left: Duration) -> DynamoDbEventResponse {
        self.project_until(event, Some(RunDeadlines::of(time_left).recording)).await
    }

    async fn project_until(&self, event: Event, end: Option<Instant>) -> DynamoDbEventResponse {
        let records = event.records.iter().map(ChangeRecord::of).collect();
        let mut answer = DynamoDbEventResponse::default();
        answer.batch_item_failures = self.follow_until(records, end).await.into_iter().map(failure).collect();
        answer
    }

    /// Projects a batch. Returns the records from which it has to be repeated: those of products that could be neither
    /// projected nor parked.
    pub async fn follow(&self, records: Vec<ChangeRecord>) -> Vec<String> {
        self.follow_until(records, None).await
    }

    async fn follow_until(&self, records: Vec<ChangeRecord>, end: Option<Instant>) -> Vec<String> {
        let batch = RecordBatch::read(records);
        for tampering in &batch.tampered {
            tampering.count(PROJECTOR);
            tracing::error!(target: "ledger::projector",
                operation = tampering.operation,
                product_id = tampering.product,
                sequence = tampering.sequence,
                "the event table was tampered with"
            );
        }
        for reason in &batch.foreign {
            tracing::error!(target: "ledger::projector", reason, "a stream record names no product; run `ledger reconcile` to find it");
        }
        if batch.products.is_empty() {
            return Vec::new();
        }
        let mut failed = self.announce(&batch.products, end).await;
        let generations = until(end, self.views.generations()).await.flatten();
        let projected = futures::stream::iter(batch.products).map(|records| {
            let first_record = records.first_record.clone();
            let product = self.project_product(generations.as_ref(), records);
            async move { until(end, product).await.map_err(|_| first_record) }
        });
        let projected: Vec<_> = projected.buffer_unordered(self.at_once).collect().await;
        let late = projected.iter().filter(|product| product.is_err()).count();
        if late > 0 {
            tracing::warn!(target: "ledger::projector", products = late, "the time of this run is over; the records of these products are handed back");
        }
        failed.extend(projected.into_iter().filter_map(|product| product.unwrap_or_else(Some)));
        failed
    }

    /// Projects one product into every view; returns the record to repeat from if parking failed too.
    async fn project_product(
        &self,
        generations: Result<&ViewGenerations, &StoreError>,
        records: ProductRecords,
    ) -> Option<String> {
        let product = &records.commits.product;
        let commits = (!records.unreadable).then_some(&records.commits);
        let mut lost = false;
        for projection in &self.projections {
            let name = projection.view().name();
            let update =
                self.update(projection.as_ref(), generations, product, records.first_sequence(), commits);
            match update.instrument(records.span(name)).await {
                Ok(()) => records.record_lag(name, (self.clock)()),
                Err(error) => lost |= self.park(name, product, error).await.is_err(),
            }
        }
        lost.then_some(records.first_record)
    }

    /// Updates a product in every generation that is written: with these commits, or from the event table without any.
    async fn update(
        &self,
        projection: &dyn Projection,
        generations: Result<&ViewGenerations, &StoreError>,
        product: &ProductId,
        from_sequence: u64,
        commits: Option<&ProductCommits>,
    ) -> Result<(), ProjectionError> {
        let generations = generations.map_err(|error| ProjectionError::retryable(from_sequence, error))?;
        let mut outcome = Ok(());
        for generation in &generations.of(projection.view()).write {
            let updated = match commits {
                Some(commits) => projection.apply(*generation, commits).await,
                None => projection.catch_up(*generation, product).await,
            };
            let later = updated.as_ref().is_err_and(|error| error.retryable);
            outcome = outcome.and(updated);
            if later {
                // A generation that is read must never get ahead of its successor, or readers would see an older version
                // after the switch. A permanent error does not hold it back: it stops the rebuild instead.
                break;
            }
        }
        outcome
    }

    /// Retries every product that is parked with a retryable error, within `time_left`; what is left then is for the next run.
    ///
    /// # Errors
    /// [`StoreError`]: the parking table did not answer; the next scheduled run tries again.
    pub async fn retry_parked(&self, time_left: Duration) -> Result<ProjectionRetries, StoreError> {
        let end = Some(RunDeadlines::of(time_left).recording);
        let generations = until(end, self.views.generations()).await.flatten();
        let mut retried = ProjectionRetries::default();
        for projection in &self.projections {
            match self.retry_parked_of(projection.as_ref(), generations.as_ref(), end, &mut retried).await? {
                Some(parked) => note_parked(projection.view().name(), parked),
                None => break,
            }
        }
        Ok(retried)
    }

    /// Retries the parked products of one view; how many are parked afterwards, unless the time was over before that was known.
    async fn retry_parked_of(
        &self,
        projection: &dyn Projection,
        generations: Result<&ViewGenerations, &StoreError>,
        end: Option<Instant>,
        retried: &mut ProjectionRetries,
    ) -> Result<Option<usize>, StoreError> {
        let consumer = projection.view().name();
        let (mut after, mut parked, mut in_time) = (None, 0, true);
        loop {
            let rows = until(end, self.parking.list(consumer, after.as_ref(), PAGE)).await??;
            let last = rows.len() < PAGE;
            parked += rows.len();
            after = rows.last().map(|row| row.product_id.clone());
            let outcomes = futures::stream::iter(rows.into_iter().filter(|row| row.retryable))
                .map(|row| until(end, self.repair(projection, generations, row)))
                .buffer_unordered(PARALLEL)
                .collect::<Vec<_>>()
                .await;
            for outcome in outcomes {
                let Ok(repaired) = outcome else {
                    in_time = false;
                    continue;
                };
                let repaired = repaired?;
                retried.count(repaired);
                parked -= usize::from(repaired);
            }
            if !in_time {
                tracing::warn!(target: "ledger::projector", consumer, "the time of this run is over; the next one retries the other parked products");
                return Ok(None);
            }
            if last {
                return Ok(Some(parked));
            }
        }
    }

    /// Brings a product's views up to date with the event table, whether or not it is parked, and for whatever reason.
    ///
    /// # Errors
    /// [`StoreError`]: the parking table did not answer; try again.
    pub async fn retry(&self, product: &ProductId) -> Result<ProjectionRetries, StoreError> {
        let generations = self.views.generations().await;
        let mut retried = ProjectionRetries::default();
        for projection in &self.projections {
            let repaired = match self.parking.of(projection.view().name(), product).await? {
                Some(row) => self.repair(projection.as_ref(), generations.as_ref(), row).await?,
                None => self.catch_up_or_park(projection.as_ref(), generations.as_ref(), product, 1).await?,
            };
            retried.count(repaired);
        }
        Ok(retried)
    }

    /// How the views that are read differ from the event table; [`Projector::retry`] repairs those that are missing or
    /// behind, even if the stream never mentioned the product.
    ///
    /// # Errors
    /// [`ProjectionError`]: a store did not answer, or a commit of the product cannot be read.
    pub async fn differences(&self, product: &ProductId) -> Result<Vec<(View, Difference)>, ProjectionError> {
        let generations = self.views.generations().await;
        let generations = generations.map_err(|error| ProjectionError::retryable(1, &error))?;
        let mut differences = Vec::new();
        for projection in &self.projections {
            let view = projection.view();
            let difference = projection.compare(generations.of(view).read, product).await?;
            differences.extend(difference.map(|difference| (view, difference)));
        }
        Ok(differences)
    }

    async fn repair(
        &self,
        projection: &dyn Projection,
        generations: Result<&ViewGenerations, &StoreError>,
        row: Parked,
    ) -> Result<bool, StoreError> {
        let repaired =
            self.catch_up_or_park(projection, generations, &row.product_id, row.from_sequence).await?;
        if repaired {
            self.parking.release(&row).await?;
        }
        Ok(repaired)
    }

    /// Whether the product's view caught up with the event table; it is parked otherwise.
    async fn catch_up_or_park(
        &self,
        projection: &dyn Projection,
        generations: Result<&ViewGenerations, &StoreError>,
        product: &ProductId,
        from_sequence: u64,
    ) -> Result<bool, StoreError> {
        match self.update(projection, generations, product, from_sequence, None).await {
            Ok(()) => Ok(true),
            Err(error) => self.park(projection.view().name(), product, error).await.map(|()| false),
        }
    }

    async fn park(
        &self,
        consumer: &'static str,
        product: &ProductId,
        error: ProjectionError,
    ) -> Result<(), StoreError> {
        tracing::warn!(target: "ledger::projector",
            consumer,
            product_id = product.as_str(),
            from_sequence = error.from_sequence,
            retryable = error.is_tried_again(),
            reason = error.reason,
            "a product cannot be projected and is parked"
        );
        let trouble = ParkingCause {
            from_sequence: error.from_sequence,
            retryable: error.is_tried_again(),
            reason: error.reason,
            at: (self.clock)(),
        };
        let parked = self.parking.park(consumer, product, &trouble).await;
        event_store::parking::count(consumer, &trouble);
        if let Err(error) = &parked {
            tracing::error!(target: "ledger::projector",
                consumer,
                product_id = product.as_str(),
                error = error.to_string(),
                "a product could not be parked; its records are handed back"
            );
        }
        parked
    }
}

impl ProjectionRetries {
    fn count(&mut self, repaired: bool) {
        if repaired {
            self.repaired += 1;
        } else {
            self.still_parked += 1;
        }
    }
}
