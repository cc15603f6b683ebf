//! All products of a journal, several at once, in order of id; on request with the receipts of publication.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::stream::{self, Stream, StreamExt};
use schema::{ProductId, PublicationRecord, StoredCommit};

use super::chain::Chain;
use super::examine::{Examined, examine};
use super::fault::{FaultKind, Source};
use super::report::ProductReport;
use super::witness::{Published, Seen, Witness, against};
use crate::heads::{Head, Listing};
use crate::journal::{Journal, Unavailable};
use crate::receipts::{Position, Receipts};

/// Commits per request.
const PAGE: usize = 100;

/// Is told how many more commits were verified.
pub type Progress = Arc<dyn Fn(u64) + Send + Sync>;

/// How long a receipt is waited for that is not there yet: an event that was committed a moment ago may be on its way.
/// The pauses are shared by all products of a verification, so that an outage does not cost one wait for each.
#[derive(Debug)]
pub struct Patience {
    pauses: AtomicU32,
    pause: Duration,
}

/// The verification of a journal. Clones are cheap and are the same one.
#[derive(Clone)]
pub struct Ledger {
    journal: Arc<dyn Journal>,
    receipts: Option<(Arc<dyn Receipts>, Arc<Patience>)>,
    /// Whether events may have no receipt yet.
    lagging: bool,
    witnesses: Arc<Mutex<BTreeMap<String, Vec<Witness>>>>,
    progress: Progress,
}

impl Patience {
    /// Up to `pauses` pauses of this length.
    #[must_use]
    pub fn of(pauses: u32, pause: Duration) -> Self {
        Self { pauses: AtomicU32::new(pauses), pause }
    }

    async fn once_more(&self) -> bool {
        let left = self.pauses.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
        if left.is_ok() {
            tokio::time::sleep(self.pause).await;
        }
        left.is_ok()
    }
}

impl Ledger {
    /// The verification of the chains of a journal.
    #[must_use]
    pub fn of(journal: Arc<dyn Journal>) -> Self {
        Self {
            journal,
            receipts: None,
            lagging: false,
            witnesses: Arc::default(),
            progress: Arc::new(|_| {}),
        }
    }

    /// Compares every event with its receipt too.
    #[must_use]
    pub fn with_receipts(self, receipts: Arc<dyn Receipts>, patience: Patience) -> Self {
        Self { receipts: Some((receipts, Arc::new(patience))), ..self }
    }

    /// Compares the events that have a receipt with it; the others may be published later.
    #[must_use]
    pub fn with_lagging_receipts(self, receipts: Arc<dyn Receipts>) -> Self {
        let patience = Patience::of(0, Duration::ZERO);
        Self { lagging: true, ..self.with_receipts(receipts, patience) }
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
        let mut restored = 0;
        if let Some((receipts, _)) = &self.receipts {
            // Before the chain is read: what is published meanwhile must not look cut off.
            let position = receipts.position(product).await?;
            restored = position.mark.as_ref().map_or(0, |mark| mark.sequence);
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
            self.compare_receipts(product, restored, &examined, &mut chain).await?;
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
        restored: u64,
        commits: &[Examined],
        chain: &mut Chain,
    ) -> Result<(), Unavailable> {
        let Some((receipts, patience)) = &self.receipts else {
            return Ok(());
        };
        let events: Vec<(u64, &str, &Examined)> = commits.iter().flat_map(Examined::numbered).collect();
        let (Some(first), Some(last)) = (events.first(), events.last()) else {
            return Ok(());
        };
        let records = loop {
            let found: BTreeMap<u64, PublicationRecord> =
                receipts.of(product, first.0, last.0).await?.into_iter().collect();
            let all =
                events.iter().all(|(sequence, ..)| *sequence <= restored || found.contains_key(sequence));
            if all || !patience.once_more().await {
                break found;
            }
        };
        for (sequence, event_id, commit) in events {
            let record = records.get(&sequence);
            if self.lagging && !matches!(record, Some(PublicationRecord::Receipt(_))) {
                continue;
            }
            // What a restore marked has no receipt; whether the mark fits, the chain says.
            if let Some(hash) = commit.carried.as_ref().filter(|_| record.is_some() || sequence > restored) {
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
