//! What the publisher's function does on the schedule of the reconcile: it looks at the protection of the event table, and goes on
//! with the round.

use std::time::Duration;

use event_store::reconcile::ReconcileRun;
use event_store::{Reconciler, StoreError, TableProtection};
use serde::Serialize;

use crate::publisher::{CONSUMER, Publisher};

/// The result of one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScheduledRun {
    /// What was compared.
    #[serde(flatten)]
    pub run: ReconcileRun,
    /// What was found of the protection: `holds`, `changed` or `unknown`; nothing where there is none to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protection: Option<&'static str>,
}

/// Checks the protection and goes on with the round, within `time_left`.
///
/// # Errors
/// [`StoreError`]: a store did not answer; the next run goes on.
pub async fn reconcile(
    publisher: &Publisher,
    reconciler: &Reconciler,
    protection: Option<&TableProtection>,
    time_left: Duration,
) -> Result<ScheduledRun, StoreError> {
    let begun = tokio::time::Instant::now();
    let found = match protection {
        Some(protection) => Some(protection.noted(CONSUMER).await),
        None => None,
    };
    let run = reconciler.run(publisher, time_left.saturating_sub(begun.elapsed())).await?;
    Ok(ScheduledRun { run, protection: found })
}
