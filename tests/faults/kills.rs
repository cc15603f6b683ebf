//! Killed at any moment of its life, again and again, while clients write: nothing acknowledged is lost, nothing is applied
//! twice, and everything that follows the ledger catches up. `LEDGER_FAULTS_SEED=n` repeats the plan of one ledger.
//!
//! A kill takes the process and not the power: what the kernel was given survives, also where it is not on disk yet.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::client::Clients;
use crate::scenario::{Ledger, program};
use crate::whole::assert_whole;

const LEDGERS: u64 = 4;
const KILLS_OF_EACH: usize = 13;
/// A plan draws no more lives than this, however many of them end by themselves.
const MOST_LIVES: usize = 40;
const CLIENTS: usize = 4;

/// When a life ends.
const DEATHS: [&str; 4] = ["under load", "while starting", "while rebuilding", "while stopping"];

#[test]
fn killed_at_any_moment_the_ledger_is_whole_afterwards() {
    let base = std::env::var("LEDGER_FAULTS_SEED").ok().map(|seed| seed.parse().unwrap());
    let first = base.unwrap_or_else(|| fastrand::u64(..u64::MAX / 1_000_000));
    let seeds = first..first + if base.is_some() { 1 } else { LEDGERS };
    let killed: Vec<_> = std::thread::scope(|scope| {
        let ledgers: Vec<_> = seeds.map(|seed| (seed, scope.spawn(move || lives_of(seed)))).collect();
        ledgers.into_iter().map(|(seed, ledger)| (seed, ledger.join().unwrap())).collect()
    });
    let failed: Vec<u64> = killed.iter().filter(|(_, died)| died.is_none()).map(|(seed, _)| *seed).collect();
    assert!(failed.is_empty(), "LEDGER_FAULTS_SEED={} plans it again; all: {failed:?}", failed[0]);
    let mut seen = BTreeMap::<&str, usize>::new();
    for (death, times) in killed.into_iter().filter_map(|(_, died)| died).flatten() {
        *seen.entry(death).or_default() += times;
    }
    println!("killed: {seen:#?}");
    if base.is_none() {
        assert!(seen.values().sum::<usize>() >= 50 && seen.len() == DEATHS.len(), "{seen:?}");
    }
}

/// How often the ledger of a seed was killed, and when; nothing if it was not whole afterwards.
fn lives_of(seed: u64) -> Option<BTreeMap<&'static str, usize>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    catch_unwind(AssertUnwindSafe(|| runtime.block_on(lives(seed)))).ok()
}

async fn lives(seed: u64) -> BTreeMap<&'static str, usize> {
    println!("LEDGER_FAULTS_SEED={seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut ledger = Ledger::start_with(&["--retry-parked-every", "1"], &[]);
    let clients = Clients::start(&ledger, seed, CLIENTS);
    let mut killed = BTreeMap::new();
    for life in 0..MOST_LIVES {
        // Each way comes in its turn at first, then by chance.
        let death = DEATHS.get(life).copied().unwrap_or_else(|| DEATHS[rng.usize(..DEATHS.len())]);
        if die(death, &mut ledger, &clients, &mut rng).await {
            *killed.entry(death).or_default() += 1;
        }
        ledger.restart();
        clients.go_on(&ledger);
        if killed.values().sum::<usize>() >= KILLS_OF_EACH {
            break;
        }
    }
    let told = clients.finish().await;
    assert!(told.recorded.lock().unwrap().len() > KILLS_OF_EACH, "hardly any command was recorded");
    assert_whole(&ledger, &told).await;
    killed
}

/// Lets the server live for a while and kills it; false if it had ended by itself.
async fn die(death: &str, ledger: &mut Ledger, clients: &Clients, rng: &mut fastrand::Rng) -> bool {
    let mut rebuilding = None;
    pass(rng, 400).await;
    match death {
        "while rebuilding" => {
            rebuilding = Some(rebuild(ledger, rng));
            pass(rng, 500).await;
        }
        "while stopping" => {
            ledger.ask_to_stop();
            pass(rng, 15).await;
        }
        _ => {}
    }
    clients.hold();
    let mut killed = ledger.kill();
    if let Some(mut rebuilding) = rebuilding {
        // Where it comes to a server that is gone, it does the work itself.
        rebuilding.kill().unwrap();
        rebuilding.wait().unwrap();
    }
    if death == "while starting" {
        let serve = ["serve", "--listen", "127.0.0.1:0", "--data"];
        let mut starting = program();
        starting.args(serve).arg(&ledger.data).stdout(Stdio::null()).stderr(Stdio::null());
        let mut starting = starting.spawn().unwrap();
        pass(rng, 120).await;
        starting.kill().unwrap();
        killed &= starting.wait().unwrap().code().is_none();
    }
    killed
}

/// An operator's rebuild; it takes longer than it is let.
fn rebuild(ledger: &Ledger, rng: &mut fastrand::Rng) -> Child {
    let view = ["products", "prices"][rng.usize(..2)];
    let mut command = program();
    command.args(["rebuild", view, "--overlap", "6", "--data"]).arg(&ledger.data);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// At most so many milliseconds pass.
async fn pass(rng: &mut fastrand::Rng, most: u64) {
    tokio::time::sleep(Duration::from_millis(rng.u64(..most))).await;
}
