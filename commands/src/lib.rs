//! Commands: read the request, decide, append once, and return a receipt.

pub mod execute;
pub mod http;
pub mod idempotency;
pub mod product;

mod problem;

pub use execute::{CarriedFields, CommandError, CommandOutcome, CommandRequest, Executor, Precondition};
pub use idempotency::IdempotencyKey;
