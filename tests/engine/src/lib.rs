//! A double of DynamoDB for tests and measurements: tables and streams in this process, used through the AWS SDK as the real
//! ones are, or over HTTP by whoever serves [`Engine::request`]. It promises nothing of disks and crashes.
//!
//! ```
//! # fn example() -> Result<(), engine::OpenError> {
//! let engine = engine::Engine::in_memory()?;
//! let client = aws_sdk_dynamodb::Client::new(&engine.sdk_config());
//! # Ok(()) }
//! ```

mod connector;
mod dispatch;
mod owner;
pub mod probe;
mod stream;
mod tables;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_config::SdkConfig;

pub use crate::owner::Ended;
use crate::owner::Owner;
use crate::tables::Tables;

/// Tables and streams. Clones are the same ones; they end when the last clone and the last SDK client made from it are
/// dropped.
#[derive(Clone, Debug)]
pub struct Engine {
    tables: Arc<Owner<Tables>>,
}

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The database cannot be opened: check the directory.
    #[error("the database of the engine cannot be opened; check its directory")]
    Database(#[source] dynoxide::DynoxideError),
    /// The operating system gave no thread: free some resources and try again.
    #[error("the engine could not start its thread; free some resources and try again")]
    Thread(#[source] std::io::Error),
}

impl Engine {
    /// Empty tables that live in memory, at most 1 GiB of them.
    ///
    /// # Errors
    /// [`OpenError`]: its text says what to do.
    pub fn in_memory() -> Result<Self, OpenError> {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        // A name of its own for each: SQLite shares what has the same.
        Self::at(&format!("file:/engine-{}?vfs=memdb", OPENED.fetch_add(1, Ordering::Relaxed)))
    }

    /// Tables in a file in `directory`, for measurements that need more than memory has. Nobody else may have it open.
    ///
    /// # Errors
    /// [`OpenError`]: its text says what to do.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        Self::at(&directory.join("dynamodb.sqlite3").to_string_lossy())
    }

    fn at(database: &str) -> Result<Self, OpenError> {
        let tables = Tables::open(database).map_err(OpenError::Database)?;
        let tables = Owner::start("engine", tables).map_err(OpenError::Thread)?;
        Ok(Self { tables: Arc::new(tables) })
    }

    /// Settings from which any number of `aws_sdk_dynamodb` and `aws_sdk_dynamodbstreams` clients are built.
    ///
    /// Always send a `Limit` with `Query`, `Scan` and `GetRecords`: without one the engine loads all that remains.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        connector::sdk_config(self.clone())
    }

    /// Answers one request of DynamoDB's HTTP interface, for whoever brings it from somewhere else: `target` is its
    /// `X-Amz-Target`. Back come the status and the body.
    ///
    /// # Errors
    /// [`Ended`]: the engine has failed, and so will every later request.
    pub async fn request(&self, target: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), Ended> {
        let Some(operation) = dispatch::operation(target).map(str::to_owned) else {
            let unknown = dispatch::Answer::unknown(target);
            return Ok((unknown.status, unknown.body));
        };
        let answer = self.tables.run(move |tables| tables.request(&operation, &body)).await?;
        Ok((answer.status, answer.body))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::error::DisplayErrorContext;

    #[tokio::test]
    async fn a_panic_of_the_engine_fails_every_request_from_then_on_and_is_named() {
        let engine = Engine::in_memory().unwrap();
        let failed = engine.tables.run(|_| panic!("on purpose")).await.unwrap_err();
        assert_eq!(failed, Ended("on purpose".to_owned()));
        let request = Client::new(&engine.sdk_config()).list_tables().send().await;
        let refused = DisplayErrorContext(request.unwrap_err()).to_string();
        assert!(refused.contains(&failed.to_string()), "{refused}");
    }
}
