//! Verifies what only the files of a ledger on this machine have: the positions of the commits, and rows that this program
//! never writes.

use event_store::SqliteParking;
use event_store::sqlite::{PositionFaults, about};
use event_store::verify::{Chain, FaultKind, ProductReport};
use projections::views::View;
use server::directory::PASSED;

use super::arguments::VerifyArgs;
use super::report::VerifyReport;
use crate::progress;
use crate::read_only::{ReadOnlyFiles, ReadOnlyPorts};

/// Rows that are listed.
const MOST: usize = 1_000;

/// Verifies the positions; with the receipts and the views also the rows beside them.
pub(super) async fn verify(
    files: &ReadOnlyFiles,
    ports: &ReadOnlyPorts,
    arguments: &VerifyArgs,
    found: &mut VerifyReport,
) -> anyhow::Result<()> {
    let bar = progress::looking("checking the positions");
    let mut reports = positions(files).await?;
    if arguments.receipts {
        for (product, event) in ports.receipts()?.below_one(MOST).await? {
            let what = format!("a receipt or a mark is there for event {event}, and events begin at 1");
            reports.push(unexpected(&product, None, what));
        }
        if let Some(parking) = &files.publishing {
            reports.extend(parked_by_others(parking, &[publisher::CONSUMER]).await?);
        }
    }
    if let Some(parking) = files.views.as_ref().filter(|_| arguments.views) {
        reports.extend(parked_by_others(parking, &View::ALL.map(View::name)).await?);
    }
    for report in reports {
        found.take(report, &bar)?;
    }
    bar.finish_and_clear();
    Ok(())
}

/// The report of a row that this program never writes.
pub(super) fn unexpected(product: &str, sequence: Option<u64>, what: String) -> ProductReport {
    fault(product, sequence, FaultKind::Unexpected { what })
}

fn fault(product: &str, sequence: Option<u64>, kind: FaultKind) -> ProductReport {
    let mut chain = Chain::of(product);
    chain.fault(sequence, None, kind);
    chain.end()
}

async fn positions(files: &ReadOnlyFiles) -> anyhow::Result<Vec<ProductReport>> {
    let passed = about(&files.about, PASSED).await?;
    let next: Option<u64> = passed.as_ref().and_then(|passed| passed.parse().ok());
    let Some(newest) = event_store::Feed::newest_position(&files.journal).await? else {
        return Ok(Vec::new());
    };
    let PositionFaults { missing, negative, backwards, has_gaps } =
        files.journal.position_faults(newest, next.unwrap_or(0)).await?;
    let missing =
        missing.into_iter().map(|(from, to)| fault("", None, FaultKind::MissingPositions { from, to }));
    let negative =
        negative.map(|position| format!("a commit has the position {position}, and positions begin at 0"));
    // It is written only where positions are skipped: below it, or up to it behind the newest commit.
    let explains = next.is_some_and(|next| has_gaps || next > newest + 1);
    let wrong = passed.filter(|_| !explains).map(|passed| {
        format!("the table about says that the next position is {passed}, but no position was skipped")
    });
    let unexpected = negative.into_iter().chain(wrong).map(|what| unexpected("", None, what));
    let backwards = backwards.into_iter().map(|(product, sequence, before)| {
        let after = format!("sequence {sequence} by its position");
        fault(&product, Some(before), FaultKind::OutOfOrder { after })
    });
    Ok(missing.chain(unexpected).chain(backwards).collect())
}

async fn parked_by_others(parking: &SqliteParking, known: &[&str]) -> anyhow::Result<Vec<ProductReport>> {
    let rows = parking.of_others(known, MOST).await?;
    let report = |(consumer, product): (String, String)| {
        let what = format!("it is parked by {consumer:?}, which is no consumer");
        unexpected(&product, None, what)
    };
    Ok(rows.into_iter().map(report).collect())
}
