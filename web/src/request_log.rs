//! The log line, the metrics and the span of a request: one line for each, written when its response is ready.
//!
//! The promise: of what a client sent, the line has the method, the path or the product, and the correlation id, each bounded; of a
//! refusal it has the reason and no value.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderValue, Method, StatusCode};
use tracing::Span;

use super::excerpt::excerpt;
use super::notes::Notes;
use super::problem::Problem;
use telemetry::meters::{HTTP_REQUESTS, HTTP_SECONDS};
use telemetry::trace;
use telemetry::usage::{self, UsageCounter};

const TRACEPARENT: &str = "traceparent";

/// The most bytes of a method and of a product's id or a path as a client sent them: those that are valid are shorter, even if all of
/// the id is escaped.
const LONGEST_METHOD: usize = 32;
const LONGEST_ID: usize = 192;
const LONGEST_PATH: usize = 256;

/// The routes that machines ask all the time: if the answer is as expected, nobody needs the line.
const POLLED: [&str; 2] = ["/health", "/metrics"];

/// What is known about a request before it is answered.
pub(super) struct RequestLog {
    started: Instant,
    method: Method,
    route: String,
    /// The product id in the path, as the client sent it.
    product_id: Option<String>,
    /// The path as the client sent it, unless route and product id say it.
    path: Option<String>,
    correlation_id: String,
    notes: Notes,
    pub(super) usage_counter: UsageCounter,
    pub(super) span: Span,
}

impl RequestLog {
    /// Starts the measurement and the span, and adds the notes and the span's `traceparent` to the request.
    pub(super) fn begin(request: &mut Request, correlation_id: &str) -> Self {
        let route = request.extensions().get::<MatchedPath>().map_or("unmatched", MatchedPath::as_str);
        let segment = request.uri().path().split('/').nth(2);
        let product_id = segment
            .filter(|_| route.starts_with("/products/{id}"))
            .map(|segment| excerpt(segment, LONGEST_ID).into_owned());
        let said = product_id.as_ref().map_or_else(|| route.to_owned(), |id| route.replace("{id}", id));
        let path = request.uri().path();
        let path = (path != said).then(|| excerpt(path, LONGEST_PATH).into_owned());
        let route = route.to_owned();
        let method = request.method().clone();
        let span = tracing::info_span!(target: "ledger::request",
            "request",
            otel.name = format!("{} {route}", known(&method)),
            otel.kind = "server",
            http.request.method = known(&method),
            http.route = route,
            http.response.status_code = tracing::field::Empty,
            product_id,
            correlation_id,
        );
        let given = request.headers().get(TRACEPARENT).and_then(|value| value.to_str().ok());
        trace::follow(&span, given.into_iter());
        if let Some(own) = trace::context(&span).and_then(|own| HeaderValue::from_str(&own).ok()) {
            request.headers_mut().insert(TRACEPARENT, own);
        }
        let notes = Notes::default();
        request.extensions_mut().insert(notes.clone());
        Self {
            started: Instant::now(),
            method,
            route,
            product_id,
            path,
            correlation_id: correlation_id.to_owned(),
            notes,
            usage_counter: UsageCounter::default(),
            span,
        }
    }

    /// Writes the line and the metrics.
    pub(super) fn end(self, status: StatusCode, problem: Option<&Problem>) {
        let took = self.started.elapsed();
        self.span.record("http.response.status_code", status.as_u16());
        self.count(status, took);
        self.write(status, took, problem);
    }

    fn count(&self, status: StatusCode, took: Duration) {
        let method = known(&self.method);
        let labels = [("method", method.to_owned()), ("route", self.route.clone())];
        metrics::histogram!(HTTP_SECONDS.name, &labels).record(took.as_secs_f64());
        let [by_method, by_route] = labels;
        let labels = [by_method, by_route, ("status", status.as_u16().to_string())];
        metrics::counter!(HTTP_REQUESTS.name, &labels).increment(1);
    }

    fn write(self, status: StatusCode, took: Duration, problem: Option<&Problem>) {
        let usage = usage::is_counted().then(|| self.usage_counter.usage());
        let noted = self.notes.write().clone();
        let is_expected = status.is_success() && POLLED.contains(&self.route.as_str());
        macro_rules! log_at {
            ($level:ident) => {
                tracing::$level!(target: "ledger::request",
                    correlation_id = self.correlation_id,
                    actor = noted.actor,
                    method = %shown(&self.method),
                    route = self.route,
                    product_id = noted.product_id.or(self.product_id),
                    path = self.path,
                    command = noted.command,
                    outcome = noted.outcome,
                    problem = problem.map(|problem| problem.kind().slug()),
                    detail = problem.and_then(Problem::logged),
                    version = noted.version,
                    requests = usage.map(|usage| usage.requests),
                    capacity_units = usage.map(|usage| usage.units),
                    status = status.as_u16(),
                    millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                    "request"
                )
            };
        }
        if is_expected { log_at!(debug) } else { log_at!(info) }
    }
}

/// The method, cut if it is longer than any that exists.
pub(super) fn shown(method: &Method) -> Cow<'_, str> {
    excerpt(method.as_str(), LONGEST_METHOD)
}

/// The method if it is a standard one, since a client can send any text; otherwise `other`.
fn known(method: &Method) -> &'static str {
    let all = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"];
    all.into_iter().find(|name| *name == method.as_str()).unwrap_or("other")
}
