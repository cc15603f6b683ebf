//! A test double of DynamoDB for tests and measurements: tables and streams in this process, used through the AWS SDK like
//! the real ones, or over HTTP by a server that calls [`Engine::request`]. It gives no guarantees about disks and crashes.
//!
//! ```
//! # fn example() -> Result<(), engine::EngineError> {
//! let engine = engine::Engine::in_memory()?;
//! let client = aws_sdk_dynamodb::Client::new(&engine.sdk_config());
//! # Ok(()) }
//! ```

mod connector;
mod database;
mod dispatch;
mod engine;
pub mod probe;
mod stream;
mod thread;

pub use crate::engine::{Engine, EngineError};
pub use crate::thread::EngineFailed;
