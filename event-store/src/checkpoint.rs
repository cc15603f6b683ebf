//! The checkpoint of a consumer: the newest commit it has handled, written in one transaction with what it did.
//!
//! The promise: what a consumer wrote and its checkpoint are kept together or not at all.

use std::sync::{Mutex, PoisonError};

use async_trait::async_trait;

use crate::error::Unavailable;

/// The newest commit that a consumer has handled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// Its position.
    pub position: u64,
    /// Its hash, which shows whether the ledger was rewritten since.
    pub hash: String,
}

/// Where one consumer keeps its checkpoint, in the same store as what it writes.
///
/// The contract, which `tests/contract/progress.rs` runs on every adapter: what is written between [`Progress::begin`] and
/// [`Progress::keep`] becomes durable together with the checkpoint; the checkpoint never without it.
#[async_trait]
pub trait Progress: Send + Sync {
    /// The checkpoint, `None` before the first.
    ///
    /// # Errors
    /// [`Unavailable`]: try again later.
    async fn checkpoint(&self) -> Result<Option<Checkpoint>, Unavailable>;

    /// Begins the transaction of the next checkpoint: what the consumer writes from here on belongs to it.
    fn begin(&self);

    /// Commits the checkpoint and everything written since [`Progress::begin`].
    ///
    /// # Errors
    /// [`Unavailable`]: some or all of it was not written; begin again and handle the commits again.
    async fn keep(&self, checkpoint: &Checkpoint) -> Result<(), Unavailable>;

    /// Commits what was written since [`Progress::begin`] and leaves the checkpoint where it is.
    ///
    /// # Errors
    /// [`Unavailable`]: as [`Progress::keep`].
    async fn end(&self) -> Result<(), Unavailable>;
}

/// A checkpoint in memory, for ledgers in memory.
#[derive(Debug, Default)]
pub struct MemoryProgress(Mutex<Option<Checkpoint>>);

#[async_trait]
impl Progress for MemoryProgress {
    async fn checkpoint(&self) -> Result<Option<Checkpoint>, Unavailable> {
        Ok(self.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    fn begin(&self) {}

    async fn keep(&self, checkpoint: &Checkpoint) -> Result<(), Unavailable> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(checkpoint.clone());
        Ok(())
    }

    async fn end(&self) -> Result<(), Unavailable> {
        Ok(())
    }
}

#[cfg(feature = "sqlite")]
pub use on_sqlite::SqliteProgress;

#[cfg(feature = "sqlite")]
mod on_sqlite {
    use async_trait::async_trait;
    use sqlite::rusqlite::{OptionalExtension, params};
    use sqlite::{Access, Database};

    use super::{Checkpoint, Progress};
    use crate::error::Unavailable;

    /// A checkpoint in the table `checkpoints` of the file that the consumer writes.
    #[derive(Debug, Clone)]
    pub struct SqliteProgress {
        database: Database,
        consumer: &'static str,
    }

    impl SqliteProgress {
        /// The checkpoint of `consumer`, the only one that joins the transactions of `database`.
        #[must_use]
        pub fn new(database: Database, consumer: &'static str) -> Self {
            Self { database, consumer }
        }
    }

    #[async_trait]
    impl Progress for SqliteProgress {
        async fn checkpoint(&self) -> Result<Option<Checkpoint>, Unavailable> {
            let row = self.database.peek(|connection| {
                let mut statement = connection
                    .prepare_cached("SELECT position, hash FROM checkpoints WHERE consumer = ?1")?;
                let checkpoint = statement.query_row([self.consumer], |row| {
                    // A negative position is damage; no commit has the position that it is mapped to.
                    let position = u64::try_from(row.get::<_, i64>(0)?).unwrap_or(u64::MAX);
                    Ok(Checkpoint { position, hash: row.get(1)? })
                });
                checkpoint.optional()
            });
            Ok(row?)
        }

        fn begin(&self) {
            self.database.begin();
        }

        async fn keep(&self, checkpoint: &Checkpoint) -> Result<(), Unavailable> {
            let (consumer, checkpoint) = (self.consumer, checkpoint.clone());
            let access = Access::Joined(self.database.clone());
            let kept = access.write(move |connection| {
                let mut statement = connection.prepare_cached(
                    "INSERT OR REPLACE INTO checkpoints (consumer, position, hash) VALUES (?1, ?2, ?3)",
                )?;
                statement.execute(params![consumer, checkpoint.position, checkpoint.hash])
            });
            let kept = kept.await;
            // Ended after a failure too, or the next step would join a transaction that nobody ends.
            self.database.end().await?;
            Ok(kept.map(drop)?)
        }

        async fn end(&self) -> Result<(), Unavailable> {
            Ok(self.database.end().await?)
        }
    }
}
