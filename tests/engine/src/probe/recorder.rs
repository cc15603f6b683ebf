//! Writes down every request and what it cost, in the order they were sent, so that a test can say exactly which
//! requests were made.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::byte_stream::ByteStream;
use serde_json::{Value, json};

use super::{Probe, Request, wrap};

/// One attempt of the SDK; a retry is an attempt of its own.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Recorded {
    /// What was sent.
    pub request: Request,
    /// The HTTP status; none as long as no answer came.
    pub status: Option<u16>,
    /// The answer's JSON; null when it had none.
    pub answer: Value,
}

impl Recorded {
    /// Capacity units of all tables and indexes together; none when the answer names none.
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

/// The list of what passed. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Recorder {
    seen: Arc<Mutex<Vec<Recorded>>>,
    asks: bool,
}

impl Recorder {
    /// `config` with every request written down.
    #[must_use]
    pub fn record(config: &SdkConfig) -> (SdkConfig, Self) {
        let recorder = Self::default();
        (wrap(config, recorder.clone()), recorder)
    }

    /// As [`Recorder::record`], and asks for the consumed capacity where the request does not. It changes signed
    /// requests, so it is for the engine and other endpoints that check no signature.
    #[must_use]
    pub fn meter(config: &SdkConfig) -> (SdkConfig, Self) {
        let recorder = Self { asks: true, ..Self::default() };
        (wrap(config, recorder.clone()), recorder)
    }

    /// What was recorded since the last `take`, which forgets it.
    #[must_use]
    pub fn take(&self) -> Vec<Recorded> {
        std::mem::take(&mut self.seen())
    }

    /// The operations since the last `take`, which forgets them: the shortest way to say what was sent.
    #[must_use]
    pub fn take_operations(&self) -> Vec<String> {
        self.take().into_iter().map(|recorded| recorded.request.operation).collect()
    }

    /// Forgets what was recorded.
    pub fn clear(&self) {
        self.seen().clear();
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Recorded>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Probe for Recorder {
    fn pass(&self, mut request: HttpRequest, on: SharedHttpConnector) -> HttpConnectorFuture {
        let recorder = self.clone();
        let sent = Request::read(&request);
        if self.asks {
            ask(&mut request, &sent);
        }
        let place = {
            let mut seen = self.seen();
            seen.push(Recorded { request: sent.clone(), status: None, answer: Value::Null });
            seen.len() - 1
        };
        HttpConnectorFuture::new(async move {
            let mut response = on.call(request).await?;
            let body = ByteStream::new(response.take_body()).collect().await;
            let body = body.map_err(|error| ConnectorError::io(error.into()))?.into_bytes();
            // The list may have been taken in between; then nobody asks for this answer any more.
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

fn ask(request: &mut HttpRequest, sent: &Request) {
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
        // The length was fixed before signing.
        request.headers_mut().insert("content-length", body.len().to_string());
        *request.body_mut() = SdkBody::from(body);
    }
}
