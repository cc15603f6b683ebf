//! Back-pressure: commands wait a little while a consumer that makes progress is behind, so that the rate at which they
//! are taken is one that views and bus can follow.
//!
//! The promise: no command is refused for it, none waits longer than [`LONGEST`], and none waits for a consumer that makes
//! no progress: for parked products, a bus that is away, a rebuild, or the first catch-up after a start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use event_store::heads::Head;
use event_store::{AppendError, Journal, KeyPage, ScanPage, ScanPosition, StoreError};
use schema::{ProductId, StoredCommit};
use telemetry::meters::COMMANDS_DELAYED;

/// The longest a command waits.
pub const LONGEST: Duration = Duration::from_millis(50);

/// Commands wait as soon as a consumer is this many commits behind, and the longest when it is so many more.
const BEHIND: u64 = 1_000;
const FAR_BEHIND: u64 = 4_000;

/// After so many commits without progress a consumer is no longer waited for.
const PATIENCE: u64 = 10_000;

/// How far the ledger and its consumers are. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Pace {
    ledger: Arc<AtomicU64>,
    consumers: [Consumer; 2],
    rebuilds: Arc<AtomicU64>,
}

/// How far one consumer is. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Consumer {
    state: Arc<State>,
    ledger: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct State {
    /// Commits handled.
    handled: AtomicU64,
    /// Commits recorded when it last made progress.
    progress_at: AtomicU64,
    /// Whether it has caught up since the start, and its last batch succeeded.
    follows: AtomicBool,
}

/// A rebuild is under way as long as this lives.
#[derive(Debug)]
pub struct Rebuilding(Arc<AtomicU64>);

impl Pace {
    /// The pace of a ledger with so many commits.
    #[must_use]
    pub fn new(commits: u64) -> Self {
        let ledger = Arc::new(AtomicU64::new(commits));
        let consumer = || Consumer { state: Arc::default(), ledger: ledger.clone() };
        Self { consumers: [consumer(), consumer()], rebuilds: Arc::default(), ledger }
    }

    /// Projector and publisher.
    #[must_use]
    pub fn consumers(&self) -> [Consumer; 2] {
        self.consumers.clone()
    }

    /// No command waits until what it returns is dropped.
    #[must_use]
    pub fn rebuilding(&self) -> Rebuilding {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
        Rebuilding(self.rebuilds.clone())
    }

    /// How long a command has to wait now.
    fn delay(&self) -> Duration {
        if self.rebuilds.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        let recorded = self.ledger.load(Ordering::Relaxed);
        let behind = self.consumers.iter().map(|consumer| consumer.behind(recorded)).max().unwrap_or(0);
        let beyond = behind.saturating_sub(BEHIND).min(FAR_BEHIND);
        // Both are small numbers.
        LONGEST * u32::try_from(beyond).unwrap_or(0) / u32::try_from(FAR_BEHIND).unwrap_or(1)
    }
}

impl Consumer {
    /// It has handled the commit at `position` and all before it.
    pub fn handled(&self, position: u64) {
        self.state.handled.fetch_max(position + 1, Ordering::Relaxed);
        self.state.progress_at.store(self.ledger.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// It has handled everything there is.
    pub fn caught_up(&self) {
        self.state.follows.store(true, Ordering::Relaxed);
    }

    /// A batch failed: it is not waited for until it has caught up again.
    pub fn stumbled(&self) {
        self.state.follows.store(false, Ordering::Relaxed);
    }

    /// How many commits it has to handle, as far as it is waited for.
    fn behind(&self, recorded: u64) -> u64 {
        let State { handled, progress_at, follows } = &*self.state;
        let stands = recorded.saturating_sub(progress_at.load(Ordering::Relaxed)) > PATIENCE;
        if !follows.load(Ordering::Relaxed) || stands {
            return 0;
        }
        recorded.saturating_sub(handled.load(Ordering::Relaxed))
    }
}

impl Drop for Rebuilding {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A journal whose appends keep the pace.
pub struct PacedJournal {
    journal: Arc<dyn Journal>,
    pace: Pace,
}

impl PacedJournal {
    /// The same journal at this pace.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, pace: Pace) -> Self {
        Self { journal, pace }
    }
}

#[async_trait]
impl Journal for PacedJournal {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        let delay = self.pace.delay();
        if !delay.is_zero() {
            metrics::histogram!(COMMANDS_DELAYED.name).record(delay.as_secs_f64());
            tokio::time::sleep(delay).await;
        }
        self.journal.append(commit).await?;
        self.pace.ledger.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    async fn newest(&self, product: &ProductId, at_most: u64) -> Result<Option<StoredCommit>, StoreError> {
        self.journal.newest(product, at_most).await
    }

    async fn page(
        &self,
        product: &ProductId,
        after: u64,
        limit: usize,
    ) -> Result<Vec<StoredCommit>, StoreError> {
        self.journal.page(product, after, limit).await
    }

    async fn scan(&self, from: Option<ScanPosition>, limit: usize) -> Result<ScanPage, StoreError> {
        self.journal.scan(from, limit).await
    }

    async fn scan_keys(&self, from: Option<ScanPosition>, limit: usize) -> Result<KeyPage, StoreError> {
        self.journal.scan_keys(from, limit).await
    }

    async fn heads(&self, after: &str, limit: usize) -> Result<Option<Vec<Head>>, StoreError> {
        self.journal.heads(after, limit).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn behind(commits: u64) -> (Pace, [Consumer; 2]) {
        let pace = Pace::new(10 * PATIENCE);
        let consumers = pace.consumers();
        for consumer in &consumers {
            consumer.caught_up();
            consumer.handled(10 * PATIENCE - 1 - commits);
        }
        (pace, consumers)
    }

    #[test]
    fn a_command_waits_the_longer_the_further_a_consumer_is_behind() {
        let delays = [0, BEHIND, BEHIND + FAR_BEHIND / 2, BEHIND + FAR_BEHIND, PATIENCE]
            .map(|commits| behind(commits).0.delay());
        assert_eq!(delays, [Duration::ZERO, Duration::ZERO, LONGEST / 2, LONGEST, LONGEST]);
    }

    #[test]
    fn the_slower_of_the_consumers_counts() {
        let (pace, [fast, _]) = behind(PATIENCE);
        fast.handled(10 * PATIENCE);
        assert_eq!(pace.delay(), LONGEST);
    }

    #[test]
    fn nobody_waits_for_a_consumer_that_makes_no_progress() {
        let (pace, _consumers) = behind(PATIENCE);
        pace.ledger.fetch_add(PATIENCE, Ordering::Relaxed);
        assert_eq!(pace.delay(), LONGEST);
        pace.ledger.fetch_add(1, Ordering::Relaxed);
        assert_eq!(pace.delay(), Duration::ZERO);
    }

    #[test]
    fn nobody_waits_before_the_first_catch_up_after_a_failure_or_during_a_rebuild() {
        let fresh = Pace::new(10 * PATIENCE);
        assert_eq!(fresh.delay(), Duration::ZERO);
        let (pace, consumers) = behind(PATIENCE);
        let rebuilding = pace.rebuilding();
        assert_eq!(pace.delay(), Duration::ZERO);
        drop(rebuilding);
        assert_eq!(pace.delay(), LONGEST);
        consumers.iter().for_each(Consumer::stumbled);
        assert_eq!(pace.delay(), Duration::ZERO);
    }
}
