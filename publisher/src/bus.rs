//! The port to the bus: up to ten entries go in, every single one gets an answer.
//!
//! Its promise: no entry is lost silently. Each is accepted with the bus's own id or refused with a code; when the
//! request as a whole failed, the error says whether the same entries may be sent again.

mod entry;
pub mod eventbridge;
pub mod local;
pub mod memory;

use async_trait::async_trait;

pub use entry::{Entry, MOST_BYTES, MOST_ENTRIES, is_sendable};
pub use eventbridge::EventBridge;
#[cfg(feature = "sqlite")]
pub use local::SqliteBus;
pub use local::{DynamoBus, LocalBus, MemoryLocalBus};
pub use memory::MemoryBus;

/// What a bus said is kept up to here, in characters: it stands in receipts and parking rows.
const LONGEST_MESSAGE: usize = 1_000;

/// What the bus said about one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It has the entry.
    Accepted {
        /// The bus's own id of the entry.
        receipt_id: String,
    },
    /// It does not have the entry.
    Refused(Refusal),
}

/// Why an entry was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Refusal {
    /// For programs, for example `ThrottlingException`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// The request as a whole failed; what became of its entries is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub struct BusError {
    /// What the caller should do.
    pub remedy: Remedy,
    /// What the bus or the network said.
    pub refusal: Refusal,
}

/// What to do about a request that failed as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Send it again soon: an outage, throttling, a lost answer.
    SendAgain,
    /// Send it again when somebody has repaired the setup: no permission, no such bus.
    Repair,
    /// Send its entries one by one: one of them, or all together, can never be accepted.
    Split,
}

/// Where events go.
///
/// The contract: at most [`MOST_ENTRIES`] entries of together less than [`MOST_BYTES`]; entries fail independently; the
/// order among the entries of one request is not promised.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Sends entries; the answers are in the order of the entries, one each.
    ///
    /// # Errors
    /// [`BusError`]: its remedy says what to do; any of the entries may have arrived.
    async fn put(&self, entries: &[Entry]) -> Result<Vec<Answer>, BusError>;

    /// Whether there is a bus of this name, as far as that can be learnt: some buses accept for a name that is not there,
    /// and lose it.
    async fn knows(&self, name: &str) -> bool {
        let _ = name;
        true
    }
}

impl Refusal {
    /// A refusal from its code and its message, which is cut to 1,000 characters.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self { code: code.into(), message: message.as_ref().chars().take(LONGEST_MESSAGE).collect() }
    }

    /// Whether the same entry may be accepted later: the retryable codes of `PutEvents` (`PutEventsResultEntry`).
    #[must_use]
    pub fn is_retryable(&self) -> bool {
        matches!(self.code.as_str(), "InternalFailure" | "InternalException" | "ThrottlingException")
    }
}

impl BusError {
    /// An error from its remedy, code and message.
    #[must_use]
    pub fn new(remedy: Remedy, code: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self { remedy, refusal: Refusal::new(code, message) }
    }
}
