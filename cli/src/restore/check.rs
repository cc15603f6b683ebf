//! Every check of a restore, before anything is written: the chains of the export, the bytes of its lines, and the commits that
//! the ledger already holds.

use std::path::Path;

use event_store::SqliteJournal;
use event_store::verify::{ExaminedLine, ExportVerifier, LineBatch, LineLocation, Verdict};
use server::directory::DataDirectory;

use super::plan::RestorePlan;
use crate::exit::Refused;
use crate::verify::file;
use crate::verify::report::VerifyReport;

/// Checks the export at `path`, compares it with the ledger, and adds the commits to write to `plan`.
pub(super) async fn check(
    path: &Path,
    directory: Option<&DataDirectory>,
    plan: &mut RestorePlan,
) -> anyhow::Result<()> {
    let journal = directory.map(|directory| SqliteJournal::new(directory.ledger.clone()));
    let held = journal.as_ref().map_or(Ok(0), SqliteJournal::count)?;
    let (verdict, misfit) = examine(path, journal.filter(|_| held > 0), plan).await?;
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
    path: &Path,
    journal: Option<SqliteJournal>,
    plan: &mut RestorePlan,
) -> anyhow::Result<(Verdict, Option<u64>)> {
    let (mut export, mut found) = (ExportVerifier::default(), VerifyReport::new(false, false));
    let (mut lines, mut misfit) = (0, None);
    let read = file::read(path, LineBatch::examine_in_place, |batch, before, bar| {
        let mut places = Vec::with_capacity(batch.len());
        for (line, place) in batch {
            lines += 1;
            for report in export.line(&line) {
                found.take(report, bar)?;
            }
            if place.is_none() && misfit.is_none() && matches!(line, ExaminedLine::Commit(_)) {
                misfit = Some(lines);
            }
            places.extend(place);
        }
        if misfit.is_none() && found.verdict() == Verdict::Whole {
            take(&places, before, journal.as_ref(), plan)?;
        }
        Ok(())
    });
    let bar = read.await?;
    for report in export.end() {
        found.take(report, &bar)?;
    }
    bar.finish_and_clear();
    Ok((found.verdict(), misfit))
}

fn take(
    places: &[LineLocation],
    before: u64,
    journal: Option<&SqliteJournal>,
    plan: &mut RestorePlan,
) -> anyhow::Result<()> {
    let there = match journal {
        Some(journal) => {
            journal.hashes(places.iter().map(|place| (place.product_id.as_str(), place.sequence)))?
        }
        None => vec![None; places.len()],
    };
    for (place, there) in places.iter().zip(there) {
        plan.take(place, before, there.as_deref())?;
    }
    Ok(())
}
