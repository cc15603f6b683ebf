//! Simulates the whole system on its in-memory adapters with injected faults, once for each of hundreds of seeds, and checks
//! the invariants after every run. `LEDGER_SIMULATION_SEED=n` runs seed n alone, `LEDGER_SIMULATION_SEEDS=n` the first n; CI
//! runs thousands.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chaos;
mod client;
mod faulty;
mod invariants;
mod log;
mod operators;
mod sequencer;
mod stream;
mod tables;
mod views;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use event_store::Journal;
use world::World;

/// The result of one run, to compare with another run of the same seed.
#[derive(Debug, PartialEq, Eq)]
struct RunResult {
    trace: u64,
    commits: Vec<serde_json::Value>,
    sent: usize,
    seen: BTreeMap<&'static str, u64>,
}

/// Runs the simulation of a seed and checks the invariants.
fn simulate(seed: u64) -> RunResult {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(seed);
        Box::pin(world.run()).await;
        world.check().await;
        let page = world.journal.scan(None, 10_000).await.unwrap();
        RunResult {
            trace: world.chaos.trace(),
            commits: page.commits.into_iter().map(|commit| commit.0.into()).collect(),
            sent: world.bus.len(),
            seen: world.chaos.seen(),
        }
    })
}

fn setting(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[test]
fn every_run_keeps_the_invariants() {
    if let Some(seed) = setting("LEDGER_SIMULATION_SEED") {
        println!("{:#?}", simulate(seed).seen);
        return;
    }
    let (seeds, next) = (setting("LEDGER_SIMULATION_SEEDS").unwrap_or(400), AtomicU64::new(0));
    let (failed, seen) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::<&str, u64>::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let seed = next.fetch_add(1, Ordering::Relaxed)
                    && seed < seeds
                {
                    match catch_unwind(AssertUnwindSafe(|| simulate(seed))) {
                        Ok(result) => {
                            let mut seen = seen.lock().unwrap();
                            result.seen.into_iter().for_each(|(what, n)| *seen.entry(what).or_default() += n);
                        }
                        Err(_) => failed.lock().unwrap().push(seed),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(
        failed.is_empty(),
        "LEDGER_SIMULATION_SEED={} repeats the first; failed seeds: {failed:?}",
        failed[0]
    );
    let seen = seen.into_inner().unwrap();
    println!("{seeds} runs: {seen:#?}");
    let kinds = [
        "answer lost",
        "batch delivered again",
        "batch taken",
        "batch written in part",
        "bus throttled",
        "call failed",
        "clock jumped",
        "command sent again later",
        "command sent twice at once",
        "entry refused",
        "feed item lost",
        "log not written",
        "log written without an answer",
        "object not written",
        "object written without an answer",
        "power failed",
        "process killed",
        "record overtaken",
        "sent twice by the SDK",
        "slow",
    ];
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), kinds, "faults that never happened prove nothing");
}

#[test]
fn the_same_seed_gives_the_same_run() {
    for seed in 0..20 {
        assert_eq!(simulate(seed), simulate(seed), "seed {seed}");
    }
}
