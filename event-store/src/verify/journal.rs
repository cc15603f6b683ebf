//! All products of a journal, several at once, in order of id; on request with the receipts of publication.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use futures::stream::{self, Stream, StreamExt};
use schema::{ProductId, PublicationRecord, StoredCommit};

use super::chain::Chain;
use super::examine::{Examined, examine};
use super::fault::{FaultKind, Source};
use super::report::ProductReport;
use super::unpublished::{Aside, Patience, Settled, Unpublished};
use super::witness::{Published, Seen, Witness, against};
use crate::heads::{Head, Listing};
use crate::journal::{Journal, Unavailable};
use crate::receipts::{Position, Receipts};

/// Commits per request.
const PAGE: usize = 100;

/// Is told how many more commits were verified.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// The verification of a journal. Clones are cheap and are the same one.
#[derive(Clone)]
pub struct Ledger {
    journal: Arc<dyn Journal>,
    receipts: Option<Arc<dyn Receipts>>,
    unpublished: Arc<Aside>,
    /// Whether events may have no receipt yet.
    lagging: bool,
    witnesses: Arc<Mutex<BTreeMap<String, Vec<Witness>>>>,
    progress: Progress,
}

impl Ledger {
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

    /// Compares every event with its receipt too; [`Ledger::settle`] says what became of those that have none.
    #[must_use]
    pub fn with_receipts(self, receipts: Arc<dyn Receipts>) -> Self {
        Self { receipts: Some(receipts), ..self }
    }

    /// Compares the events that have a receipt with it; the others may be published later.
    #[must_use]
    pub fn with_lagging_receipts(self, receipts: Arc<dyn Receipts>) -> Self {
        Self { lagging: true, ..self.with_receipts(receipts) }
    }

    /// What became of the events that were verified and had no receipt, behind which their products had none either.
    ///
    /// # Errors
    /// [`Unavailable`]: verify again later.
    pub async fn settle(&self, patience: Patience) -> Result<Settled, Unavailable> {
        match &self.receipts {
            Some(receipts) => self.unpublished.settle(&**receipts, patience).await,
            None => Ok(Settled::default()),
        }
    }

    /// Holds the products against what others saw of them.
    #[must_use]
    pub fn witnessed(self, witnesses: BTreeMap<String, Vec<Witness>>) -> Self {
        Self { witnesses: Arc::new(Mutex::new(witnesses)), ..self }
    }

    /// Tells of every page that was verified.
    #[must_use]
    pub fn telling(self, progress: Progress) -> Self {
        Self { progress, ..self }
    }

    /// Verifies the listed products, `at_once` of them in parallel, and those that only others saw; in order of id, the
    /// latter last. Needs a Tokio runtime. After an error the stream should not be asked for more.
    pub fn products(
        self,
        listing: Listing,
        at_once: usize,
    ) -> impl Stream<Item = Result<ProductReport, Unavailable>> + Send {
        let witnesses = self.witnesses.clone();
        let unseen = stream::once(async move {
            let unseen = std::mem::take(&mut *witnesses.lock().unwrap_or_else(PoisonError::into_inner));
            stream::iter(unseen.into_iter().map(|(product, seen)| Ok(Chain::witnessed(product, seen).end())))
        });
        let verified = listing.heads().map(move |head| {
            let ledger = self.clone();
            let verification = tokio::spawn(async move { ledger.listed(head?).await });
            async move { verification.await.unwrap_or_else(|panicked| Err(Unavailable(panicked.into()))) }
        });
        verified.buffered(at_once.max(1)).chain(unseen.flatten())
    }

    /// Verifies one product; one that does not exist has no commits and no faults.
    ///
    /// # Errors
    /// [`Unavailable`]: verify again later.
    pub async fn product(&self, product: &ProductId) -> Result<ProductReport, Unavailable> {
        let mut seen = self.witnesses_of(product.as_str());
        let (mut restored, mut published) = (0, 0);
        if let Some(receipts) = &self.receipts {
            // Before the chain is read: what is published meanwhile must not look cut off.
            let position = receipts.position(product).await?;
            restored = position.mark.as_ref().map_or(0, |mark| mark.sequence);
            published = position.published;
            seen.extend(seen_by_receipts(position));
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
                return Ok(chain.end());
            }
            after = further(&page, after)?;
        }
    }

    async fn listed(&self, head: Head) -> Result<ProductReport, Unavailable> {
        let Ok(product) = ProductId::new(head.product_id.as_str()) else {
            let mut chain = Chain::of(head.product_id);
            let reason = "is no product id".to_owned();
            chain.fault(None, None, FaultKind::Unreadable { field: "product_id".into(), reason });
            return Ok(chain.end());
        };
        let mut report = self.product(&product).await?;
        if report.commits == 0 {
            // The walk over the table met it, but nothing is under its key: the item says another product than its key.
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
        (restored, published): (u64, u64),
        commits: &[Examined],
        chain: &mut Chain,
    ) -> Result<(), Unavailable> {
        let Some(receipts) = &self.receipts else {
            return Ok(());
        };
        let events: Vec<(u64, &str, &Examined)> = commits.iter().flat_map(Examined::numbered).collect();
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(());
        };
        let records: BTreeMap<u64, PublicationRecord> =
            receipts.of(product, first.0, last.0).await?.into_iter().collect();
        for (sequence, event_id, commit) in events {
            let record = records.get(&sequence);
            if self.lagging && !matches!(record, Some(PublicationRecord::Receipt(_))) {
                continue;
            }
            // What a restore marked has no receipt; whether the mark fits, the chain says.
            let Some(hash) = commit.carried.as_ref().filter(|_| record.is_some() || sequence > restored)
            else {
                continue;
            };
            if record.is_none() && sequence > published {
                self.unpublished.put(Unpublished {
                    product: product.clone(),
                    sequence,
                    recorded_at: commit.recorded_at,
                    event_id: event_id.to_owned(),
                    hash: hash.clone(),
                });
            } else {
                for kind in against(Published { event_id, hash }, record) {
                    chain.fault(Some(sequence), None, kind);
                }
            }
        }
        Ok(())
    }
}

/// What receipts saw of a product: the newest event they know of, where a failure on record is of the event behind those
/// that count as published, and the commit that a restore marked.
fn seen_by_receipts(position: Position) -> Vec<Witness> {
    let marked = position.mark.as_ref().map_or(0, |mark| mark.sequence);
    let newest = position.published.max(marked) + u64::from(position.failure.is_some());
    let event = (newest > 0).then_some((newest, Seen::Event));
    let mark = position.mark.map(|mark| (mark.sequence, Seen::Hash(mark.hash)));
    let witness = |(sequence, seen)| Witness { sequence, seen, seen_by: Source::Receipts };
    event.into_iter().chain(mark).map(witness).collect()
}

/// Where the next page begins.
fn further(page: &[StoredCommit], after: u64) -> Result<u64, Unavailable> {
    let last = page.last().and_then(|commit| commit.sequence().ok()).filter(|last| *last > after);
    last.ok_or_else(|| Unavailable(format!("the page after sequence {after} leads nowhere").into()))
}
