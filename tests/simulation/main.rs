//! The whole system on its in-memory adapters, in thousands of runs with faults, each decided by a seed: after every
//! one the ledger is whole. `LEDGER_SIMULATION_SEED=n` runs one of them, `LEDGER_SIMULATION_SEEDS=n` this many.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod chaos;
mod client;
mod faulty;
mod invariants;
mod operators;
mod stream;
mod views;
mod world;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use event_store::Journal;
use world::World;

/// What one run left behind, to be compared with another run of the same seed.
#[derive(Debug, PartialEq, Eq)]
struct Left {
    trace: u64,
    commits: Vec<serde_json::Value>,
    sent: usize,
    seen: BTreeMap<&'static str, u64>,
}

/// Does the run of a seed and checks its result.
fn run(seed: u64) -> Left {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let world = World::new(seed);
        world.run().await;
        world.check().await;
        let page = world.journal.scan(None, 10_000).await.unwrap();
        Left {
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
fn every_run_leaves_the_ledger_whole() {
    if let Some(seed) = setting("LEDGER_SIMULATION_SEED") {
        println!("{:#?}", run(seed).seen);
        return;
    }
    let (seeds, next) = (setting("LEDGER_SIMULATION_SEEDS").unwrap_or(2_000), AtomicU64::new(0));
    let (failed, seen) = (Mutex::new(Vec::new()), Mutex::new(BTreeMap::<&str, u64>::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(|| {
                while let seed = next.fetch_add(1, Ordering::Relaxed)
                    && seed < seeds
                {
                    match catch_unwind(AssertUnwindSafe(|| run(seed))) {
                        Ok(left) => {
                            let mut seen = seen.lock().unwrap();
                            left.seen.into_iter().for_each(|(what, n)| *seen.entry(what).or_default() += n);
                        }
                        Err(_) => failed.lock().unwrap().push(seed),
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap();
    assert!(failed.is_empty(), "LEDGER_SIMULATION_SEED={} shows it alone; all: {failed:?}", failed[0]);
    let seen = seen.into_inner().unwrap();
    println!("{seeds} runs: {seen:#?}");
    let kinds = [
        "answer lost",
        "batch delivered again",
        "batch written in part",
        "bus throttled",
        "call failed",
        "clock jumped",
        "command sent again later",
        "command sent twice at once",
        "death",
        "entry refused",
        "record overtaken",
        "sent twice by the SDK",
        "slow",
    ];
    assert_eq!(seen.into_keys().collect::<Vec<_>>(), kinds, "a fault that never happened proves nothing");
}

#[test]
fn the_same_seed_is_the_same_run() {
    for seed in 0..20 {
        assert_eq!(run(seed), run(seed), "seed {seed}");
    }
}
