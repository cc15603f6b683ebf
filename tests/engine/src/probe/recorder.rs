//! Records every request and its capacity units in the order of sending, so that a test can assert exactly which requests
//! were made.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};

use super::{Probe, SdkRequest, wrap};

/// One attempt of the SDK; each retry is recorded as well.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct RecordedRequest {
    /// What was sent.
    pub request: SdkRequest,
    /// The HTTP status; `None` until a response arrives.
    pub status: Option<u16>,
    /// The response's JSON; null if it has none.
    pub answer: Value,
}

impl RecordedRequest {
    /// Capacity units of all tables and indexes together; `None` if the response names none.
    #[must_use]
    pub fn capacity(&self) -> Option<f64> {
        match &self.answer["ConsumedCapacity"] {
            Value::Array(tables) => {
                Some(tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum())
            }
            one => one["CapacityUnits"].as_f64(),
        }
    }
}

/// The list of recorded requests. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct RequestRecorder {
    seen: Arc<Mutex<Vec<RecordedRequest>>>,
    requests_capacity: bool,
}

impl RequestRecorder {
    /// `config` with every request recorded.
    #[must_use]
    pub fn record(config: &SdkConfig) -> (SdkConfig, Self) {
        let recorder = Self::default();
        (wrap(config, recorder.clone()), recorder)
    }

    /// Like [`RequestRecorder::record`], and requests the consumed capacity where the request does not. This changes signed
    /// requests, so use it only on endpoints that check no signatures, such as the engine.
    #[must_use]
    pub fn meter(config: &SdkConfig) -> (SdkConfig, Self) {
        let recorder = Self { requests_capacity: true, ..Self::default() };
        (wrap(config, recorder.clone()), recorder)
    }

    /// What was recorded since the last `take`; clears the list.
    #[must_use]
    pub fn take(&self) -> Vec<RecordedRequest> {
        std::mem::take(&mut self.seen())
    }

    /// The operations recorded since the last `take`; clears the list.
    #[must_use]
    pub fn take_operations(&self) -> Vec<String> {
        self.take().into_iter().map(|recorded| recorded.request.operation).collect()
    }

    /// Clears the list.
    pub fn clear(&self) {
        self.seen().clear();
    }

    fn seen(&self) -> MutexGuard<'_, Vec<RecordedRequest>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for RequestRecorder {
    fn pass(&self, mut request: HttpRequest, on: SharedHttpConnector) -> HttpConnectorFuture {
        let recorder = self.clone();
        let sent = SdkRequest::read(&request);
        if self.requests_capacity {
            request_capacity(&mut request, &sent);
        }
        let place = {
            let mut seen = self.seen();
            seen.push(RecordedRequest { request: sent.clone(), status: None, answer: Value::Null });
            seen.len() - 1
        };
        HttpConnectorFuture::new(async move {
            let mut response = on.call(request).await?;
            let body = ByteStream::new(response.take_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
            // The list may have been taken in the meantime; then the response is not recorded.
            if let Some(recorded) = recorder.seen().get_mut(place).filter(|recorded| recorded.request == sent)
            {
                recorded.status = Some(response.status().as_u16());
                recorded.answer = serde_json::from_slice(&body).unwrap_or_default();
            }
            *response.body_mut() = SdkBody::from(body);
            Ok(response)
        })
    }
}

fn request_capacity(request: &mut HttpRequest, sent: &SdkRequest) {
    let metered = matches!(
        sent.operation.as_str(),
        "PutItem"
            | "GetItem"
            | "UpdateItem"
            | "DeleteItem"
            | "Query"
            | "Scan"
            | "BatchGetItem"
            | "BatchWriteItem"
            | "TransactWriteItems"
            | "TransactGetItems"
            | "ExecuteStatement"
            | "BatchExecuteStatement"
            | "ExecuteTransaction"
    );
    if metered && sent.body.get("ReturnConsumedCapacity").is_none() {
        let mut body = sent.body.clone();
        body["ReturnConsumedCapacity"] = json!("TOTAL");
        let body = body.to_string();
        // The length was set before signing.
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
    }
}
