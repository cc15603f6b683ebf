//! An export in the order of positions, which is that of the log: first the checkpoint, then what each position has.
//!
//! The promise: no position is left out, so the lines give the root that was signed; a position that has nothing ends the export.

use std::sync::Arc;

use anyhow::Context;
use event_store::Feed;
use event_store::export::{ExportError, ExportPart};
use futures::stream::{self, BoxStream, StreamExt};
use indicatif::ProgressBar;
use ledger_log::{LogPath, TrustedKeys};
use sequencer::{DirectoryLog, LogStore};
use server::log::{bound_keys, positions};
use tokio::task::spawn_blocking;

use crate::exit::Refused;
use crate::export_file::{checkpoint_line, entry_line};
use crate::progress;
use crate::read_only::ReadOnlyPorts;

/// Positions of one read: each is a transaction of its own.
const PAGE: u64 = 500;

type Parts = BoxStream<'static, Result<ExportPart, ExportError>>;

/// What the ledger has now, in the order of positions.
///
/// # Errors
/// The ledger or its log cannot be read; [`Refused`] inside if the log is ahead of the ledger, or its key did not sign it.
pub(super) async fn parts(ports: &ReadOnlyPorts) -> anyhow::Result<(Parts, ProgressBar)> {
    let feed = ports.by_position()?;
    // First, so that the commits that it covers are there.
    let checkpoint = checkpoint(ports).await?;
    let end = positions(&*feed).await?;
    let first = match checkpoint {
        None => Vec::new(),
        Some((_, size)) if size > end => {
            let what = format!(
                "the log has {size} entries, and the ledger only {end} positions: it was put back from a backup; run ledger log accept-restore first"
            );
            return Err(Refused(what).into());
        }
        Some((note, _)) => checkpoint_line(&note),
    };
    let first = ExportPart { lines: first, ..ExportPart::default() };
    let rest = stream::try_unfold((feed, 0), move |(feed, from)| async move {
        if from >= end {
            return Ok(None);
        }
        let to = end.min(from + PAGE);
        Ok(Some((page(&*feed, from, to).await?, (feed, to))))
    });
    Ok((stream::iter([Ok(first)]).chain(rest).boxed(), progress::commits(end)))
}

/// What the positions from `first` to the one before `end` have.
async fn page(feed: &dyn Feed, first: u64, end: u64) -> Result<ExportPart, ExportError> {
    let mut lines = feed.lines(first, end - 1).await?.into_iter().peekable();
    let mut entries = feed
        .entries(first, end - 1, usize::try_from(PAGE).unwrap_or(usize::MAX))
        .await?
        .into_iter()
        .peekable();
    let mut part = ExportPart::default();
    for position in first..end {
        if let Some(line) = lines.next_if(|line| line.position == position && !line.line.contains(&b'\n')) {
            part.lines.extend_from_slice(&line.line);
            part.lines.push(b'\n');
            part.commits += 1;
        } else if let Some(entry) = entries.next_if(|entry| entry.position == position) {
            part.lines.extend_from_slice(&entry_line(&entry));
        } else {
            return Err(ExportError::Gap(position));
        }
    }
    Ok(part)
}

/// The checkpoint of the ledger's log with its size, if it has a log.
async fn checkpoint(ports: &ReadOnlyPorts) -> anyhow::Result<Option<(String, u64)>> {
    let (store, keys): (Arc<dyn LogStore>, TrustedKeys) = match (&ports.files, &ports.table_log) {
        (Some(files), _) => match bound_keys(&files.ledger).await? {
            Some(keys) => (Arc::new(DirectoryLog::at(files.log.clone())) as Arc<dyn LogStore>, keys),
            None => return Ok(None),
        },
        (None, Some((log, files))) => match (files, log.bound.keys().await?) {
            (Some(files), Some(keys)) => (Arc::new(files.clone()) as Arc<dyn LogStore>, keys),
            _ => return Ok(None),
        },
        (None, None) => return Ok(None),
    };
    let note = spawn_blocking(move || store.read(LogPath::Checkpoint)).await?;
    let note = note.context("the checkpoint of the log cannot be read")?;
    let unusable = |what: String| {
        Refused(format!(
            "the log of the ledger has no checkpoint that its key has signed ({what}); run ledger verify --log"
        ))
    };
    let note = note.ok_or_else(|| unusable("it is missing".to_owned()))?;
    let checkpoint = keys.open(&note).map_err(|fault| unusable(fault.to_string()))?;
    let note = String::from_utf8(note).map_err(|error| unusable(error.to_string()))?;
    Ok(Some((note, checkpoint.size)))
}
