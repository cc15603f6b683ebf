//! Publishes products from the event table up to their newest event: parked products for the schedule or an operator, and
//! products whose stream records never arrived.
//!
//! Its promise: a parking row is removed only after everything up to the newest event is published. A pass that leaves an
//! event to the row changes it, and a row that changed since it was read is not released. The schedule and operators take
//! turns, so that neither sends again what the other is sending.

use std::collections::HashMap;
use std::time::Duration;

use event_store::limits::{RunDeadlines, until};
use event_store::parking::note_parked;
use event_store::receipts::published;
use event_store::{Parked, ParkingCause, StoreError};
use schema::ProductId;
use serde::Serialize;
use telemetry::meters::BUS_MISSING;
use tokio::sync::MutexGuard;
use tokio::time::Instant;

use crate::bus::BusPresence;
use crate::pass::{PassOutcome, PublishRequest};
use crate::publisher::{CONSUMER, Publisher, RetryPolicy};

/// How many parking rows are read and retried together.
const PAGE: usize = 100;

/// How long the schedule retries one event: it runs again every minute anyway.
const SCHEDULED: Duration = Duration::from_secs(2);

/// How publishing a product up to its newest event ended.
#[derive(Debug)]
pub enum CatchUpOutcome {
    /// Every event up to this one, the newest, is published, and the product is not parked.
    UpTo(u64),
    /// The product is parked for this reason.
    Parked(ParkingCause),
}

/// The result of one scheduled retry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct PublishRetryCounts {
    /// Products that were published to their newest event and released.
    pub released: usize,
    /// Products that were parked again.
    pub parked: usize,
    /// Products for which a store did not answer; they stay parked.
    pub unavailable: usize,
}

impl Publisher {
    /// Publishes all unpublished events of a product, parked or not, and releases it: for `parked retry` and
    /// `reconcile --repair`.
    ///
    /// # Errors
    /// [`StoreError`]: a store did not answer, or other retries took all the time; nothing is lost, try again later.
    pub async fn publish_product(
        &self,
        product: &ProductId,
        time_left: Duration,
    ) -> Result<CatchUpOutcome, StoreError> {
        let begun = Instant::now();
        let turn = self.turn(RunDeadlines::of(time_left)).await?;
        self.publish_in_turn(&turn, product, time_left.saturating_sub(begun.elapsed())).await
    }

    /// The same for who has the turn.
    pub(crate) async fn publish_in_turn(
        &self,
        _: &MutexGuard<'_, ()>,
        product: &ProductId,
        time_left: Duration,
    ) -> Result<CatchUpOutcome, StoreError> {
        let deadlines = RunDeadlines::of(time_left);
        let row = until(Some(deadlines.working), self.ports.parking.of(CONSUMER, product)).await??;
        let rows = HashMap::from_iter(row.map(|row| (product.clone(), row)));
        let products = vec![product.clone()];
        let outcomes = self.catch_up(products, rows, self.retry_policy, deadlines).await;
        let outcome = outcomes.into_iter().next().map(|(_, outcome)| outcome);
        outcome.unwrap_or_else(|| Err(StoreError::new("no pass over the product was made".into())))
    }

    /// Publishes the parked products that are retryable, if the bus exists; the schedule calls this every minute.
    ///
    /// # Errors
    /// [`StoreError`]: the parking table did not answer, or other retries took all the time; the next scheduled run
    /// goes on.
    pub async fn retry_parked(&self, time_left: Duration) -> Result<PublishRetryCounts, StoreError> {
        let deadlines = RunDeadlines::of(time_left);
        let retry_policy = RetryPolicy { total: self.retry_policy.total.min(SCHEDULED), ..self.retry_policy };
        let is_missing = self.note_presence().await == BusPresence::Missing;
        let mut retried = PublishRetryCounts::default();
        let (mut after, mut parked) = (None, 0);
        while Instant::now() < deadlines.working {
            let _turn = self.turn(deadlines).await?;
            let listing = self.ports.parking.list(CONSUMER, after.as_ref(), PAGE);
            let page = until(Some(deadlines.working), listing).await??;
            let Some(last) = page.last() else {
                note_parked(CONSUMER, parked - retried.released);
                break;
            };
            parked += page.len();
            after = Some(last.product_id.clone());
            // Without a bus every attempt would only be one more failure on record.
            let rows = page.into_iter().filter(|row| row.retryable && !is_missing);
            let rows: HashMap<ProductId, Parked> = rows.map(|row| (row.product_id.clone(), row)).collect();
            let products = rows.keys().cloned().collect();
            for (_, outcome) in self.catch_up(products, rows, retry_policy, deadlines).await {
                match outcome {
                    Ok(CatchUpOutcome::UpTo(_)) => retried.released += 1,
                    Ok(CatchUpOutcome::Parked(_)) => retried.parked += 1,
                    Err(_) => retried.unavailable += 1,
                }
            }
        }
        Ok(retried)
    }

    /// The last published event of a product if it is behind `head`, the product's newest event in the event table.
    /// Receipts of events that the ledger does not have do not count.
    ///
    /// # Errors
    /// [`StoreError`]: a store did not answer; try again later.
    pub async fn behind(&self, product: &ProductId, head: u64) -> Result<Option<u64>, StoreError> {
        let position = self.ports.receipts.position(product).await?;
        let (journal, receipts) = (&*self.ports.journal, &*self.ports.receipts);
        let published = published(journal, receipts, product, &position).await?.up_to;
        Ok((published < head).then_some(published))
    }

    /// Asks whether the bus exists, and shows the answer in the metric that raises the alarm.
    async fn note_presence(&self) -> BusPresence {
        let presence = self.bus_presence(None).await;
        let missing = if presence == BusPresence::Missing { 1.0 } else { 0.0 };
        metrics::gauge!(BUS_MISSING.name).set(missing);
        presence
    }

    /// Waits until no other caller is catching up.
    async fn turn(&self, deadlines: RunDeadlines) -> Result<MutexGuard<'_, ()>, StoreError> {
        let turn = until(Some(deadlines.working), self.catching_up.lock()).await;
        turn.map_err(|_| StoreError::new("another retry of parked products is still running".into()))
    }

    async fn catch_up(
        &self,
        products: Vec<ProductId>,
        mut rows: HashMap<ProductId, Parked>,
        retry_policy: RetryPolicy,
        deadlines: RunDeadlines,
    ) -> Vec<(ProductId, Result<CatchUpOutcome, StoreError>)> {
        let mut outcomes = Vec::new();
        let mut requests: Vec<PublishRequest> = products.into_iter().map(everything).collect();
        while !requests.is_empty() {
            let mut remaining = Vec::new();
            for result in self.pass(requests, retry_policy, deadlines).await {
                let product = result.product;
                let outcome = match result.outcome {
                    PassOutcome::Incomplete(rest) => {
                        remaining.push(rest);
                        continue;
                    }
                    PassOutcome::Published => match self.release(rows.remove(&product), deadlines).await {
                        Ok(None) => Ok(CatchUpOutcome::UpTo(result.published)),
                        Ok(Some(changed)) => {
                            rows.insert(product.clone(), changed);
                            remaining.push(everything(product));
                            continue;
                        }
                        Err(error) => Err(error),
                    },
                    PassOutcome::Parked(Some(trouble)) => Ok(CatchUpOutcome::Parked(trouble)),
                    PassOutcome::Parked(None) => Err(StoreError::new("the product is parked".into())),
                    PassOutcome::Unavailable(error) => Err(error),
                };
                outcomes.push((product, outcome));
            }
            requests = remaining;
        }
        outcomes
    }

    /// Releases a row that is still as it was read; returns the row if it has changed since.
    async fn release(
        &self,
        row: Option<Parked>,
        deadlines: RunDeadlines,
    ) -> Result<Option<Parked>, StoreError> {
        let Some(row) = row else { return Ok(None) };
        let end = Some(deadlines.recording);
        if until(end, self.ports.parking.release(&row)).await?? {
            return Ok(None);
        }
        until(end, self.ports.parking.of(CONSUMER, &row.product_id)).await?
    }
}

fn everything(product: ProductId) -> PublishRequest {
    PublishRequest { product, up_to: None, commits: Vec::new(), even_if_parked: true }
}
