//! The local bus: a bus that keeps what it was sent, in order, for whoever wants to watch.
//!
//! Its promise: an accepted entry is kept, in the form EventBridge delivers, until [`KEPT`] newer ones have come; readers
//! see entries in the order of their positions, without a gap.

mod delivery;
mod dynamodb;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use async_trait::async_trait;
use event_store::StoreError;
use schema::Timestamp;
use tokio::sync::watch;

use super::{Bus, Entry, Refusal};

pub use dynamodb::DynamoBus;
pub use memory::MemoryLocalBus;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteBus;

/// Shape of the table on DynamoDB, as `CreateTable` takes it.
pub const TABLE: &str = include_str!("../../bus-table.json");

/// The name of the bus when none is configured.
pub const NAME: &str = "local";

/// How many entries of a bus are kept.
pub const KEPT: u64 = 100_000;

/// `DynamoDB` takes items of 409,600 bytes; a commit, and so a message, ends well before.
const LONGEST_ENTRY: usize = 400_000;

/// A bus whose entries can be read again. Several buses are kept, told apart by name.
///
/// The contract, which `tests/contract/bus` runs on every adapter: positions begin at 1 and have no gaps, each bus by itself;
/// the entries of a request stand together in their order; a refused entry takes no position and leaves its neighbours
/// alone; whoever is told that something was appended can read it.
#[async_trait]
pub trait LocalBus: Bus {
    /// Up to `limit` entries of a bus after a position, oldest first; fewer only at the end or when they are large.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn after(&self, bus: &str, position: u64, limit: u16) -> Result<Vec<Kept>, StoreError>;

    /// The position of the newest entry; 0 when there is none.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn newest(&self, bus: &str) -> Result<u64, StoreError>;

    /// The position of the oldest entry of this event that is still kept. The oldest, because a replay puts an event
    /// there again, and a reader that resumes from there misses nothing.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn position_of(&self, bus: &str, event_id: &str) -> Result<Option<u64>, StoreError>;

    /// Changes whenever something was appended.
    fn appended(&self) -> watch::Receiver<u64>;
}

/// An entry the bus keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kept {
    /// Its place in the order of the bus, from 1 without gaps.
    pub position: u64,
    /// The id of the ledger's event.
    pub event_id: String,
    /// The event's name in upper snake case.
    pub detail_type: String,
    /// The whole entry as EventBridge delivers it: JSON on one line.
    pub entry: String,
}

/// An entry in the form in which it is kept.
struct Delivered {
    id: String,
    event_id: String,
    json: String,
}

/// The form in which `entry` is kept, or why it cannot be.
fn delivered(entry: &Entry, time: Timestamp) -> Result<Delivered, Refusal> {
    let id = delivery::id(fastrand::u128(..));
    let json = delivery::json(entry, &id, time);
    let json = json.map_err(|error| Refusal::new("ValidationException", error.to_string()))?;
    if json.len() > LONGEST_ENTRY {
        let message = format!("the local bus keeps entries of at most {LONGEST_ENTRY} bytes");
        return Err(Refusal::new("EntryTooLarge", message));
    }
    let event_id = entry.event_id().unwrap_or_else(|| id.clone());
    Ok(Delivered { id, event_id, json })
}

/// The places of each bus's entries, in order.
fn by_bus(entries: &[Entry]) -> Vec<(&str, Vec<usize>)> {
    let mut buses: Vec<(&str, Vec<usize>)> = Vec::new();
    for (place, entry) in entries.iter().enumerate() {
        match buses.iter_mut().find(|(bus, _)| *bus == entry.bus) {
            Some((_, places)) => places.push(place),
            None => buses.push((&entry.bus, vec![place])),
        }
    }
    buses
}
