//! Measures the ledger and a peer under the same price changes, in turn, in one run. Prints a table, and after a full run
//! writes `tests/bench/results/*.json` and the sections of BENCHMARKS.md.

mod arguments;
mod arithmetic;
mod commands;
mod connection;
mod figures;
mod following;
mod load;
mod postgres;
mod process;
mod reading;
mod server;
mod table;

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use serde_json::Value;

use arguments::Arguments;
use load::Plan;
use server::System;
use table::{Cell, Column};

const WARM_UP: Duration = Duration::from_secs(1);

const COMMANDS: [Column; 9] = [
    ("rate", "commands/s"),
    ("sustained", "sustained/s"),
    ("p50_ms", "p50 ms"),
    ("p99_ms", "p99 ms"),
    ("processor_ms", "processor ms"),
    ("written_kb", "KB written"),
    ("disk_kb", "KB to the disk"),
    ("views_behind_s", "views behind, s"),
    ("bus_behind_s", "bus behind, s"),
];
const READING: [Column; 4] = [
    ("get_p50_ms", "GET p50 ms"),
    ("get_p99_ms", "GET p99 ms"),
    ("list_p50_ms", "LIST p50 ms"),
    ("list_p99_ms", "LIST p99 ms"),
];
/// The number of writing clients next to the readers.
const BESIDE: [usize; 2] = [0, 64];

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::read(std::env::args().skip(1))?;
    let systems = systems(&arguments)?;
    let about = about(&arguments);
    // One thread, which leaves the other processors to the measured systems.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let is_asked = |name: &str| arguments.measurements.iter().any(|asked| asked == name);
    let is_whole = arguments.are_whole() && systems.len() == 2;
    if is_asked("commands") {
        let cells = runtime.block_on(measure(&systems, &arguments, &arguments.clients, true))?;
        let (medians, multiples) =
            (table::table(&cells, &COMMANDS), table::multiples(&cells, &COMMANDS[..7]));
        let text = format!("{about}\n\n{medians}\n{multiples}");
        println!("\n{text}");
        if is_whole {
            let rates = [("rate", ""), ("sustained", ", sustained")];
            let times = [("p50_ms", " p50"), ("p99_ms", " p99")];
            write("commands", "Price changes a second", "commands/s", &cells, &rates)?;
            write("command-latency", "Time of a price change through HTTP", "ms", &cells, &times)?;
            put("commands", &text)?;
        }
    }
    if is_asked("reading") {
        let cells = runtime.block_on(measure(&systems, &arguments, &BESIDE, false))?;
        let text = format!("{about}\n\n{}", table::table(&cells, &READING));
        println!("\n{text}");
        if is_whole {
            let lines = [
                ("get_p50_ms", " GET p50"),
                ("get_p99_ms", " GET p99"),
                ("list_p50_ms", " LIST p50"),
                ("list_p99_ms", " LIST p99"),
            ];
            write("reading", "Time of a query beside clients that write", "ms", &cells, &lines)?;
            put("reading", &text)?;
        }
    }
    if !is_whole {
        println!("Nothing is written: not all rounds, seconds, clients and systems were measured.");
    }
    Ok(())
}

/// The environment of the measurement.
fn about(arguments: &Arguments) -> String {
    let processors = std::thread::available_parallelism().map_or(0, usize::from);
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split(' ').next().unwrap_or_default();
    let (rounds, seconds) = (arguments.rounds, arguments.time.as_secs());
    format!("{rounds} rounds of {seconds} s on {processors} processors; load average before: {load}.")
}

/// The ledger, and the peer if it can run.
fn systems(arguments: &Arguments) -> anyhow::Result<Vec<System>> {
    let mut systems = vec![System::Ledger { program: arguments.ledger.clone() }];
    match (&arguments.peer, postgres::installed()) {
        (None, _) => println!("The peer is skipped: no --peer was given."),
        (_, None) => println!(
            "The peer is skipped: there is no PostgreSQL on this machine (no initdb; Debian: apt-get install postgresql)."
        ),
        (Some(program), Some(postgres)) => {
            println!("PostgreSQL {}", postgres::version(&postgres)?);
            systems.push(System::Peer { program: program.clone(), postgres });
        }
    }
    Ok(systems)
}

/// All rounds: for each number of clients one system after the other, then the next round.
async fn measure(
    systems: &[System],
    arguments: &Arguments,
    clients: &[usize],
    are_commands: bool,
) -> anyhow::Result<Vec<Cell>> {
    let below = tempfile::Builder::new().prefix("rates-").tempdir_in(&arguments.below)?;
    // PostgreSQL may run as another user, which needs access.
    std::fs::set_permissions(below.path(), std::fs::Permissions::from_mode(0o755))?;
    if process::sent_to_disk(below.path()).is_none() {
        println!("{} is on no disk of this machine: nothing is said of durability.", below.path().display());
    }
    let mut cells = Vec::new();
    for clients in clients {
        cells.extend(systems.iter().map(|system| Cell {
            system: system.name(),
            clients: *clients,
            runs: Vec::new(),
        }));
    }
    for round in 0..arguments.rounds {
        for (n, cell) in cells.iter_mut().enumerate() {
            let system = &systems[n % systems.len()];
            let plan = Plan { clients: cell.clients, warm_up: WARM_UP, time: arguments.time };
            if are_commands {
                let run = commands::run(system, below.path(), plan).await?;
                eprintln!("round {}, {} clients, {}: {run:.3?}", round + 1, cell.clients, cell.system);
                cell.add(run)?;
            } else {
                let run = reading::run(system, below.path(), plan).await?;
                eprintln!("round {}, {} clients, {}: {run:.3?}", round + 1, cell.clients, cell.system);
                cell.add(run)?;
            }
        }
    }
    Ok(cells)
}

/// The data of a plot.
fn write(name: &str, title: &str, unit: &str, cells: &[Cell], figures: &[Column]) -> anyhow::Result<()> {
    let plot: Value = table::plot(title, unit, "just bench", cells, figures);
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../results").join(name).with_extension("json");
    std::fs::write(&file, serde_json::to_string_pretty(&plot)? + "\n")
        .with_context(|| file.display().to_string())
}

/// The section of BENCHMARKS.md.
fn put(name: &str, text: &str) -> anyhow::Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../BENCHMARKS.md");
    let document = std::fs::read_to_string(&file)?;
    std::fs::write(&file, table::put_into(&document, name, text)?)?;
    Ok(())
}
