//! DynamoDB inside the process: tables and streams in one SQLite file, used through the AWS SDK as the real one is.
//! What was acknowledged is on disk, and exactly one process writes to a data directory.
//!
//! ```no_run
//! # async fn example() -> Result<(), engine::OpenError> {
//! let engine = engine::Engine::open("data".as_ref())?;
//! let client = aws_sdk_dynamodb::Client::new(&engine.sdk_config());
//! # Ok(()) }
//! ```

mod connector;
mod directory;
mod dispatch;
mod held;
mod inbox;
mod owner;
pub mod probe;
mod stream;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use aws_config::SdkConfig;
use tokio::sync::watch;

use crate::connector::Access;
pub use crate::directory::OpenError;
use crate::dispatch::{Answer, Effect};
use crate::held::{Announcements, Reader, Shape, Unsettled, Writer};
use crate::inbox::Lane;
pub use crate::owner::Ended;
use crate::owner::{Held, Owner};
pub use crate::stream::TrimError;

/// An open database. Clones are the same one; it closes when the last clone and the last SDK client made from it are
/// dropped, or by [`Engine::close`].
#[derive(Clone, Debug)]
pub struct Engine {
    threads: Arc<Threads>,
    announcements: Announcements,
}

/// At least one of the two is there.
#[derive(Debug)]
pub(crate) struct Threads {
    writer: Option<Owner<Writer>>,
    reader: Option<Owner<Reader>>,
    unsettled: Unsettled,
}

impl Engine {
    /// Opens the database in `directory` for reading and writing, creating both when they are new.
    ///
    /// # Errors
    /// [`OpenError`] says in one line what to do; nothing was changed.
    pub fn open(directory: &Path) -> Result<Self, OpenError> {
        let lock = directory::claim(directory)?;
        let file = directory::database_file(directory);
        let shape = Shape::default();
        let announcements = Announcements::new();
        let (uri, log) = (directory::uri(&file, ""), || directory::log(&file).map(Some));
        let writer = Writer::open(&uri, Some(lock), log, shape.clone(), announcements.clone())
            .map_err(OpenError::not_opened(&file))?;
        directory::created(directory)?;
        let unsettled = writer.unsettled();
        let writer = Some(start("engine-writer", writer)?);
        let reader = Some(start("engine-reader", Reader::new(&file, shape))?);
        Ok(Self { threads: Arc::new(Threads { writer, reader, unsettled }), announcements })
    }

    /// An empty database that lives in memory, of at most 1 GiB, for tests and trials.
    ///
    /// # Errors
    /// [`OpenError::Thread`] when the operating system gives no thread.
    pub fn in_memory() -> Result<Self, OpenError> {
        let announcements = Announcements::new();
        let (uri, log) = (directory::memory_uri(), || Ok(None));
        let writer = Writer::open(&uri, None, log, Shape::default(), announcements.clone())
            .map_err(OpenError::not_opened(Path::new("the database in memory")))?;
        let unsettled = writer.unsettled();
        let writer = Some(start("engine-memory", writer)?);
        Ok(Self { threads: Arc::new(Threads { writer, reader: None, unsettled }), announcements })
    }

    /// Opens the database in `directory` to read it, also while another process serves it; commits of that process
    /// are seen as they happen. Writes are refused with `AccessDeniedException`. Open it anew after the server has
    /// created or changed a table.
    ///
    /// # Errors
    /// [`OpenError`] says in one line what to do.
    pub fn open_read_only(directory: &Path) -> Result<Self, OpenError> {
        let mut reader = Reader::new(&directory::database_file(directory), Shape::default());
        reader.database()?;
        let reader = Some(start("engine-reader", reader)?);
        let threads = Threads { writer: None, reader, unsettled: Unsettled::default() };
        Ok(Self { threads: Arc::new(threads), announcements: Announcements::new() })
    }

    /// Settings from which any number of `aws_sdk_dynamodb` and `aws_sdk_dynamodbstreams` clients are built.
    ///
    /// Always send a `Limit` with `Query`, `Scan` and `GetRecords`: without one the engine loads all that remains.
    #[must_use]
    pub fn sdk_config(&self) -> SdkConfig {
        connector::sdk_config(self.threads.clone(), Access::ReadWrite)
    }

    /// Settings for work that follows behind, such as views: where its requests and others wait for the engine at the same
    /// time, most of the others go first.
    #[must_use]
    pub fn following_config(&self) -> SdkConfig {
        connector::sdk_config(self.threads.clone(), Access::Behind)
    }

    /// Settings for long reads (export, verify, the scan of a rebuild): on file they run on a thread of their own
    /// and leave the writer alone. Writes are refused with `AccessDeniedException`.
    #[must_use]
    pub fn reading_config(&self) -> SdkConfig {
        connector::sdk_config(self.threads.clone(), Access::LongReads)
    }

    /// Answers one request of DynamoDB's HTTP interface, for whoever brings it from somewhere else: `target` is its
    /// `X-Amz-Target`. Back come the status and the body.
    ///
    /// # Errors
    /// [`Ended`]: the engine was closed or has failed, and so will every later request.
    pub async fn request(&self, target: &str, body: Vec<u8>) -> Result<(u16, Vec<u8>), Ended> {
        let answer = self.threads.request(Access::ReadWrite, target, body).await?;
        Ok((answer.status, answer.body))
    }

    /// Changes after every successful request that wrote something, just before it is acknowledged.
    #[must_use]
    pub fn writes(&self) -> watch::Receiver<u64> {
        self.announcements.writes.subscribe()
    }

    /// Changes when a write has put a record into a table's stream; a reader of streams waits for this one, or the
    /// views and checkpoints it writes itself would wake it.
    #[must_use]
    pub fn stream_writes(&self) -> watch::Receiver<u64> {
        self.announcements.stream_writes.subscribe()
    }

    /// Deletes the oldest stream records of `table` up to and including `up_to`, which every consumer must have
    /// passed, and says how many: at most 500 a call, so call it again after a full one. The newest record of a table
    /// always stays.
    ///
    /// # Errors
    /// [`TrimError`] says what to do; a failed trim may be repeated at any time.
    pub async fn trim_stream(&self, table: &str, up_to: &str) -> Result<u64, TrimError> {
        let up_to = stream::stored_sequence_number(up_to)?;
        let table = table.to_owned();
        match &self.threads.writer {
            Some(writer) => writer.run(Lane::Behind, move |held| held.trim(&table, up_to)).await?,
            None => Ok(0),
        }
    }

    /// Finishes the requests sent so far, closes the file and gives the directory free. Later requests fail.
    pub async fn close(&self) {
        // The reader first: whoever closes last folds the log back into the file.
        if let Some(reader) = &self.threads.reader {
            reader.close().await;
        }
        if let Some(writer) = &self.threads.writer {
            writer.close().await;
        }
    }

    /// Waits until a thread of the engine has panicked, and says why; it never returns when none does. The process
    /// should then end: every later request fails, and what was acknowledged is safe in the file.
    pub async fn failed(&self) -> Ended {
        tokio::select! {
            failed = failure(self.threads.writer.as_ref()) => failed,
            failed = failure(self.threads.reader.as_ref()) => failed,
        }
    }
}

fn start<H: Held>(name: &str, held: H) -> Result<Owner<H>, OpenError> {
    Owner::start(name, held).map_err(OpenError::Thread)
}

async fn failure<H: Held>(owner: Option<&Owner<H>>) -> Ended {
    if let Some(owner) = owner
        && let failed @ Ended::Failed(_) = owner.ended().await
    {
        return failed;
    }
    std::future::pending().await
}

impl Threads {
    async fn request(&self, access: Access, target: &str, body: Vec<u8>) -> Result<Answer, Ended> {
        let Some(operation) = dispatch::operation(target).map(str::to_owned) else {
            return Ok(Answer::unknown(target));
        };
        let read_only = access == Access::LongReads || self.writer.is_none();
        if read_only && dispatch::effect(&operation, &body) != Effect::Reads {
            return Ok(Answer::read_only(&operation));
        }
        match (&self.writer, &self.reader) {
            (writer, Some(reader)) if read_only => {
                let answer = reader.run(Lane::First, move |held| held.request(&operation, &body)).await?;
                if let Some(writer) = writer.as_ref().filter(|_| self.unsettled.load(Ordering::Acquire)) {
                    // What was read may be written and not yet on disk: whatever is sent now is answered after it is.
                    writer.run(Lane::First, |_| ()).await?;
                }
                Ok(answer)
            }
            (Some(writer), _) => {
                let lane = if access == Access::Behind { Lane::Behind } else { Lane::First };
                writer.run(lane, move |held| held.request(&operation, &body)).await
            }
            (None, _) => Err(Ended::Closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_dynamodb::Client;
    use aws_sdk_dynamodb::error::DisplayErrorContext;
    use std::fs::File;
    use std::os::fd::OwnedFd;
    use std::pin::pin;
    use std::task::{Context, Waker};

    #[tokio::test]
    async fn a_write_that_cannot_be_brought_to_disk_is_never_acknowledged() {
        // A pipe takes everything and keeps nothing.
        let (_reading, writing) = std::io::pipe().unwrap();
        let log = || Ok(Some(File::from(OwnedFd::from(writing))));
        let announcements = Announcements::new();
        let announced = announcements.writes.subscribe();
        let writer =
            Writer::open(&directory::memory_uri(), None, log, Shape::default(), announcements).unwrap();
        let writer = start("engine-pipe", writer).unwrap();
        let request = r#"{"TableName": "things", "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}], "BillingMode": "PAY_PER_REQUEST"}"#;

        let read = writer.run(Lane::First, |held| held.request("ListTables", b"{}").is_success()).await;
        assert_eq!(read, Ok(true));
        let written = writer
            .run(Lane::First, |held| held.request("CreateTable", request.as_bytes()).is_success())
            .await;
        let Err(Ended::Failed(reason)) = written else { panic!("it was acknowledged") };
        assert!(reason.contains("may not be on disk"), "{reason}");
        assert!(!announced.has_changed().unwrap_or(false), "it was announced");
    }

    #[tokio::test]
    async fn a_long_read_that_may_have_met_an_unfinished_write_waits_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let engine = Engine::open(directory.path()).unwrap();
        let (writer, reader) =
            (engine.threads.writer.as_ref().unwrap(), engine.threads.reader.as_ref().unwrap());
        let read =
            || engine.threads.request(Access::LongReads, "DynamoDB_20120810.ListTables", b"{}".to_vec());
        assert!(read().await.unwrap().is_success());

        let (finish, unfinished) = std::sync::mpsc::channel::<()>();
        let mut context = Context::from_waker(Waker::noop());
        let mut write = pin!(writer.run(Lane::First, move |_| unfinished.recv().is_err()));
        assert!(write.as_mut().poll(&mut context).is_pending());
        engine.threads.unsettled.store(true, Ordering::Release);
        let mut waits = pin!(read());
        assert!(waits.as_mut().poll(&mut context).is_pending());
        // Whatever the reader was asked before this is answered.
        reader.run(Lane::First, |_| ()).await.unwrap();
        assert!(waits.as_mut().poll(&mut context).is_pending(), "it did not wait");
        drop(finish);
        assert!(waits.await.unwrap().is_success());
        write.await.unwrap();
    }

    #[tokio::test]
    async fn a_panic_of_the_engine_is_announced_and_fails_every_request_from_then_on() {
        let engine = Engine::in_memory().unwrap();
        let writer = engine.threads.writer.as_ref().unwrap();
        writer.run(Lane::First, |_| panic!("on purpose")).await.unwrap_err();

        let failed = engine.failed().await;
        assert_eq!(failed, Ended::Failed("on purpose".to_owned()));
        let request = Client::new(&engine.sdk_config()).list_tables().send().await;
        let refused = DisplayErrorContext(request.unwrap_err()).to_string();
        assert!(refused.contains(&failed.to_string()), "{refused}");
    }
}
