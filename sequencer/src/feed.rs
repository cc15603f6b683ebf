//! The commits of all products by position, from the log table and the event table: the index of a commit in the log is its
//! position.
//!
//! The promise: what the log has at a position is answered there, or nothing: a commit that is gone or has another hash is none.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use event_store::feed_reader::{CommitDays, CountedBlock, KeptSummaries, SummarisedCommits};
use event_store::{Change, Feed, FeedEntry, FeedSlice, Journal, LogEntry, StoreError};
use futures::stream::{self, StreamExt, TryStreamExt};
use schema::{Hash, ProductId, StoredCommit};
use tokio::sync::watch;

use crate::days::days_of;
use crate::table::{BatchedCommit, LogBatch, LogTable};

/// How often the log table is asked for news while somebody waits.
const POLLED_EVERY: Duration = Duration::from_secs(1);

/// Runs of commits that are read at the same time.
const PARALLEL: usize = 16;

/// Commits that are read at a time to find those that are lost.
const READ_AT_ONCE: usize = 100;

/// Entries of a product's index that are read at a time.
const ENTRIES: usize = 1_000;

/// Batches that are read at a time.
const BATCHES: usize = 100;

/// The feed of a ledger whose log is in a log table.
pub struct LogFeed {
    journal: Arc<dyn Journal>,
    table: Arc<dyn LogTable>,
    /// The newest batch that was read.
    newest: Mutex<Option<Arc<LogBatch>>>,
    news: Arc<watch::Sender<u64>>,
    polled_every: Duration,
    is_polled: Arc<Mutex<bool>>,
}

/// A commit of the log at its position.
type PositionedCommit = (u64, BatchedCommit);

impl LogFeed {
    /// The feed of these tables.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, table: Arc<dyn LogTable>) -> Self {
        let news = Arc::new(watch::Sender::new(0));
        Self {
            journal,
            table,
            newest: Mutex::default(),
            news,
            polled_every: POLLED_EVERY,
            is_polled: Arc::default(),
        }
    }

    /// The same with another time between two looks for news.
    #[must_use]
    pub fn polled_every(self, pause: Duration) -> Self {
        Self { polled_every: pause, ..self }
    }

    /// The newest batch.
    async fn newest(&self) -> Result<Option<Arc<LogBatch>>, StoreError> {
        let known = self.known();
        let from = known.as_ref().map_or(0, |known| known.size());
        let Some(found) = self.table.newest_batch(from).await? else { return Ok(known) };
        let found = Arc::new(found);
        let mut newest = self.newest.lock().unwrap_or_else(PoisonError::into_inner);
        // Another read may have been quicker.
        if newest.as_ref().is_none_or(|newest| newest.first < found.first) {
            *newest = Some(found);
        }
        Ok(newest.clone())
    }

    fn known(&self) -> Option<Arc<LogBatch>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The batch that has a position, if there is one.
    async fn batch_of(&self, position: u64) -> Result<Option<Arc<LogBatch>>, StoreError> {
        let has = |batch: &LogBatch| batch.first <= position && position < batch.size();
        if let Some(known) = self.known().filter(|known| has(known)) {
            return Ok(Some(known));
        }
        let found = self.table.batch_at(position).await?;
        Ok(found.filter(has).map(Arc::new))
    }

    /// Up to `limit` commits of the log from a position on, in one of both directions.
    async fn placed(
        &self,
        (first, last): (u64, u64),
        newest_first: bool,
        limit: usize,
    ) -> Result<Vec<PositionedCommit>, StoreError> {
        let (mut placed, mut at) = (Vec::new(), Some(if newest_first { last } else { first }));
        while let Some(position) = at.filter(|at| (first..=last).contains(at) && placed.len() < limit) {
            let Some(batch) = self.batch_of(position).await? else { break };
            let numbered = (batch.first..).zip(&batch.commits);
            let mut of_batch: Vec<PositionedCommit> = numbered
                .filter(|(index, _)| {
                    (first..=last).contains(index)
                        && if newest_first { *index <= position } else { *index >= position }
                })
                .map(|(index, commit)| (index, commit.clone()))
                .collect();
            if newest_first {
                of_batch.reverse();
            }
            placed.extend(of_batch);
            at = if newest_first { batch.first.checked_sub(1) } else { Some(batch.size()) };
        }
        placed.truncate(limit);
        Ok(placed)
    }

    /// The commits that the log has in a slice, in its order.
    async fn placed_in(&self, slice: &FeedSlice) -> Result<Vec<PositionedCommit>, StoreError> {
        if let Some(product) = &slice.product {
            return self.of_product(product, slice).await;
        }
        let Some(newest) = self.newest().await? else { return Ok(Vec::new()) };
        let last = slice.last.min(newest.size() - 1);
        self.placed((slice.first, last), slice.newest_first, slice.limit).await
    }

    /// The commits of a product in a slice: those that the index has, and those of the newest batch, whose index may not be
    /// complete yet. That of all batches before it is.
    async fn of_product(
        &self,
        product: &ProductId,
        slice: &FeedSlice,
    ) -> Result<Vec<PositionedCommit>, StoreError> {
        let newest = self.newest().await?;
        let range = slice.first..=slice.last;
        let mut placed = BTreeMap::new();
        let mut after = 0;
        loop {
            let entries = self.table.entries_after(product, after, ENTRIES).await?;
            let is_end = entries.len() < ENTRIES;
            after = entries.last().map_or(after, |last| last.sequence);
            let is_behind = entries.last().is_some_and(|last| last.index > slice.last);
            for entry in entries.into_iter().filter(|entry| range.contains(&entry.index)) {
                placed.insert(entry.index, BatchedCommit::from(entry));
            }
            let is_full = !slice.newest_first && placed.len() >= slice.limit;
            if is_end || is_behind || is_full {
                break;
            }
        }
        if let Some(newest) = newest {
            let numbered = (newest.first..).zip(&newest.commits);
            let own = numbered.filter(|(index, commit)| commit.product == *product && range.contains(index));
            placed.extend(own.map(|(index, commit)| (index, commit.clone())));
        }
        let in_order = placed.into_iter();
        Ok(if slice.newest_first {
            in_order.rev().take(slice.limit).collect()
        } else {
            in_order.take(slice.limit).collect()
        })
    }

    /// Reads the commits from the event table; those that are gone or have another hash are left out.
    async fn read(&self, placed: Vec<PositionedCommit>) -> Result<Vec<FeedEntry>, StoreError> {
        let read = stream::iter(runs(placed)).map(|run| self.read_run(run));
        let runs: Vec<Vec<FeedEntry>> = read.buffered(PARALLEL).try_collect().await?;
        Ok(runs.into_iter().flatten().collect())
    }

    /// Reads commits of one product that follow one another in the log, in one request.
    async fn read_run(&self, run: Vec<PositionedCommit>) -> Result<Vec<FeedEntry>, StoreError> {
        let sequences = run.iter().map(|(_, commit)| commit.sequence);
        let (least, most) = (sequences.clone().min().unwrap_or(1), sequences.max().unwrap_or(1));
        let Some(product) = run.first().map(|(_, first)| first.product.clone()) else {
            return Ok(Vec::new());
        };
        let mut commits = Vec::new();
        if least < most {
            commits = self.journal.page(&product, least - 1, run.len()).await?;
        }
        let mut by_sequence: BTreeMap<u64, StoredCommit> = BTreeMap::new();
        by_sequence.extend(commits.into_iter().filter_map(|commit| Some((commit.sequence().ok()?, commit))));
        // One that is alone, or one before which somebody has put others.
        for (_, logged) in &run {
            if !by_sequence.contains_key(&logged.sequence)
                && let Some(commit) = self.journal.newest(&product, logged.sequence).await?
            {
                by_sequence.insert(logged.sequence, commit);
            }
        }
        let entry = |(position, logged): PositionedCommit| {
            let commit = by_sequence.get(&logged.sequence)?;
            let hash = Hash::of_digest(&logged.leaf.hash).to_string();
            let is_it = commit.text("hash").is_ok_and(|found| found == hash);
            is_it.then(|| FeedEntry { position, hash, change: Change::Committed(Box::new(commit.clone())) })
        };
        Ok(run.into_iter().filter_map(entry).collect())
    }
}

/// The commits in runs of one product that stand side by side.
fn runs(placed: Vec<PositionedCommit>) -> Vec<Vec<PositionedCommit>> {
    let mut runs: Vec<Vec<PositionedCommit>> = Vec::new();
    for (position, commit) in placed {
        match runs.last_mut() {
            Some(run) if run.last().is_some_and(|(_, last)| last.product == commit.product) => {
                run.push((position, commit));
            }
            _ => runs.push(vec![(position, commit)]),
        }
    }
    runs
}

#[async_trait]
impl Feed for LogFeed {
    async fn after(&self, position: Option<u64>, limit: usize) -> Result<Vec<FeedEntry>, StoreError> {
        let Some(first) = position.map_or(Some(0), |position| position.checked_add(1)) else {
            return Ok(Vec::new());
        };
        self.slice(&FeedSlice { first, last: u64::MAX, product: None, newest_first: false, limit }).await
    }

    async fn slice(&self, slice: &FeedSlice) -> Result<Vec<FeedEntry>, StoreError> {
        if slice.limit == 0 || slice.first > slice.last {
            return Ok(Vec::new());
        }
        // Of what is placed some may be lost; fewer than asked for are found at the end alone.
        let (mut left, mut found) = (slice.clone(), Vec::new());
        loop {
            let placed = self.placed_in(&left).await?;
            let last = placed.last().map(|(last, _)| *last).filter(|_| placed.len() >= left.limit);
            found.extend(self.read(placed).await?);
            let Some(last) = last.filter(|_| found.len() < slice.limit) else { return Ok(found) };
            left.limit = slice.limit - found.len();
            let next = if slice.newest_first { last.checked_sub(1) } else { last.checked_add(1) };
            let Some(next) = next.filter(|next| (left.first..=left.last).contains(next)) else {
                return Ok(found);
            };
            *(if slice.newest_first { &mut left.last } else { &mut left.first }) = next;
        }
    }

    async fn hash_at(&self, position: u64) -> Result<Option<String>, StoreError> {
        let Some(batch) = self.batch_of(position).await? else { return Ok(None) };
        let at = usize::try_from(position - batch.first).ok().and_then(|at| batch.commits.get(at));
        Ok(at.map(|commit| Hash::of_digest(&commit.leaf.hash).to_string()))
    }

    async fn position_of(&self, product: &ProductId, sequence: u64) -> Result<Option<u64>, StoreError> {
        let indexed = async || {
            let entry = self.table.newest_entries(product, sequence, 1).await?.pop();
            Ok::<_, StoreError>(entry.filter(|entry| entry.sequence == sequence).map(|entry| entry.index))
        };
        if let Some(index) = indexed().await? {
            return Ok(Some(index));
        }
        let newest = self.newest().await?;
        let is_it = |commit: &BatchedCommit| commit.product == *product && commit.sequence == sequence;
        let at = newest.and_then(|newest| {
            let at = newest.commits.iter().position(is_it)?;
            Some(newest.first + at as u64)
        });
        // What the newest batch was before that one is in the index by now.
        if at.is_some() { Ok(at) } else { indexed().await }
    }

    async fn newest_position(&self) -> Result<Option<u64>, StoreError> {
        Ok(self.newest().await?.map(|newest| newest.size() - 1))
    }

    /// On tables a commit is lost if the event table does not have it, or another one in its place.
    async fn entries(&self, first: u64, last: u64, limit: usize) -> Result<Vec<LogEntry>, StoreError> {
        let (mut found, mut position) = (Vec::new(), first);
        while position <= last && found.len() < limit {
            let Some(batch) = self.batch_of(position).await? else { break };
            if let Some(acceptance) = &batch.acceptance {
                found.push(LogEntry { position, entry: acceptance.entry.clone(), of: None });
            }
            let within = position..=last.min(batch.size().saturating_sub(1));
            let commits = (batch.first..).zip(&batch.commits).filter(|(index, _)| within.contains(index));
            let placed: Vec<PositionedCommit> =
                commits.map(|(index, commit)| (index, commit.clone())).take(READ_AT_ONCE).collect();
            position = placed.last().map_or(batch.size(), |(last, _)| last + 1);
            let there: BTreeSet<u64> =
                self.read(placed.clone()).await?.into_iter().map(|entry| entry.position).collect();
            let missing = placed.into_iter().filter(|(position, _)| !there.contains(position));
            found.extend(missing.map(|(position, commit)| LogEntry {
                position,
                entry: commit.leaf.to_bytes().to_vec(),
                of: Some((commit.product, commit.sequence)),
            }));
        }
        found.truncate(limit);
        Ok(found)
    }

    /// Found by polling, as long as somebody waits.
    fn appended(&self) -> watch::Receiver<u64> {
        let news = self.news.subscribe();
        let mut is_polled = self.is_polled.lock().unwrap_or_else(PoisonError::into_inner);
        if !*is_polled {
            *is_polled = true;
            let from = self.known().map_or(0, |known| known.size());
            let (table, sender, flag) = (self.table.clone(), self.news.clone(), self.is_polled.clone());
            tokio::spawn(look_for_news(table, sender, from, self.polled_every, flag));
        }
        news
    }
}

#[async_trait]
impl KeptSummaries for LogFeed {
    async fn summaries(&self, from: u64, limit: usize) -> Result<Vec<SummarisedCommits>, StoreError> {
        self.table.blocks(from, limit).await
    }

    async fn counted(&self, from: u64, limit: usize) -> Result<Vec<CountedBlock>, StoreError> {
        self.table.counted(from, limit).await
    }

    async fn days_from(&self, position: u64, most: u64) -> Result<Option<CommitDays>, StoreError> {
        let (mut days, mut at) = (CommitDays::default(), position);
        loop {
            let batches = self.table.batches(at, BATCHES).await?;
            let is_end = batches.len() < BATCHES;
            for batch in batches {
                at = batch.size();
                if at - position > most {
                    return Ok(None);
                }
                days.extend(days_of(&self.journal, &batch).await?);
            }
            if is_end {
                return Ok(Some(days));
            }
        }
    }
}

/// Looks for batches behind a size, until nobody waits any more.
async fn look_for_news(
    table: Arc<dyn LogTable>,
    news: Arc<watch::Sender<u64>>,
    mut from: u64,
    pause: Duration,
    is_polled: Arc<Mutex<bool>>,
) {
    loop {
        {
            let mut is_polled = is_polled.lock().unwrap_or_else(PoisonError::into_inner);
            *is_polled = news.receiver_count() > 0;
            if !*is_polled {
                return;
            }
        }
        match table.newest_batch(from).await {
            Ok(Some(batch)) => {
                from = batch.size();
                news.send_modify(|count| *count += 1);
            }
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(target: "ledger::log", %error, "whether the log has grown is not known; trying again");
            }
        }
        tokio::time::sleep(pause).await;
    }
}
