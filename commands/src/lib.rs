//! Commands: read what a client wants, decide, append once, answer with a receipt.

pub mod execute;
pub mod http;
pub mod idempotency;
pub mod product;

mod problem;

pub use execute::{Executor, Failure, Order, Outcome, Precondition};
pub use idempotency::IdempotencyKey;
