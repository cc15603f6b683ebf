//! The engine as its users see it: opened in memory or on a file, and asked one request of DynamoDB's HTTP interface at a
//! time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::database::EngineDatabase;
use crate::dispatch;
use crate::thread::{EngineFailed, EngineThread};

/// Tables and their streams. Clones share them; they are gone when the last clone and the last SDK client made from one
/// are dropped.
#[derive(Clone, Debug)]
pub struct Engine {
    thread: Arc<EngineThread<EngineDatabase>>,
}

/// The engine cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// Opening the database failed: check the directory.
    #[error("the engine cannot open its database; check the directory")]
    Database(#[source] dynoxide::DynoxideError),
    /// Starting the thread failed: free some resources and try again.
    #[error("the engine cannot start its thread; free some resources and try again")]
    Thread(#[source] std::io::Error),
}

impl Engine {
    /// An empty engine in memory, which holds at most 1 GiB.
    ///
    /// # Errors
    /// [`EngineError`]: its text says what to do.
    pub fn in_memory() -> Result<Self, EngineError> {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        // A unique name for each: SQLite shares in-memory databases of the same name.
        Self::at(&format!("file:/engine-{}?vfs=memdb", OPENED.fetch_add(1, Ordering::Relaxed)))
    }

    /// An engine on a file in `directory`, for measurements larger than memory. No other process may have it open.
    ///
    /// # Errors
    /// [`EngineError`]: its text says what to do.
    pub fn open(directory: &Path) -> Result<Self, EngineError> {
        Self::at(&directory.join("dynamodb.sqlite3").to_string_lossy())
    }

    fn at(database: &str) -> Result<Self, EngineError> {
        let database = EngineDatabase::open(database).map_err(EngineError::Database)?;
        let thread = EngineThread::start("engine", database).map_err(EngineError::Thread)?;
        Ok(Self { thread: Arc::new(thread) })
    }

    /// Answers one request of DynamoDB's HTTP interface with status and body, for callers that receive it by other means
    /// than the SDK; `target` is its `X-Amz-Target` header.
    ///
    /// # Errors
    /// [`EngineFailed`]: this and every later request fails; open another engine.
    pub async fn request(&self, target: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), EngineFailed> {
        let Some(operation) = dispatch::operation(target).map(str::to_owned) else {
            let unknown = dispatch::WireResponse::unknown(target);
            return Ok((unknown.status, unknown.body));
        };
        let answer = self.thread.run(move |database| database.request(&operation, &body)).await?;
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
        let failed = engine.thread.run(|_| panic!("on purpose")).await.unwrap_err();
        assert_eq!(failed, EngineFailed("on purpose".to_owned()));
        let request = Client::new(&engine.sdk_config()).list_tables().send().await;
        let refused = DisplayErrorContext(request.unwrap_err()).to_string();
        assert!(refused.contains(&failed.to_string()), "{refused}");
    }
}
