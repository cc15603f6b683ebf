//! Logs as one JSON object per line on standard output, which CloudWatch Logs reads; each names its invocation.

use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Starts logging; later calls have no effect.
pub(crate) fn start() {
    let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false);
    let shown = shown(|name| std::env::var(name).ok());
    let _ = tracing_subscriber::registry().with(lines.with_filter(shown)).try_init();
}

/// What is logged: by `RUST_LOG`, a filter such as `info,ledger::publisher=debug`, else from Lambda's own level on, which is
/// INFO if nothing sets it. What the SDK says at INFO of how it finds its settings is in no log unless a filter asks for it.
fn shown(variable: impl Fn(&str) -> Option<String>) -> Targets {
    let given = |name| variable(name).filter(|value| !value.is_empty()).map(|value| value.to_lowercase());
    if let Some(filter) = given("RUST_LOG").and_then(|filter| filter.parse().ok()) {
        return filter;
    }
    let level = match given("AWS_LAMBDA_LOG_LEVEL").as_deref() {
        Some("fatal") => LevelFilter::ERROR,
        Some(level) => level.parse().unwrap_or(LevelFilter::INFO),
        None => LevelFilter::INFO,
    };
    let of_settings = if level > LevelFilter::INFO { level } else { level.min(LevelFilter::WARN) };
    Targets::new().with_default(level).with_target("aws_config", of_settings)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    fn shows(variables: &[(&str, &str)], target: &str, level: Level) -> bool {
        let find = |name: &str| variables.iter().find(|(found, _)| *found == name);
        shown(|name| find(name).map(|(_, value)| (*value).to_owned())).would_enable(target, &level)
    }

    #[test]
    fn the_sdk_is_quiet_about_its_settings_whether_or_not_lambda_gives_the_level_info() {
        for variables in [
            &[][..],
            &[("AWS_LAMBDA_LOG_LEVEL", "INFO")],
            &[("AWS_LAMBDA_LOG_LEVEL", "")],
            &[("AWS_LAMBDA_LOG_LEVEL", "none such")],
            &[("RUST_LOG", "")],
        ] {
            assert!(shows(variables, "ledger::request", Level::INFO), "{variables:?}");
            assert!(!shows(variables, "ledger::request", Level::DEBUG), "{variables:?}");
            assert!(!shows(variables, "aws_config::profile", Level::INFO), "{variables:?}");
            assert!(shows(variables, "aws_config::profile", Level::WARN), "{variables:?}");
        }
    }

    #[test]
    fn a_level_of_lambda_holds_for_all_and_a_filter_takes_its_place() {
        let level = |level| [("AWS_LAMBDA_LOG_LEVEL", level)];
        assert!(shows(&level("DEBUG"), "aws_config::profile", Level::DEBUG));
        assert!(!shows(&level("ERROR"), "aws_config::profile", Level::WARN));
        assert!(!shows(&level("FATAL"), "ledger::request", Level::WARN));
        assert!(shows(&level("FATAL"), "ledger::request", Level::ERROR));
        let filter = [("RUST_LOG", "info,ledger::publisher=debug"), ("AWS_LAMBDA_LOG_LEVEL", "ERROR")];
        assert!(shows(&filter, "ledger::publisher", Level::DEBUG));
        assert!(shows(&filter, "aws_config", Level::INFO));
    }
}
