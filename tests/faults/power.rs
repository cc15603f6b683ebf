//! Power cuts while clients write: the disk keeps what was synced and a random part of the rest. Nothing acknowledged is lost,
//! and the ledger is intact. `LEDGER_FAULTS_SEED=n` repeats the plan of one ledger, `LEDGER_FAULTS=full` runs a hundred cuts.

mod cut;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::client::{Clients, Told};
use crate::plans::{Plan, pass};
use crate::scenario::{Ledger, PATIENCE, program, repository};
use crate::store::{LEDGER, one_line, texts};
use crate::whole::assert_whole;
use cut::{Lost, cut_power};

const PLAN: Plan = Plan { ledgers: 4, faults_of_each: 5, in_full: 25 };
const CLIENTS: usize = 4;
/// The number of commands before and after a failed sync.
const COMMANDS: usize = 60;

/// When the power fails.
const MOMENTS: [&str; 3] = ["under load", "while starting", "while stopping"];

#[test]
fn after_any_power_cut_everything_acknowledged_is_there() {
    let directory = tempfile::tempdir().unwrap();
    let Some(layer) = built(directory.path()) else {
        println!(
            "skipped: after_any_power_cut_everything_acknowledged_is_there, there is no cc on this machine"
        );
        return;
    };
    let lost = PLAN.play(|seed, cuts| cuts_of(seed, cuts, layer.clone()));
    let sum = |of: fn(&Lost) -> usize| lost.iter().flatten().map(of).sum::<usize>();
    let (cuts, dropped) = (lost.iter().flatten().count(), sum(|lost| lost.dropped));
    let (unsynced, names) = (sum(|lost| lost.unsynced), sum(|lost| lost.names));
    println!("{cuts} power cuts: {unsynced} changes not synced, {dropped} sectors and {names} names lost");
    assert!(dropped > cuts, "the disk hardly lost anything");
}

/// After a failed sync the written data is lost, even if the next sync succeeds.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failed_sync_ends_the_server_and_nothing_is_acknowledged_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let Some(layer) = built(directory.path()) else {
        println!("skipped: a_failed_sync_ends_the_server, there is no cc on this machine");
        return;
    };
    let settings = [("LD_PRELOAD", layer.to_str().unwrap())];
    let mut ledger = Ledger::start_with(&[], &settings);
    let clients = Clients::start(&ledger, 5, CLIENTS);
    clients.until_answered(COMMANDS).await;
    std::fs::write(ledger.data.with_extension("power").join("broken"), "").unwrap();
    let ends = async { while ledger.http.get(format!("{}/health", ledger.url)).send().await.is_ok() {} };
    tokio::time::timeout(PATIENCE, ends).await.unwrap();
    clients.hold();
    assert_eq!(ledger.ended(), Some(2));
    let log = std::fs::read_to_string(ledger.data.with_extension("log")).unwrap();
    let line = one_line(&log);
    assert!(line.contains("start the program again once the disk can be written"), "{line}");
    cut_power(&ledger.data, &mut fastrand::Rng::with_seed(5));
    ledger.restart();
    clients.go_on(&ledger);
    clients.until_answered(clients.answered() + COMMANDS).await;
    let told = clients.finish().await;
    assert_whole(&ledger, &told).await;
}

/// The library for `LD_PRELOAD`, beneath SQLite and the log.
fn built(directory: &Path) -> Option<PathBuf> {
    let layer = directory.join("layer.so");
    let mut cc = Command::new("cc");
    cc.args(["-O1", "-Wall", "-Werror", "-shared", "-fPIC", "-pthread", "-o"]).arg(&layer);
    let output = cc.arg(repository().join("tests/faults/power/preload.c")).output().ok()?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(layer)
}

async fn cuts_of(seed: u64, cuts: usize, layer: PathBuf) -> Vec<Lost> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let settings = [("LD_PRELOAD", layer.to_str().unwrap())];
    let mut ledger = Ledger::start_with(&["--retry-parked-every", "1"], &settings);
    let clients = Clients::start(&ledger, seed, CLIENTS);
    let mut lost = Vec::new();
    for life in 0.. {
        if lost.len() >= cuts {
            break;
        }
        // First each moment in turn, then at random.
        let moment = MOMENTS.get(life).copied().unwrap_or_else(|| MOMENTS[rng.usize(..MOMENTS.len())]);
        pass(&mut rng, 400).await;
        if moment == "while stopping" {
            ledger.ask_to_stop();
            pass(&mut rng, 60).await;
        }
        clients.hold();
        ledger.kill();
        lost.push(cut_power(&ledger.data, &mut rng));
        if moment == "while starting" {
            start_and_kill(&ledger.data, &layer, &mut rng).await;
            lost.push(cut_power(&ledger.data, &mut rng));
        }
        ledger.restart();
        everything_acknowledged_is_there(&ledger, &clients.told);
        clients.go_on(&ledger);
    }
    let told = clients.finish().await;
    assert!(told.recorded.lock().unwrap().len() > cuts, "hardly any command was recorded");
    assert_whole(&ledger, &told).await;
    lost
}

async fn start_and_kill(data: &Path, layer: &Path, rng: &mut fastrand::Rng) {
    let mut starting = program();
    starting.args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(data).env("LD_PRELOAD", layer);
    let mut starting = starting.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    pass(rng, 120).await;
    starting.kill().unwrap();
    starting.wait().unwrap();
}

fn everything_acknowledged_is_there(ledger: &Ledger, told: &Told) {
    let kept = texts(&ledger.data, LEDGER, "SELECT hash FROM commits");
    let kept: std::collections::HashSet<_> = kept.iter().map(String::as_str).collect();
    for (key, receipt) in told.recorded.lock().unwrap().iter() {
        assert!(kept.contains(receipt["hash"].as_str().unwrap()), "{key} was acknowledged and is lost");
    }
}
