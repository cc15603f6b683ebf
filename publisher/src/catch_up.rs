//! Products are brought up to date from the event table: parked ones by the schedule or an operator, and those whose
//! stream records never arrived.
//!
//! Its promise: a parking row goes only after everything up to the newest event is published. Whoever leaves an event to
//! the row changes it ([`Publisher::leave`]), and a row that changed since it was read is not released. The schedule and an
//! operator take turns, so that one does not send again what the other is sending.

use std::collections::HashMap;
use std::time::Duration;

use event_store::parking::note_parked;
use event_store::receipts::published;
use event_store::{Parked, ParkingCause, StoreError};
use schema::ProductId;
use serde::Serialize;
use tokio::sync::MutexGuard;
use tokio::time::{Instant, timeout_at};

use crate::pass::{End, Wanted};
use crate::patience::Patience;
use crate::publish::{CONSUMER, Publisher, deadline};

/// How many parking rows are read and retried together.
const PAGE: usize = 100;

/// The schedule itself comes back every minute, so it does not wait long for one event.
const SCHEDULED: Duration = Duration::from_secs(2);

/// How bringing a product up to date ended.
#[derive(Debug)]
pub enum CaughtUp {
    /// Every event up to this one is published, and it was the newest; the product is not parked any more.
    UpTo(u64),
    /// The product is parked for this reason.
    Parked(ParkingCause),
}

/// What the schedule achieved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Retried {
    /// Products that are up to date again.
    pub released: usize,
    /// Products that were parked again.
    pub parked: usize,
    /// Products for which a table did not answer; they are parked still.
    pub unavailable: usize,
}

impl Publisher {
    /// Publishes everything of a product that is not published yet, parked or not, and releases it: for `parked retry`
    /// and `reconcile --repair`.
    ///
    /// # Errors
    /// [`StoreError`]: a table did not answer, or others had the turn all the time; nothing is lost, try again later.
    pub async fn publish_product(
        &self,
        product: &ProductId,
        time_left: Duration,
    ) -> Result<CaughtUp, StoreError> {
        let deadline = deadline(time_left);
        let _turn = self.turn(deadline).await?;
        let row = self.ports.parking.of(CONSUMER, product).await?;
        let rows = HashMap::from_iter(row.map(|row| (product.clone(), row)));
        let products = vec![product.clone()];
        let ends = self.catch_up(products, rows, self.patience, deadline).await;
        let end = ends.into_iter().next().map(|(_, end)| end);
        end.unwrap_or_else(|| Err(StoreError::new("the product was not looked at".into())))
    }

    /// Publishes the parked products that time can heal: what the schedule calls every minute.
    ///
    /// # Errors
    /// [`StoreError`]: the parking table did not answer, or others had the turn all the time; the schedule comes again.
    pub async fn retry_parked(&self, time_left: Duration) -> Result<Retried, StoreError> {
        let deadline = deadline(time_left);
        let patience = Patience { total: self.patience.total.min(SCHEDULED), ..self.patience };
        let mut retried = Retried::default();
        let (mut after, mut parked) = (None, 0);
        while Instant::now() < deadline {
            let _turn = self.turn(deadline).await?;
            let page = self.ports.parking.list(CONSUMER, after.as_ref(), PAGE).await?;
            let Some(last) = page.last() else {
                note_parked(CONSUMER, parked - retried.released);
                break;
            };
            parked += page.len();
            after = Some(last.product_id.clone());
            let rows = page.into_iter().filter(|row| row.retryable);
            let rows: HashMap<ProductId, Parked> = rows.map(|row| (row.product_id.clone(), row)).collect();
            let products = rows.keys().cloned().collect();
            for (_, end) in self.catch_up(products, rows, patience, deadline).await {
                match end {
                    Ok(CaughtUp::UpTo(_)) => retried.released += 1,
                    Ok(CaughtUp::Parked(_)) => retried.parked += 1,
                    Err(_) => retried.unavailable += 1,
                }
            }
        }
        Ok(retried)
    }

    /// How far the publication of a product got, if that is behind `head`, its newest event in the event table: receipts
    /// of events that the ledger does not have say nothing.
    ///
    /// # Errors
    /// [`StoreError`]: a table did not answer; try again later.
    pub async fn behind(&self, product: &ProductId, head: u64) -> Result<Option<u64>, StoreError> {
        let position = self.ports.receipts.position(product).await?;
        let (journal, receipts) = (&*self.ports.journal, &*self.ports.receipts);
        let published = published(journal, receipts, product, &position).await?.up_to;
        Ok((published < head).then_some(published))
    }

    /// Waits until nobody else brings products up to date.
    async fn turn(&self, deadline: Instant) -> Result<MutexGuard<'_, ()>, StoreError> {
        let turn = timeout_at(deadline, self.catching_up.lock()).await;
        turn.map_err(|_| StoreError::new("other parked products are still being published".into()))
    }

    async fn catch_up(
        &self,
        products: Vec<ProductId>,
        mut rows: HashMap<ProductId, Parked>,
        patience: Patience,
        deadline: Instant,
    ) -> Vec<(ProductId, Result<CaughtUp, StoreError>)> {
        let mut ends = Vec::new();
        let mut wanted: Vec<Wanted> = products.into_iter().map(everything).collect();
        while !wanted.is_empty() {
            let mut again = Vec::new();
            for finished in self.pass(wanted, patience, deadline).await {
                let product = finished.product;
                let end = match finished.end {
                    End::More(rest) => {
                        again.push(rest);
                        continue;
                    }
                    End::Published => match self.release(rows.remove(&product)).await {
                        Ok(None) => Ok(CaughtUp::UpTo(finished.recorded)),
                        Ok(Some(changed)) => {
                            rows.insert(product.clone(), changed);
                            again.push(everything(product));
                            continue;
                        }
                        Err(error) => Err(error),
                    },
                    End::Parked(Some(trouble)) => Ok(CaughtUp::Parked(trouble)),
                    End::Parked(None) => Err(StoreError::new("the product is parked".into())),
                    End::Unavailable(error) => Err(error),
                };
                ends.push((product, end));
            }
            wanted = again;
        }
        ends
    }

    /// Releases a row as it was seen; answers the row if it has changed since.
    async fn release(&self, row: Option<Parked>) -> Result<Option<Parked>, StoreError> {
        let Some(row) = row else { return Ok(None) };
        if self.ports.parking.release(&row).await? {
            return Ok(None);
        }
        self.ports.parking.of(CONSUMER, &row.product_id).await
    }

    /// Leaves a product's events to whoever releases its row. Were the row only read, it could be released in the same
    /// moment by somebody who has not seen these events, and nobody would look for them again.
    pub(crate) async fn leave(&self, row: Parked) -> Result<(), StoreError> {
        let (from_sequence, reason, retryable) = (row.from_sequence, row.reason, row.retryable);
        let trouble = ParkingCause { from_sequence, reason, retryable, at: (self.ports.clock)() };
        self.ports.parking.park(CONSUMER, &row.product_id, &trouble).await
    }
}

fn everything(product: ProductId) -> Wanted {
    Wanted { product, up_to: None, commits: Vec::new(), even_if_parked: true }
}
