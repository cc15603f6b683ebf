//! OpenTelemetry traces, sent by OTLP over HTTP to `OTEL_EXPORTER_OTLP_ENDPOINT`; off without it.
//!
//! The promise: an incoming `traceparent` is continued, commits and messages carry it on, and projection and publication
//! appear in the same trace.

use std::collections::HashMap;

use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{SpanContext, TraceContextExt, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use telemetry::trace::{Tracer, install};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

const TRACEPARENT: &str = "traceparent";
const NAME: &str = "product-ledger";

/// Sends spans in the background, and the rest when the process ends.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Traces as configured by the environment, if they are.
    ///
    /// # Errors
    /// One line that says what is wrong with the settings.
    pub fn configured() -> anyhow::Result<Option<Self>> {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        if !is_set("OTEL_EXPORTER_OTLP_ENDPOINT") && !is_set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
            return Ok(None);
        }
        let exporter = SpanExporter::builder().with_http().build();
        let exporter = exporter.map_err(|error| anyhow::anyhow!("OTEL_EXPORTER_OTLP_ENDPOINT: {error}"))?;
        let mut resource =
            Resource::builder().with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")));
        if !is_set("OTEL_SERVICE_NAME") {
            resource = resource.with_service_name(NAME);
        }
        let provider = SdkTracerProvider::builder()
            .with_resource(resource.build())
            .with_batch_exporter(exporter)
            .build();
        install(Tracer { continues, links, context });
        Ok(Some(Self(provider)))
    }

    /// The tracer for the spans of `tracing`.
    #[must_use]
    pub fn tracer(&self) -> SdkTracer {
        self.0.tracer(NAME)
    }
}

impl Drop for Traces {
    fn drop(&mut self) {
        // A collector that does not answer must not be an error of a process that ends.
        let _ = self.0.shutdown();
    }
}

fn continues(span: &Span, traceparent: &str) {
    let parent = read(traceparent);
    if parent.span().span_context().is_valid() {
        // Fails for a span that no tracer records.
        let _ = span.set_parent(parent);
    }
}

fn links(span: &Span, traceparent: &str) {
    let other: SpanContext = read(traceparent).span().span_context().clone();
    if other.is_valid() {
        span.add_link(other);
    }
}

fn context(span: &Span) -> Option<String> {
    let mut carrier = HashMap::new();
    TraceContextPropagator::new().inject_context(&span.context(), &mut carrier);
    carrier.remove(TRACEPARENT)
}

fn read(traceparent: &str) -> Context {
    let carrier = HashMap::from([(TRACEPARENT.to_owned(), traceparent.to_owned())]);
    TraceContextPropagator::new().extract_with_context(&Context::new(), &carrier)
}
