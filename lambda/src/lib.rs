//! What the functions on AWS Lambda have in common, so that each main says only what is its own: settings and clients made
//! once, logs as JSON lines, figures written after each invocation, and the two ways of being called: by API Gateway
//! ([`Function::answer`]) and by a stream or a schedule ([`Function::follow`]).

mod api;
mod connections;
mod emf;
mod function;
mod gateway;
mod invocation;
mod logs;
mod stream;
mod surroundings;

pub use emf::Emf;
pub use function::{Function, run};
