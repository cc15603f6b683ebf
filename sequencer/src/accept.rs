//! Goes on with the log of tables after the event table was restored to an earlier moment: on record, in the log itself.
//!
//! The promise: nothing that was logged is taken back. An entry behind it names the first commit that each product lost; only then
//! are other commits logged in their place. It is inserted like every batch, so a sequencer may work on the log meanwhile, and of
//! two acceptances at a time only one is stored. Killed at any step, it is finished when it is run again.

use std::collections::BTreeSet;
use std::time::Duration;

use event_store::StoreError;
use event_store::announced::LOG_CONSUMER;
use event_store::chain::hash_of;
use futures::stream::{self, StreamExt, TryStreamExt};
use ledger_log::entry::{AcceptedRestore, NamedFork};
use schema::{Hash, ProductId};
use tokio::time::Instant;
use ulid::Ulid;

use crate::round::{ATTEMPTS, BACKOFF, BatchPlacement, LogRun, PARALLEL, Sequencer};
use crate::table::{BatchedAcceptance, LogIndexEntry};

/// Entries of a product's index, and parking rows, that are read at once.
const PAGE: usize = 100;

/// What was accepted, and what went on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AcceptedForks {
    /// How many commits of the log are lost.
    pub commits: u64,
    /// How many products lost some of them.
    pub products: u64,
    /// The index of the first entry that says so; `None` if there was nothing to say.
    pub index: Option<u64>,
    /// How many products were parked for the log and are not any more.
    pub released: u64,
    /// How many are still parked.
    pub still_parked: u64,
}

/// Why nothing was accepted.
#[derive(Debug, thiserror::Error)]
pub enum AcceptRestoreError {
    /// The log has not begun.
    #[error(
        "the log has not begun, or not all commits from before it are logged; let the sequencer run first"
    )]
    NotBegun,
    /// A checkpoint was published that the log table does not reach.
    #[error(
        "the log table has {size} entries and a checkpoint of {published} is published, so the log table is an older one too; run ledger log restore first"
    )]
    Behind {
        /// Entries of the table.
        size: u64,
        /// The size of the checkpoint.
        published: u64,
    },
    /// Nothing fits.
    #[error(
        "the event table has none of the commits that the log has; is it the one that was restored (LEDGER_EVENTS_TABLE)?"
    )]
    AnotherLedger,
    /// A commit cannot be compared.
    #[error(
        "the commit of product {product} at sequence {sequence} cannot be read, or does not have the hash that it carries, so it is not known what is \
         lost; run ledger verify {product}"
    )]
    Unreadable {
        /// Its product.
        product: ProductId,
        /// Its sequence.
        sequence: u64,
    },
    /// The log and the event table have nothing to accept.
    #[error(
        "there is nothing to accept: the event table has what the log has, and no product that is parked for the log can go on"
    )]
    Nothing,
    /// Feed items are left.
    #[error("the feed items that are left could not be read in time; let the sequencer run first")]
    Unread,
    /// A table did not answer; what was done stays, run it again.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The first commit that a product lost.
#[derive(Debug, Clone, PartialEq, Eq)]
struct LostEnd {
    first: LogIndexEntry,
    /// The hash of the newest commit that the product has.
    head: Option<Hash>,
    /// How many commits it lost.
    commits: u64,
}

/// What a comparison of one product found.
enum ComparedEnd {
    Same,
    Lost(LostEnd),
    /// The log has nothing of it that counts.
    Unlogged,
}

impl Sequencer {
    /// Accepts, for this reason, that the event table lacks commits that the log has, lets the sequencer log what took their place,
    /// and lets products go on that are parked for the log. `published` is the size of the newest checkpoint, if one is known.
    ///
    /// # Errors
    /// [`AcceptRestoreError`]: its text says what to do.
    pub async fn accept_restore(
        &self,
        reason: &str,
        published: Option<u64>,
        time_left: Duration,
    ) -> Result<AcceptedForks, AcceptRestoreError> {
        let newest = self.ports.table.newest_batch(0).await?;
        let size = newest.map_or(0, |newest| newest.size());
        // Nothing may be logged into a table that is an older one.
        if let Some(published) = published.filter(|published| *published > size) {
            return Err(AcceptRestoreError::Behind { size, published });
        }
        if !self.is_begun().await? {
            return Err(AcceptRestoreError::NotBegun);
        }
        // What is announced and there is logged first, and what is announced and not there was lost before it was logged.
        let deadline = Instant::now() + time_left;
        let (is_all, read_to) = self.drain_items(deadline, &mut LogRun::default()).await?;
        if !is_all {
            return Err(AcceptRestoreError::Unread);
        }
        let candidates = self.lost_ends().await?;
        let mut accepted = self.accept(reason, candidates, read_to).await?;
        self.let_go(&mut accepted).await?;
        if accepted.index.is_none() && accepted.released == 0 {
            return Err(AcceptRestoreError::Nothing);
        }
        Ok(accepted)
    }

    /// The products that lost commits, by comparing the newest logged commit of each with the event table.
    async fn lost_ends(&self) -> Result<Vec<ProductId>, AcceptRestoreError> {
        let table = &*self.ports.table;
        let size = table.newest_batch(0).await?.map_or(0, |newest| newest.size());
        let (mut seen, mut lost, mut same, mut at) = (BTreeSet::new(), Vec::new(), 0_u64, 0);
        while at < size {
            let Some(batch) = table.batch_at(at).await?.filter(|batch| batch.size() > at) else {
                return Err(StoreError::new(format!("there is no batch at {at}").into())
                    .of("the log table")
                    .into());
            };
            at = batch.size();
            let products = batch.commits.into_iter().map(|commit| commit.product);
            let new: Vec<ProductId> = products.filter(|product| seen.insert(product.clone())).collect();
            let compared = stream::iter(new).map(|product| async move {
                let end = self.compared_end(&product).await?;
                Ok::<_, AcceptRestoreError>((product, end))
            });
            let compared: Vec<_> = compared.buffered(PARALLEL).try_collect().await?;
            for (product, end) in compared {
                match end {
                    ComparedEnd::Same => same += 1,
                    ComparedEnd::Lost(end) => {
                        same += u64::from(end.first.sequence > 1);
                        lost.push(product);
                    }
                    ComparedEnd::Unlogged => {}
                }
            }
        }
        if same == 0 && !lost.is_empty() {
            return Err(AcceptRestoreError::AnotherLedger);
        }
        Ok(lost)
    }

    /// Compares the end of a product's index with the event table, backwards to the newest commit that both have.
    async fn compared_end(&self, product: &ProductId) -> Result<ComparedEnd, AcceptRestoreError> {
        let (mut at_most, mut first, mut commits) = (u64::MAX, None, 0);
        'all: loop {
            let entries = self.ports.table.newest_entries(product, at_most, PAGE).await?;
            let is_end = entries.len() < PAGE;
            for entry in entries {
                if self.is_there(product, &entry).await? {
                    break 'all;
                }
                at_most = entry.sequence.saturating_sub(1);
                first = Some(entry);
                commits += 1;
            }
            if is_end {
                break;
            }
        }
        let Some(first) = first else {
            let end = self.ports.table.index_end(product).await?;
            return Ok(end.newest.map_or(ComparedEnd::Unlogged, |_| ComparedEnd::Same));
        };
        let head = self.ports.journal.newest(product, u64::MAX).await?;
        let head = head.and_then(|head| Hash::try_from(head.text("hash").ok()?.to_owned()).ok());
        Ok(ComparedEnd::Lost(LostEnd { first, head, commits }))
    }

    /// Whether the event table has the commit of an entry of the index.
    async fn is_there(&self, product: &ProductId, entry: &LogIndexEntry) -> Result<bool, AcceptRestoreError> {
        let found = self.ports.journal.newest(product, entry.sequence).await?;
        let Some(found) = found.filter(|found| found.sequence().is_ok_and(|at| at == entry.sequence)) else {
            return Ok(false);
        };
        let unreadable =
            || AcceptRestoreError::Unreadable { product: product.clone(), sequence: entry.sequence };
        let own = hash_of(&found).map_err(|_| unreadable())?;
        if found.text("hash").is_ok_and(|carried| carried == own.to_string()) {
            Ok(own.digest() == entry.hash)
        } else {
            Err(unreadable())
        }
    }

    /// Puts the acceptances of what these products lost into the log.
    async fn accept(
        &self,
        reason: &str,
        products: Vec<ProductId>,
        read_to: Option<Ulid>,
    ) -> Result<AcceptedForks, AcceptRestoreError> {
        let mut accepted = AcceptedForks::default();
        for attempt in 1..=ATTEMPTS {
            if self.accept_once(reason, &products, read_to, &mut accepted).await? {
                return Ok(accepted);
            }
            tokio::time::sleep(BACKOFF.pause(attempt)).await;
        }
        let quicker = "other sequencers were quicker each time; run it again".to_owned();
        Err(StoreError::new(quicker.into()).of("the log").into())
    }

    /// One attempt at what is not accepted yet; `false` if another sequencer was quicker.
    async fn accept_once(
        &self,
        reason: &str,
        products: &[ProductId],
        read_to: Option<Ulid>,
        accepted: &mut AcceptedForks,
    ) -> Result<bool, AcceptRestoreError> {
        let mut known = self.turn().await;
        let mut end = self.end(&mut known).await?;
        // Compared once more behind this end of the log: what another one has accepted meanwhile is not lost any more.
        let compared =
            stream::iter(products.to_vec()).map(|product| async move { self.compared_end(&product).await });
        let compared: Vec<ComparedEnd> = compared.buffered(PARALLEL).try_collect().await?;
        let mut lost: Vec<LostEnd> = compared
            .into_iter()
            .filter_map(|end| if let ComparedEnd::Lost(end) = end { Some(end) } else { None })
            .collect();
        if lost.is_empty() {
            return Ok(true);
        }
        lost.sort_by_key(|end| end.first.index);
        let forks: Vec<NamedFork> = lost.iter().map(LostEnd::fork).collect();
        let entries =
            AcceptedRestore::entries(reason, &forks).map_err(|error| StoreError::new(error.into()))?;
        for (entry, named) in entries {
            let of_entry: Vec<LostEnd> = lost.drain(..named).collect();
            let places = of_entry.iter().map(|end| (end.first.product.clone(), end.first.sequence));
            let acceptance = BatchedAcceptance { entry, lost: places.collect() };
            let batch = end.accepting(self.id(), acceptance, read_to);
            if matches!(self.place(&batch, &mut known).await?, BatchPlacement::Taken) {
                return Ok(false);
            }
            accepted.index.get_or_insert(batch.first);
            accepted.products += named as u64;
            accepted.commits += of_entry.iter().map(|end| end.commits).sum::<u64>();
            end = crate::batches::LogEnd::of(&batch);
        }
        Ok(true)
    }

    /// Tries every product again that is parked for the log, whatever for, and releases those that can go on.
    async fn let_go(&self, accepted: &mut AcceptedForks) -> Result<(), StoreError> {
        let mut after = None;
        loop {
            let rows = self.ports.parking.list(LOG_CONSUMER, after.as_ref(), PAGE).await?;
            let is_last = rows.len() < PAGE;
            after = rows.last().map(|row| row.product_id.clone());
            for row in rows {
                let run = self.retry(&row.product_id).await?;
                if run.parked == 0 && self.ports.parking.release(&row).await? {
                    accepted.released += 1;
                } else {
                    accepted.still_parked += 1;
                }
            }
            if is_last {
                return Ok(());
            }
        }
    }
}

impl LostEnd {
    fn fork(&self) -> NamedFork {
        let hash = Hash::of_digest(&self.first.hash);
        NamedFork { lost: self.first.index, hash, head: self.head.clone() }
    }
}
