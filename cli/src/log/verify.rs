//! `ledger log verify`: for outsiders and for cron. Nothing is asked of the ledger; an export of it can be compared.
//!
//! Exit code 0 whole, 1 faults found, 2 not everything could be checked.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use console::style;
use event_store::verify::{ExaminedLine, ExportVerifier, LineBatch, LinePlace, Verdict};
use indicatif::ProgressBar;
use ledger_log::verify::ExportComparison;
use ledger_log::{CheckedLog, LogCheckpoint, LogPath, LogSource, verify};
use schema::StoredCommit;

use super::kept::KeptFile;
use super::source::LogPlace;
use crate::counts::counted;
use crate::export_file::ExportFile;
use crate::text_table::escaped;
use crate::verify::file;
use crate::verify::report::VerifyReport;
use crate::{out, progress, trusted};

/// Which log, and what to compare it with.
#[derive(Debug, Args)]
#[command(
    after_help = "Take the key from where its owner published it, not from the log itself. Without --keep, or a checkpoint that \
somebody else kept, a log proves nothing against its owner, who could sign another one.

Examples:
  ledger log verify https://ledger.example.com/log --key log.vkey --keep checkpoint
  ledger log verify ./log --key log.vkey --export ledger.ndjson"
)]
pub struct LogVerifyArgs {
    /// URL or directory of the log, which holds `checkpoint` and `tile/`; `LEDGER_TOKEN` is sent as bearer token.
    #[arg(value_name = "URL|DIR")]
    log: String,
    /// Verifier key of the log (NAME+ID+KEY), or a file with one a line, each optionally with `from SIZE` or
    /// `from SIZE to SIZE`.
    #[arg(long, value_name = "VKEY|FILE")]
    key: String,
    /// Compare with the checkpoint in this file: the log must have grown from it. It is replaced by the new one if the log is
    /// whole; else the new one goes to FILE.refused.
    #[arg(long, value_name = "FILE")]
    keep: Option<PathBuf>,
    /// Compare with an export of the ledger of the same moment: nothing is omitted and nothing invented; `-` is standard input.
    #[arg(long, value_name = "EXPORT")]
    export: Option<PathBuf>,
}

/// Verifies a log.
///
/// # Errors
/// When something could not be read, so that nothing can be said.
pub(super) async fn run(arguments: LogVerifyArgs) -> anyhow::Result<ExitCode> {
    let keys = trusted::keys(&arguments.key)?;
    let kept = arguments.keep.map(|path| KeptFile::open(path, &keys)).transpose()?;
    let files = LogPlace::at(&arguments.log)?;
    let started = Instant::now();
    let note = files.read(LogPath::Checkpoint).await?;
    let note = note.with_context(|| format!("there is no checkpoint at {}", arguments.log))?;
    let before = kept.as_ref().and_then(|kept| kept.checkpoint.as_ref());
    let verdict = match keys.open(&note) {
        Err(fault) => {
            out::line(format_args!("{}: {}", style("refuted").red().bold(), escaped(&fault.to_string())))?;
            Verdict::Faulty
        }
        Ok(checkpoint) => {
            if let Some(before) = before.filter(|before| before.origin != checkpoint.origin) {
                anyhow::bail!("--keep: the checkpoint is of the log {}", escaped(&before.origin));
            }
            whole(&files, &checkpoint, before, arguments.export.as_deref()).await?
        }
    };
    out::message(format_args!("verified in {:.1} s", started.elapsed().as_secs_f64()));
    match verdict {
        Verdict::Whole => {
            if let Some(kept) = kept {
                kept.replace(&note)?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Verdict::Faulty => {
            // What was found counts, also if it cannot be kept.
            match kept.map(|kept| kept.refuse(&note)) {
                Some(Ok(refused)) => {
                    out::message(format_args!("ledger: the checkpoint is in {}", refused.display()));
                }
                Some(Err(error)) => {
                    crate::exit::cannot(&error);
                }
                None => {}
            }
            Ok(ExitCode::FAILURE)
        }
        Verdict::NotUnderstood => {
            out::message("ledger: a later build wrote some entries; verify with that build");
            Ok(ExitCode::from(crate::exit::CANNOT))
        }
    }
}

/// Verifies the log of a checkpoint, and prints what is found.
async fn whole(
    files: &LogPlace,
    checkpoint: &LogCheckpoint,
    before: Option<&LogCheckpoint>,
    export: Option<&Path>,
) -> anyhow::Result<Verdict> {
    let bar = progress::entries(checkpoint.size);
    let mut log = verify::verify(files, checkpoint, before, |entries| bar.inc(entries)).await?;
    bar.finish_and_clear();
    let mut of_export = Verdict::Whole;
    if let Some(export) = export {
        let (comparison, verdict) = compared(log.with_export(), export).await?;
        log = comparison.end(files, checkpoint.size).await?;
        of_export = verdict;
    }
    print(&log, checkpoint, before)?;
    Ok(match of_export {
        Verdict::Faulty => Verdict::Faulty,
        _ if !log.faults.is_empty() => Verdict::Faulty,
        Verdict::NotUnderstood => Verdict::NotUnderstood,
        Verdict::Whole if log.not_understood > 0 => Verdict::NotUnderstood,
        Verdict::Whole => Verdict::Whole,
    })
}

/// Compares with each commit of an export, which is verified meanwhile.
async fn compared(
    mut comparison: ExportComparison,
    path: &Path,
) -> anyhow::Result<(ExportComparison, Verdict)> {
    let (mut export, mut found) = (ExportVerifier::default(), VerifyReport::new(false, false));
    let take = |lines: Vec<(ExaminedLine, Option<StoredCommit>)>, places: &[LinePlace], bar: &ProgressBar| {
        for ((line, commit), place) in lines.into_iter().zip(places) {
            for report in export.line_at(place.number, &line) {
                found.take(report, bar)?;
            }
            // A commit without hashes is a fault of the export, which was found by now.
            let _ = commit.map(|commit| comparison.take(&commit));
        }
        Ok(())
    };
    let exported = ExportFile::open(path).await?;
    let bar = file::read((&exported, path), LineBatch::examine_whole, take).await?;
    for report in export.end().into_iter().chain(exported.reports()) {
        found.take(report, &bar)?;
    }
    bar.finish_and_clear();
    let verdict = found.verdict();
    if verdict == Verdict::Faulty {
        out::line(format_args!("the export {} is not whole itself", path.display()))?;
    }
    Ok((comparison, verdict))
}

/// Prints what was found, and what the log holds.
fn print(log: &CheckedLog, checkpoint: &LogCheckpoint, before: Option<&LogCheckpoint>) -> anyhow::Result<()> {
    for fault in &log.faults.listed {
        out::line(escaped(&fault.to_string()))?;
    }
    if log.faults.more > 0 {
        out::line(format_args!("and at least {}", counted(log.faults.more, "more fault")))?;
    }
    for (index, restore) in log.restores() {
        let (part, parts, reason) = (restore.part, restore.parts, escaped(&restore.reason));
        out::line(format_args!("entry {index} accepts a restore (part {part} of {parts}): {reason}"))?;
    }
    for fork in &log.accepted {
        let (lost, anew, restore) = (fork.lost, fork.anew, fork.restore);
        out::line(format_args!("entry {anew} takes the place of entry {lost}, as entry {restore} accepts"))?;
    }
    if log.not_understood > 0 {
        out::line(format_args!("not_understood: {}", counted(log.not_understood, "entry")))?;
    }
    let word = match (log.faults.count(), log.not_understood) {
        (0, 0) => style("whole".to_owned()).green(),
        (0, count) => style(format!("{} not understood", counted(count, "entry"))).yellow(),
        (count, _) => style(counted(count, "fault")).red(),
    };
    let LogCheckpoint { origin, size, root } = checkpoint;
    let grown = before.map(|before| format!(", grown from {}", before.size)).unwrap_or_default();
    let (entries, commits) = (counted(*size, "entry"), counted(log.commits, "commit"));
    let (word, origin) = (word.bold(), escaped(origin));
    out::line(format_args!("{word}: log {origin}, {entries}, {commits}, root {root}{grown}"))?;
    Ok(())
}
