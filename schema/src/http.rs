//! What every HTTP front of the ledger shares: how a problem looks, what identifies a request, who asks.

pub mod api;
mod context;
mod finish;
pub mod gateway;
mod line;
mod notes;
pub mod openapi;
pub mod operation;
mod problem;
mod problems;
mod public;

pub use context::{Actor, InvalidSubject, RequestContext, Scope};
pub use finish::{Edge, finish, finish_behind};
pub use notes::{Noted, Notes};
pub use problem::{Fault, Kind, Problem};
pub use public::is_public;
