//! Back-pressure: commands wait for a moment while a consumer that makes progress is behind, so that views and bus can keep
//! up with them.
//!
//! The promise: no command is refused because of it, none waits longer than [`LONGEST`], and none waits for a consumer that
//! makes no progress: because of parked products, a bus that does not answer, a rebuild, or the first catch-up after a start.

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

/// Commands wait once a consumer is this many commits behind, and the longest once it is [`FAR_BEHIND`] more.
const BEHIND: u64 = 1_000;
const FAR_BEHIND: u64 = 4_000;

/// After this many commits without progress a consumer counts as stalled, and nobody waits for it.
const STALLED: u64 = 10_000;

/// How many commits the ledger has and its consumers have handled. Cheap to clone.
#[derive(Debug, Clone)]
pub struct BackPressure {
    ledger: Arc<AtomicU64>,
    consumers: [ConsumerPosition; 2],
    rebuilds: Arc<AtomicU64>,
}

/// How many commits one consumer has handled. Cheap to clone.
#[derive(Debug, Clone)]
pub struct ConsumerPosition {
    state: Arc<State>,
    ledger: Arc<AtomicU64>,
}

#[derive(Debug, Default)]
struct State {
    /// Commits handled.
    handled: AtomicU64,
    /// Commits in the ledger when it last made progress.
    progress_at: AtomicU64,
    /// Whether it has caught up since the start or its last failure.
    follows: AtomicBool,
}

/// No command waits as long as this lives.
#[derive(Debug)]
pub struct BackPressureSuspension(Arc<AtomicU64>);

impl BackPressure {
    /// For a ledger with this many commits.
    #[must_use]
    pub fn new(commits: u64) -> Self {
        let ledger = Arc::new(AtomicU64::new(commits));
        let consumer = || ConsumerPosition { state: Arc::default(), ledger: ledger.clone() };
        Self { consumers: [consumer(), consumer()], rebuilds: Arc::default(), ledger }
    }

    /// Projector and publisher.
    #[must_use]
    pub fn consumers(&self) -> [ConsumerPosition; 2] {
        self.consumers.clone()
    }

    /// No command waits until the returned value is dropped.
    #[must_use]
    pub fn suspend(&self) -> BackPressureSuspension {
        self.rebuilds.fetch_add(1, Ordering::Relaxed);
        BackPressureSuspension(self.rebuilds.clone())
    }

    /// How long a command waits now.
    fn delay(&self) -> Duration {
        if self.rebuilds.load(Ordering::Relaxed) > 0 {
            return Duration::ZERO;
        }
        let recorded = self.ledger.load(Ordering::Relaxed);
        let behind = self.consumers.iter().map(|consumer| consumer.behind(recorded)).max().unwrap_or(0);
        let beyond = behind.saturating_sub(BEHIND).min(FAR_BEHIND);
        // Both fit.
        LONGEST * u32::try_from(beyond).unwrap_or(0) / u32::try_from(FAR_BEHIND).unwrap_or(1)
    }
}

impl ConsumerPosition {
    /// The commits up to `position` are handled.
    pub fn handled(&self, position: u64) {
        self.state.handled.fetch_max(position + 1, Ordering::Relaxed);
        self.state.progress_at.store(self.ledger.load(Ordering::Relaxed), Ordering::Relaxed);
    }

    /// All commits are handled.
    pub fn caught_up(&self) {
        self.state.follows.store(true, Ordering::Relaxed);
    }

    /// A batch failed: nobody waits for this consumer until it has caught up again.
    pub fn failed(&self) {
        self.state.follows.store(false, Ordering::Relaxed);
    }

    /// How many commits are to be handled; 0 if nobody waits for this consumer.
    fn behind(&self, recorded: u64) -> u64 {
        let State { handled, progress_at, follows } = &*self.state;
        let is_stalled = recorded.saturating_sub(progress_at.load(Ordering::Relaxed)) > STALLED;
        if !follows.load(Ordering::Relaxed) || is_stalled {
            return 0;
        }
        recorded.saturating_sub(handled.load(Ordering::Relaxed))
    }
}

impl Drop for BackPressureSuspension {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A journal whose appends wait for consumers that are behind.
pub struct ThrottledJournal {
    journal: Arc<dyn Journal>,
    back_pressure: BackPressure,
}

impl ThrottledJournal {
    /// The same journal under this back-pressure.
    #[must_use]
    pub fn new(journal: Arc<dyn Journal>, back_pressure: BackPressure) -> Self {
        Self { journal, back_pressure }
    }
}

#[async_trait]
impl Journal for ThrottledJournal {
    async fn append(&self, commit: &StoredCommit) -> Result<(), AppendError> {
        let delay = self.back_pressure.delay();
        if !delay.is_zero() {
            metrics::histogram!(COMMANDS_DELAYED.name).record(delay.as_secs_f64());
            tokio::time::sleep(delay).await;
        }
        self.journal.append(commit).await?;
        self.back_pressure.ledger.fetch_add(1, Ordering::Relaxed);
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

    fn behind(commits: u64) -> (BackPressure, [ConsumerPosition; 2]) {
        let back_pressure = BackPressure::new(10 * STALLED);
        let consumers = back_pressure.consumers();
        for consumer in &consumers {
            consumer.caught_up();
            consumer.handled(10 * STALLED - 1 - commits);
        }
        (back_pressure, consumers)
    }

    #[test]
    fn a_command_waits_the_longer_the_further_a_consumer_is_behind() {
        let delays = [0, BEHIND, BEHIND + FAR_BEHIND / 2, BEHIND + FAR_BEHIND, STALLED]
            .map(|commits| behind(commits).0.delay());
        assert_eq!(delays, [Duration::ZERO, Duration::ZERO, LONGEST / 2, LONGEST, LONGEST]);
    }

    #[test]
    fn the_slower_of_the_consumers_counts() {
        let (back_pressure, [fast, _]) = behind(STALLED);
        fast.handled(10 * STALLED);
        assert_eq!(back_pressure.delay(), LONGEST);
    }

    #[test]
    fn nobody_waits_for_a_consumer_that_makes_no_progress() {
        let (back_pressure, _consumers) = behind(STALLED);
        back_pressure.ledger.fetch_add(STALLED, Ordering::Relaxed);
        assert_eq!(back_pressure.delay(), LONGEST);
        back_pressure.ledger.fetch_add(1, Ordering::Relaxed);
        assert_eq!(back_pressure.delay(), Duration::ZERO);
    }

    #[test]
    fn nobody_waits_before_the_first_catch_up_after_a_failure_or_during_a_rebuild() {
        let fresh = BackPressure::new(10 * STALLED);
        assert_eq!(fresh.delay(), Duration::ZERO);
        let (back_pressure, consumers) = behind(STALLED);
        let suspended = back_pressure.suspend();
        assert_eq!(back_pressure.delay(), Duration::ZERO);
        drop(suspended);
        assert_eq!(back_pressure.delay(), LONGEST);
        consumers.iter().for_each(ConsumerPosition::failed);
        assert_eq!(back_pressure.delay(), Duration::ZERO);
    }
}
