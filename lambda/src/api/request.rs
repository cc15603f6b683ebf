//! API Gateway's event as an HTTP request: REST APIs, proxy integration, payload 1.0. What precedes the routes is taken off its path
//! and kept for the answer.
//!
//! Not parsed by a library because the available ones panic on a path that is not a URI.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use web::{BasePath, Problem, ProblemKind};

use super::GatewayContext;
use super::matched::MatchedResource;
use super::members::{EventMembers, Values};

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

/// A request in the gateway's words.
#[derive(Debug)]
pub(super) struct ProxyRequest {
    method: String,
    /// What precedes the routes in the URL that the client sent.
    base: BasePath,
    /// The path of the route.
    path: String,
    headers: Values,
    parameters: Values,
    body: String,
    is_base64_encoded: bool,
    context: Value,
}

impl ProxyRequest {
    /// The request of an event with this method and path.
    pub(super) fn new(method: String, path: &str, mut event: EventMembers) -> Self {
        let (base, route) = located(path, &event);
        Self {
            method,
            base,
            path: route.to_owned(),
            headers: event.headers(),
            parameters: event.parameters(),
            body: event.body.unwrap_or_default(),
            is_base64_encoded: event.is_base64_encoded,
            context: event.request_context,
        }
    }

    /// Its path alone, if that can be read, for the answer to an event that is no valid request.
    pub(super) fn without_content(&self) -> Request {
        let mut request = Request::default();
        *request.uri_mut() = uri(&self.path, &Values::new()).unwrap_or_default();
        request.extensions_mut().insert(self.base.clone());
        request
    }

    /// The request. `xray`, Lambda's trace id, becomes its trace context unless the client sent one.
    ///
    /// # Errors
    /// A 400: the event is not a valid HTTP request; answer with it.
    pub(super) fn request(self, xray: Option<&str>) -> Result<Request, Problem> {
        let method = Method::from_bytes(self.method.as_bytes()).map_err(|_| malformed("the method"))?;
        let uri = uri(&self.path, &self.parameters)?;
        let mut headers = headers(self.headers)?;
        if let Some(context) = xray.and_then(trace_context) {
            headers.entry("traceparent").or_insert(context);
        }
        let body = if self.is_base64_encoded {
            STANDARD.decode(self.body).map_err(|_| malformed("the body's base64"))?
        } else {
            self.body.into_bytes()
        };
        let mut request = Request::new(Body::from(body));
        (*request.method_mut(), *request.uri_mut(), *request.headers_mut()) = (method, uri, headers);
        request.extensions_mut().insert(self.base);
        request.extensions_mut().insert(GatewayContext(self.context));
        Ok(request)
    }
}

/// What precedes the routes in the URL that the client sent, and the path of the route.
///
/// A base path of a domain precedes the route in `path` too, a stage in the path of the context alone.
fn located<'p>(path: &'p str, event: &EventMembers) -> (BasePath, &'p str) {
    let none = BTreeMap::new();
    let matched = event.resource.as_deref().map(|resource| MatchedResource {
        resource,
        values: event.path_parameters.as_ref().unwrap_or(&none),
    });
    let (before, route) = matched.and_then(|matched| matched.split(path)).unwrap_or(("", path));
    let base = |before: &str| BasePath::new(&utf8_percent_encode(before, PATH).to_string());
    let mut base_path = base(before);
    // A path that begins with `//` has no base path either.
    if base_path.is_empty() {
        let sent = event.request_context["path"].as_str().unwrap_or_default();
        let split = matched.and_then(|matched| matched.split(sent));
        let before = split.map(|(before, _)| before).or_else(|| sent.strip_suffix(path));
        base_path = base(before.unwrap_or_default());
    }
    (base_path, if route.is_empty() { "/" } else { route })
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
