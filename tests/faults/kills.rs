//! Kills the server at random moments while clients write: nothing acknowledged is lost, nothing is applied or published
//! twice, and all consumers catch up. `LEDGER_FAULTS_SEED=n` repeats the plan of one ledger, `LEDGER_FAULTS=full` runs a
//! hundred kills.
//!
//! A kill is not a power cut: what was passed to the kernel survives, even if it is not on disk yet.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};

use projections::views::View;

use crate::client::Clients;
use crate::plans::{Plan, pass};
use crate::scenario::{Ledger, program};
use crate::whole::assert_whole;

const PLAN: Plan = Plan { ledgers: 4, faults_of_each: 5, in_full: 25 };
/// The greatest number of server runs for each kill, since some end by themselves.
const MOST_LIVES: usize = 3;
const CLIENTS: usize = 4;

/// When a run is killed.
const DEATHS: [&str; 4] = ["under load", "while starting", "while rebuilding", "while stopping"];

#[test]
fn killed_at_any_moment_the_ledger_is_whole_afterwards() {
    let killed = PLAN.play(lives);
    let mut seen = BTreeMap::<&str, usize>::new();
    for (death, times) in killed.iter().flatten() {
        *seen.entry(death).or_default() += times;
    }
    println!("killed: {seen:#?}");
    if killed.len() > 1 {
        let planned = killed.len() * PLAN.faults_of_each;
        assert!(seen.values().sum::<usize>() >= planned && seen.len() == DEATHS.len(), "{seen:?}");
    }
}

async fn lives(seed: u64, kills: usize) -> BTreeMap<&'static str, usize> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut ledger = Ledger::start_with(&["--retry-parked-every", "1"], &[]);
    let clients = Clients::start(&ledger, seed, CLIENTS);
    let mut killed = BTreeMap::new();
    for life in 0..MOST_LIVES * kills {
        // First each kind in turn, then at random.
        let death = DEATHS.get(life).copied().unwrap_or_else(|| DEATHS[rng.usize(..DEATHS.len())]);
        if die(death, &mut ledger, &clients, &mut rng).await {
            *killed.entry(death).or_default() += 1;
        }
        ledger.restart();
        clients.go_on(&ledger);
        if killed.values().sum::<usize>() >= kills {
            break;
        }
    }
    let told = clients.finish().await;
    assert!(told.recorded.lock().unwrap().len() > kills, "hardly any command was recorded");
    assert_whole(&ledger, &told).await;
    killed
}
/// Lets the server run for a while and kills it; false if it ended by itself.
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
        // Without a running server it does the work itself.
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

/// An operator's rebuild, which takes longer than the server runs.
fn rebuild(ledger: &Ledger, rng: &mut fastrand::Rng) -> Child {
    let view = View::ALL[rng.usize(..View::ALL.len())].name();
    let mut command = program();
    command.args(["rebuild", view, "--overlap", "6", "--data"]).arg(&ledger.data);
    command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}
