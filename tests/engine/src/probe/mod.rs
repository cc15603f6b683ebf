//! Probes between an AWS SDK client and its HTTP client: [`RequestRecorder`] records the requests, [`Faults`] makes chosen ones
//! fail. They work on any `SdkConfig`, so the same test runs on the engine and on a real endpoint.

mod faults;
mod recorder;

use std::fmt::Debug;
use std::sync::Arc;

use aws_config::SdkConfig;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use serde_json::Value;

pub use faults::{Faults, InjectedFault, Matching};
pub use recorder::{RecordedRequest, RequestRecorder};

/// One request as it goes over the wire.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct SdkRequest {
    /// The operation: `PutItem`, `GetRecords`, `PutEvents`.
    pub operation: String,
    /// The first table that the request names, also in PartiQL; `None` for an operation on no table.
    pub table: Option<String>,
    /// The request's JSON; null if it has none.
    pub body: Value,
}

impl SdkRequest {
    fn read(request: &HttpRequest) -> Self {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body =
            request.body().bytes().and_then(|bytes| serde_json::from_slice(bytes).ok()).unwrap_or_default();
        Self { operation, table: table(&body), body }
    }
}

fn table(body: &Value) -> Option<String> {
    let first = |list: &str| body[list].as_array().and_then(|list| list.first());
    let of_batch = || body["RequestItems"].as_object().and_then(|tables| tables.keys().next().cloned());
    let of_transaction = || {
        let action = first("TransactItems")?.as_object()?.values().next()?;
        action["TableName"].as_str().map(str::to_owned)
    };
    let of_statement = || {
        let statement = body["Statement"].as_str().or_else(|| {
            let list = first("Statements").or_else(|| first("TransactStatements"))?;
            list["Statement"].as_str()
        })?;
        statement.split('"').nth(1).map(str::to_owned)
    };
    let named = body["TableName"].as_str().map(str::to_owned);
    named.or_else(of_batch).or_else(of_transaction).or_else(of_statement)
}

/// Intercepts requests between the SDK and its HTTP client.
trait Probe: Clone + Debug + Send + Sync + 'static {
    fn pass(&self, request: HttpRequest, on: SharedHttpConnector) -> HttpConnectorFuture;
}

fn wrap(config: &SdkConfig, probe: impl Probe) -> SdkConfig {
    config.to_builder().http_client(Probed { probe, inner: config.http_client() }).build()
}

#[derive(Clone, Debug)]
struct Probed<P> {
    probe: P,
    inner: Option<SharedHttpClient>,
}

impl<P: Probe> HttpClient for Probed<P> {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        components: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let on = match &self.inner {
            Some(inner) => inner.http_connector(settings, components),
            None => SharedHttpConnector::new(NoClient),
        };
        SharedHttpConnector::new(ProbedConnector { probe: self.probe.clone(), on: Arc::new(on) })
    }
}

#[derive(Debug)]
struct ProbedConnector<P> {
    probe: P,
    on: Arc<SharedHttpConnector>,
}

impl<P: Probe> HttpConnector for ProbedConnector<P> {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.probe.pass(request, (*self.on).clone())
    }
}

#[derive(Debug)]
struct NoClient;

impl HttpConnector for NoClient {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        let missing =
            "this SdkConfig has no HTTP client to wrap; build it with aws_config::load or Engine::sdk_config";
        HttpConnectorFuture::ready(Err(ConnectorError::user(missing.into())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_table_is_found_wherever_an_operation_names_it() {
        let found = |body: Value| table(&body);
        assert_eq!(found(json!({ "TableName": "a" })).as_deref(), Some("a"));
        assert_eq!(found(json!({ "RequestItems": { "a": [] } })).as_deref(), Some("a"));
        assert_eq!(
            found(json!({ "TransactItems": [{ "Put": { "TableName": "a" } }] })).as_deref(),
            Some("a")
        );
        assert_eq!(found(json!({ "Statement": "INSERT INTO \"a\" VALUE {}" })).as_deref(), Some("a"));
        assert_eq!(
            found(json!({ "Statements": [{ "Statement": "SELECT * FROM \"a\"" }] })).as_deref(),
            Some("a")
        );
        assert_eq!(found(json!({ "ShardIterator": "x" })), None);
    }
}
