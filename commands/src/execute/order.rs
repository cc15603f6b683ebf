//! What the executor is asked to do, and what can come of it.

use event_store::Unavailable;
use schema::{Commit, ProductId, RecordedEvent, Timestamp};

use crate::idempotency::IdempotencyKey;
use crate::product::{Command, Refusal};

/// One command with everything that came with it.
#[derive(Debug, Clone)]
pub struct Order {
    /// The product.
    pub product_id: ProductId,
    /// What is wanted.
    pub command: Command,
    /// What must hold.
    pub precondition: Precondition,
    /// How a repetition is recognised.
    pub idempotency: Option<IdempotencyKey>,
    /// Who wants it.
    pub actor: String,
    /// The conversation it belongs to.
    pub correlation_id: String,
    /// W3C trace context.
    pub traceparent: Option<String>,
    /// When it happened in business terms; left out, the later of the time of recording and that of the price in force.
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

/// The command was carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// A commit was recorded.
    Written(Commit),
    /// Nothing changed; the newest commit.
    Unchanged(Commit),
    /// It had been recorded before, by this commit.
    Replayed(Commit),
}

/// The command was not carried out, or nobody knows.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The product refuses: the command has to change.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The precondition does not hold: look at what was missed and decide anew.
    #[error("the precondition does not hold")]
    PreconditionFailed {
        /// The product's version, if it has one.
        current: Option<u64>,
        /// What happened since the version the client knew, each event with its sequence.
        missed: Vec<(u64, RecordedEvent, Timestamp)>,
    },
    /// The key stands for another request: use a new one.
    #[error("the idempotency key was used for another request")]
    KeyReused,
    /// A commit of the product cannot be read, or does not have the hash it carries: nothing is built upon it until
    /// `ledger verify` has said why.
    #[error("a commit of the product cannot be read: {0}")]
    Unreadable(String),
    /// The newest commit was recorded at a time that has not come yet: set the clocks right, or wait.
    #[error("the newest commit was recorded at {newest}, ahead of this clock")]
    ClockAhead {
        /// When the newest commit was recorded.
        newest: Timestamp,
    },
    /// Others kept winning: send it again.
    #[error("others kept writing this product")]
    Conflict,
    /// The product with its change is too large: shorten it.
    #[error("the commit would have {bytes} bytes")]
    TooLarge {
        /// Size of its canonical form.
        bytes: usize,
    },
    /// Whether it was recorded is not known: repeat it with the same idempotency key.
    #[error("whether the command was recorded is not known")]
    Unknown(#[source] Unavailable),
    /// It was not recorded because the store does not answer: send it again later.
    #[error("the store does not answer")]
    Unavailable(#[source] Unavailable),
}

impl Order {
    /// Whether the product most likely does not exist, so that inserting without loading saves a request.
    pub(super) fn inserts_first(&self) -> bool {
        match self.command {
            Command::Create(_) => true,
            Command::Replace(_) => self.precondition == Precondition::Absent,
            Command::Patch(_) | Command::Delete | Command::Restore => false,
        }
    }
}
