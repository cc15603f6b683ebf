//! The contract of the ledger: what it stores, returns and publishes, as types without IO.
//!
//! The promise: serialised names never change, because they are stored or others rely on them. A change of shape adds a version
//! ([`upcast`]), and every version ever written has a frozen sample in `samples/`.

pub mod commit;
pub mod decode;
pub mod details;
pub mod event;
#[cfg(feature = "fixtures")]
pub mod fixtures;
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
pub mod time;
pub mod upcast;

pub use commit::{Commit, CommitReceipt, RecordedEvent, StoredCommit, Unsealed};
pub use decode::DecodeError;
pub use details::{Attributes, Details, DetailsChange};
pub use event::ProductEvent;
pub use hash::Hash;
pub use id::{InvalidProductId, ProductId};
pub use message::{Message, MessageMetadata};
pub use metadata::Metadata;
pub use money::{Currency, InvalidMoney, Money, Price};
pub use orders::{InvalidOrders, Orders, Sort};
pub use product::{Facts, Fold, Misfit, Product, Status};
pub use receipt::{PublicationFailure, PublicationReceipt, PublicationRecord};
pub use recent::Recent;
pub use shapes::MissedEvent;
pub use time::{Clock, Ids, Timestamp};
