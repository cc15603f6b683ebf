//! The verification of a journal: all products in order of id, several in parallel, on request with their receipts.
//!
//! The promise: what is appended or published meanwhile is never reported as a fault.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, Stream, StreamExt};
use schema::{ProductId, PublicationRecord, StoredCommit};

use super::chain::Chain;
use super::examine::{Examined, examine};
use super::fault::{FaultKind, WitnessSource};
use super::report::ProductReport;
use super::unpublished::{Unpublished, UnpublishedEvents, Unsettled};
use super::witness::{EventIdentity, Sighting, Witness, against};
use crate::error::StoreError;
use crate::heads::ProductListing;
use crate::journal::{Head, Journal};
use crate::poll::PollPolicy;
use crate::receipts::{PublicationPosition, Receipts, readable};

/// Commits per request.
const PAGE: usize = 100;

/// Called with the number of further commits that were verified.
pub type VerifyProgress = Arc<dyn Fn(u64) + Send + Sync>;

/// The verification of a journal. Cheap to clone; clones share their state.
#[derive(Clone)]
pub struct JournalVerifier {
    journal: Arc<dyn Journal>,
    receipts: Option<Arc<dyn Receipts>>,
    unpublished: Arc<Unsettled>,
    /// Whether events may have no receipt yet.
    lagging: bool,
    witnesses: Arc<Mutex<BTreeMap<String, Vec<Witness>>>>,
    progress: VerifyProgress,
}

impl JournalVerifier {
    /// The verification of the chains of a journal.
    #[must_use]
    pub fn of(journal: Arc<dyn Journal>) -> Self {
        Self {
            journal,
            receipts: None,
            unpublished: Arc::default(),
            lagging: false,
            witnesses: Arc::default(),
            progress: Arc::new(|_| {}),
        }
    }

    /// Compares every event with its receipt too; events without one are reported by [`JournalVerifier::settle`].
    #[must_use]
    pub fn with_receipts(self, receipts: Arc<dyn Receipts>) -> Self {
        Self { receipts: Some(receipts), ..self }
    }

    /// Compares only events that have a receipt; the others may be published later.
    #[must_use]
    pub fn with_lagging_receipts(self, receipts: Arc<dyn Receipts>) -> Self {
        Self { lagging: true, ..self.with_receipts(receipts) }
    }

    /// Polls for the receipts of the events that had none, nor any event behind them; returns what is left.
    ///
    /// # Errors
    /// [`StoreError`]: verify again later.
    pub async fn settle(&self, policy: PollPolicy) -> Result<UnpublishedEvents, StoreError> {
        match &self.receipts {
            Some(receipts) => self.unpublished.settle(&**receipts, policy).await,
            None => Ok(UnpublishedEvents::default()),
        }
    }

    /// Compares the products with what witnesses saw of them.
    #[must_use]
    pub fn witnessed(self, witnesses: BTreeMap<String, Vec<Witness>>) -> Self {
        Self { witnesses: Arc::new(Mutex::new(witnesses)), ..self }
    }

    /// Reports every page that was verified to `progress`.
    #[must_use]
    pub fn with_progress(self, progress: VerifyProgress) -> Self {
        Self { progress, ..self }
    }

    /// Verifies the listed products, `at_once` of them in parallel, and then those that only witnesses saw, both in order of
    /// id. Needs a Tokio runtime. After an error the stream must not be polled again.
    pub fn products(
        self,
        listing: ProductListing,
        at_once: usize,
    ) -> impl Stream<Item = Result<ProductReport, StoreError>> + Send {
        let witnesses = self.witnesses.clone();
        let unseen = stream::once(async move {
            let unseen = std::mem::take(&mut *witnesses.lock().unwrap_or_else(PoisonError::into_inner));
            stream::iter(unseen.into_iter().map(|(product, seen)| Ok(Chain::witnessed(product, seen).end())))
        });
        let verified = listing.heads().map(move |head| {
            let ledger = self.clone();
            let verification = tokio::spawn(async move { ledger.listed(head?).await });
            async move { verification.await.unwrap_or_else(|panicked| Err(StoreError::new(panicked.into()))) }
        });
        verified.buffered(at_once.max(1)).chain(unseen.flatten())
    }

    /// Verifies one product; a product that does not exist has no commits and no faults.
    ///
    /// # Errors
    /// [`StoreError`]: verify again later.
    pub async fn product(&self, product: &ProductId) -> Result<ProductReport, StoreError> {
        let mut seen = self.witnesses_of(product.as_str());
        let (mut restored, mut published) = (0, Some(0));
        // The record or mark that hides up to where the product is published.
        let mut unread = None;
        if let Some(receipts) = &self.receipts {
            // Read before the chain, so that what is published meanwhile does not look cut off.
            match receipts.position(product).await {
                Ok(position) => {
                    restored = position.mark.as_ref().map_or(0, |mark| mark.sequence);
                    published = Some(position.published);
                    seen.extend(seen_by_receipts(position));
                }
                Err(error) if error.is_unreadable() => {
                    (published, unread) = (None, Some(FaultKind::unreadable(&error)));
                }
                Err(error) => return Err(error),
            }
        }
        let mut chain = Chain::witnessed(product.as_str(), seen);
        let mut after = 0;
        loop {
            let page = self.journal.page(product, after, PAGE).await?;
            let examined: Vec<Examined> = page.iter().map(examine).collect();
            for commit in &examined {
                chain.follow(commit);
            }
            self.compare_receipts(product, (restored, published), &examined, &mut chain).await?;
            (self.progress)(page.len() as u64);
            if page.len() < PAGE {
                break;
            }
            after = further(&page, after)?;
        }
        // If it is the record of an event of the chain, it was named there.
        if let Some(kind) = unread.filter(|kind| !chain.has(kind)) {
            chain.fault(None, None, kind);
        }
        Ok(chain.end())
    }

    async fn listed(&self, head: Head) -> Result<ProductReport, StoreError> {
        let Ok(product) = ProductId::new(head.product_id.as_str()) else {
            let mut chain = Chain::of(head.product_id);
            let reason = "is not a product id".to_owned();
            chain.fault(None, None, FaultKind::Unreadable { field: "product_id".into(), reason });
            return Ok(chain.end());
        };
        let mut report = self.product(&product).await?;
        if report.is_absent() {
            // The scan returned it, but nothing has its key: the item's key and its content name different products.
            let mut chain = Chain::of(head.product_id);
            chain.fault(None, None, FaultKind::Missing { from: 1, to: head.version });
            report = chain.end();
        }
        Ok(report)
    }

    fn witnesses_of(&self, product: &str) -> Vec<Witness> {
        let mut witnesses = self.witnesses.lock().unwrap_or_else(PoisonError::into_inner);
        witnesses.remove(product).unwrap_or_default()
    }

    async fn compare_receipts(
        &self,
        product: &ProductId,
        (restored, published): (u64, Option<u64>),
        commits: &[Examined],
        chain: &mut Chain,
    ) -> Result<(), StoreError> {
        let Some(receipts) = &self.receipts else {
            return Ok(());
        };
        let events: Vec<(u64, &str, &Examined)> = commits.iter().flat_map(Examined::numbered).collect();
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(());
        };
        let found = readable(&**receipts, product, first.0, last.0).await?;
        for (sequence, event_id, commit) in events {
            if let Some(error) = found.unreadable.get(&sequence) {
                chain.fault(Some(sequence), None, FaultKind::unreadable(error));
                continue;
            }
            let record = found.records.get(&sequence);
            if self.lagging && !matches!(record, Some(PublicationRecord::Receipt(_))) {
                continue;
            }
            // Restored events have no receipts; whether the mark fits is checked with the chain.
            let is_restored = record.is_none() && sequence <= restored;
            let Some(hash) = commit.carried.as_ref().filter(|_| !is_restored) else {
                continue;
            };
            let Some(published) = published.or(record.map(|_| 0)) else { continue };
            if record.is_some() || sequence <= published {
                for kind in against(EventIdentity { event_id, hash }, record) {
                    chain.fault(Some(sequence), None, kind);
                }
            } else {
                self.unpublished.put(Unpublished {
                    product: product.clone(),
                    sequence,
                    recorded_at: commit.recorded_at,
                    event_id: event_id.to_owned(),
                    hash: hash.clone(),
                });
            }
        }
        Ok(())
    }
}

/// The receipts as witnesses: of the newest event they know of (a failure is of the event behind those that count as
/// published), and of the commit in a restore's mark.
fn seen_by_receipts(position: PublicationPosition) -> Vec<Witness> {
    let marked = position.mark.as_ref().map_or(0, |mark| mark.sequence);
    let newest = position.published.max(marked) + u64::from(position.failure.is_some());
    let event = (newest > 0).then_some((newest, Sighting::Event));
    let mark = position.mark.map(|mark| (mark.sequence, Sighting::Hash(mark.hash)));
    let witness = |(sequence, seen)| Witness { sequence, seen, seen_by: WitnessSource::Receipts };
    event.into_iter().chain(mark).map(witness).collect()
}

/// The sequence behind which the next page begins.
fn further(page: &[StoredCommit], after: u64) -> Result<u64, StoreError> {
    let last = page.last().and_then(|commit| commit.sequence().ok()).filter(|last| *last > after);
    last.ok_or_else(|| StoreError::new(format!("the page after sequence {after} has no later commit").into()))
}
