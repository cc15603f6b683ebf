//! The round of the sequencer: what was announced is compared with the log, and what is due is put into a batch.
//!
//! The promise: each commit is in the log once, and the commits of a product are in their order, however often, in which order
//! and by how many sequencers at a time they are announced. A failure at any step leaves what the next round goes on from. A
//! product whose history contradicts the log is parked, and all others go on. No clock decides anything.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use event_store::announced::LOG_CONSUMER;
use event_store::feed_reader::{CommitSummary, SummarisedCommits};
use event_store::parking::{self, ParkingCause};
use event_store::{AnnouncedCommit, AnnouncedKey, Announcements, Backoff, Journal, Parking, StoreError};
use futures::stream::{self, StreamExt};
use schema::{Clock, Ids, ProductId};
use telemetry::meters::LOG_CONFLICTS;
use tokio::sync::Mutex;
use ulid::Ulid;

use crate::batches::{LogEnd, in_log_order};
use crate::due::{Due, DueCommit, DueReader, LogConflict};
use crate::table::{BLOCK, LogBatch, LogTable, MOST_LEAVES};

/// Products that are compared at the same time.
pub(crate) const PARALLEL: usize = 16;

/// Commits that are gathered before they are put into batches.
const GATHERED: usize = 4 * MOST_LEAVES;

/// How often a round begins again because another sequencer was quicker.
pub(crate) const ATTEMPTS: u32 = 10;

/// The pauses between.
pub(crate) const BACKOFF: Backoff =
    Backoff { first: Duration::from_millis(20), longest: Duration::from_secs(1) };

/// Keys that the beginning of a log keeps in memory, some 30 MB: so many are sorted at a time.
const KEPT: usize = 250_000;

/// What the sequencer works on.
#[derive(Clone)]
pub struct SequencerPorts {
    /// The event table.
    pub journal: Arc<dyn Journal>,
    /// The log table.
    pub table: Arc<dyn LogTable>,
    /// The feed items.
    pub announcements: Arc<dyn Announcements>,
    /// Where products are parked for the consumer [`LOG_CONSUMER`].
    pub parking: Arc<dyn Parking>,
}

/// Puts commits into the log. Any number of sequencers may work on one log.
pub struct Sequencer {
    pub(crate) ports: SequencerPorts,
    pub(crate) clock: Clock,
    ids: Ids,
    /// One round at a time.
    turn: Mutex<KnownLog>,
    /// Whether it is known that everything from before the log is logged.
    pub(crate) is_begun: AtomicBool,
    /// How many keys the beginning keeps in memory.
    pub(crate) kept: usize,
}

/// What this process knows of the log, so that it need not ask.
#[derive(Debug, Default)]
pub(crate) struct KnownLog {
    /// The batch whose index it has completed.
    completed: Option<Ulid>,
    /// The position behind the last block that is summarised.
    summarised: Option<u64>,
    /// Where the next block begins whose days are counted, and the position behind the last commit that is counted.
    pub(crate) counted: Option<(u64, u64)>,
}

/// What rounds did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct LogRun {
    /// Commits that were logged.
    pub logged: u64,
    /// Products that were parked because they contradict the log.
    pub parked: u64,
    /// Whether the commits from before the log are still being logged, so that what was announced has to wait.
    pub is_beginning: bool,
}

/// The products of a round, with what was announced of each.
type Announced = BTreeMap<ProductId, Vec<Option<AnnouncedKey>>>;

/// What came of putting a batch into the log.
pub(crate) enum BatchPlacement {
    /// It is there.
    Here,
    /// Another sequencer's is there.
    Taken,
}

impl Sequencer {
    /// A sequencer of these ports.
    #[must_use]
    pub fn new(ports: SequencerPorts, clock: Clock, ids: Ids) -> Self {
        let is_begun = AtomicBool::new(false);
        Self { ports, clock, ids, turn: Mutex::default(), is_begun, kept: KEPT }
    }

    /// The same, which keeps so many keys in memory when it logs what was recorded before the log; at least 1.
    #[must_use]
    pub fn keeping(self, keys: usize) -> Self {
        Self { kept: keys.max(1), ..self }
    }

    /// Logs what was announced. As long as the commits from before the log are not all logged, it does nothing: feed items are kept,
    /// and [`Sequencer::drain`] reads them. May be dropped at any await point.
    ///
    /// # Errors
    /// [`StoreError`]: what was announced is not, or not all, handled; announce it again.
    pub async fn log(
        &self,
        commits: &[AnnouncedCommit],
        read_to: Option<Ulid>,
    ) -> Result<LogRun, StoreError> {
        let mut turn = self.turn.lock().await;
        if !self.is_begun().await? {
            return Ok(LogRun { is_beginning: true, ..LogRun::default() });
        }
        let mut announced = Announced::new();
        for commit in commits {
            let keys = announced.entry(commit.product.clone()).or_default();
            if !keys.contains(&commit.newest) {
                keys.push(commit.newest.clone());
            }
        }
        let mut run = LogRun::default();
        for attempt in 1..=ATTEMPTS {
            if self.attempt(&mut turn, &mut announced, read_to, &mut run).await? {
                return Ok(run);
            }
            tokio::time::sleep(BACKOFF.pause(attempt)).await;
        }
        let quicker = "other sequencers were quicker each time".to_owned();
        Err(StoreError::new(quicker.into()).of("the log"))
    }

    /// One attempt at what is left of what was announced; `false` if another sequencer was quicker.
    async fn attempt(
        &self,
        known: &mut KnownLog,
        announced: &mut Announced,
        read_to: Option<Ulid>,
        run: &mut LogRun,
    ) -> Result<bool, StoreError> {
        let mut end = self.end(known).await?;
        while !announced.is_empty() {
            let (due, done) = self.gather(announced, run).await?;
            let mut due = in_log_order(due).into_iter().peekable();
            while due.peek().is_some() {
                let commits: Vec<DueCommit> = due.by_ref().take(MOST_LEAVES).collect();
                // Feed items count as read with the last of their commits.
                let is_last = due.peek().is_none() && done.len() == announced.len();
                let batch = end.batch((self.ids)(), commits, false, read_to.filter(|_| is_last));
                match self.place(&batch, known).await? {
                    BatchPlacement::Here => run.logged += batch.commits.len() as u64,
                    BatchPlacement::Taken => return Ok(false),
                }
                end = LogEnd::of(&batch);
            }
            announced.retain(|product, _| !done.contains(product));
        }
        Ok(true)
    }

    /// What is due of the announced products, and those with which everything is done. At most about [`GATHERED`] commits.
    async fn gather(
        &self,
        announced: &mut Announced,
        run: &mut LogRun,
    ) -> Result<(Vec<Vec<DueCommit>>, BTreeSet<ProductId>), StoreError> {
        let reader = DueReader { journal: &*self.ports.journal, table: &*self.ports.table };
        let products: Vec<_> = announced.clone().into_iter().collect();
        let mut compared = std::pin::pin!(
            stream::iter(products)
                .map(|(product, keys)| async move {
                    let due = reader.due(&product, &keys).await;
                    (product, due)
                })
                .buffered(PARALLEL)
        );
        let (mut commits, mut done, mut gathered) = (Vec::new(), BTreeSet::new(), 0);
        while gathered < GATHERED {
            let Some((product, due)) = compared.next().await else { break };
            match due? {
                Due::Nothing => {
                    announced.remove(&product);
                }
                Due::Commits { commits: due, is_all } => {
                    gathered += due.len();
                    commits.push(due);
                    if is_all {
                        done.insert(product);
                    }
                }
                Due::Conflict(conflict) => {
                    self.park(&product, &conflict).await?;
                    run.parked += 1;
                    announced.remove(&product);
                }
            }
        }
        Ok((commits, done))
    }

    /// The end of the log, after the index of the newest batch was completed.
    pub(crate) async fn end(&self, known: &mut KnownLog) -> Result<LogEnd, StoreError> {
        let Some(newest) = self.ports.table.newest_batch(0).await? else { return Ok(LogEnd::default()) };
        if known.completed != Some(newest.batch_id) {
            self.complete(&newest, known).await?;
        }
        Ok(LogEnd::of(&newest))
    }

    /// Puts a batch into the log, with its index and the summaries of the blocks that are whole with it.
    pub(crate) async fn place(
        &self,
        batch: &LogBatch,
        known: &mut KnownLog,
    ) -> Result<BatchPlacement, StoreError> {
        let inserted = self.ports.table.insert_batch(batch).await;
        if !matches!(inserted, Ok(true)) {
            // The answer may have been lost, or the key been taken by an earlier attempt of this request.
            let found = self.ports.table.batch_at(batch.first).await?;
            match (found.filter(|found| found.first == batch.first), inserted) {
                (Some(found), _) if found.batch_id == batch.batch_id => {}
                (Some(_), _) => return Ok(BatchPlacement::Taken),
                (None, Err(error)) => return Err(error),
                (None, Ok(_)) => return Err(StoreError::new("a batch is neither there nor not".into())),
            }
        }
        self.complete(batch, known).await?;
        self.summarise(batch, known).await?;
        Ok(BatchPlacement::Here)
    }

    /// Completes the index of a batch.
    async fn complete(&self, batch: &LogBatch, known: &mut KnownLog) -> Result<(), StoreError> {
        self.ports.table.insert_branches(&batch.branches()).await?;
        let different = self.ports.table.insert_index(&batch.index_entries()).await?;
        if let Some(found) = different.first() {
            let reason = format!(
                "the commit of product {} at sequence {} is in the log twice, at {} and in the batch at {}; run ledger log verify",
                found.product, found.sequence, found.index, batch.first
            );
            tracing::error!(target: "ledger::log", reason, "the log contradicts itself; nothing is logged any more");
            metrics::counter!(LOG_CONFLICTS.name, "kind" => "index").increment(1);
            return Err(StoreError::unreadable(reason.into()));
        }
        known.completed = Some(batch.batch_id);
        Ok(())
    }

    /// Summarises the blocks that are whole with this batch, also those that a killed process has left out.
    async fn summarise(&self, newest: &LogBatch, known: &mut KnownLog) -> Result<(), StoreError> {
        let table = &*self.ports.table;
        let mut first = match known.summarised {
            Some(behind) => behind,
            None => table.summarised().await?.map_or(0, |last| last + 1),
        };
        while first + BLOCK <= newest.size() {
            let last = first + BLOCK - 1;
            let batches = self.batches_of(first).await?;
            let mut summary = CommitSummary::default();
            for batch in &batches {
                summary.merge(&batch.summary);
            }
            table.insert_block(&SummarisedCommits { first, last, summary }).await?;
            self.count_block(first, &batches, known).await?;
            first = last + 1;
        }
        known.summarised = Some(first);
        Ok(())
    }

    /// The batches that have a commit of a block.
    pub(crate) async fn batches_of(&self, first: u64) -> Result<Vec<LogBatch>, StoreError> {
        let (mut batches, mut at) = (Vec::new(), first);
        while at < first + BLOCK {
            let batch = self.ports.table.batch_at(at).await?.filter(|batch| batch.size() > at);
            let batch = batch.ok_or_else(|| StoreError::new(format!("there is no batch at {at}").into()))?;
            at = batch.size();
            batches.push(batch);
        }
        Ok(batches)
    }

    /// The next id.
    pub(crate) fn id(&self) -> Ulid {
        (self.ids)()
    }

    /// The turn of this process, for what is not a round.
    pub(crate) async fn turn(&self) -> tokio::sync::MutexGuard<'_, KnownLog> {
        self.turn.lock().await
    }

    /// Parks a product that contradicts the log.
    pub(crate) async fn park(&self, product: &ProductId, conflict: &LogConflict) -> Result<(), StoreError> {
        let kind = conflict.kind.label();
        let reason = conflict.to_string();
        tracing::error!(target: "ledger::log", product_id = product.as_str(), from_sequence = conflict.sequence, kind, reason, "a product contradicts the log and is parked");
        metrics::counter!(LOG_CONFLICTS.name, "kind" => kind).increment(1);
        let cause =
            ParkingCause { from_sequence: conflict.sequence, reason, retryable: false, at: (self.clock)() };
        self.ports.parking.park(LOG_CONSUMER, product, &cause).await?;
        parking::count(LOG_CONSUMER, &cause);
        Ok(())
    }
}
