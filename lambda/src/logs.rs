//! One JSON object a line on standard output, where CloudWatch Logs takes it from; each names the invocation it belongs to.

use tracing::Level;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// What is shown, as `RUST_LOG` has it elsewhere: `info,ledger::publisher=debug`. Lambda's own setting comes second.
const CHOSEN_BY: [&str; 2] = ["RUST_LOG", "AWS_LAMBDA_LOG_LEVEL"];

/// Starts logging; later calls change nothing.
pub(crate) fn start() {
    let chosen = CHOSEN_BY.iter().find_map(|name| std::env::var(name).ok()?.to_lowercase().parse().ok());
    let shown: Targets = chosen
        .unwrap_or_else(|| Targets::new().with_default(Level::INFO).with_target("aws_config", Level::WARN));
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    let _ = tracing_subscriber::registry().with(lines.with_filter(shown)).try_init();
}
