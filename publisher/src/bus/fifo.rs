//! The FIFO bus on Amazon EventBridge, its custom event bus with subscribers: `PutEvents` of the API `eventbridgev2`.
//!
//! A product is an event group, whose events FIFO subscribers get in the order in which the bus accepted them. What is sent again
//! after a lost answer is recognised by its deduplication id for five minutes, and is no second event. The trace of the command is
//! not sent: the API has no place for it.

use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_eventbridgev2::Client;
use aws_sdk_eventbridgev2::config::retry::RetryConfig;
use aws_sdk_eventbridgev2::error::{BuildError, ProvideErrorMetadata};
use aws_sdk_eventbridgev2::types::{
    PutEventsRequestEntry, PutEventsResultEntry, PutEventsSystemMetadata, SuccessCode,
};
use event_store::aws::describe;
use schema::settings::{BusKind, is_fifo_bus};

use super::eventbridge::{ANSWER_TIMEOUT, bus_error, refused, timeouts};
use super::{Acceptance, Bus, BusEntry, BusError, BusPresence, EntryOutcome, MAX_REQUEST_ENTRIES, Remedy};

/// An endpoint of the second API of EventBridge. Cheap to clone.
#[derive(Debug, Clone)]
pub struct FifoEventBridge {
    client: Client,
    most: usize,
}

impl FifoEventBridge {
    /// The endpoint that the AWS SDK's settings name (`AWS_ENDPOINT_URL_EVENTBRIDGEV2` and others), with ten entries in a request.
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self::with_answer_timeout(config, ANSWER_TIMEOUT)
    }

    /// The same, with another limit on the time that an answer takes.
    #[must_use]
    pub fn with_answer_timeout(config: &SdkConfig, answer_timeout: Duration) -> Self {
        let config = aws_sdk_eventbridgev2::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(answer_timeout))
            .build();
        Self { client: Client::from_conf(config), most: MAX_REQUEST_ENTRIES }
    }

    /// The same, with at most so many entries in a request.
    #[must_use]
    pub fn at_most(self, entries: usize) -> Self {
        Self { most: entries.clamp(1, BusKind::Fifo.most_entries()), ..self }
    }
}

#[async_trait]
impl Bus for FifoEventBridge {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        let requested = entries.iter().map(request_entry).collect::<Result<Vec<_>, _>>();
        let requested = requested
            .map_err(|error| BusError::new(Remedy::Repair, "ConstructionFailure", error.to_string()))?;
        let bus = entries.first().map(|entry| entry.bus.clone());
        let request = self.client.put_events().set_event_bus_arn(bus).set_entries(Some(requested));
        let response = request.send().await.map_err(|error| bus_error(&error))?;
        Ok(entries.iter().zip(response.entries.unwrap_or_default()).map(answer).collect())
    }

    fn max_entries(&self) -> usize {
        self.most
    }

    /// `DescribeEventBus`. `PutEvents` itself tells of a bus that does not exist, but not at the start of a server.
    async fn presence(&self, name: &str) -> BusPresence {
        if !is_fifo_bus(name) {
            return BusPresence::Missing;
        }
        match self.client.describe_event_bus().event_bus_arn(name).send().await {
            Ok(_) => BusPresence::Exists,
            Err(error) if error.code() == Some("ResourceNotFoundException") => BusPresence::Missing,
            Err(error) => BusPresence::Unknown(describe(&error)),
        }
    }
}

fn request_entry(entry: &BusEntry) -> Result<PutEventsRequestEntry, BuildError> {
    let of_order = PutEventsSystemMetadata::builder()
        .set_event_group_id(entry.resources.first().cloned())
        .deduplication_id(&entry.deduplication_id)
        .build();
    PutEventsRequestEntry::builder()
        .source(&entry.source)
        .detail_type(&entry.detail_type)
        .set_resources(Some(entry.resources.clone()))
        .detail(&entry.detail)
        .system_metadata(of_order)
        .build()
}

/// What the bus has already is a success. The API does not say whether such an answer has the id and the number of the first: one
/// without an id gets the deduplication id, because an empty one marks a failure.
fn answer((entry, result): (&BusEntry, PutEventsResultEntry)) -> EntryOutcome {
    let is_duplicate = result.success_code == Some(SuccessCode::Deduplicated);
    let known_as = || is_duplicate.then(|| entry.deduplication_id.clone());
    match (result.event_id.or_else(known_as), result.error_code) {
        (Some(receipt_id), None) => {
            EntryOutcome::Accepted(Acceptance { receipt_id, bus_sequence: result.sequence_number })
        }
        (_, code) => refused(code, result.error_message),
    }
}
