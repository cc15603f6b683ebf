//! The AWS Lambda function that puts all commits into one order and publishes it as a log: it follows the stream of the feed items.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use event_store::announced::LOG_CONSUMER;
use event_store::reconcile::ReconcileRun;
use event_store::{
    DynamoAnnouncements, DynamoJournal, DynamoParking, DynamoRounds, ExpectedProtection, TableProtection,
    metering,
};
use sequencer::{
    CloudLogPlace, DynamoLogKeys, DynamoLogTable, LogDestination, LogKeepError, LogKeeper, SequencerPorts,
};
use serde::Serialize;
use tokio::time::Instant;

/// What a run on the schedule of the reconcile did.
#[derive(Serialize)]
struct CheckedRun {
    #[serde(flatten)]
    run: ReconcileRun,
    /// What was found of the protection of the log table: `holds`, `changed` or `unknown`; nothing where there is none to look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    protection: Option<&'static str>,
}

fn main() -> ExitCode {
    lambda::run(async |function| {
        let (client, tables) = (metering::client(&function.aws), &function.settings.tables);
        let place = CloudLogPlace::of(&function.settings.log)?;
        let place = place.context("LEDGER_LOG_BUCKET is not set: name the bucket of the log")?;
        let protection = match &function.settings.log_protection {
            Some(text) => Some(ExpectedProtection::parse(text).context("LEDGER_LOG_PROTECTION")?),
            None => None,
        };
        let protection =
            protection.map(|deployed| TableProtection::new(client.clone(), &tables.log, deployed));
        let protection = protection.as_ref();
        let ports = SequencerPorts {
            journal: Arc::new(DynamoJournal::new(client.clone(), &tables.events)),
            table: Arc::new(DynamoLogTable::new(client.clone(), &tables.log)),
            announcements: Arc::new(DynamoAnnouncements::new(client.clone(), &tables.log_feed)),
            parking: Arc::new(DynamoParking::new(client.clone(), &tables.parking)),
        };
        let rounds = Arc::new(DynamoRounds::new(client.clone(), &tables.parking));
        let bound = Arc::new(DynamoLogKeys::new(client, &tables.log));
        let destination = LogDestination { place, aws: function.aws.clone(), bound };
        let web::ClockAndIds { clock, ids } = function.clock_and_ids.clone();
        let keeper = &LogKeeper::new(ports, rounds, Some(destination), clock, ids);
        function
            .follow(
                async |batch, time_left| Box::pin(keeper.follow(&batch, time_left)).await,
                async |time_left| Box::pin(keeper.catch_up(time_left)).await,
                async |time_left| {
                    let begun = Instant::now();
                    let protection = match protection {
                        Some(protection) => Some(protection.noted(LOG_CONSUMER).await),
                        None => None,
                    };
                    let time_left = time_left.saturating_sub(begun.elapsed());
                    let run = Box::pin(keeper.reconcile(time_left)).await?;
                    Ok::<_, LogKeepError>(CheckedRun { run, protection })
                },
            )
            .await
    })
}
