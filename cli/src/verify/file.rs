//! Verifies an export while reading it: lines are examined in parallel and chained in order, and memory does not grow with the
//! file.

use std::path::Path;

use anyhow::Context;
use event_store::verify::{ExaminedLine, ExportVerifier, LineBatch, LinePlace};
use futures::Stream;
use indicatif::ProgressBar;

use super::report::VerifyReport;
use crate::export_file::{self, ExportFile};

/// Verifies the export at `path`.
pub(super) async fn verify(
    path: &Path,
    export: ExportVerifier,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let file = ExportFile::open(path).await?;
    let (batches, bar) = file.batches();
    let chained = chained(batches, |batch| batch.bytes, export, found, &bar);
    chained.await.with_context(|| unreadable(path))?;
    for report in file.reports() {
        found.take(report, &bar)?;
    }
    Ok(())
}

/// Verifies batches of an export; `amount` is what the progress bar counts.
pub(super) async fn chained(
    batches: impl Stream<Item = anyhow::Result<LineBatch>> + Send,
    amount: fn(&LineBatch) -> u64,
    mut export: ExportVerifier,
    found: &mut VerifyReport,
    bar: &ProgressBar,
) -> anyhow::Result<()> {
    let chain = |lines: Vec<ExaminedLine>, places: &[LinePlace]| {
        for (at, line) in lines.iter().enumerate() {
            let reports = match places.get(at) {
                Some(place) => export.line_at(place.number, line),
                // Rows of a store are no lines.
                None => export.line(line),
            };
            for report in reports {
                found.take(report, bar)?;
            }
        }
        Ok(())
    };
    export_file::in_order(batches, amount, LineBatch::examine, chain, bar).await?;
    for report in export.end() {
        found.take(report, bar)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// Reads an export in batches: `examine` runs in parallel, then `take` in order, with the places of the lines.
pub(crate) async fn read<T: Send + 'static>(
    (file, path): (&ExportFile, &Path),
    examine: fn(&LineBatch) -> T,
    mut take: impl FnMut(T, &[LinePlace], &ProgressBar) -> anyhow::Result<()>,
) -> anyhow::Result<ProgressBar> {
    let (batches, bar) = file.batches();
    let take = |lines, places: &[LinePlace]| take(lines, places, &bar);
    let read = export_file::in_order(batches, |batch| batch.bytes, examine, take, &bar);
    read.await.with_context(|| unreadable(path))?;
    Ok(bar)
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}
