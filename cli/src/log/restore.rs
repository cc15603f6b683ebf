//! `ledger log restore`: brings the files of a log back from its bundles of entries, here or in a copy that somebody has; on AWS, the
//! batches of the log table.
//!
//! The promise: nothing is written before the entries give the root of a checkpoint that the log's key signed, and the present
//! checkpoint is one of its beginnings; the checkpoint is replaced last.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use clap::Args;
use ledger_log::path::TILE_WIDTH;
use ledger_log::tiles::{self, Tile};
use ledger_log::tree::{TreeHash, entry_hash};
use ledger_log::{LogCheckpoint, LogPath, LogSource, TileBuilder, TrustedKeys, bundle};
use sequencer::{
    DirectoryLog, LogFailure, LogStore, RestoreTableError, Sequencer, ServedLog, prefix_of_full,
};
use server::backend::TableLog;
use server::log::{CloudLogFiles, LOG_DIRECTORY, bound_keys};
use web::ClockAndIds;

use super::source::LogPlace;
use super::stopped::taken;
use crate::counts::counted;
use crate::exit::Refused;
use crate::text_table::escaped;
use crate::{environment, out, progress};

/// What to restore from.
#[derive(Debug, Args)]
#[command(
    after_help = "Without a copy, tiles of hashes that are missing or damaged are made again from the entries that are there. With one, \
the log of the data directory becomes that of the copy, whose checkpoint the same keys must have signed and which must have grown from \
the present one. If the ledger has fewer commits then, because it was put back from a backup, ledger log accept-restore goes on with it.

On AWS, without --data, the log table gets what the checkpoint in the bucket covers and the table lacks, because it was restored to an \
earlier moment or is a new one. The entries have to give the root that was signed, and the event table has to have their commits. \
Until then the sequencer logs nothing. An interrupted one goes on when it is run again.

Examples:
  ledger log restore --data ledger-data
  ledger log restore https://mirror.example.com/log --data ledger-data
  ledger log restore /mnt/copy/log --data ledger-data
  ledger log restore"
)]
pub struct LogRestoreArgs {
    /// Data directory of the ledger, on which no server runs; without it, the AWS SDK's environment.
    #[arg(long)]
    data: Option<PathBuf>,
    /// URL or directory of a copy of the log, which holds `checkpoint` and `tile/`; `LEDGER_TOKEN` is sent as bearer token.
    #[arg(value_name = "URL|DIR", requires = "data")]
    from: Option<String>,
}

/// Restores, and prints what the log has now; exit code 1 if the copy is not a later state of the log, or the event table lacks what
/// the log table has to have again.
///
/// # Errors
/// When it could not be attempted, or not be done to its end.
pub(super) async fn run(arguments: LogRestoreArgs) -> anyhow::Result<ExitCode> {
    let checkpoint = match &arguments.data {
        Some(data) => in_directory(data, arguments.from).await?,
        None => in_tables().await?,
    };
    let entries = counted(checkpoint.size, "entry");
    out::line(format_args!(
        "restored: log {}, {entries}, root {}",
        escaped(&checkpoint.origin),
        checkpoint.root
    ))?;
    Ok(ExitCode::SUCCESS)
}

async fn in_directory(data: &Path, from: Option<String>) -> anyhow::Result<LogCheckpoint> {
    let stopped = taken(data).await.with_context(|| format!("--data {}", data.display()))?;
    let keys = bound_keys(&stopped.ledger).await?;
    let directory = stopped.path.join(LOG_DIRECTORY);
    let from = from.unwrap_or_else(|| directory.to_string_lossy().into_owned());
    let restored = match keys {
        None => {
            Err(Refused("the ledger has no log; the first start of the server begins one".to_owned()).into())
        }
        Some(keys) => restore(&from, &DirectoryLog::at(directory), &keys).await,
    };
    stopped.close().await;
    restored
}

async fn in_tables() -> anyhow::Result<LogCheckpoint> {
    let settings = server::environment::settings()?;
    let aws = environment::ledger_on_aws(&settings).await?;
    let ClockAndIds { clock, ids } = ClockAndIds::system();
    let files = CloudLogFiles::named(&settings.log, &aws)?;
    let files = files.context("LEDGER_LOG_BUCKET is not set; name the bucket of the log")?.files(&clock);
    let log = TableLog::on_dynamodb(&aws, &settings.tables);
    let unbound = || {
        Refused(
            "the log table names no key of the log; let the sequencer run once: it puts the key on record"
                .to_owned(),
        )
    };
    let keys = log.bound.keys().await?.ok_or_else(unbound)?;
    let restored = Sequencer::new(log.ports, clock, ids);
    match restored.restore_table(ServedLog { store: Arc::new(files), keys }).await {
        Ok((checkpoint, entries)) => {
            out::line(format_args!("{} put into the log table again", counted(entries, "entry")))?;
            Ok(checkpoint)
        }
        Err(
            failed @ (RestoreTableError::Store(_)
            | RestoreTableError::Taken
            | RestoreTableError::Files(LogFailure::File { .. } | LogFailure::Interrupted(_))),
        ) => Err(failed.into()),
        Err(refused) => Err(Refused(refused.to_string()).into()),
    }
}

async fn restore(from: &str, target: &DirectoryLog, keys: &TrustedKeys) -> anyhow::Result<LogCheckpoint> {
    let source = LogPlace::at(from)?;
    let note = source.read(LogPath::Checkpoint).await?;
    let note = note.ok_or_else(|| Refused(format!("there is no checkpoint at {from}")))?;
    let opened = keys.open(&note);
    let checkpoint =
        opened.map_err(|fault| Refused(format!("{from}: {fault}; it is not the log of this ledger")))?;
    let own = target.read(LogPath::Checkpoint).ok().flatten().and_then(|note| keys.open(&note).ok());
    if let Some(own) = own.as_ref().filter(|own| own.size > checkpoint.size) {
        let (size, there) = (own.size, checkpoint.size);
        return Err(
            Refused(format!("the log of the ledger has {size} entries, and {from} only {there}")).into()
        );
    }
    // Everything is read twice, so that nothing is written of what is not whole.
    walk(&source, &checkpoint, own.as_ref(), None).await?;
    walk(&source, &checkpoint, own.as_ref(), Some(target)).await?;
    let path = LogPath::Checkpoint;
    let written = target.write(path, &note).and_then(|()| target.settle(&[path]));
    written.context("the checkpoint of the log cannot be written")?;
    Ok(checkpoint)
}

/// Reads every entry, which must give the root; writes bundles and tiles to `target`, if one is given.
async fn walk(
    source: &LogPlace,
    checkpoint: &LogCheckpoint,
    own: Option<&LogCheckpoint>,
    target: Option<&DirectoryLog>,
) -> anyhow::Result<()> {
    let (mut builder, mut full): (TileBuilder, Vec<Tile>) = Default::default();
    let mut own_root: Option<TreeHash> = own.filter(|own| own.size == 0).map(|own| own.root);
    let bar = progress::entries(checkpoint.size);
    for index in 0..checkpoint.size.div_ceil(TILE_WIDTH.into()) {
        let there = (checkpoint.size - index * u64::from(TILE_WIDTH)).min(TILE_WIDTH.into());
        let path = LogPath::Entries { index, width: u16::try_from(there).unwrap_or(TILE_WIDTH) };
        let bytes = needed(source, path).await?;
        let damaged = |_| Refused(format!("{path} of the copy is damaged"));
        for entry in bundle::read(&bytes, path.width().into()).map_err(damaged)? {
            builder.push(entry_hash(entry), &mut full);
            if own.is_some_and(|own| own.size == builder.size()) {
                own_root = Some(builder.root());
            }
        }
        let tiles = std::mem::take(&mut full);
        if let Some(target) = target {
            let files = tiles.into_iter().map(|(path, hashes)| (path, tiles::bytes(&hashes)));
            write(target, files.chain([(path, bytes)]).collect())?;
        }
        bar.inc(there);
    }
    bar.finish_and_clear();
    if builder.root() != checkpoint.root {
        return Err(Refused(
            "the entries do not give the root that was signed; take another copy".to_owned(),
        )
        .into());
    }
    if own.is_some_and(|own| own_root != Some(own.root)) {
        let what = "the copy does not begin with the entries of the ledger's log, so one of them is a second history: keep both";
        return Err(Refused(what.to_owned()).into());
    }
    if let Some(target) = target {
        let partial = builder.partial().map(|(path, hashes)| (path, tiles::bytes(hashes)));
        write(target, partial.collect())?;
    }
    Ok(())
}

/// Writes files durably, unless they are there with these bytes; partial ones give way to full ones.
fn write(target: &DirectoryLog, files: Vec<(LogPath, Vec<u8>)>) -> anyhow::Result<()> {
    let cannot = |path: LogPath| move || format!("{path} of the log cannot be written");
    let mut written = Vec::new();
    for (path, bytes) in files {
        if target.read(path).is_ok_and(|found| found.as_deref() == Some(&bytes)) {
            continue;
        }
        target.write(path, &bytes).with_context(cannot(path))?;
        written.push(path);
    }
    target.settle(&written).context("the directories of the log cannot be synced")?;
    let full = written.into_iter().filter(|path| path.width() == TILE_WIDTH);
    full.into_iter().try_for_each(|path| target.remove_partial(path).with_context(cannot(path)))
}

/// A file, or what the full one in its place has of it.
async fn needed(source: &LogPlace, path: LogPath) -> anyhow::Result<Vec<u8>> {
    if let Some(bytes) = source.read(path).await? {
        return Ok(bytes);
    }
    let full = if path == path.full() { None } else { source.read(path.full()).await? };
    let bytes = full.and_then(|full| prefix_of_full(path, &full));
    bytes.ok_or_else(|| Refused(format!("{path} of the copy is missing")).into())
}
