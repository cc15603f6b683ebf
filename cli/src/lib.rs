//! The program `ledger`: the whole system in one process, fed by the same streams and calling the same functions as the
//! Lambdas, and the tools of those who run and audit it. One file per subcommand.

pub mod auth;
pub mod backend;
pub mod backup;
pub mod columns;
pub mod directory;
pub mod environment;
pub mod export;
pub mod follower;
pub mod history;
pub mod import;
mod interrupt;
mod logs;
pub mod mapping;
pub mod migrate;
pub mod openapi;
pub mod operate;
pub mod out;
pub mod pace;
pub mod parked;
pub mod prices;
pub mod progress;
pub mod read_only;
pub mod rebuild;
pub mod receipts;
pub mod reconcile;
pub mod refused;
pub mod remote;
pub mod replay;
pub mod restore;
pub mod serve;
pub mod show;
pub mod system;
pub mod traces;
pub mod verify;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

/// The exit code of everything that could not be done because of settings, arguments or surroundings.
const CANNOT: u8 = 2;

/// An event-sourced product ledger. Without a subcommand it serves.
#[derive(Debug, Parser)]
#[command(name = "ledger", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: serve::ServeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the whole system: API, projector, publisher, bus.
    Serve(serve::ServeArgs),
    /// Send the commands of an NDJSON file to a server.
    Import(import::ImportArgs),
    /// Show a product, as it is or as it was.
    Show(show::ShowArgs),
    /// Show what happened to a product: what changed, who did it, when, and when it was published.
    History(history::HistoryArgs),
    /// Show the prices of a product over time.
    Prices(prices::PricesArgs),
    /// Write every commit as NDJSON.
    Export(export::ExportArgs),
    /// Prove that what is stored is what was recorded.
    Verify(verify::VerifyArgs),
    /// Bring the commits of an export into a ledger, as they were, and publish nothing.
    Restore(restore::RestoreArgs),
    /// Copy a ledger as it is at one moment, also while a server runs on it.
    Backup(backup::BackupArgs),
    /// Bring a data directory of the build before into the files of this one.
    Migrate(migrate::MigrateArgs),
    /// Build a view anew beside the one that is read, compare, switch.
    Rebuild(rebuild::RebuildArgs),
    /// Compare the heads of the event table with views and publication; list what is behind, or repair it.
    Reconcile(reconcile::ReconcileArgs),
    /// Publish a part of the ledger again, marked as a replay.
    Replay(replay::ReplayArgs),
    /// Products that the projector or the publisher cannot go on with, and why.
    Parked(parked::ParkedArgs),
    /// Write shell completions to standard output.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Runs the program.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let traces = match traces::Traces::configured() {
        Ok(traces) => traces,
        Err(error) => return cannot(&error),
    };
    logs::start(traces.as_ref());
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return cannot(&error.into()),
    };
    let done = runtime.block_on(async {
        match arguments.command.unwrap_or(Command::Serve(arguments.serve)) {
            Command::Serve(arguments) => serve::run(arguments).await,
            Command::Import(arguments) => import::run(arguments).await,
            Command::Show(arguments) => show::run(arguments).await,
            Command::History(arguments) => history::run(arguments).await,
            Command::Prices(arguments) => prices::run(arguments).await,
            Command::Export(arguments) => interrupt::NOT_WRITTEN.ends(export::run(arguments)).await,
            Command::Verify(arguments) => interrupt::NOT_CHECKED.ends(verify::run(arguments)).await,
            Command::Restore(arguments) => interrupt::UNFINISHED.ends(restore::run(arguments)).await,
            Command::Backup(arguments) => interrupt::NOT_COPIED.ends(backup::run(arguments)).await,
            Command::Migrate(arguments) => interrupt::UNFINISHED.ends(migrate::run(arguments)).await,
            Command::Rebuild(arguments) => interrupt::IN_PART.ends(rebuild::run(arguments)).await,
            Command::Reconcile(arguments) => interrupt::IN_PART.ends(reconcile::run(arguments)).await,
            Command::Replay(arguments) => interrupt::IN_PART.ends(replay::run(arguments)).await,
            Command::Parked(arguments) => interrupt::IN_PART.ends(parked::run(arguments)).await,
            Command::Completions { shell } => {
                let mut script = Vec::new();
                clap_complete::generate(shell, &mut Arguments::command(), "ledger", &mut script);
                out::print(&String::from_utf8_lossy(&script))?;
                Ok(ExitCode::SUCCESS)
            }
        }
    });
    // What still runs in the background was told to stop; a blocked thread must not hold up the end.
    runtime.shutdown_background();
    done.or_else(refused::told).unwrap_or_else(|error| cannot(&error))
}

/// One clear line, whatever the causes, and each of them once.
fn cannot(error: &anyhow::Error) -> ExitCode {
    let line = event_store::error::causes(error.as_ref()).replace('\n', " ");
    // It may quote what a server, a file or an argument said.
    out::tell(format_args!("ledger: {}", columns::plain(&line)));
    ExitCode::from(CANNOT)
}
