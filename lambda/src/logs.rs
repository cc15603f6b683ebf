//! Logs as one JSON object per line on standard output, which CloudWatch Logs reads; each names its invocation.

use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// The variables that choose what is logged, the first one wins: a filter such as `info,ledger::publisher=debug`, or Lambda's
/// own level.
const CHOSEN_BY: [&str; 2] = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"];

/// Starts logging; later calls have no effect.
pub(crate) fn start() {
    let chosen = CHOSEN_BY.iter().find_map(|name| std::env::var(name).ok()?.to_lowercase().parse().ok());
    let shown: Targets = chosen
        .unwrap_or_else(|| Targets::new().with_default(Level::INFO).with_target("aws_config", Level::WARN));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    let _ = tracing_subscriber::registry().with(lines.with_filter(shown)).try_init();
}
