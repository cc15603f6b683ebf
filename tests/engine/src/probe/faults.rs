//! Makes chosen requests fail as a network and a busy DynamoDB do: before they are applied, after they are applied, or with
//! an error response. A request that matches no rule passes unchanged.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture, SharedHttpConnector};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;

use super::{Probe, SdkRequest, wrap};

/// How a matching request fails.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum InjectedFault {
    /// The connection breaks before the request arrives, which is not applied.
    FailBefore,
    /// The request is applied, then the connection breaks: the SDK sees the same error.
    DropAnswer,
    /// The request is not applied; DynamoDB answers with this status and error code.
    Answer {
        /// The HTTP status, 400 for most codes.
        status: u16,
        /// The code alone, such as `ThrottlingException`.
        code: String,
    },
}

impl InjectedFault {
    /// DynamoDB throttles the request.
    #[must_use]
    pub fn throttled() -> Self {
        Self::Answer { status: 400, code: "ProvisionedThroughputExceededException".to_owned() }
    }
}

/// Which attempts fail. Each retry by the SDK counts as an attempt.
#[derive(Clone)]
pub struct Matching {
    operation: Option<String>,
    chosen: Arc<dyn Fn(&SdkRequest) -> bool + Send + Sync>,
    skip: usize,
    left: usize,
}

impl fmt::Debug for Matching {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Matching").field("operation", &self.operation).finish_non_exhaustive()
    }
}

impl Matching {
    /// The next request of any operation.
    #[must_use]
    pub fn any() -> Self {
        Self { operation: None, chosen: Arc::new(|_| true), skip: 0, left: 1 }
    }

    /// The next request of `operation`.
    #[must_use]
    pub fn operation(operation: &str) -> Self {
        Self { operation: Some(operation.to_owned()), ..Self::any() }
    }

    /// Only requests for which `chosen` is true.
    #[must_use]
    pub fn when(self, chosen: impl Fn(&SdkRequest) -> bool + Send + Sync + 'static) -> Self {
        Self { chosen: Arc::new(chosen), ..self }
    }

    /// The `nth` matching request instead of the first, counted from 1.
    #[must_use]
    pub fn nth(self, nth: usize) -> Self {
        Self { skip: nth.saturating_sub(1), ..self }
    }

    /// That many in a row instead of one.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self { left: times, ..self }
    }

    /// Every one from then on.
    #[must_use]
    pub fn always(self) -> Self {
        self.times(usize::MAX)
    }

    fn applies_to(&mut self, request: &SdkRequest) -> bool {
        let matches = self.operation.as_ref().is_none_or(|operation| *operation == request.operation)
            && (self.chosen)(request)
            && self.left > 0;
        if !matches {
            return false;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return false;
        }
        self.left -= 1;
        true
    }
}

/// Rules, and how many requests they made fail. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    rules: Arc<Mutex<Rules>>,
}

#[derive(Debug, Default)]
struct Rules {
    list: Vec<(Matching, InjectedFault)>,
    applied: usize,
}

impl Faults {
    /// `config` with the rules applied to its requests; there are none yet.
    #[must_use]
    pub fn inject(config: &SdkConfig) -> (SdkConfig, Self) {
        let faults = Self::default();
        (wrap(config, faults.clone()), faults)
    }

    /// Adds a rule. Of several that match a request the oldest wins.
    pub fn add(&self, matching: Matching, fault: InjectedFault) {
        self.rules().list.push((matching, fault));
    }

    /// Removes all rules.
    pub fn clear(&self) {
        self.rules().list.clear();
    }

    /// How many requests have failed by a rule so far.
    #[must_use]
    pub fn applied(&self) -> usize {
        self.rules().applied
    }

    fn rules(&self) -> MutexGuard<'_, Rules> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn choose(&self, request: &SdkRequest) -> Option<InjectedFault> {
        let mut rules = self.rules();
        let fault = rules
            .list
            .iter_mut()
            .find_map(|(matching, fault)| matching.applies_to(request).then(|| fault.clone()));
        rules.applied += usize::from(fault.is_some());
        fault
    }
}

impl Probe for Faults {
    fn pass(&self, request: HttpRequest, on: SharedHttpConnector) -> HttpConnectorFuture {
        match self.choose(&SdkRequest::read(&request)) {
            None => on.call(request),
            Some(InjectedFault::FailBefore) => HttpConnectorFuture::ready(Err(broken())),
            Some(InjectedFault::Answer { status, code }) => {
                HttpConnectorFuture::ready(refusal(status, &code))
            }
            Some(InjectedFault::DropAnswer) => HttpConnectorFuture::new(async move {
                on.call(request).await?;
                Err(broken())
            }),
        }
    }
}

fn broken() -> ConnectorError {
    ConnectorError::io("the connection was broken on purpose".into())
}

fn refusal(status: u16, code: &str) -> Result<HttpResponse, ConnectorError> {
    let body = serde_json::json!({
        "__type": format!("com.amazonaws.dynamodb.v20120810#{code}"),
        "message": "refused on purpose",
    });
    let status = status.try_into().map_err(|error| ConnectorError::user(Box::new(error)))?;
    let mut response = HttpResponse::new(status, SdkBody::from(body.to_string()));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}
