//! Observability of a command: notes for the line of the request in the log, and one count by command and outcome.

use telemetry::meters::COMMANDS;
use web::{Notes, Problem};

use super::Verb;
use crate::execute::Outcome;

/// Notes the outcome of an executed command.
pub(super) fn carried_out(notes: &Notes, outcome: &Outcome) {
    let (kind, commit) = match outcome {
        Outcome::Written(commit) => ("recorded", commit),
        Outcome::Unchanged(commit) => ("unchanged", commit),
        Outcome::Replayed(commit) => ("replayed", commit),
    };
    let mut page = notes.write();
    page.outcome = Some(kind);
    page.version = Some(commit.last_sequence());
}

/// Counts a command when it is answered.
pub(super) fn answered(notes: &Notes, verb: Verb, problem: Option<&Problem>) {
    let mut page = notes.write();
    if problem.is_some() {
        page.outcome = Some("refused");
    }
    let outcome = problem.map(|problem| problem.kind().slug()).or(page.outcome).unwrap_or_default();
    metrics::counter!(COMMANDS.name, "command" => verb.name(), "outcome" => outcome).increment(1);
}

impl Verb {
    /// The name in logs and metrics.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Replace => "replace",
            Self::Patch => "patch",
            Self::Delete => "delete",
            Self::Restore => "restore",
        }
    }
}
