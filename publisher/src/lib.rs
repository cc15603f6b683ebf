//! Publishes every event of the ledger to the bus, in order per product, and records a receipt for each.
//!
//! ```text
//! stream records ─▶ publish: by product ─▶ pass: due events (gaps from the event table) ─▶ queue ─▶ send ─▶ bus
//!                                            │                                                    └▶ receipts
//!                                            └▶ parking rows of the products that cannot go on
//! schedule, operator ─▶ catch_up ─▶ pass
//! schedule ─▶ reconcile ─▶ catch_up
//! operator ─▶ replay ─▶ queue ─▶ send ─▶ bus
//! ```

pub mod bus;
mod catch_up;
pub mod http;
mod instrumentation;
pub mod message;
mod pass;
mod publish;
mod publisher;
mod queue;
mod reconcile;
pub mod replay;
pub mod scheduled;
mod send;

#[cfg(feature = "sqlite")]
pub use bus::SqliteBus;
pub use bus::{
    Acceptance, Bus, BusEntry, BusError, BusPresence, DynamoBus, EntryOutcome, EventBridge, FifoEventBridge,
    LocalBus, MemoryBus, MemoryLocalBus, on_event_bridge,
};
pub use catch_up::{CatchUpOutcome, PublishRetryCounts};
pub use message::Address;
pub use publisher::{CONSUMER, Publisher, PublisherPorts, RetryPolicy};
pub use replay::{ReplayProgress, ReplaySelection};
