//! Logs on standard error: text on a terminal, JSON elsewhere, filtered by `RUST_LOG`. Traces, if configured, get the same
//! spans.

use std::io::IsTerminal;

use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::traces::Traces;

/// The prefix of the targets of our lines and spans; only those spans are traced.
const OURS: &str = "ledger";

/// Starts logging; later calls change nothing.
pub fn start(traces: Option<&Traces>) {
    // Without credentials the AWS SDK warns at length of each place where it found none; the request that fails because of
    // that says so in a line.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,aws_config=error,opentelemetry=warn"));
    let logs = fmt::layer().with_writer(std::io::stderr);
    let logs = if std::io::stderr().is_terminal() {
        logs.boxed()
    } else {
        logs.json().flatten_event(true).with_span_list(false).boxed()
    };
    let spans = traces.map(|traces| {
        let ours = Targets::new().with_target(OURS, Level::INFO);
        tracing_opentelemetry::layer().with_tracer(traces.tracer()).with_filter(ours)
    });
    // A second start in one process, as in tests, keeps the first.
    let _ = tracing_subscriber::registry().with(logs.with_filter(filter)).with(spans).try_init();
}
