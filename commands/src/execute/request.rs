//! The request to the executor, and its outcome.
//!
//! Which error when: [`Refusal`] is the decision's alone, a fact about the product; [`CommandError`] is the executor's, with a refusal
//! as one of its cases; a [`Problem`](web::Problem) is what a client gets for it.

use event_store::StoreError;
use schema::{Commit, ProductId, Timestamp};

use super::precondition::{CarriedFields, FailedPrecondition, Precondition};
use crate::idempotency::IdempotencyKey;
use crate::product::{Command, Refusal};

/// A command with everything the client sent with it.
#[derive(Debug, Clone)]
pub struct CommandRequest {
    /// The product.
    pub product_id: ProductId,
    /// The command.
    pub command: Command,
    /// What must hold of the product.
    pub precondition: Precondition,
    /// What the client read of the product and sends back.
    pub carried: CarriedFields,
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

/// The command was executed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CommandOutcome {
    /// A commit was recorded.
    Written(Commit),
    /// Nothing changed; this is the newest commit.
    Unchanged(Commit),
    /// It was recorded before, as this commit.
    Replayed(Commit),
}

/// The command was not recorded, or whether it was is unknown.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// The state of the product does not allow it: send another command.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The precondition does not hold: read the missed events and decide again.
    #[error("the precondition does not hold")]
    PreconditionFailed(FailedPrecondition),
    /// Fields that the command cannot change differ from the product: leave them out.
    #[error("{} of the fields contradict the product", .0.len())]
    Contradicted(Vec<&'static str>),
    /// Fields that only a product that exists has were sent to create one: leave them out.
    #[error("{} of the fields are those of a product that does not exist", .0.len())]
    NothingToContradict(Vec<&'static str>),
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
    Unknown(#[source] StoreError),
    /// The store failed and the command was not recorded: send it again later.
    #[error("the store failed")]
    Unavailable(#[source] StoreError),
}

impl CommandError {
    /// A stored commit that no other one may follow.
    #[expect(clippy::needless_pass_by_value, reason = "that is how `map_err` gives it")]
    pub(super) fn unreadable(reason: impl ToString) -> Self {
        Self::Unreadable(reason.to_string())
    }
}

impl CommandRequest {
    /// Whether the product most likely does not exist, so that inserting before loading saves a request.
    pub(super) fn inserts_first(&self) -> bool {
        match self.command {
            Command::Create(_) => true,
            Command::Replace(_) => self.precondition == Precondition::Absent && !self.carried.are_given(),
            Command::Patch(_) | Command::Delete | Command::Restore => false,
        }
    }
}
