//! The program `ledger`: the system in one process, and the tools to operate and audit it. One file per subcommand.

pub mod backup;
pub mod catalogue;
pub mod commits;
pub mod completions;
mod counts;
mod date_or_time;
pub mod diff;
pub mod environment;
pub mod exit;
pub mod export;
mod export_file;
mod exported;
pub mod find;
pub mod flags;
pub mod history;
pub mod import;
mod interrupt;
mod json_list;
mod ledger_source;
mod limited;
pub mod list;
pub mod log;
pub mod man;
pub mod migrate;
pub mod operate;
pub mod out;
pub mod parked;
pub mod prices;
mod product_source;
pub mod product_table;
pub mod progress;
pub mod prove;
pub mod read_only;
pub mod rebuild;
pub mod receipts;
pub mod reconcile;
pub mod remote;
pub mod replay;
pub mod restore;
mod retry;
pub mod serve;
pub mod show;
pub mod status;
pub mod text_table;
mod trusted;
pub mod verify;
pub mod watch;

use std::ffi::OsStr;
use std::process::ExitCode;

use clap::builder::Resettable;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use exit::ExitCodes;

/// An event-sourced product ledger. Without a subcommand it serves.
#[derive(Debug, Parser)]
#[command(name = "ledger", version, args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: flags::Flagged<serve::ServeArgs>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the whole system: API, projector, publisher, bus.
    Serve(flags::Flagged<serve::ServeArgs>),
    /// Send the commands of an NDJSON file to a server.
    Import(import::ImportArgs),
    /// List products.
    List(list::ListArgs),
    /// Find products by SKU, by the beginning of their name, or by their id or its beginning.
    Find(find::FindArgs),
    /// Show a product, as it is or as it was.
    Show(show::ShowArgs),
    /// Show the history of a product: what changed, who changed it, when, and when it was published.
    History(history::HistoryArgs),
    /// Show the prices of a product over time.
    Prices(prices::PricesArgs),
    /// List the commits of all products in the order of recording.
    Commits(commits::CommitsArgs),
    /// List the catalogue of another time: as it was recorded, or what was in force.
    Catalogue(catalogue::CatalogueArgs),
    /// Compare the catalogues of two times.
    Diff(diff::DiffArgs),
    /// Show how a ledger does and what waits for somebody, as its server tells it.
    Status(status::StatusArgs),
    /// Show the events of a server as they come.
    Watch(watch::WatchArgs),
    /// Write every commit as NDJSON.
    Export(export::ExportArgs),
    /// Prove that what is stored is what was recorded.
    Verify(verify::VerifyArgs),
    /// Fetch the proof that a commit is in the log of a server.
    Prove(prove::ProveArgs),
    /// Check a log: the record of all commits in one order that outsiders can verify.
    Log(log::LogArgs),
    /// Restore the commits of an export into a ledger, byte for byte, and publish nothing.
    Restore(restore::RestoreArgs),
    /// Make a consistent copy of a ledger, even while a server runs on it.
    Backup(backup::BackupArgs),
    /// Convert a data directory of an earlier build to the files of this one.
    Migrate(migrate::MigrateArgs),
    /// Rebuild a view next to the one that is read, compare it, and switch to it.
    Rebuild(rebuild::RebuildArgs),
    /// Compare the newest version of every product with the views and with its publication; list or repair what is behind.
    Reconcile(reconcile::ReconcileArgs),
    /// Publish a part of the ledger again, marked as a replay.
    Replay(replay::ReplayArgs),
    /// List or retry parked products: those that the projector or the publisher cannot process.
    Parked(parked::ParkedArgs),
    /// Write the script that lets a shell complete commands, options and ids of products.
    Completions(completions::CompletionsArgs),
    /// Write the manual of the program or of a command, as roff.
    Man(man::ManArgs),
}

/// The command line, with the exit codes in the help of the program and of each command.
#[must_use]
pub fn command() -> clap::Command {
    let with_codes = |command: clap::Command| {
        let Some(codes) = ExitCodes::of(command.get_name()) else { return command };
        let notes = command.get_after_help().map(|notes| format!("{notes}\n\n")).unwrap_or_default();
        command.after_help(notes + &codes.line())
    };
    Arguments::command().mut_subcommands(with_codes).after_long_help(exit::for_help())
}

/// The arguments of this process. Ends the process if they are wrong or ask for help, or if a shell asks for completions.
#[must_use]
pub fn arguments() -> Arguments {
    completions::answer(command);
    let command = without_empty_variables(command());
    Arguments::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
}

/// The command line, in which an option's variable that is empty counts as unset.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let is_empty = |name: &OsStr| std::env::var_os(name).is_some_and(|value| value.is_empty());
    command
        .mut_args(|arg| if arg.get_env().is_some_and(is_empty) { arg.env(Resettable::Reset) } else { arg })
        .mut_subcommands(without_empty_variables)
}

/// Runs the program.
#[must_use]
pub fn run(arguments: Arguments) -> ExitCode {
    let traces = match server::traces::Traces::configured() {
        Ok(traces) => traces,
        Err(error) => return exit::cannot(&error),
    };
    if let Err(error) = server::logs::start(traces.as_ref()) {
        return exit::cannot(&error);
    }
    environment::check_names();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::cannot(&error.into()),
    };
    let done = runtime.block_on(async {
        match arguments.command.unwrap_or(Command::Serve(arguments.serve)) {
            Command::Serve(arguments) => Box::pin(serve::run(arguments)).await,
            Command::Import(arguments) => import::run(arguments).await,
            Command::List(arguments) => list::run(arguments).await,
            Command::Find(arguments) => find::run(arguments).await,
            Command::Show(arguments) => show::run(arguments).await,
            Command::History(arguments) => history::run(arguments).await,
            Command::Prices(arguments) => prices::run(arguments).await,
            Command::Commits(arguments) => commits::run(arguments).await,
            Command::Catalogue(arguments) => catalogue::run(arguments).await,
            Command::Diff(arguments) => diff::run(arguments).await,
            Command::Status(arguments) => status::run(arguments).await,
            Command::Watch(arguments) => interrupt::ENDED.ends(watch::run(arguments)).await,
            Command::Export(arguments) => interrupt::NOT_WRITTEN.ends(export::run(arguments)).await,
            Command::Verify(arguments) => interrupt::NOT_CHECKED.ends(verify::run(arguments)).await,
            Command::Prove(arguments) => prove::run(arguments).await,
            Command::Log(arguments) => interrupt::NOT_CHECKED.ends(log::run(arguments)).await,
            Command::Restore(arguments) => restore::run(arguments).await,
            Command::Backup(arguments) => interrupt::NOT_COPIED.ends(backup::run(arguments)).await,
            Command::Migrate(arguments) => interrupt::UNFINISHED.ends(migrate::run(arguments)).await,
            Command::Rebuild(arguments) => interrupt::IN_PART.ends(rebuild::run(arguments)).await,
            Command::Reconcile(arguments) => interrupt::IN_PART.ends(reconcile::run(arguments)).await,
            Command::Replay(arguments) => interrupt::IN_PART.ends(replay::run(arguments)).await,
            Command::Parked(arguments) => interrupt::IN_PART.ends(parked::run(arguments)).await,
            Command::Completions(arguments) => completions::run(&arguments),
            Command::Man(arguments) => man::run(&arguments, Arguments::command()),
        }
    });
    // Background tasks were told to stop; a blocked thread must not delay the end.
    runtime.shutdown_background();
    done.or_else(exit::refused).unwrap_or_else(|error| exit::cannot(&error))
}
