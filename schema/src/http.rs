//! What every HTTP front of the ledger shares: how a problem looks, what identifies a request, who asks.

mod context;
mod finish;
mod problem;

pub use context::{Actor, RequestContext, Scope};
pub use finish::{Edge, finish};
pub use problem::{Fault, Kind, Problem};
