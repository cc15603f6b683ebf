//! What a failed command is answered with.

use schema::{RecordedEvent, Timestamp};
use serde_json::{Value, json};
use web::{FieldError, Problem, ProblemKind};

use crate::execute::Failure;
use crate::product::Refusal;

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Refused(refusal) => refused(refusal),
            Failure::PreconditionFailed { current, missed } => {
                let detail =
                    "Look at what was missed, decide anew, and send the command with the current version.";
                Problem::new(ProblemKind::PreconditionFailed, detail)
                    .with("current_version", json!(current))
                    .with("missed", missed.iter().map(missed_event).collect::<Vec<_>>())
            }
            Failure::KeyReused => Problem::new(
                ProblemKind::IdempotencyKeyReused,
                "Send a new request with a new Idempotency-Key.",
            ),
            Failure::Unreadable(reason) => {
                tracing::error!(target: "ledger::command", reason, "a command cannot be built upon what is stored");
                Problem::new(
                    ProblemKind::Internal,
                    "The commits of this product cannot be built upon; `ledger verify` says why.",
                )
            }
            Failure::ClockAhead { newest } => {
                tracing::error!(target: "ledger::command",
                    newest = newest.to_string(),
                    "a product's newest commit lies ahead of the clock"
                );
                let detail = format!(
                    "The product's newest commit was recorded at {newest}, more than a minute ahead of this server's \
                     clock. Nothing was recorded; set the clocks right, or send the command after that time."
                );
                Problem::new(ProblemKind::ClockAhead, detail)
            }
            Failure::Conflict => {
                let detail =
                    "Nothing was recorded, because other writers were always faster; send the command again.";
                Problem::new(ProblemKind::Conflict, detail).retry_after(1)
            }
            Failure::TooLarge { bytes } => {
                let detail = format!(
                    "The commit would have {bytes} bytes; shorten the description or the attributes."
                );
                Problem::new(ProblemKind::CommitTooLarge, detail)
            }
            Failure::Unknown(reason) => {
                tracing::error!(target: "ledger::command", %reason, "the outcome of a write is not known");
                Problem::unavailable(
                    "Whether the command was recorded is not known; repeating it with the same Idempotency-Key is safe.",
                )
            }
            Failure::Unavailable(reason) => {
                tracing::error!(target: "ledger::command", %reason, "the event table does not answer");
                Problem::unavailable("The command was not recorded; send it again later.")
            }
        }
    }
}

/// The answer to a command that the product's state does not allow.
fn refused(refusal: Refusal) -> Problem {
    match refusal {
        Refusal::UnknownProduct => {
            Problem::new(ProblemKind::ProductNotFound, "No product has this id; create it with PUT.")
        }
        Refusal::Deleted => {
            Problem::new(ProblemKind::ProductDeleted, "Restore the product first, or replace it with PUT.")
        }
        Refusal::NotDeleted => Problem::new(ProblemKind::ProductNotDeleted, "There is no deletion to undo."),
        Refusal::AlreadyExists => Problem::new(
            ProblemKind::ProductExists,
            "Another request made a product with the id that this key stands for.",
        ),
        Refusal::TooManyAttributes => {
            Problem::invalid(vec![FieldError { pointer: "/attributes".into(), detail: refusal.to_string() }])
        }
    }
}

fn missed_event((sequence, recorded, recorded_at): &(u64, RecordedEvent, Timestamp)) -> Value {
    let mut event = json!(recorded.event);
    event["event_id"] = recorded.event_id.to_string().into();
    event["sequence"] = (*sequence).into();
    event["recorded_at"] = recorded_at.to_string().into();
    event
}
