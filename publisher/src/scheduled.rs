//! What the publisher's function does on the schedule of the reconcile: it looks at the protection of the event table, and goes on
//! with the round.

use std::time::Duration;

use event_store::reconcile::ReconcileRun;
use event_store::{ProtectionState, Reconciler, StoreError, TableProtection};
use serde::Serialize;
use telemetry::meters::{PROTECTION, TAMPERING};

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
        Some(protection) => Some(note(&protection.check().await)),
        None => None,
    };
    let run = reconciler.run(publisher, time_left.saturating_sub(begun.elapsed())).await?;
    Ok(ScheduledRun { run, protection: found })
}

/// Counts and logs what a check found. A change raises the tampering signal, at every check until it is undone.
fn note(found: &ProtectionState) -> &'static str {
    let result = match found {
        ProtectionState::Holds => "holds",
        ProtectionState::Changed(changes) => {
            metrics::counter!(TAMPERING.name, "consumer" => CONSUMER, "operation" => "other").increment(1);
            tracing::error!(target: "ledger::publisher",
                tampering = 1,
                changes = changes.join("; "),
                "the protection of the event table was changed"
            );
            "changed"
        }
        ProtectionState::Unknown(reason) => {
            tracing::warn!(target: "ledger::publisher", reason, "the protection of the event table could not be checked");
            "unknown"
        }
    };
    metrics::counter!(PROTECTION.name, "result" => result).increment(1);
    result
}
