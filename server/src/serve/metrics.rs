//! `GET /metrics`: the metrics of this process as Prometheus text; needs the audit scope.

use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use metrics::{counter, gauge};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use projections::views::View;
use serde_json::json;
use telemetry::meters::{self, Metric, MetricKind};
use tokio::sync::watch;
use web::api::{Api, Describe, Endpoint};
use web::operation::{Components, Operation, OperationResponse, example};
use web::{Problem, RequestContext, Scope};

/// How often recorded values are condensed, which bounds their memory even if nobody reads them.
const UPKEEP: Duration = Duration::from_secs(5);

/// The commit of the program, if the build was told it.
pub(super) const COMMIT: Option<&str> = option_env!("BUILD_COMMIT");

/// Starts recording in this process.
///
/// # Errors
/// When this process has a recorder already.
pub(super) fn record() -> anyhow::Result<PrometheusHandle> {
    let mut builder = PrometheusBuilder::new();
    for metric in meters::ALL.iter().filter(|metric| metric.kind == MetricKind::Histogram) {
        builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), metric.buckets)?;
    }
    let handle = builder.install_recorder().context("metrics cannot be recorded")?;
    meters::describe();
    process::describe();
    start_at_zero();
    name_build();
    Ok(handle)
}

/// Figures of the process. On macOS the package needs libclang for its build, so other systems go without.
#[cfg(target_os = "linux")]
mod process {
    use metrics_process::Collector;

    pub(super) fn describe() {
        Collector::default().describe();
    }

    pub(super) fn collect() {
        Collector::default().collect();
    }
}

#[cfg(not(target_os = "linux"))]
mod process {
    pub(super) fn describe() {}

    pub(super) fn collect() {}
}

fn name_build() {
    let commit = COMMIT.filter(|commit| !commit.is_empty()).map(|commit| ("commit", commit));
    let labels: Vec<_> = [("version", env!("CARGO_PKG_VERSION"))].into_iter().chain(commit).collect();
    gauge!(meters::BUILD_INFO.name, &labels).set(1.0);
}

/// Counters of what should never happen start at zero, so that the first time shows as growth.
fn start_at_zero() {
    let zero = |metric: &Metric, labels: &[(&'static str, &'static str)]| {
        counter!(metric.name, labels).absolute(0);
    };
    for consumer in ["projector", "publisher"] {
        zero(&meters::GIVEN_UP, &[("consumer", consumer)]);
        for operation in ["MODIFY", "REMOVE"] {
            zero(&meters::TAMPERING, &[("consumer", consumer), ("operation", operation)]);
        }
    }
    zero(&meters::TAMPERING, &[("consumer", "ledger"), ("operation", "other")]);
    for consumer in View::ALL.map(View::name).into_iter().chain(["publisher"]) {
        for retryable in ["true", "false"] {
            zero(&meters::PARKINGS, &[("consumer", consumer), ("retryable", retryable)]);
        }
    }
    for limit in ["requests", "streams", "page_streams", "unknown_keys"] {
        zero(&meters::HTTP_SHED, &[("limit", limit)]);
    }
    for waited_for in ["answer", "body"] {
        zero(&meters::HTTP_TIMEOUTS, &[("waited_for", waited_for)]);
    }
    zero(&meters::CONFLICTS, &[]);
    zero(&meters::HELD_UP, &[]);
    zero(&meters::PUBLISH_FAILURES, &[("code", "other")]);
    gauge!(meters::HTTP_STREAMS.name).set(0.0);
    gauge!(meters::HTTP_IN_FLIGHT.name).set(0.0);
}

/// The route.
pub(super) fn routes(handle: PrometheusHandle) -> Router {
    table().router().with_state(handle)
}

/// The route's OpenAPI description.
pub(super) fn documented() -> Vec<(Endpoint, Describe)> {
    table().documented()
}

fn table() -> Api<PrometheusHandle> {
    Api::new().on(Endpoint::Get("/metrics"), described, figures)
}

async fn figures(
    State(handle): State<PrometheusHandle>,
    context: RequestContext,
) -> Result<Response, Problem> {
    context.require(Scope::Audit)?;
    process::collect();
    let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    Ok((kind, handle.render()).into_response())
}

fn described(_: &mut Components) -> Operation {
    let Metric { name, help, .. } = meters::CONFLICTS;
    let text = format!("# HELP {name} {help}\n# TYPE {name} counter\n{name} 0\n");
    let shown = example("figures", &json!(text));
    Operation::new("getMetrics", "Service", "The figures of this process as Prometheus text")
        .scopes(&[Scope::Audit])
        .answer(
            200,
            OperationResponse::new("The figures.").content("text/plain", &json!({"type": "string"}), &shown),
        )
}

/// Condenses recorded values until the server stops.
pub(super) async fn upkeep(handle: PrometheusHandle, mut stopping: watch::Receiver<bool>) {
    let mut turns = tokio::time::interval(UPKEEP);
    loop {
        tokio::select! {
            _ = turns.tick() => handle.run_upkeep(),
            _ = stopping.wait_for(|stop| *stop) => return,
        }
    }
}
