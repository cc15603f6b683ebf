//! The parts that the functions on AWS Lambda share: settings and clients made once, logs as JSON lines, metrics written
//! after each invocation, and the two kinds of invocation: by API Gateway ([`Function::answer`]), and by a stream or a
//! schedule ([`Function::follow`]).

mod api;
mod connections;
mod emf;
mod environment;
mod function;
mod gateway;
mod invocation;
mod logs;
mod stream;

pub use emf::Emf;
pub use function::{Function, run};
