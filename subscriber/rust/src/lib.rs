//! Applies each event of a product ledger once and in order per product, whatever the bus delivers twice, late or never.
//!
//! ```
//! use ledger_subscriber::{Failure, Inbox, LedgerEvent, MemoryStore};
//! # use ledger_subscriber::{CommitsPage, Ledger, LedgerError, MessagesPage};
//! # struct Nothing;
//! # impl Ledger for Nothing {
//! #     async fn messages(&self, _: &str, _: u64, _: u32) -> Result<MessagesPage, LedgerError> { Ok(MessagesPage::default()) }
//! #     async fn commits(&self, _: Option<i64>, _: u32) -> Result<CommitsPage, LedgerError> { Ok(CommitsPage::default()) }
//! # }
//! # let ledger = Nothing; // HttpLedger::new("https://ledger.example.com")
//!
//! fn apply(event: &LedgerEvent, _: &mut ()) -> Result<(), Failure> {
//!     println!("{} {}", event.product_id(), event.sequence());
//!     Ok(())
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap().block_on(async {
//! let inbox = Inbox::new(MemoryStore::new(), ledger);
//! # let event = r#"{"detail":{"metadata":{"product_id":"p","sequence":1,"event_id":"e","hash":"h"},"data":{}}}"#;
//! inbox.receive(event, &apply).await?; // for each delivery
//! inbox.catch_up(&apply).await?; // at the start, and from time to time
//! # Ok::<(), ledger_subscriber::InboxError>(()) }).unwrap();
//! ```
#![deny(missing_docs)]

mod apply;
#[cfg(feature = "dynamodb")]
pub mod dynamodb;
mod error;
mod event;
#[cfg(feature = "http")]
mod http;
mod inbox;
mod ledger;
#[rustfmt::skip]
pub mod messages;
mod store;

pub use crate::apply::{Apply, CannotApply, Failure};
pub use crate::error::InboxError;
pub use crate::event::{Cursor, LedgerEvent, NotAnEvent};
#[cfg(feature = "http")]
pub use crate::http::HttpLedger;
pub use crate::inbox::{Inbox, Outcome, Start};
pub use crate::ledger::{CommitsPage, FeedCommit, FeedEntry, Ledger, LedgerError, MessagesPage};
pub use crate::messages::Message;
pub use crate::store::{FeedPosition, MemoryStore, Parking, Store};
