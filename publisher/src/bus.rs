//! The port to the bus: takes some entries and answers for each of them.
//!
//! Its promise: no entry is lost silently. Each is accepted with an id of the bus, or refused with a code; when the request
//! as a whole failed, the error says whether the same entries may be sent again.

pub mod codes;
mod entry;
pub mod eventbridge;
pub mod fifo;
mod guard;
pub mod local;
pub mod memory;

use std::sync::Arc;

use async_trait::async_trait;
use aws_config::SdkConfig;
use schema::settings::{BusKind, Settings};

pub use entry::{BusEntry, MAX_REQUEST_BYTES, MAX_REQUEST_ENTRIES};
pub use eventbridge::EventBridge;
pub use fifo::FifoEventBridge;
pub use guard::{BusGuard, presence_in_time};
#[cfg(feature = "sqlite")]
pub use local::SqliteBus;
pub use local::{DynamoBus, LocalBus, MemoryLocalBus};
pub use memory::MemoryBus;

/// The messages of a bus are cut to this many characters: they are stored in receipts and parking rows.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// The answer of the bus for one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EntryOutcome {
    /// The bus has the entry.
    Accepted(Acceptance),
    /// The bus does not have the entry.
    Refused(BusRefusal),
}

/// What the bus said of an entry that it has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acceptance {
    /// The id that the bus gave the entry.
    pub receipt_id: String,
    /// The number that a FIFO bus gave the entry among those of its product.
    pub bus_sequence: Option<String>,
}

/// Why an entry was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct BusRefusal {
    /// For programs, for example `ThrottlingException`.
    pub code: String,
    /// For people.
    pub message: String,
}

/// The request as a whole failed; whether its entries arrived is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{refusal}")]
pub struct BusError {
    /// What the caller should do.
    pub remedy: Remedy,
    /// The reason that the bus or the network gave.
    pub refusal: BusRefusal,
}

/// What to do about a request that failed as a whole, or about an entry that was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Remedy {
    /// Send it again soon: an outage, throttling or a lost answer.
    SendAgain,
    /// Send it again after the setup has been repaired: a missing permission, a key that cannot be used, or no such bus.
    Repair,
    /// An entry can never be accepted, because of what it holds. Of several entries it is not known which: send each by itself.
    Split,
}

/// Where events are sent.
///
/// The contract: a request has at most [`Bus::max_entries`] entries of together less than [`MAX_REQUEST_BYTES`]; entries fail
/// independently; the order among the entries of one request is not guaranteed, so no request has two of a product.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Sends entries and returns one answer for each, in the order of the entries.
    ///
    /// # Errors
    /// [`BusError`]: its remedy says what to do; any of the entries may have arrived.
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError>;

    /// The most entries of a request.
    fn max_entries(&self) -> usize {
        MAX_REQUEST_ENTRIES
    }

    /// Whether a bus of this name exists. Some buses accept entries for a name that does not exist, answer with ids, and drop
    /// them.
    async fn presence(&self, name: &str) -> BusPresence {
        let _ = name;
        BusPresence::Exists
    }
}

/// Whether a bus exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BusPresence {
    /// It does.
    Exists,
    /// It does not: what is sent to it is lost.
    Missing,
    /// That could not be determined, for this reason.
    Unknown(String),
}

/// The client of the bus on EventBridge that the settings are for.
#[must_use]
pub fn on_event_bridge(aws: &SdkConfig, settings: &Settings) -> Arc<dyn Bus> {
    let entries = settings.event_bus_entries;
    match settings.event_bus_kind {
        BusKind::Classic => Arc::new(EventBridge::new(aws).at_most(entries)),
        BusKind::Fifo => Arc::new(FifoEventBridge::new(aws).at_most(entries)),
    }
}

impl Acceptance {
    /// Of a bus that gives no numbers.
    #[must_use]
    pub fn unnumbered(receipt_id: impl Into<String>) -> Self {
        Self { receipt_id: receipt_id.into(), bus_sequence: None }
    }
}

impl BusRefusal {
    /// A refusal with a code and a message, which is cut to 1,000 characters.
    #[must_use]
    pub fn new(code: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self { code: code.into(), message: message.as_ref().chars().take(MAX_MESSAGE_CHARS).collect() }
    }

    /// What to do about it, by its code.
    #[must_use]
    pub fn remedy(&self) -> Remedy {
        codes::remedy(&self.code)
    }
}

impl BusError {
    /// An error from its remedy, code and message.
    #[must_use]
    pub fn new(remedy: Remedy, code: impl Into<String>, message: impl AsRef<str>) -> Self {
        Self { remedy, refusal: BusRefusal::new(code, message) }
    }
}

/// Checks that the bus takes these entries in one request.
///
/// # Errors
/// [`BusError`] with [`Remedy::Split`], as `EventBridge` answers.
pub fn check_request(entries: &[BusEntry]) -> Result<(), BusError> {
    let bytes: usize = entries.iter().map(BusEntry::size).sum();
    let invalid = |message: String| BusError::new(Remedy::Split, "ValidationException", message);
    if entries.is_empty() || entries.len() > MAX_REQUEST_ENTRIES {
        return Err(invalid(format!(
            "a request must have 1 to {MAX_REQUEST_ENTRIES} entries, not {}",
            entries.len()
        )));
    }
    if bytes >= MAX_REQUEST_BYTES {
        return Err(invalid(format!(
            "the entries have {bytes} bytes; the limit is below {MAX_REQUEST_BYTES}"
        )));
    }
    Ok(())
}
