//! What every HTTP route of the ledger shares: the context of a request, problems, the request log, the OpenAPI builder, and
//! the public endpoints.

pub mod about;
pub mod api;
mod clock_and_ids;
mod context;
mod finish;
mod line;
mod notes;
pub mod openapi;
pub mod operation;
mod problem;
mod problems;
mod public;

pub use clock_and_ids::ClockAndIds;
pub use context::{Actor, InvalidSubject, RequestContext, Scope};
pub use finish::{finish, finish_behind};
pub use notes::{Noted, Notes};
pub use problem::{Fault, Kind, Problem};
pub use public::is_public;
