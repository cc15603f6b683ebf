//! The classic bus on Amazon EventBridge: `PutEvents`, reading the result of every entry.
//!
//! The retries of the SDK are off: they ignore failed entries, and the publisher itself counts attempts and time.

use std::error::Error;
use std::time::Duration;

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_eventbridge::Client;
use aws_sdk_eventbridge::config::retry::RetryConfig;
use aws_sdk_eventbridge::config::timeout::TimeoutConfig;
use aws_sdk_eventbridge::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_eventbridge::types::{PutEventsRequestEntry, PutEventsResultEntry};
use event_store::aws::describe;
use event_store::error::causes;

use super::{
    Acceptance, Bus, BusEntry, BusError, BusPresence, BusRefusal, EntryOutcome, MAX_REQUEST_ENTRIES, Remedy,
    codes,
};

/// Until there is a connection.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);
/// For a request and all of its answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// An EventBridge endpoint. Cheap to clone.
#[derive(Debug, Clone)]
pub struct EventBridge {
    client: Client,
    most: usize,
}

impl EventBridge {
    /// The endpoint that the AWS SDK's settings name (`AWS_ENDPOINT_URL_EVENTBRIDGE` and others).
    #[must_use]
    pub fn new(config: &SdkConfig) -> Self {
        Self::with_answer_timeout(config, ANSWER_TIMEOUT)
    }

    /// The same, with another limit on the time that an answer takes.
    #[must_use]
    pub fn with_answer_timeout(config: &SdkConfig, answer_timeout: Duration) -> Self {
        let config = aws_sdk_eventbridge::config::Builder::from(config)
            .retry_config(RetryConfig::disabled())
            .timeout_config(timeouts(answer_timeout))
            .build();
        Self { client: Client::from_conf(config), most: MAX_REQUEST_ENTRIES }
    }

    /// The same, with at most so many entries in a request.
    #[must_use]
    pub fn at_most(self, entries: usize) -> Self {
        Self { most: entries.clamp(1, MAX_REQUEST_ENTRIES), ..self }
    }
}

#[async_trait]
impl Bus for EventBridge {
    async fn put(&self, entries: &[BusEntry]) -> Result<Vec<EntryOutcome>, BusError> {
        let request = self.client.put_events().set_entries(Some(entries.iter().map(request_entry).collect()));
        let response = request.send().await.map_err(|error| bus_error(&error))?;
        Ok(response.entries.unwrap_or_default().into_iter().map(answer).collect())
    }

    fn max_entries(&self) -> usize {
        self.most
    }

    /// `DescribeEventBus`: `PutEvents` answers with ids also where there is no bus.
    async fn presence(&self, name: &str) -> BusPresence {
        match self.client.describe_event_bus().name(name).send().await {
            Ok(_) => BusPresence::Exists,
            // A name that breaks the rules for names is the name of no bus.
            Err(error)
                if matches!(error.code(), Some("ResourceNotFoundException" | "ValidationException")) =>
            {
                BusPresence::Missing
            }
            Err(error) => BusPresence::Unknown(describe(&error)),
        }
    }
}

fn request_entry(entry: &BusEntry) -> PutEventsRequestEntry {
    PutEventsRequestEntry::builder()
        .source(&entry.source)
        .detail_type(&entry.detail_type)
        .event_bus_name(&entry.bus)
        .set_resources(Some(entry.resources.clone()))
        .detail(&entry.detail)
        .set_trace_header(entry.trace_header.clone())
        .build()
}

fn answer(result: PutEventsResultEntry) -> EntryOutcome {
    match (result.event_id, result.error_code) {
        (Some(receipt_id), None) => EntryOutcome::Accepted(Acceptance::unnumbered(receipt_id)),
        (_, code) => refused(code, result.error_message),
    }
}

/// An entry that was refused, or of which nothing was said.
pub(super) fn refused(code: Option<String>, message: Option<String>) -> EntryOutcome {
    EntryOutcome::Refused(BusRefusal::new(
        code.unwrap_or_else(|| "InternalFailure".to_owned()),
        message.unwrap_or_else(|| "no message was given".to_owned()),
    ))
}

/// The limits on time of a client.
pub(super) fn timeouts(answer_timeout: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        .operation_attempt_timeout(answer_timeout)
        .build()
}

/// A request that failed as a whole.
pub(super) fn bus_error<E: ProvideErrorMetadata + Error + 'static>(error: &SdkError<E>) -> BusError {
    let status = error.raw_response().map(|response| response.status().as_u16());
    let service = error.as_service_error();
    let code = service.and_then(ProvideErrorMetadata::code);
    let known = code.is_some_and(|code| codes::label(code) == code);
    let remedy = match (error, code, status) {
        (SdkError::ServiceError(_), _, Some(413)) => Remedy::Split,
        // A code of next year, with a status that says whose fault it is.
        (SdkError::ServiceError(_), _, Some(429 | 500..)) if !known => Remedy::SendAgain,
        // A success that cannot be read.
        (SdkError::ServiceError(_), None, Some(200..=299)) => Remedy::SendAgain,
        (SdkError::ServiceError(_), code, _) => code.map_or(Remedy::Repair, codes::remedy),
        (SdkError::ConstructionFailure(_), _, _) => Remedy::Repair,
        // No answer, or an unreadable one: the entries may have arrived.
        _ => Remedy::SendAgain,
    };
    let name = match error {
        SdkError::TimeoutError(_) => "Timeout",
        SdkError::DispatchFailure(_) => "NoConnection",
        SdkError::ConstructionFailure(_) => "ConstructionFailure",
        _ => "UnknownError",
    };
    let message =
        service.and_then(ProvideErrorMetadata::message).map_or_else(|| causes(error), str::to_owned);
    BusError::new(remedy, code.unwrap_or(name), message)
}
