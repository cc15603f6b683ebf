//! The AWS Lambda function that publishes commits to EventBridge.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use event_store::{DynamoJournal, DynamoParking, DynamoReceipts, follow, metering};
use publisher::{Address, EventBridge, Publisher, PublisherPorts, RetryPolicy};

fn main() -> ExitCode {
    lambda::run(async |function| {
        let (client, settings) = (metering::client(&function.aws), &function.settings);
        let bus =
            settings.event_bus.clone().context("LEDGER_EVENT_BUS is not set: name the bus to publish to")?;
        let ports = PublisherPorts {
            journal: Arc::new(DynamoJournal::new(client.clone(), &settings.tables.events)),
            receipts: Arc::new(DynamoReceipts::new(client.clone(), &settings.tables.receipts)),
            parking: Arc::new(DynamoParking::new(client, &settings.tables.parking)),
            bus: Arc::new(EventBridge::new(&function.aws)),
            clock: function.clock_and_ids.clock.clone(),
        };
        let address = Address { source: settings.event_source.clone(), bus, xray: true };
        let publisher = &Publisher::new(ports, address, RetryPolicy::default());
        function
            .follow(
                async |batch, time_left| publisher.publish(follow::event(&batch), time_left).await,
                async |time_left| publisher.retry_parked(time_left).await,
            )
            .await
    })
}
