//! Every check of a restore, before anything is written: the chains of the export, the bytes of its lines, and the commits that
//! the ledger already holds.

use std::path::Path;

use event_store::SqliteJournal;
use event_store::verify::{ExaminedLine, ExportVerifier, LineBatch, LineLocation, LinePlace, Verdict};
use indicatif::ProgressBar;
use server::directory::DataDirectory;
use server::log::{next_entries, positions};

use super::plan::RestorePlan;
use crate::counts::counted;
use crate::exit::Refused;
use crate::export_file::{ExportFile, PositionIndex};
use crate::verify::file;
use crate::verify::report::VerifyReport;

/// Checks an export, compares it with the ledger, and adds what to write to `plan`.
pub(super) async fn check(
    export: (&ExportFile, &Path),
    directory: Option<&DataDirectory>,
    plan: &mut RestorePlan,
) -> anyhow::Result<()> {
    let journal = directory.map(|directory| SqliteJournal::new(directory.ledger.clone()));
    let held = journal.as_ref().map_or(Ok(0), SqliteJournal::count)?;
    let (verdict, misfit) = examine(export, journal.clone().filter(|_| held > 0), plan).await?;
    let (ExportFile { positions, .. }, path) = export;
    let refused = |what: String| Err(Refused(format!("{what}; nothing was written")).into());
    let export = path.display();
    match verdict {
        Verdict::Whole => {}
        Verdict::Faulty => return refused(format!("{export} is not whole")),
        Verdict::NotUnderstood => {
            anyhow::bail!("{export}: a later build wrote some commits; restore with that build")
        }
    }
    if let Some(line) = misfit {
        return refused(format!("{export}: line {line} is not in the form of an export"));
    }
    if let Some(index) = positions {
        if let Some(unfit) = hold_first(index, journal.as_ref(), plan).await? {
            return refused(format!("{unfit} {export}"));
        }
        return Ok(());
    }
    if plan.there < held {
        let more = match held - plan.there {
            1 => "1 commit that is".to_owned(),
            more => format!("{more} commits that are"),
        };
        return refused(format!("the ledger holds {more} not in {export}"));
    }
    plan.sort()
}

/// The verdict on the chains, and the first line that is not byte for byte what an export writes.
async fn examine(
    export: (&ExportFile, &Path),
    journal: Option<SqliteJournal>,
    plan: &mut RestorePlan,
) -> anyhow::Result<(Verdict, Option<u64>)> {
    let (mut chains, mut found) = (ExportVerifier::default(), VerifyReport::new(false, false));
    let mut misfit: Option<u64> = None;
    let positions = export.0.positions.as_ref();
    let take = |batch: Vec<(ExaminedLine, Option<LineLocation>)>, places: &[LinePlace], bar: &ProgressBar| {
        let mut located = Vec::with_capacity(batch.len());
        for ((line, location), place) in batch.into_iter().zip(places) {
            for report in chains.line_at(place.number, &line) {
                found.take(report, bar)?;
            }
            if location.is_none() && matches!(line, ExaminedLine::Commit(_)) {
                misfit = Some(misfit.map_or(place.number, |misfit| misfit.min(place.number)));
            }
            located.extend(location);
        }
        if misfit.is_some() || found.verdict() != Verdict::Whole {
            return Ok(());
        }
        match positions {
            None => take(&located, journal.as_ref(), plan),
            Some(_) => located.iter().try_for_each(|location| plan.take_events(location)),
        }
    };
    let bar = file::read(export, LineBatch::examine_in_place, take).await?;
    for report in chains.end().into_iter().chain(export.0.reports()) {
        found.take(report, &bar)?;
    }
    bar.finish_and_clear();
    Ok((found.verdict(), misfit))
}

fn take(
    located: &[LineLocation],
    journal: Option<&SqliteJournal>,
    plan: &mut RestorePlan,
) -> anyhow::Result<()> {
    let there = match journal {
        Some(journal) => {
            let keys = located.iter().map(|location| (location.product_id.as_str(), location.sequence));
            journal.hashes(keys)?
        }
        None => vec![None; located.len()],
    };
    for (location, there) in located.iter().zip(there) {
        plan.take(location, there.as_deref())?;
    }
    Ok(())
}

/// Whether the ledger holds exactly the first positions of an export, or nothing; or what it holds that is not in it.
async fn hold_first(
    index: &PositionIndex,
    journal: Option<&SqliteJournal>,
    plan: &mut RestorePlan,
) -> anyhow::Result<Option<String>> {
    let held = match journal {
        Some(journal) => positions(journal).await?,
        None => 0,
    };
    if held > index.positions {
        let more = counted(held - index.positions, "position");
        return Ok(Some(format!("the ledger holds {more} behind those of")));
    }
    let mut at = 0;
    while let Some(journal) = journal.filter(|_| at < held) {
        let there = match next_entries(journal, at).await {
            Ok(there) if there.is_empty() => return Ok(Some(missing(at))),
            Ok(there) => there,
            Err(sequencer::LogFailure::Stopped(sequencer::LogStop::Gap(position))) => {
                return Ok(Some(missing(position)));
            }
            Err(failed) => return Err(failed.into()),
        };
        let exported = index.from(at, there.len())?;
        for (there, exported) in there.iter().zip(exported) {
            if exported.entry.as_ref() != Some(there) {
                let position = exported.position;
                return Ok(Some(format!("at position {position} the ledger holds something else than")));
            }
            plan.there += u64::from(exported.commit.is_some());
        }
        at += there.len() as u64;
    }
    plan.place_from(held, index.commits - plan.there);
    Ok(None)
}

fn missing(position: u64) -> String {
    format!("at position {position} the ledger has nothing, and holds positions behind it, unlike")
}
