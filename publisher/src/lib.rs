//! What is committed is published: every event of the ledger reaches the bus, in order per product, with a receipt.
//!
//! ```text
//! stream records ─▶ batch ─▶ due (gaps from the event table) ─▶ round ─▶ send ─▶ bus
//!                                                                  └▶ record: receipts, then the cursor
//!                                                                  └▶ parking: what cannot go on
//! ```

mod batch;
pub mod bus;
pub mod catch_up;
mod due;
mod figures;
pub mod http;
mod lane;
pub mod message;
mod pass;
pub mod patience;
pub mod publish;
mod record;
pub mod replay;
mod round;
mod send;

#[cfg(feature = "sqlite")]
pub use bus::SqliteBus;
pub use bus::{Answer, Bus, BusError, DynamoBus, Entry, EventBridge, LocalBus, MemoryBus, MemoryLocalBus};
pub use catch_up::{CaughtUp, Retried};
pub use message::Address;
pub use patience::Patience;
pub use publish::{CONSUMER, Ports, Publisher};
pub use replay::{Replayed, Selection};
