//! Observability of a command: notes for the line of the request in the log, and one count by command and outcome.

use telemetry::meters::COMMANDS;
use web::{Notes, Problem};

use super::kind::CommandKind;
use crate::execute::CommandOutcome;

/// Notes the outcome of an executed command.
pub(super) fn executed(notes: &Notes, outcome: &CommandOutcome) {
    let (kind, commit) = match outcome {
        CommandOutcome::Written(commit) => ("recorded", commit),
        CommandOutcome::Unchanged(commit) => ("unchanged", commit),
        CommandOutcome::Replayed(commit) => ("replayed", commit),
    };
    let mut page = notes.write();
    page.outcome = Some(kind);
    page.version = Some(commit.last_sequence());
}

/// Counts a command when it is answered.
pub(super) fn answered(notes: &Notes, kind: CommandKind, problem: Option<&Problem>) {
    let mut page = notes.write();
    if problem.is_some() {
        page.outcome = Some("refused");
    }
    let outcome = problem.map(|problem| problem.kind().slug()).or(page.outcome).unwrap_or_default();
    metrics::counter!(COMMANDS.name, "command" => kind.name(), "outcome" => outcome).increment(1);
}
