//! Plans of faults, drawn from seeds: several ledgers in parallel, each with a number of faults; a failure prints its seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// The number of faults in CI and with `LEDGER_FAULTS=full`.
pub struct Plan {
    pub ledgers: u64,
    pub faults_of_each: usize,
    pub in_full: usize,
}

impl Plan {
    /// Runs the plan of each ledger, or of the one in `LEDGER_FAULTS_SEED`; returns their results.
    pub fn play<T: Send, Fut: Future<Output = T>>(
        &self,
        ledger: impl Fn(u64, usize) -> Fut + Sync,
    ) -> Vec<T> {
        let base = std::env::var("LEDGER_FAULTS_SEED").ok().map(|seed| seed.parse().unwrap());
        let first = base.unwrap_or_else(|| fastrand::u64(..u64::MAX / 1_000_000));
        let seeds = first..first + if base.is_some() { 1 } else { self.ledgers };
        let is_full = std::env::var("LEDGER_FAULTS").is_ok_and(|faults| faults == "full");
        let faults = if is_full { self.in_full } else { self.faults_of_each };
        let ledger = &ledger;
        let played: Vec<_> = std::thread::scope(|scope| {
            let started: Vec<_> =
                seeds.map(|seed| (seed, scope.spawn(move || played(seed, ledger(seed, faults))))).collect();
            started.into_iter().map(|(seed, ledger)| (seed, ledger.join().unwrap())).collect()
        });
        let failed: Vec<u64> =
            played.iter().filter(|(_, outcome)| outcome.is_none()).map(|(seed, _)| *seed).collect();
        assert!(failed.is_empty(), "LEDGER_FAULTS_SEED={} plans it again; all: {failed:?}", failed[0]);
        played.into_iter().filter_map(|(_, outcome)| outcome).collect()
    }
}

/// The result for a seed; `None` if the ledger was not intact afterwards.
fn played<T>(seed: u64, ledger: impl Future<Output = T>) -> Option<T> {
    println!("LEDGER_FAULTS_SEED={seed}");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(ledger))).ok()
}

/// Sleeps for at most this many milliseconds.
pub async fn pass(rng: &mut fastrand::Rng, most: u64) {
    tokio::time::sleep(Duration::from_millis(rng.u64(..most))).await;
}
