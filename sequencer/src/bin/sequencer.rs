//! The AWS Lambda function that puts all commits into one order and publishes it as a log: it follows the stream of the feed items.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use event_store::{DynamoAnnouncements, DynamoJournal, DynamoParking, DynamoRounds, metering};
use sequencer::{CloudLogPlace, DynamoLogKeys, DynamoLogTable, LogDestination, LogKeeper, SequencerPorts};

fn main() -> ExitCode {
    lambda::run(async |function| {
        let (client, tables) = (metering::client(&function.aws), &function.settings.tables);
        let place = CloudLogPlace::of(&function.settings.log)?;
        let place = place.context("LEDGER_LOG_BUCKET is not set: name the bucket of the log")?;
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
                async |time_left| Box::pin(keeper.reconcile(time_left)).await,
            )
            .await
    })
}
