//! What became of sent events is written down: receipts in batches, failures at once.
//!
//! Its promise: a failure is on record before its event is sent again, and nothing is recorded of a product's event before
//! the receipts of those before it.

use event_store::receipts::EventPublication;
use event_store::{Receipts, StoreError};
use schema::receipt::FailureDetails;
use schema::{Clock, PublicationFailure, PublicationReceipt, PublicationRecord};

use crate::figures;
use crate::send::Sent;

/// Receipts are written this many at a time: full batches of the store, four of them side by side.
const TOGETHER: usize = 100;

/// Receipts on their way to the store.
pub(crate) struct Recorder<'a> {
    receipts: &'a dyn Receipts,
    clock: &'a Clock,
    bus: &'a str,
    pending: Vec<EventPublication>,
}

impl<'a> Recorder<'a> {
    pub(crate) fn new(receipts: &'a dyn Receipts, clock: &'a Clock, bus: &'a str) -> Self {
        Self { receipts, clock, bus, pending: Vec::new() }
    }

    /// Takes the outcome of a round.
    pub(crate) async fn take(&mut self, sent: Vec<Sent>) -> Result<(), StoreError> {
        let records = sent.into_iter().map(|sent| self.record(sent));
        let (receipts, failures): (Vec<EventPublication>, Vec<EventPublication>) =
            records.partition(|record| matches!(record.outcome, PublicationRecord::Receipt(_)));
        self.pending.extend(receipts);
        if !failures.is_empty() {
            tracing::warn!(target: "ledger::publisher", refused = failures.len(), "the bus did not accept events");
            // The receipts of what these products were sent before come first.
            self.flush().await?;
            self.receipts.record(&failures).await?;
        }
        if self.pending.len() >= TOGETHER {
            self.receipts.record(&self.pending[..TOGETHER]).await?;
            self.pending.drain(..TOGETHER);
        }
        Ok(())
    }

    /// Writes what is pending.
    pub(crate) async fn flush(&mut self) -> Result<(), StoreError> {
        if !self.pending.is_empty() {
            self.receipts.record(&self.pending).await?;
            self.pending.clear();
        }
        Ok(())
    }

    fn record(&self, sent: Sent) -> EventPublication {
        let now = (self.clock)();
        if sent.result.is_ok() {
            figures::published(sent.commit.recorded_at, now);
        }
        let outcome = match sent.result {
            Ok(receipt_id) => PublicationRecord::Receipt(PublicationReceipt {
                event_id: sent.event_id,
                receipt_id,
                bus: self.bus.to_owned(),
                published_at: now,
                attempts: sent.attempts,
                hash: sent.commit.hash.clone(),
            }),
            Err(refusal) => PublicationRecord::Failure(PublicationFailure {
                event_id: sent.event_id,
                receipt_id: String::new(),
                error: refusal.message,
                details: FailureDetails { error_code: refusal.code },
                attempts: sent.attempts,
                failed_at: now,
            }),
        };
        EventPublication { product: sent.product, sequence: sent.sequence, outcome }
    }
}
