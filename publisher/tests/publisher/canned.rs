//! An HTTP client that answers from a list and records the requests, for contract tests of the SDK.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_sdk_eventbridge::config::{Credentials, Region, SharedCredentialsProvider};
use aws_smithy_runtime_api::client::behavior_version::BehaviorVersion;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// One prepared answer.
#[derive(Debug, Clone)]
pub enum Answer {
    Json(u16, Value),
    Broken,
    Silence,
}

/// One request as it was sent.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub uri: String,
    pub target: String,
    pub content_type: String,
    pub body: Value,
}

/// The remaining answers and the recorded requests. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Canned {
    answers: Arc<Mutex<VecDeque<Answer>>>,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Canned {
    /// AWS settings whose HTTP client gives these answers.
    pub fn answers(answers: impl IntoIterator<Item = Answer>) -> (SdkConfig, Self) {
        let canned = Self::default();
        canned.answers.lock().unwrap().extend(answers);
        let credentials = Credentials::new("AKID", "SECRET", None, None, "test");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-central-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .http_client(canned.clone())
            .build();
        (config, canned)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let header = |name: &str| request.headers().get(name).unwrap_or_default().to_owned();
        self.requests.lock().unwrap().push(Request {
            method: request.method().to_owned(),
            uri: request.uri().to_owned(),
            target: header("x-amz-target"),
            content_type: header("content-type"),
            body: serde_json::from_slice(request.body().bytes().unwrap()).unwrap(),
        });
        match self.answers.lock().unwrap().pop_front().unwrap() {
            Answer::Json(status, body) => {
                let response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body.to_string()));
                HttpConnectorFuture::ready(Ok(response))
            }
            Answer::Broken => HttpConnectorFuture::ready(Err(ConnectorError::io("broken on purpose".into()))),
            Answer::Silence => HttpConnectorFuture::new(std::future::pending()),
        }
    }
}

impl HttpClient for Canned {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
