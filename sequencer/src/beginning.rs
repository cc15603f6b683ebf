//! The beginning of the log of a ledger that has commits already: all that was recorded before is logged first, by the time of
//! recording, the product and the sequence.
//!
//! The promise: it goes on where it was interrupted, by the sorted keys and the batches, and no work of a run is done again. What is
//! recorded meanwhile comes after it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use event_store::StoreError;
use event_store::announced::LOG_CONSUMER;
use event_store::parking::{self, ParkingCause};
use futures::stream::{self, StreamExt, TryStreamExt};
use schema::ProductId;
use tokio::time::Instant;
use ulid::Ulid;

use crate::due::{DueCommit, DueReader, LogConflict};
use crate::round::{BatchPlacement, KnownLog, LogRun, Sequencer};
use crate::sorted::MergedKeys;
use crate::table::{BatchedCommit, InitialKey, LogBatch, MOST_LEAVES};

/// Commits and products that are read at the same time.
const PARALLEL: usize = 16;

/// Feed items that are read at a time.
const ITEMS: usize = 20;

/// Feed items from this time before the newest one that was read are read again: items are only roughly in order of time.
const OVERLAP: Duration = Duration::from_mins(2);

impl Sequencer {
    /// Logs what is there at a start, within `time_left`: first what was recorded before the log began, then what the feed items
    /// say that are left.
    ///
    /// # Errors
    /// [`StoreError`]: try again later; it goes on from what is logged.
    pub async fn drain(&self, time_left: Duration) -> Result<LogRun, StoreError> {
        let deadline = Instant::now() + time_left;
        let mut run = LogRun::default();
        if !self.begin(deadline, &mut run).await? {
            return Ok(LogRun { is_beginning: true, ..run });
        }
        self.drain_items(deadline, &mut run).await?;
        Ok(run)
    }

    /// Logs what the feed items say that are left; answers with whether these are all, and the newest one.
    pub(crate) async fn drain_items(
        &self,
        deadline: Instant,
        run: &mut LogRun,
    ) -> Result<(bool, Option<Ulid>), StoreError> {
        let newest = self.ports.table.newest_batch(0).await?;
        // Items from before an acceptance may announce what was lost before it could be logged.
        let mut after = newest.and_then(|newest| newest.read_to.map(before_overlap).max(newest.settled_to));
        while Instant::now() < deadline {
            let page = self.ports.announcements.page(after, ITEMS).await?;
            let is_end = page.len() < ITEMS;
            let Some(last) = page.last().map(|item| item.id) else { return Ok((true, after)) };
            let commits: Vec<_> = page.into_iter().flat_map(|item| item.commits).collect();
            let logged = self.log(&commits, Some(last)).await?;
            run.logged += logged.logged;
            run.parked += logged.parked;
            after = Some(last);
            if is_end {
                return Ok((true, after));
            }
        }
        Ok((false, after))
    }

    /// Whether everything from before the log is logged.
    pub(crate) async fn is_begun(&self) -> Result<bool, StoreError> {
        if self.is_begun.load(Ordering::Relaxed) {
            return Ok(true);
        }
        let newest = self.ports.table.newest_batch(0).await?;
        let is_begun = match newest {
            Some(newest) if !newest.is_initial => true,
            _ => self.ports.table.beginning().await?.is_some_and(|beginning| beginning.is_complete),
        };
        self.is_begun.store(is_begun, Ordering::Relaxed);
        Ok(is_begun)
    }

    /// Logs what was recorded before the log began; whether all of it is logged.
    async fn begin(&self, deadline: Instant, run: &mut LogRun) -> Result<bool, StoreError> {
        let mut turn = self.turn().await;
        if self.is_begun().await? {
            return Ok(true);
        }
        let table = &*self.ports.table;
        let begun = table.beginning().await?;
        let before = if let Some(beginning) = begun {
            beginning.before
        } else {
            table.begin((self.clock)()).await?;
            let begun = table.beginning().await?;
            begun.ok_or_else(|| StoreError::new("the beginning of the log is not there".into()))?.before
        };
        let Some(runs) = self.sorted(before, deadline).await? else { return Ok(false) };
        let logged = table.newest_batch(0).await?.as_ref().and_then(last_key);
        let mut keys = MergedKeys::behind(table, runs, logged.as_ref()).await?;
        let mut left_out = BTreeSet::new();
        loop {
            if Instant::now() >= deadline {
                return Ok(false);
            }
            let next = keys.next(MOST_LEAVES).await?;
            if next.is_empty() {
                break;
            }
            run.logged += self.log_initial(&next, &mut left_out, &mut turn).await?;
        }
        // The index of a batch that another process has left incomplete, too.
        self.end(&mut turn).await?;
        table.complete_beginning().await?;
        self.is_begun.store(true, Ordering::Relaxed);
        tracing::info!(target: "ledger::log", commits = run.logged, left_out = left_out.len(), "all commits from before the log are logged");
        Ok(true)
    }

    /// Logs commits in their order, but for those that do not continue their products: these products are parked and are logged
    /// after all others. Answers how many were logged.
    async fn log_initial(
        &self,
        keys: &[InitialKey],
        left_out: &mut BTreeSet<ProductId>,
        turn: &mut KnownLog,
    ) -> Result<u64, StoreError> {
        loop {
            let end = self.end(turn).await?;
            let commits = self.continuing(keys, left_out).await?;
            if commits.is_empty() {
                return Ok(0);
            }
            let count = commits.len() as u64;
            let batch = end.batch(self.id(), commits, true, None);
            if matches!(self.place(&batch, turn).await?, BatchPlacement::Here) {
                return Ok(count);
            }
            // Another sequencer does the same; what it has logged is left out the next time.
        }
    }

    /// Reads commits that are not logged yet, each behind the one before it in its product.
    async fn continuing(
        &self,
        keys: &[InitialKey],
        left_out: &mut BTreeSet<ProductId>,
    ) -> Result<Vec<DueCommit>, StoreError> {
        let reader = DueReader { journal: &*self.ports.journal, table: &*self.ports.table };
        let products: BTreeSet<ProductId> = keys.iter().map(|key| key.product.clone()).collect();
        let newest = stream::iter(products).map(|product| async move {
            let logged = reader.table.index_end(&product).await?;
            Ok::<_, StoreError>((product, logged.newest.map(BatchedCommit::from)))
        });
        let mut newest: BTreeMap<ProductId, Option<BatchedCommit>> =
            newest.buffered(PARALLEL).try_collect().await?;
        let read = stream::iter(keys.to_vec()).map(|InitialKey { product, sequence, .. }| async move {
            let commit = reader.journal.newest(&product, sequence).await?;
            Ok::<_, StoreError>((product, sequence, commit))
        });
        let mut read = std::pin::pin!(read.buffered(PARALLEL));
        let mut commits = Vec::new();
        while let Some(found) = read.next().await {
            let (product, sequence, commit) = found?;
            let Some(before) = newest.get_mut(&product) else { continue };
            let is_logged = before.as_ref().is_some_and(|before| before.sequence >= sequence);
            if is_logged || left_out.contains(&product) {
                continue;
            }
            let due = match &commit {
                // Nothing is accepted before the log has begun.
                Some(commit) => DueCommit::read(&product, commit, before.as_ref(), None),
                None => Err(LogConflict::missing(sequence)),
            };
            match due {
                Ok(due) => {
                    *before = Some(due.commit.clone());
                    commits.push(due);
                }
                Err(conflict) => {
                    self.leave_for_later(&product, &conflict).await?;
                    left_out.insert(product);
                }
            }
        }
        Ok(commits)
    }

    /// Parks a product so that the next retry logs it, or finds the conflict.
    async fn leave_for_later(&self, product: &ProductId, conflict: &LogConflict) -> Result<(), StoreError> {
        let reason = format!("it is logged after all others: {conflict}");
        tracing::warn!(target: "ledger::log", product_id = product.as_str(), reason, "a product is not logged in the order of recording");
        let (from_sequence, at) = (conflict.sequence, (self.clock)());
        let cause = ParkingCause { from_sequence, reason, retryable: true, at };
        self.ports.parking.park(LOG_CONSUMER, product, &cause).await?;
        parking::count(LOG_CONSUMER, &cause);
        Ok(())
    }
}

/// The least id of the time that much before an id.
fn before_overlap(id: Ulid) -> Ulid {
    let overlap = u64::try_from(OVERLAP.as_millis()).unwrap_or_default();
    Ulid::from_parts(id.timestamp_ms().saturating_sub(overlap), 0)
}

/// The place of the last commit of a batch of the beginning.
fn last_key(batch: &LogBatch) -> Option<InitialKey> {
    let last = batch.commits.last().filter(|_| batch.is_initial)?;
    let recorded_at = batch.summary.last_recorded()?;
    Some(InitialKey { recorded_at, product: last.product.clone(), sequence: last.sequence })
}
