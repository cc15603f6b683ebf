//! The request to the executor, and its outcome.
//!
//! Which error when: [`Refusal`] is the decision's alone, a fact about the product; [`Failure`] is the executor's, with a refusal
//! as one of its cases; a [`Problem`](web::Problem) is what a client gets for it.

use event_store::Unavailable;
use schema::{Commit, ProductId, RecordedEvent, Timestamp};

use crate::idempotency::IdempotencyKey;
use crate::product::{Command, Refusal};

/// A command with everything the client sent with it.
#[derive(Debug, Clone)]
pub struct Order {
    /// The product.
    pub product_id: ProductId,
    /// The command.
    pub command: Command,
    /// What must hold of the product.
    pub precondition: Precondition,
    /// How a repeated request is recognised.
    pub idempotency: Option<IdempotencyKey>,
    /// Who sent it.
    pub actor: String,
    /// The conversation it belongs to.
    pub correlation_id: String,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// When it happened in business terms; if left out, the time of recording, or that of the price in force if it is later.
    pub occurred_at: Option<Timestamp>,
}

/// What must hold of the product for the command to be recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    None,
    /// `If-Match: "<version>"`.
    Version(u64),
    /// `If-Match: *`: it exists and is not deleted.
    Exists,
    /// `If-None-Match: *`: it does not exist or is deleted.
    Absent,
}

/// The command was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A commit was recorded.
    Written(Commit),
    /// Nothing changed; this is the newest commit.
    Unchanged(Commit),
    /// It was recorded before, as this commit.
    Replayed(Commit),
}

/// The command was not recorded, or whether it was is unknown.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The state of the product does not allow it: send another command.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The precondition does not hold: read the missed events and decide again.
    #[error("the precondition does not hold")]
    PreconditionFailed {
        /// The product's version, if it has one.
        current: Option<u64>,
        /// The events since the version that the client knew, each with its sequence and the time it was recorded.
        missed: Vec<(u64, RecordedEvent, Timestamp)>,
    },
    /// The key was used for another request: use a new one.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A commit of the product cannot be read, or does not have the hash it carries; no commit is appended to it. Run
    /// `ledger verify`.
    #[error("a commit of the product cannot be read: {0}")]
    Unreadable(String),
    /// The newest commit was recorded in the future of this clock: set the clocks right, or wait.
    #[error("the newest commit was recorded at {newest}, ahead of this clock")]
    ClockAhead {
        /// When the newest commit was recorded.
        newest: Timestamp,
    },
    /// Other writers won every race: send it again.
    #[error("other writers kept changing the product")]
    Conflict,
    /// The product would be too large: shorten it.
    #[error("the commit would have {bytes} bytes")]
    TooLarge {
        /// Size of its canonical form.
        bytes: usize,
    },
    /// Whether it was recorded is unknown: repeat it with the same idempotency key.
    #[error("whether the command was recorded is unknown")]
    Unknown(#[source] Unavailable),
    /// The store failed and the command was not recorded: send it again later.
    #[error("the store failed")]
    Unavailable(#[source] Unavailable),
}

impl Order {
    /// Whether the product most likely does not exist, so that inserting before loading saves a request.
    pub(super) fn inserts_first(&self) -> bool {
        match self.command {
            Command::Create(_) => true,
            Command::Replace(_) => self.precondition == Precondition::Absent,
            Command::Patch(_) | Command::Delete | Command::Restore => false,
        }
    }
}
