//! Copies the log of a ledger, also while a server writes it.
//!
//! The promise: the copy has all files of one published checkpoint and no others. It is made before that of the commits, so it is
//! never ahead of them.

use std::io;
use std::path::Path;

use anyhow::Context;
use ledger_log::path::TILE_WIDTH;
use ledger_log::tiles::{level_count, partial_width};
use ledger_log::{LogPath, TrustedKeys};
use sequencer::{DirectoryLog, LogStore, prefix_of_full};
use server::log::{LOG_DIRECTORY, LOG_FORMER_KEY, LOG_KEY, bound_keys};
use sqlite::Database;

use crate::exit::Refused;

/// Files that are made durable at once.
const AT_ONCE: usize = 1_000;

/// Copies the log in `data`, if the ledger has one, and its key on request.
///
/// # Errors
/// [`Refused`] if the log has no whole checkpoint; otherwise when it could not be copied.
pub(super) async fn copy(data: &Path, ledger: &Database, to: &Path, with_key: bool) -> anyhow::Result<()> {
    let Some(keys) = bound_keys(ledger).await? else {
        anyhow::ensure!(!with_key, "--with-key: the ledger has no log, and so no key");
        return Ok(());
    };
    let (from, copy) = (data.join(LOG_DIRECTORY), to.join(LOG_DIRECTORY));
    let (source, target) = (DirectoryLog::at(from.clone()), DirectoryLog::at(copy));
    let copied = tokio::task::spawn_blocking(move || copy_files(&source, &target, &keys, &from)).await;
    copied.context("the log was not copied to its end")??;
    if with_key {
        copy_key(data, to, LOG_KEY)?;
        // While it still signs.
        if data.join(LOG_FORMER_KEY).exists() {
            copy_key(data, to, LOG_FORMER_KEY)?;
        }
    }
    Ok(())
}

fn copy_key(data: &Path, to: &Path, name: &str) -> anyhow::Result<()> {
    let (from, copy) = (data.join(name), to.join(name));
    let cannot = || format!("--with-key: {} cannot be copied", from.display());
    let key = std::fs::read(&from).with_context(cannot)?;
    let mut file = sqlite::open_private(&copy, true).with_context(cannot)?;
    io::Write::write_all(&mut file, &key).and_then(|()| file.sync_all()).with_context(cannot)
}

fn copy_files(
    source: &DirectoryLog,
    target: &DirectoryLog,
    keys: &TrustedKeys,
    from: &Path,
) -> anyhow::Result<()> {
    let cannot = |path: LogPath| move || format!("the log's {path} cannot be copied");
    let note = source.read(LogPath::Checkpoint).with_context(cannot(LogPath::Checkpoint))?;
    let refused = |what: String| {
        Refused(format!("{}: {what}, so there is no copy; put it back from a backup", from.display()))
    };
    let note = note.ok_or_else(|| refused("the log has no checkpoint".to_owned()))?;
    let size = keys.open(&note).map_err(|fault| refused(fault.to_string()))?.size;
    let mut written = Vec::new();
    for path in paths(size) {
        let bytes = match source.read(path).with_context(cannot(path))? {
            Some(bytes) => Some(bytes),
            // The full one has taken its place meanwhile.
            None => source
                .read(path.full())
                .with_context(cannot(path))?
                .and_then(|full| prefix_of_full(path, &full)),
        };
        let bytes = bytes.ok_or_else(|| refused(format!("{path} is missing")))?;
        target.write(path, &bytes).with_context(cannot(path))?;
        written.push(path);
        if written.len() == AT_ONCE {
            target.settle(&written).with_context(cannot(path))?;
            written.clear();
        }
    }
    target.write(LogPath::Checkpoint, &note).with_context(cannot(LogPath::Checkpoint))?;
    written.push(LogPath::Checkpoint);
    target.settle(&written).with_context(cannot(LogPath::Checkpoint))
}

/// Every file that a checkpoint of this size needs, but the checkpoint.
fn paths(size: u64) -> impl Iterator<Item = LogPath> {
    let width = u64::from(TILE_WIDTH);
    let entries = (0..size.div_ceil(width)).map(move |index| {
        let there = (size - index * width).min(width);
        LogPath::Entries { index, width: u16::try_from(there).unwrap_or(TILE_WIDTH) }
    });
    let levels = (0_u8..).zip(0..level_count(size)).flat_map(move |(level, _)| {
        let full = size.checked_shr(8 * (u32::from(level) + 1)).unwrap_or(0);
        let partial = u16::try_from(partial_width(size, level)).ok().filter(|width| *width > 0);
        let full_ones = (0..full).map(move |index| LogPath::Tile { level, index, width: TILE_WIDTH });
        full_ones.chain(partial.map(|width| LogPath::Tile { level, index: full, width }))
    });
    entries.chain(levels)
}
