//! The status that a function on AWS knows: what tables and the bucket of the log tell with a fixed number of requests.
//!
//! The promise: a status costs at most [`MOST_REQUESTS`] requests, however large the ledger is, and none within
//! [`KEPT_FOR`] of the last one; what they do not tell is not guessed.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use event_store::announced::LOG_CONSUMER;
use event_store::follow::Change;
use event_store::{Feed, FeedEntry, Parking, Receipts, Rounds, StoreError};
use schema::{Clock, Timestamp};
use sequencer::PublishedCheckpoints;
use tokio::sync::Mutex;
use tokio::time::Instant;
use web::Problem;

use super::{
    BuildInfo, ConsumerLag, CountedProducts, LedgerStatus, LogState, MOST_PARKED, ParkedProduct, SettingInfo,
    StatusSource, ViewLags,
};
use crate::http::answer::{Stored, failed};
use crate::project::ROUNDS;
use crate::views::View;

/// The publisher, as its parking rows name it.
const PUBLISHER: &str = "publisher";

/// How long an answer is given again.
const KEPT_FOR: Duration = Duration::from_secs(10);

/// The most requests of a status: four lists of parked products, the round of the reconcile, the checkpoint, the newest batch of the
/// log; the first and the newest commit and the oldest that is not logged, each with its batch; and the receipt of the newest.
pub const MOST_REQUESTS: usize = 14;

/// What it is read from.
pub struct StatusPorts {
    /// The parked products.
    pub parking: Arc<dyn Parking>,
    /// The order of all commits.
    pub feed: Arc<dyn Feed>,
    /// The receipts of the bus.
    pub receipts: Arc<dyn Receipts>,
    /// The rounds of the reconcile, which count products.
    pub rounds: Arc<dyn Rounds>,
    /// The log, if a bucket is named for it.
    pub log: Option<Arc<dyn PublishedCheckpoints>>,
}

/// The status of a ledger on AWS.
pub struct FunctionStatus {
    ports: StatusPorts,
    settings: Vec<SettingInfo>,
    clock: Clock,
    /// When the first commit was recorded, which never changes.
    first: OnceLock<Timestamp>,
    kept: Mutex<Option<(Instant, LedgerStatus)>>,
}

#[async_trait]
impl StatusSource for FunctionStatus {
    async fn status(&self) -> Result<LedgerStatus, Problem> {
        // Whoever comes meanwhile waits for the one that reads.
        let mut kept = self.kept.lock().await;
        if let Some((read, status)) = kept.as_ref()
            && read.elapsed() < KEPT_FOR
        {
            return Ok(status.clone());
        }
        let status = self.read().await?;
        *kept = Some((Instant::now(), status.clone()));
        Ok(status)
    }
}

impl FunctionStatus {
    /// The status, read from these ports.
    #[must_use]
    pub fn new(ports: StatusPorts, settings: Vec<SettingInfo>, clock: Clock) -> Self {
        Self { ports, settings, clock, first: OnceLock::new(), kept: Mutex::default() }
    }

    async fn read(&self) -> Result<LedgerStatus, Problem> {
        let of_commits = || failed(Stored::Commits, None);
        let newest = self.ports.feed.newest_position().await.map_err(of_commits())?;
        let commits = newest.map_or(0, |newest| newest + 1);
        let newest = match newest {
            Some(newest) => self.at(newest).await.map_err(of_commits())?,
            None => None,
        };
        let first = self.first(commits).await.map_err(of_commits())?;
        let lag = self.published_within(newest.as_ref()).await.map_err(failed(Stored::Receipts, None))?;
        Ok(LedgerStatus {
            commits: Some(commits),
            first_recorded_at: first,
            newest_recorded_at: newest.as_ref().and_then(recorded_at),
            products: self.products().await?,
            views: ViewLags::default(),
            bus: ConsumerLag { lag_ms: lag, oldest_behind_ms: None },
            parked: Some(self.parked().await?),
            log: self.log(commits).await?,
            tampering: None,
            build: BuildInfo { version: env!("CARGO_PKG_VERSION"), commit: None },
            settings: self.settings.clone(),
            commands: None,
            load: None,
            refused: None,
        })
    }

    /// The commit at a position, if it is there.
    async fn at(&self, position: u64) -> Result<Option<FeedEntry>, StoreError> {
        let found = self.ports.feed.after(position.checked_sub(1), 1).await?;
        Ok(found.into_iter().next().filter(|entry| entry.position == position))
    }

    async fn first(&self, commits: u64) -> Result<Option<Timestamp>, StoreError> {
        if commits > 0 && self.first.get().is_none() {
            let first = self.at(0).await?;
            if let Some(first) = first.as_ref().and_then(recorded_at) {
                return Ok(Some(*self.first.get_or_init(|| first)));
            }
        }
        Ok(self.first.get().copied())
    }

    /// How long after the newest commit was recorded the bus had its last event, if it has.
    async fn published_within(&self, newest: Option<&FeedEntry>) -> Result<Option<u64>, StoreError> {
        let Some(Change::Committed(commit)) = newest.map(|entry| &entry.change) else { return Ok(None) };
        let Ok(commit) = commit.decode() else { return Ok(None) };
        let position = match self.ports.receipts.position(&commit.product_id).await {
            // That it is damaged is told elsewhere.
            Err(error) if error.is_unreadable() => return Ok(None),
            position => position?,
        };
        let receipt = position.receipt.filter(|_| position.published >= commit.last_sequence());
        Ok(receipt.map(|receipt| millis(commit.recorded_at, receipt.published_at)))
    }

    async fn products(&self) -> Result<Option<CountedProducts>, Problem> {
        let (_, round) = self.ports.rounds.load(ROUNDS).await.map_err(failed(Stored::Parking, None))?;
        let counted = round.last.and_then(|last| Some((last.tally.states?, last.finished_at)));
        Ok(counted.map(|(states, counted_at)| CountedProducts {
            active: states.active,
            deleted: states.deleted,
            counted_at,
        }))
    }

    async fn parked(&self) -> Result<Vec<ParkedProduct>, Problem> {
        let mut parked = Vec::new();
        for consumer in View::ALL.map(View::name).into_iter().chain([PUBLISHER, LOG_CONSUMER]) {
            let rows = self.ports.parking.list(consumer, None, MOST_PARKED).await;
            let rows = rows.map_err(failed(Stored::Parking, None))?;
            parked.extend(rows.into_iter().map(|row| ParkedProduct::of(row, None)));
        }
        Ok(parked)
    }

    async fn log(&self, commits: u64) -> Result<Option<LogState>, Problem> {
        let Some(log) = &self.ports.log else { return Ok(None) };
        let newest = log.newest().await.map_err(|error| {
            tracing::error!(target: "ledger::log", %error, "the checkpoint of the log cannot be read");
            Problem::unavailable("The log did not answer; try again.")
        })?;
        let Some(newest) = newest else { return Ok(None) };
        let unlogged = commits.saturating_sub(newest.size);
        let oldest = if unlogged == 0 { None } else { Some(self.at(newest.size).await) };
        let oldest = oldest.transpose().map_err(failed(Stored::Commits, None))?.flatten();
        let since = oldest.as_ref().and_then(recorded_at);
        Ok(Some(LogState {
            size: newest.size,
            signed_at: newest.published_at,
            unlogged,
            oldest_unlogged_ms: since.map_or(0, |since| millis(since, (self.clock)())),
            witnesses: newest.witnesses,
        }))
    }
}

/// When a commit was recorded, if it can be read.
pub(super) fn recorded_at(entry: &FeedEntry) -> Option<Timestamp> {
    match &entry.change {
        Change::Committed(commit) => Timestamp::parse(commit.text("recorded_at").ok()?).ok(),
        Change::Tampered(_) | Change::Unreadable { .. } | Change::Nameless { .. } => None,
    }
}

/// The milliseconds from one moment to a later one.
fn millis(from: Timestamp, to: Timestamp) -> u64 {
    u64::try_from(to.millis().saturating_sub(from.millis())).unwrap_or_default()
}
