//! Publishes what is in the log table: tiles and entries from the batches alone, then a checkpoint.
//!
//! The promise: nothing is signed over a batch that contradicts the tree, nor over a table that is behind what was signed. After a
//! failure it goes on from the published checkpoint and the batches; the same batches give the same files.

use std::sync::Arc;

use ledger_log::CheckpointSigner;
use tokio::sync::Mutex;

use crate::api::ServedLog;
use crate::failure::{LogFailure, LogStop};
use crate::table::{LogBatch, LogTable};
use crate::writer::LogWriter;

/// How often it begins again because another process has published meanwhile.
const ATTEMPTS: u32 = 3;

/// Batches behind which a checkpoint is published, whatever follows: some hundred files.
const BATCHES: u32 = 16;

/// Publishes the log of a log table.
pub struct LogPublisher {
    table: Arc<dyn LogTable>,
    log: ServedLog,
    signer: Arc<dyn CheckpointSigner>,
    /// The writer, as long as nothing has failed.
    writer: Mutex<Option<LogWriter>>,
}

impl LogPublisher {
    /// A publisher of a log that has a checkpoint: [`LogWriter::begin`] publishes the first one.
    #[must_use]
    pub fn new(table: Arc<dyn LogTable>, log: ServedLog, signer: Arc<dyn CheckpointSigner>) -> Self {
        Self { table, log, signer, writer: Mutex::default() }
    }

    /// Publishes a checkpoint over all batches, if there are new ones; answers with the size of the newest checkpoint.
    ///
    /// # Errors
    /// [`LogFailure`]: call it again, unless it is stopped ([`LogStop`]): then nothing may be signed.
    pub async fn publish(&self) -> Result<u64, LogFailure> {
        let mut kept = self.writer.lock().await;
        let mut attempt = 1;
        loop {
            let writer = match kept.take() {
                Some(writer) => writer,
                None => self.open().await?,
            };
            match self.publish_with(writer).await {
                Ok(writer) => {
                    let size = writer.published();
                    *kept = Some(writer);
                    return Ok(size);
                }
                // Another process may have published; if it was somebody else, opening says so.
                Err(LogFailure::Stopped(LogStop::Foreign)) if attempt < ATTEMPTS => attempt += 1,
                Err(LogFailure::Stopped(LogStop::Foreign)) => {
                    let quicker = "other publishers were quicker each time";
                    return Err(LogFailure::Interrupted(quicker.to_owned()));
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Goes on after the published checkpoint, which has to be the tree of the batch that ends there.
    async fn open(&self) -> Result<LogWriter, LogFailure> {
        let (log, signer) = (self.log.clone(), self.signer.clone());
        let writer = self.run(move || LogWriter::open(log, signer)).await?;
        let size = writer.size();
        let Some(last) = size.checked_sub(1) else { return Ok(writer) };
        let batch = self.table.batch_at(last).await?;
        match batch {
            Some(batch) if batch.size() >= size => {
                is_tree_of(&writer, &batch)?;
                Ok(writer)
            }
            batch => {
                let commits = batch.map_or(0, |batch| batch.size());
                Err(LogStop::Ahead { size, commits }.into())
            }
        }
    }

    /// Adds all batches behind the writer's end, and publishes; many of them in parts, so that nothing is done again if a run ends
    /// in the middle.
    async fn publish_with(&self, mut writer: LogWriter) -> Result<LogWriter, LogFailure> {
        let mut added = 0;
        while self.table.newest_batch(writer.size()).await?.is_some() {
            let size = writer.size();
            let batch = self.table.batch_at(size).await?.filter(|batch| batch.size() > size);
            let batch = batch.ok_or(LogStop::Gap(size))?;
            let passed = usize::try_from(size - batch.first).unwrap_or(usize::MAX);
            let mut entries = batch.entries().into_iter().skip(passed);
            let append = move || entries.try_for_each(|entry| writer.append_entry(entry)).map(|()| writer);
            writer = self.run(append).await?;
            is_tree_of(&writer, &batch)?;
            added += 1;
            if added % BATCHES == 0 {
                writer = self.run(move || writer.publish().map(|()| writer)).await?;
            }
        }
        self.run(move || writer.publish().map(|()| writer)).await
    }

    /// Runs what may wait for files.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, LogFailure> + Send + 'static,
    ) -> Result<T, LogFailure> {
        if !self.log.store.blocks() {
            return work();
        }
        let done = tokio::task::spawn_blocking(work).await;
        done.unwrap_or_else(|error| Err(LogFailure::Interrupted(error.to_string())))
    }
}

/// Where a batch ends, the tree has to be the one that it names.
fn is_tree_of(writer: &LogWriter, batch: &LogBatch) -> Result<(), LogStop> {
    if writer.size() == batch.size() && writer.root() != batch.edge.root() {
        return Err(LogStop::Batch(batch.first));
    }
    Ok(())
}
