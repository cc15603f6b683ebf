//! API Gateway's event as an HTTP request: REST APIs, proxy integration, payload 1.0.
//!
//! Not parsed by a library because the available ones panic on a path that is not a URI.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;
use serde_json::Value;
use web::{Problem, ProblemKind};

use super::GatewayContext;

/// The characters that are escaped in a path; `%` is not, since it introduces an escape.
const PATH: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'`')
    .add(b'{')
    .add(b'}')
    .add(b'\\')
    .add(b'^')
    .add(b'|');
/// The characters that are not escaped in a query (RFC 3986, unreserved).
const QUERY: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

type Values = BTreeMap<String, Vec<String>>;

/// The event; members without a value are null.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProxyRequest {
    http_method: String,
    path: String,
    #[serde(default)]
    multi_value_headers: Option<Values>,
    #[serde(default)]
    multi_value_query_string_parameters: Option<Values>,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
    #[serde(default)]
    request_context: Value,
}

impl ProxyRequest {
    /// The path under which the gateway serves the routes: its stage, or empty with a custom domain.
    pub(super) fn mount(&self) -> String {
        let whole = self.request_context["path"].as_str().unwrap_or_default();
        whole.strip_suffix(&self.path).unwrap_or_default().to_owned()
    }

    /// The request. `xray`, Lambda's trace id, becomes its trace context unless the client sent one.
    ///
    /// # Errors
    /// A 400: the event is not a valid HTTP request; answer with it.
    pub(super) fn request(self, xray: Option<&str>) -> Result<Request, Problem> {
        let method = Method::from_bytes(self.http_method.as_bytes()).map_err(|_| malformed("the method"))?;
        let uri = uri(&self.path, &self.multi_value_query_string_parameters.unwrap_or_default())?;
        let mut headers = headers(self.multi_value_headers.unwrap_or_default())?;
        if let Some(context) = xray.and_then(trace_context) {
            headers.entry("traceparent").or_insert(context);
        }
        let body = self.body.unwrap_or_default();
        let body = if self.is_base64_encoded {
            STANDARD.decode(body).map_err(|_| malformed("the body's base64"))?
        } else {
            body.into_bytes()
        };
        let mut request = Request::new(Body::from(body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
        request.extensions_mut().insert(GatewayContext(self.request_context));
        Ok(request)
    }
}

/// The gateway decodes path and parameters, so they are encoded again.
fn uri(path: &str, parameters: &Values) -> Result<Uri, Problem> {
    let mut text = utf8_percent_encode(path, PATH).to_string();
    let pairs = parameters.iter().flat_map(|(name, values)| values.iter().map(move |value| (name, value)));
    for (position, (name, value)) in pairs.enumerate() {
        text.push(if position == 0 { '?' } else { '&' });
        text.extend(utf8_percent_encode(name, QUERY));
        text.push('=');
        text.extend(utf8_percent_encode(value, QUERY));
    }
    text.parse().map_err(|_| malformed("the path"))
}

fn headers(given: Values) -> Result<HeaderMap, Problem> {
    let mut headers = HeaderMap::new();
    for (name, values) in given {
        let name = HeaderName::try_from(name).map_err(|_| malformed("the name of a header"))?;
        for value in values {
            let value = HeaderValue::from_str(&value).map_err(|_| malformed("the value of a header"))?;
            headers.append(&name, value);
        }
    }
    Ok(headers)
}

fn malformed(what: &'static str) -> Problem {
    let detail = format!("The gateway's event is invalid: {what} cannot be parsed.");
    Problem::new(ProblemKind::Malformed, detail).loggable()
}

/// W3C trace context from `Root=1-<8 hex>-<24 hex>;Parent=<16 hex>;Sampled=1` (X-Ray developer guide, "Tracing header").
fn trace_context(xray: &str) -> Option<HeaderValue> {
    let part = |name| xray.split(';').find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='));
    let (time, unique) = part("Root")?.strip_prefix("1-")?.split_once('-')?;
    let sampled = if part("Sampled") == Some("1") { "01" } else { "00" };
    HeaderValue::from_str(&format!("00-{time}{unique}-{}-{sampled}", part("Parent")?)).ok()
}
