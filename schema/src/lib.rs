//! The contract of the ledger: what is stored, what is answered and what is sent, as types without IO.
//!
//! Whatever a name in this crate serialises to is stored for ever or relied on by others. Names are never renamed:
//! a change of shape adds a version ([`upcast`]), and every version ever written has a frozen sample in `samples/`.

pub mod commit;
pub mod details;
pub mod facts;
#[cfg(feature = "fixtures")]
pub mod fixtures;
pub mod fold;
pub mod hash;
pub mod id;
pub mod message;
pub mod metadata;
pub mod money;
pub mod orders;
pub mod product;
pub mod receipt;
pub mod recent;
pub mod settings;
pub mod shapes;
pub mod state;
pub mod time;
pub mod upcast;

pub use commit::{Commit, CommitReceipt, DecodeError, RecordedEvent, StoredCommit, Unsealed};
pub use details::{Attributes, Details, DetailsChange};
pub use facts::{Facts, Misfit, Status};
pub use fold::Fold;
pub use hash::Hash;
pub use id::{InvalidProductId, ProductId};
pub use message::{Message, MessageMetadata};
pub use metadata::Metadata;
pub use money::{Currency, InvalidMoney, Money, Price};
pub use orders::{InvalidOrders, Orders, Sort};
pub use product::ProductEvent;
pub use receipt::{PublicationFailure, PublicationReceipt, PublicationRecord};
pub use recent::Recent;
pub use shapes::MissedEvent;
pub use state::Product;
pub use time::{Clock, Ids, Timestamp};
