//! Everything that can be said against a restore, before anything is written: the chains of the export, the bytes of its
//! lines, and what the ledger holds already.

use std::path::Path;

use event_store::SqliteJournal;
use event_store::verify::{Batch, Export, Line, Place, Verdict};

use super::plan::Plan;
use crate::directory::DataDirectory;
use crate::refused::Refused;
use crate::verify::file;
use crate::verify::found::Found;

/// Checks the export at `path`, compares it with the ledger, and takes what is to be written into `plan`.
pub(super) async fn check(
    path: &Path,
    directory: Option<&DataDirectory>,
    plan: &mut Plan,
) -> anyhow::Result<()> {
    let journal = directory.map(|directory| SqliteJournal::new(directory.ledger.clone()));
    let held = journal.as_ref().map_or(Ok(0), SqliteJournal::count)?;
    let journal = journal.filter(|_| held > 0);
    let (mut export, mut found) = (Export::default(), Found::new(false, false));
    let mut lines = 0;
    let mut misfit = None;
    let read = file::read(path, Batch::examine_in_place, |batch, before, bar| {
        let mut places = Vec::with_capacity(batch.len());
        for (line, place) in batch {
            lines += 1;
            for report in export.line(&line) {
                found.take(report, bar)?;
            }
            match place {
                Some(place) => places.push(place),
                None if matches!(line, Line::Commit(_)) => {
                    misfit.get_or_insert(lines);
                }
                None => {}
            }
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
    match found.verdict() {
        Verdict::Whole => {}
        Verdict::Faulty => return Err(refused(path, "is not whole; nothing was written")),
        Verdict::NotUnderstood => {
            anyhow::bail!("{}: a later build wrote some commits; restore with that one", path.display())
        }
    }
    if let Some(line) = misfit {
        let what = format!("line {line} is not in the form in which commits are exported; nothing was written");
        return Err(refused(path, &what));
    }
    if plan.there < held {
        let more = held - plan.there;
        return Err(Refused(format!(
            "the ledger holds {more} commits that are not in {}; nothing was written",
            path.display()
        ))
        .into());
    }
    plan.sort()
}

fn take(
    places: &[Place],
    before: u64,
    journal: Option<&SqliteJournal>,
    plan: &mut Plan,
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

fn refused(path: &Path, what: &str) -> anyhow::Error {
    Refused(format!("{}: {what}", path.display())).into()
}
