//! Logs on standard error: lines for people on a terminal, JSON elsewhere, filtered by `RUST_LOG`. Traces, if configured, get
//! the same spans.

mod people;

use std::io::IsTerminal;

use anyhow::bail;
use tracing::Level;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::traces::Traces;
use people::ForPeople;

/// The variable that chooses the form of the log.
pub const FORMAT: &str = "LEDGER_LOG_FORMAT";

/// The prefix of the targets of our lines and spans; only those spans are traced.
const OURS: &str = "ledger";

/// Starts logging; later calls change nothing.
///
/// # Errors
/// [`FORMAT`] names no form: correct it.
pub fn start(traces: Option<&Traces>) -> anyhow::Result<()> {
    // Without credentials the AWS SDK warns at length of each place where it found none; the request that fails because of
    // that says so in a line.
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,aws_config=error,opentelemetry=warn"));
    let chosen = std::env::var_os(FORMAT).map(|form| form.to_string_lossy().into_owned());
    let logs = fmt::layer().with_writer(std::io::stderr);
    let logs = if is_for_people(chosen.as_deref(), std::io::stderr().is_terminal())? {
        logs.with_ansi(console::colors_enabled_stderr()).event_format(ForPeople).boxed()
    } else {
        logs.json().flatten_event(true).with_span_list(false).boxed()
    };
    let spans = traces.map(|traces| {
        let ours = Targets::new().with_target(OURS, Level::INFO);
        tracing_opentelemetry::layer().with_tracer(traces.tracer()).with_filter(ours)
    });
    // A second start in one process, as in tests, keeps the first.
    let _ = tracing_subscriber::registry().with(logs.with_filter(filter)).with(spans).try_init();
    Ok(())
}

/// Whether lines for people are wanted, and not JSON.
fn is_for_people(chosen: Option<&str>, on_terminal: bool) -> anyhow::Result<bool> {
    match chosen {
        None => Ok(on_terminal),
        Some("text") => Ok(true),
        Some("json") => Ok(false),
        Some(other) => {
            bail!("{FORMAT}={other:?}: must be text or json; if unset, text on a terminal and JSON elsewhere")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_at_a_terminal_get_text_and_everything_else_json_unless_chosen() {
        for (chosen, on_terminal, for_people) in [
            (None, true, true),
            (None, false, false),
            (Some("text"), false, true),
            (Some("json"), true, false),
        ] {
            assert_eq!(is_for_people(chosen, on_terminal).unwrap(), for_people, "{chosen:?} {on_terminal}");
        }
        for wrong in ["", "JSON", "pretty"] {
            let line = is_for_people(Some(wrong), true).unwrap_err().to_string();
            assert!(line.starts_with(FORMAT) && line.contains("text or json"), "{line}");
        }
    }
}
