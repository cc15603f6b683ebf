//! Verifies an export while reading it: lines are examined in parallel and chained in order, and memory does not grow with the
//! file.

use std::fs::File;
use std::io::{BufRead, BufReader, stdin};
use std::os::fd::AsFd;
use std::path::Path;
use std::pin::pin;

use anyhow::Context;
use event_store::verify::{ExaminedLine, ExportVerifier, LineBatch};
use futures::{Stream, TryStreamExt, stream};
use indicatif::ProgressBar;
use tokio::task::spawn_blocking;

use super::report::VerifyReport;
use crate::progress;

type Reader = Box<dyn BufRead + Send>;

/// Verifies the export at `path`.
pub(super) async fn verify(
    path: &Path,
    export: ExportVerifier,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let (batches, bar) = batches(path)?;
    let chained = chained(batches, |batch| batch.bytes, export, found, &bar);
    chained.await.with_context(|| unreadable(path))
}

/// Verifies batches of an export; `amount` is what the progress bar counts.
pub(super) async fn chained(
    batches: impl Stream<Item = anyhow::Result<LineBatch>> + Send,
    amount: fn(&LineBatch) -> u64,
    mut export: ExportVerifier,
    found: &mut VerifyReport,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let chain = |lines: Vec<ExaminedLine>, _| {
        for line in lines {
            for report in export.line(&line) {
                found.take(report, bar)?;
            }
        }
        Ok(())
    };
    in_order(batches, amount, LineBatch::examine, chain, bar).await?;
    for report in export.end() {
        found.take(report, bar)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Reads the export at `path` in batches: `examine` runs in parallel, then `take` in order, with the number of bytes before
/// its batch.
pub(crate) async fn read<T: Send + 'static>(
    path: &Path,
    examine: fn(&LineBatch) -> T,
    mut take: impl FnMut(T, u64, &ProgressBar) -> anyhow::Result<()>,
) -> anyhow::Result<ProgressBar> {
    let (batches, bar) = batches(path)?;
    let read =
        in_order(batches, |batch| batch.bytes, examine, |lines, before| take(lines, before, &bar), &bar);
    read.await.with_context(|| unreadable(path))?;
    Ok(bar)
}

/// Examines batches in parallel and passes them to `take` in order, each with the amount before it.
async fn in_order<T: Send + 'static>(
    batches: impl Stream<Item = anyhow::Result<LineBatch>> + Send,
    amount: fn(&LineBatch) -> u64,
    examine: fn(&LineBatch) -> T,
    mut take: impl FnMut(T, u64) -> anyhow::Result<()>,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let examined = batches
        .map_ok(|batch: LineBatch| async move {
            anyhow::Ok(spawn_blocking(move || (amount(&batch), examine(&batch))).await?)
        })
        .try_buffered(at_once());
    let mut examined = pin!(examined);
    let mut before = 0;
    while let Some((amount, lines)) = examined.try_next().await? {
        take(lines, before)?;
        before += amount;
        bar.inc(amount);
    }
    Ok(())
}

fn batches(
    path: &Path,
) -> anyhow::Result<(impl Stream<Item = anyhow::Result<LineBatch>> + Send + use<>, ProgressBar)> {
    let (reader, bar) = open(path).with_context(|| unreadable(path))?;
    let batches = stream::try_unfold(reader, |mut reader| async move {
        let read = spawn_blocking(move || Ok(LineBatch::read(&mut reader)?.map(|batch| (batch, reader))));
        read.await?
    });
    Ok((batches, bar))
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}

fn open(path: &Path) -> anyhow::Result<(Reader, ProgressBar)> {
    if path == Path::new("-") {
        is_no_directory(&File::from(stdin().as_fd().try_clone_to_owned()?))?;
        return Ok((Box::new(BufReader::new(stdin())), progress::looking("bytes")));
    }
    let file = File::open(path)?;
    is_no_directory(&file)?;
    let length = file.metadata()?.len();
    Ok((Box::new(BufReader::new(file)), progress::bytes(length)))
}

/// A directory can be opened, and the error of its first reading would name nothing.
fn is_no_directory(file: &File) -> anyhow::Result<()> {
    anyhow::ensure!(
        !file.metadata()?.is_dir(),
        "it is a directory; an export is a file or - (standard input)"
    );
    Ok(())
}

/// Batches or products in parallel.
pub(crate) fn at_once() -> usize {
    std::thread::available_parallelism().map_or(4, |cores| 2 * cores.get())
}
