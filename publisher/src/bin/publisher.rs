//! The AWS Lambda function that publishes commits to EventBridge, classic or FIFO.

use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use event_store::{
    DynamoJournal, DynamoParking, DynamoReceipts, DynamoRounds, ExpectedProtection, Reconciler,
    TableProtection, follow, metering,
};
use publisher::{Address, CONSUMER, Publisher, PublisherPorts, RetryPolicy, on_event_bridge, scheduled};

fn main() -> ExitCode {
    lambda::run(async |function| {
        let (client, settings) = (metering::client(&function.aws), &function.settings);
        let bus =
            settings.event_bus.clone().context("LEDGER_EVENT_BUS is not set: name the bus to publish to")?;
        let (tables, clock) = (&settings.tables, &function.clock_and_ids.clock);
        let protection = match &settings.events_protection {
            Some(text) => Some(ExpectedProtection::parse(text).context("LEDGER_EVENTS_PROTECTION")?),
            None => None,
        };
        let protection =
            protection.map(|deployed| TableProtection::new(client.clone(), &tables.events, deployed));
        let journal = Arc::new(DynamoJournal::new(client.clone(), &tables.events));
        let rounds = Arc::new(DynamoRounds::new(client.clone(), &tables.parking));
        let reconciler = &Reconciler::new(CONSUMER, journal.clone(), rounds, clock.clone());
        let ports = PublisherPorts {
            journal,
            receipts: Arc::new(DynamoReceipts::new(client.clone(), &tables.receipts)),
            parking: Arc::new(DynamoParking::new(client, &tables.parking)),
            bus: on_event_bridge(&function.aws, settings),
            clock: clock.clone(),
        };
        let address = Address { source: settings.message_source(), bus, xray: true };
        let publisher = &Publisher::new(ports, address, RetryPolicy::default());
        function
            .follow(
                async |batch, time_left| publisher.publish(follow::event(&batch), time_left).await,
                async |time_left| publisher.retry_parked(time_left).await,
                async |time_left| {
                    scheduled::reconcile(publisher, reconciler, protection.as_ref(), time_left).await
                },
            )
            .await
    })
}
