//! The local bus: retains the entries it was sent, in order, for anyone who wants to read them.
//!
//! Its promise: an accepted entry is retained, in the form in which EventBridge delivers it, until [`RETAINED`] newer ones have
//! followed; readers see entries in the order of their positions, without a gap.

mod delivery;
mod dynamodb;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use async_trait::async_trait;
use event_store::StoreError;
use tokio::sync::watch;

use super::Bus;

pub use dynamodb::DynamoBus;
pub use memory::MemoryLocalBus;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteBus;

/// Shape of the table on DynamoDB, as `CreateTable` takes it.
pub const TABLE: &str = include_str!("../../bus-table.json");

/// The name of the bus when none is configured.
pub const NAME: &str = "local";

/// How many entries of a bus are retained.
pub const RETAINED: u64 = 100_000;

/// A bus whose entries can be read again. It holds several buses, which are told apart by name.
///
/// The contract, which `tests/contract/bus` runs on every adapter: positions begin at 1 and have no gaps, each bus by itself;
/// the entries of a request are adjacent and in their order; a refused entry takes no position and does not affect the
/// others; once [`LocalBus::appended`] has changed, the new entries can be read.
#[async_trait]
pub trait LocalBus: Bus {
    /// Up to `limit` entries of a bus after a position, oldest first; fewer only at the end or when they are large.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn after(&self, bus: &str, position: u64, limit: u16) -> Result<Vec<RetainedEntry>, StoreError>;

    /// The position of the newest entry; 0 when there is none.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn newest(&self, bus: &str) -> Result<u64, StoreError>;

    /// The position of the oldest retained entry of this event. There can be several, because a replay appends an event
    /// again; a reader that resumes after the oldest misses nothing.
    ///
    /// # Errors
    /// [`StoreError`]: try again later.
    async fn position_of(&self, bus: &str, event_id: &str) -> Result<Option<u64>, StoreError>;

    /// Changes whenever something was appended.
    fn appended(&self) -> watch::Receiver<u64>;
}

/// An entry that the bus retains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetainedEntry {
    /// Its place in the order of the bus, from 1 without gaps.
    pub position: u64,
    /// The id of the ledger's event.
    pub event_id: String,
    /// The event's name in upper snake case.
    pub detail_type: String,
    /// The whole entry as EventBridge delivers it: JSON on one line.
    pub entry: String,
}
