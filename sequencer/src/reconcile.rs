//! What announcements do not do: products that are parked for the log are tried again, and a schedule compares the newest commit
//! of every product with the log, so that what never reached the feed items is logged too.

use std::time::Duration;

use async_trait::async_trait;
use event_store::announced::LOG_CONSUMER;
use event_store::limits::{RunDeadlines, until};
use event_store::parking::note_parked;
use event_store::reconcile::{ComparedProduct, GRACE, ReconcileResult, ReconciledConsumer};
use event_store::{AnnouncedCommit, StoreError};
use schema::{ProductId, Timestamp};

use crate::due::{Due, DueReader};
use crate::round::{LogRun, Sequencer};

/// The name of this function's rounds. Stored. Never change.
pub const ROUNDS: &str = "sequencer";

/// How many parking rows are read at once.
const PAGE: usize = 100;

impl Sequencer {
    /// Tries every product again that is parked for the log with a retryable error, within `time_left`.
    ///
    /// # Errors
    /// [`StoreError`]: a store did not answer; the next run tries again.
    pub async fn retry_parked(&self, time_left: Duration) -> Result<LogRun, StoreError> {
        let end = Some(RunDeadlines::of(time_left).recording);
        let (mut after, mut parked, mut run) = (None, 0, LogRun::default());
        loop {
            let rows = until(end, self.ports.parking.list(LOG_CONSUMER, after.as_ref(), PAGE)).await??;
            let is_last = rows.len() < PAGE;
            parked += rows.len();
            after = rows.last().map(|row| row.product_id.clone());
            for row in rows.into_iter().filter(|row| row.retryable) {
                let retried = until(end, self.retry(&row.product_id)).await??;
                run.logged += retried.logged;
                run.parked += retried.parked;
                run.is_beginning |= retried.is_beginning;
                let is_done = !retried.is_beginning && retried.parked == 0;
                if is_done && until(end, self.ports.parking.release(&row)).await?? {
                    parked -= 1;
                }
            }
            if is_last {
                note_parked(LOG_CONSUMER, parked);
                return Ok(run);
            }
        }
    }

    /// Compares the newest commit of a product with the log, and logs what is due.
    ///
    /// # Errors
    /// [`StoreError`]: a store did not answer; try again.
    pub async fn retry(&self, product: &ProductId) -> Result<LogRun, StoreError> {
        self.log(&[AnnouncedCommit { product: product.clone(), newest: None }], None).await
    }

    async fn reconcile_log(&self, product: &ComparedProduct<'_>) -> Result<ReconcileResult, StoreError> {
        let reader = DueReader { journal: &*self.ports.journal, table: &*self.ports.table };
        let first = match reader.due(&product.id, &[None]).await? {
            Due::Nothing => return Ok(ReconcileResult::Agrees),
            Due::Conflict(conflict) => {
                if self.ports.parking.of(LOG_CONSUMER, &product.id).await?.is_none() {
                    self.park(&product.id, &conflict).await?;
                }
                return Ok(ReconcileResult::Left { since: product.now, reason: conflict.to_string() });
            }
            Due::Commits { commits, .. } => commits.into_iter().next(),
        };
        let recorded_at = first.and_then(|due| Timestamp::parse(&due.recorded_at).ok());
        let since = recorded_at.unwrap_or(product.now);
        if since.seconds_until(product.now) < GRACE.as_secs_f64() {
            return Ok(ReconcileResult::Agrees);
        }
        if self.ports.parking.of(LOG_CONSUMER, &product.id).await?.is_some() {
            return Ok(ReconcileResult::Parked { since });
        }
        let run = self.retry(&product.id).await?;
        if run.is_beginning {
            // Its turn comes.
            return Ok(ReconcileResult::Agrees);
        }
        if run.parked == 0 {
            return Ok(ReconcileResult::Repaired);
        }
        let reason = "it is still not logged; the parking row says why".to_owned();
        Ok(ReconcileResult::Left { since, reason })
    }
}

#[async_trait]
impl ReconciledConsumer for Sequencer {
    fn consumers(&self) -> Vec<&'static str> {
        vec![LOG_CONSUMER]
    }

    async fn reconcile(&self, product: &ComparedProduct<'_>) -> Result<Vec<ReconcileResult>, StoreError> {
        Ok(vec![self.reconcile_log(product).await?])
    }
}
