//! How a command ends: its exit code, and one line on standard error if it was not done. One table has the codes of every
//! command; the help, the manual and docs/interface.md show it.

use std::fmt::Write;
use std::process::ExitCode;

use crate::out;
use crate::text_table::escaped;

pub use server::operators::Refused;

/// The exit code of everything that could not be attempted because of settings, arguments or the environment.
pub(crate) const CANNOT: u8 = 2;

/// The exit code of `prove` alone: what it asks for is not there yet.
pub(crate) const NOT_YET: u8 = 3;

/// What holds for every command.
pub(crate) const UNWRITTEN: &str = "2 also if standard output cannot be written";

/// What the exit codes of some commands mean.
#[derive(Debug, Clone, Copy)]
pub struct ExitCodes {
    /// The commands.
    pub commands: &'static [&'static str],
    /// The meanings of 0, 1, 2 and 3; `None` for a code that they never end with.
    pub meanings: [Option<&'static str>; 4],
}

/// The exit codes of every command.
pub const EXIT_CODES: [ExitCodes; 20] = [
    codes(
        &["serve"],
        "stopped by SIGINT or SIGTERM",
        None,
        "wrong usage, or it could not start or could not go on",
    ),
    codes(
        &["import"],
        "done, also if lines were left alone or imported before",
        Some(
            "a line failed, was not sent or is missing (with --dry-run: is refused), also if the server stopped answering meanwhile, or it was interrupted",
        ),
        "wrong usage, or the server could not be reached at the beginning or refused access (with --dry-run: or stopped answering, or it was interrupted)",
    ),
    codes(
        &["list", "find"],
        "done, whatever is listed",
        None,
        "wrong usage, or the server could not be reached or refused",
    ),
    codes(
        &["status"],
        "shown, whatever it tells",
        None,
        "wrong usage, or the server could not be reached or refused",
    ),
    codes(
        &["commits"],
        "done, whatever is listed",
        Some("the ledger does not reach the position of --after yet"),
        "wrong usage, or the ledger could not be read or refused",
    ),
    codes(
        &["catalogue", "diff"],
        "done, whatever is listed",
        None,
        "wrong usage, or the ledger could not be read or refused",
    ),
    codes(
        &["show", "history", "prices"],
        "shown",
        Some("no such product, version or time, or the export is faulty (--file)"),
        "wrong usage, or the server or the export could not be read",
    ),
    codes(
        &["watch"],
        "interrupted, or nobody reads its output any more",
        None,
        "wrong usage, or the server could not be reached at the start or refused access",
    ),
    codes(
        &["export"],
        "written",
        Some("no such product, or something in the ledger cannot be exported"),
        "wrong usage, interrupted, or the ledger could not be read or the export not written",
    ),
    codes(
        &["verify"],
        "whole, or proved (--proof)",
        Some("faults, no such product, something is not published or shown yet, or a proof is refuted"),
        "wrong usage, or not everything could be checked",
    ),
    codes(
        &["log"],
        "whole, the keys were printed, or done",
        Some(
            "no log, faults, the checkpoint is not that of a log with this key, or has not grown from the one that was kept, or the state of the log or of the ledger does not allow it (rotate-key, new, restore, accept-restore)",
        ),
        "wrong usage, not everything could be checked, or it could not be attempted, for example while a server runs on the directory",
    ),
    ExitCodes {
        commands: &["prove"],
        meanings: [
            Some("the proof was fetched"),
            Some("no such product or sequence, or the server keeps no log"),
            Some(
                "wrong usage, the server could not be reached or refused, or the proof could not be written",
            ),
            Some("the commit is recorded, but not in a checkpoint of the log yet"),
        ],
    },
    codes(
        &["restore"],
        "done",
        Some("refused because of what the export or the ledger contains; nothing was written"),
        "wrong usage, interrupted, or it could not be attempted, for example while a server runs on the directory",
    ),
    codes(
        &["backup"],
        "copied and verified",
        Some(
            "no copy, because the ledger is faulty, its log has no whole checkpoint, or a restore is unfinished",
        ),
        "wrong usage, interrupted, or it could not be attempted",
    ),
    codes(
        &["migrate"],
        "done",
        None,
        "wrong usage, interrupted, or it could not be attempted, for example while a server runs on the directory",
    ),
    codes(
        &["rebuild"],
        "done",
        Some(
            "a dry run found differences, something could not be read, another rebuild of the view is running, or it was interrupted",
        ),
        "wrong usage, or the ledger could not be reached",
    ),
    codes(
        &["reconcile"],
        "nothing is behind or differs, with --repair after the repair",
        Some("something is behind or differs, or it was interrupted"),
        "wrong usage, or the ledger could not be reached",
    ),
    codes(
        &["replay"],
        "done",
        Some("some products were not replayed to the end, there is no such product, or it was interrupted"),
        "wrong usage, or the ledger or the bus could not be reached",
    ),
    codes(
        &["parked"],
        "done, whatever is listed",
        Some("products are still parked after a retry, there is no such product, or it was interrupted"),
        "wrong usage, or the ledger could not be reached",
    ),
    codes(&["completions", "man"], "printed", None, "wrong usage"),
];

const fn codes(
    commands: &'static [&'static str],
    done: &'static str,
    in_part: Option<&'static str>,
    cannot: &'static str,
) -> ExitCodes {
    ExitCodes { commands, meanings: [Some(done), in_part, Some(cannot), None] }
}

impl ExitCodes {
    /// The exit codes of a command.
    #[must_use]
    pub fn of(command: &str) -> Option<&'static Self> {
        EXIT_CODES.iter().find(|codes| codes.commands.contains(&command))
    }

    /// Each code that the commands end with, and what it means.
    pub fn told(&self) -> impl Iterator<Item = (usize, &'static str)> {
        self.meanings.into_iter().enumerate().filter_map(|(code, meaning)| Some((code, meaning?)))
    }

    /// One line for the help of a command.
    #[must_use]
    pub fn line(&self) -> String {
        let told: Vec<String> = self.told().map(|(code, meaning)| format!("{code} {meaning}")).collect();
        format!("Exit codes: {}; {UNWRITTEN}.", told.join("; "))
    }
}

/// The table for the help of the program.
#[must_use]
pub fn for_help() -> String {
    let mut text = format!("Exit codes, {UNWRITTEN}:");
    for codes in &EXIT_CODES {
        let _ = write!(text, "\n  {}", codes.commands.join(", "));
        for (code, meaning) in codes.told() {
            let _ = write!(text, "\n    {code}  {meaning}");
        }
    }
    text
}

/// The table for docs/interface.md.
#[must_use]
pub fn for_docs() -> String {
    let mut text = "| command | 0 | 1 | 2 | 3 |\n|---|---|---|---|---|\n".to_owned();
    for codes in &EXIT_CODES {
        let commands: Vec<String> = codes.commands.iter().map(|name| format!("`{name}`")).collect();
        let meanings = codes.meanings.map(|meaning| meaning.unwrap_or("—"));
        let _ = writeln!(text, "| {} | {} |", commands.join(", "), meanings.join(" | "));
    }
    text
}

/// Prints a refusal, which is exit code 1, and passes on every other error.
///
/// # Errors
/// Every other error.
pub(crate) fn refused(error: anyhow::Error) -> anyhow::Result<ExitCode> {
    let refused: Refused = error.downcast()?;
    out::message(format_args!("ledger: {}", escaped(&refused.to_string())));
    Ok(ExitCode::FAILURE)
}

/// Prints one line with every cause once.
pub(crate) fn cannot(error: &anyhow::Error) -> ExitCode {
    let line = event_store::error::causes(error.as_ref()).replace('\n', " ");
    // It may quote a server, a file or an argument.
    out::message(format_args!("ledger: {}", escaped(&line)));
    ExitCode::from(CANNOT)
}
