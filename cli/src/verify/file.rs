//! An export is verified as it is read: lines are examined in parallel and chained in order, in memory that does not grow
//! with the file.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::path::Path;

use anyhow::Context;
use event_store::verify::{Batch, Export};
use futures::{StreamExt, TryStreamExt, stream};
use indicatif::ProgressBar;
use tokio::task::spawn_blocking;

use super::found::Found;
use crate::progress;

type Reader = Box<dyn BufRead + Send>;

/// Verifies the export at `path`.
pub(super) async fn verify(path: &Path, mut export: Export, found: &mut Found) -> anyhow::Result<()> {
    let read = read(path, Batch::examine, |lines, _, bar| {
        for line in lines {
            for report in export.line(&line) {
                found.take(report, bar)?;
            }
        }
        Ok(())
    });
    let bar = read.await?;
    for report in export.end() {
        found.take(report, &bar)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Reads the export at `path` in batches: `examine` runs in parallel, then `take` in order, with the bytes before its
/// batch.
pub(crate) async fn read<T: Send + 'static>(
    path: &Path,
    examine: fn(&Batch) -> T,
    mut take: impl FnMut(T, u64, &ProgressBar) -> anyhow::Result<()>,
) -> anyhow::Result<ProgressBar> {
    let unreadable = || format!("{} cannot be read", path.display());
    let (reader, bar) = open(path).with_context(unreadable)?;
    let batches = stream::try_unfold(reader, |mut reader| async move {
        let read = spawn_blocking(move || Ok(Batch::read(&mut reader)?.map(|batch| (batch, reader))));
        read.await?
    });
    let examined = batches
        .map_ok(|batch: Batch| async move {
            anyhow::Ok(spawn_blocking(move || (batch.bytes, examine(&batch))).await?)
        })
        .try_buffered(at_once());
    let mut examined = examined.boxed();
    let mut before = 0;
    while let Some((bytes, lines)) = examined.try_next().await.with_context(unreadable)? {
        take(lines, before, &bar)?;
        before += bytes;
        bar.inc(bytes);
    }
    Ok(bar)
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
pub(crate) fn at_once() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| 2 * cores.get())
}
