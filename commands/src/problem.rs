//! The problems of failed commands, each with its status.

use schema::{RecordedEvent, Timestamp};
use serde_json::{Value, json};
use web::{FieldError, Problem, ProblemKind};

use crate::execute::{CommandError, FailedPrecondition};
use crate::product::{MOST_TEXT_BYTES, Refusal, TextFault, TextField, UnfitTexts};

/// The fields of bodies. In an error the log names no others, since a client chose their names.
pub(crate) const FIELDS: [&str; 14] = [
    "name",
    "price",
    "currency",
    "sku",
    "category",
    "description",
    "attributes",
    "occurred_at",
    "id",
    "status",
    "version",
    "created_at",
    "updated_at",
    "price_occurred_at",
];

/// The problem of a body with these errors.
pub(crate) fn invalid(errors: Vec<FieldError>) -> Problem {
    Problem::invalid(errors, &FIELDS)
}

impl From<CommandError> for Problem {
    fn from(failure: CommandError) -> Self {
        match failure {
            CommandError::Refused(refusal) => refused(refusal),
            CommandError::PreconditionFailed(failed) => precondition_failed(&failed),
            CommandError::Contradicted(fields) => {
                invalid_fields(fields, "is not that of the product, and no field that a command can change")
            }
            CommandError::NothingToContradict(fields) => invalid_fields(
                fields,
                "cannot be sent: no product has this id, and no command sets this field",
            ),
            CommandError::KeyReused => Problem::new(
                ProblemKind::IdempotencyKeyReused,
                "Send a new request with a new Idempotency-Key.",
            ),
            CommandError::Unreadable(reason) => {
                tracing::error!(target: "ledger::command", reason, "the newest commit of a product cannot be followed by another one");
                Problem::new(
                    ProblemKind::Internal,
                    "No commit can follow the stored ones of this product; run `ledger verify`.",
                )
            }
            CommandError::ClockAhead { newest } => {
                tracing::error!(target: "ledger::command",
                    newest = newest.to_string(),
                    "the newest commit of a product is ahead of the clock"
                );
                let detail = format!(
                    "The product's newest commit was recorded at {newest}, more than a minute ahead of this server's \
                     clock. Nothing was recorded; set the clocks right, or send the command after that time."
                );
                Problem::new(ProblemKind::ClockAhead, detail).loggable()
            }
            CommandError::Conflict => {
                let detail = "Nothing was recorded, because other writers kept changing the product; send the command again.";
                Problem::new(ProblemKind::Conflict, detail).retry_after(1)
            }
            CommandError::TooLarge { bytes } => {
                let detail = format!(
                    "The commit would have {bytes} bytes; shorten the description or the attributes."
                );
                Problem::new(ProblemKind::CommitTooLarge, detail).loggable()
            }
            CommandError::Unknown(reason) => {
                tracing::error!(target: "ledger::command", %reason, "the outcome of a write is unknown");
                Problem::unavailable(
                    "Whether the command was recorded is not known; repeating it with the same Idempotency-Key is safe.",
                )
            }
            CommandError::Unavailable(reason) => {
                tracing::error!(target: "ledger::command", %reason, "the event table failed");
                Problem::unavailable("The command was not recorded; send it again later.")
            }
        }
    }
}

fn invalid_fields(names: Vec<&'static str>, detail: &'static str) -> Problem {
    let error = |name| FieldError { pointer: pointer(&[name]), detail: detail.into() };
    invalid(names.into_iter().map(error).collect())
}

fn precondition_failed(failed: &FailedPrecondition) -> Problem {
    let detail = match (failed.ahead, failed.current) {
        (_, None) => "No product has this id. To create it, send PUT without If-Match and without version, updated_at and \
                      price_occurred_at."
            .into(),
        (Some(ahead), Some(current)) => format!(
            "Version {ahead} does not exist yet; the newest one is {current}. Read the product, decide again, and send \
             the command with the current version."
        ),
        _ if failed.missed.is_empty() => {
            "Read the product, decide again, and send the command with the current version.".into()
        }
        _ => "Read the missed events, decide again, and send the command with the current version.".into(),
    };
    // A version is a number: it stays short.
    Problem::new(ProblemKind::PreconditionFailed, detail)
        .loggable()
        .with("current_version", json!(failed.current))
        .with("missed", failed.missed.iter().map(missed_event).collect::<Vec<_>>())
}

/// The problem of a command that the product's state does not allow.
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
            "Another request created a product with the id that is derived from this key.",
        ),
        Refusal::TooManyAttributes => {
            invalid(vec![FieldError { pointer: "/attributes".into(), detail: refusal.to_string() }])
        }
        Refusal::Texts(UnfitTexts::Faulty(faults)) => invalid(faults.iter().map(text_error).collect()),
        Refusal::Texts(UnfitTexts::TooLarge { bytes }) => {
            let detail = format!(
                "The name, the description and the attributes would have {bytes} bytes as JSON; at most \
                 {MOST_TEXT_BYTES} are allowed. Shorten some."
            );
            Problem::new(ProblemKind::CommitTooLarge, detail).loggable()
        }
    }
}

fn text_error(fault: &TextFault) -> FieldError {
    let parts: &[&str] = match &fault.field {
        TextField::Name => &["name"],
        TextField::Sku => &["sku"],
        TextField::Category => &["category"],
        TextField::Description => &["description"],
        TextField::Attribute(key) => &["attributes", key],
    };
    FieldError { pointer: pointer(parts), detail: fault.reason.into() }
}

/// A JSON Pointer, escaped according to RFC 6901.
pub(crate) fn pointer(parts: &[&str]) -> String {
    parts
        .iter()
        .fold(String::new(), |pointer, part| pointer + "/" + &part.replace('~', "~0").replace('/', "~1"))
}

fn missed_event((sequence, recorded, recorded_at): &(u64, RecordedEvent, Timestamp)) -> Value {
    let mut event = json!(recorded.event);
    event["event_id"] = recorded.event_id.to_string().into();
    event["sequence"] = (*sequence).into();
    event["recorded_at"] = recorded_at.to_string().into();
    event
}
