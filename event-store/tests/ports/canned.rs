//! An HTTP client that answers from a list, for responses that the embedded engine never gives.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::Value;

/// The answers left, and the requests seen. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Canned {
    answers: Arc<Mutex<VecDeque<Value>>>,
    requests: Arc<Mutex<Vec<Value>>>,
}

impl Canned {
    /// `config` with these answers instead of its HTTP client's.
    pub fn answers(config: &SdkConfig, answers: impl IntoIterator<Item = Value>) -> (SdkConfig, Self) {
        let canned = Self::default();
        canned.answers.lock().unwrap().extend(answers);
        (config.to_builder().http_client(canned.clone()).build(), canned)
    }

    /// The bodies sent so far.
    pub fn requests(&self) -> Vec<Value> {
        self.requests.lock().unwrap().clone()
    }
}

impl HttpConnector for Canned {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        self.requests.lock().unwrap().push(body);
        let answer = self.answers.lock().unwrap().pop_front().unwrap();
        let response = HttpResponse::new(200.try_into().unwrap(), SdkBody::from(answer.to_string()));
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for Canned {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}
