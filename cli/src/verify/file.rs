//! An export is verified as it is read: lines are examined in parallel and chained in order, in memory that does not grow
//! with the file.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;
use std::pin::pin;

use anyhow::Context;
use event_store::verify::{Batch, Export};
use futures::{Stream, TryStreamExt, stream};
use indicatif::ProgressBar;
use tokio::task::spawn_blocking;

use super::found::Found;
use crate::progress;

type Reader = Box<dyn BufRead + Send>;

/// Verifies the export at `path`.
pub(super) async fn verify(path: &Path, export: Export, found: &mut Found) -> anyhow::Result<()> {
    let unreadable = || format!("{} cannot be read", path.display());
    let (reader, bar) = open(path).with_context(unreadable)?;
    let batches = stream::try_unfold(reader, |mut reader| async move {
        let read = spawn_blocking(move || Ok(Batch::read(&mut reader)?.map(|batch| (batch, reader))));
        read.await?
    });
    chained(batches, |batch| batch.bytes, export, found, &bar).await.with_context(unreadable)
}

/// Examines batches in parallel and chains them in order; `amount` is what the bar counts.
pub(super) async fn chained(
    batches: impl Stream<Item = anyhow::Result<Batch>> + Send,
    amount: fn(&Batch) -> u64,
    mut export: Export,
    found: &mut Found,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let examined = batches
        .map_ok(|batch: Batch| async move {
            anyhow::Ok(spawn_blocking(move || (amount(&batch), batch.examine())).await?)
        })
        .try_buffered(at_once());
    let mut examined = pin!(examined);
    while let Some((amount, lines)) = examined.try_next().await? {
        for line in lines {
            for report in export.line(&line) {
                found.take(report, bar)?;
            }
        }
        bar.inc(amount);
    }
    for report in export.end() {
        found.take(report, bar)?;
    }
    bar.finish_and_clear();
    Ok(())
}

fn open(path: &Path) -> anyhow::Result<(Reader, ProgressBar)> {
    if path == Path::new("-") {
        return Ok((Box::new(BufReader::new(stdin())), progress::looking("bytes")));
    }
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    Ok((Box::new(BufReader::new(file)), progress::bytes(length)))
}

/// How many batches, or products, are worked on at the same time.
pub(super) fn at_once() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| 2 * cores.get())
}
