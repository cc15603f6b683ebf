//! Log lines for people: the time in UTC, then what happened. A request is one short line; JSON has all of its fields.
//!
//! The promise: whatever a text contains, it stays on its line and does nothing to the terminal.

use std::fmt::{self, Debug, Write};

use console::Style;
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;

use super::OURS;

/// The target of the lines of requests.
const REQUESTS: &str = "ledger::request";

/// The fields with which the `log` crate's records describe themselves.
const OF_RECORDS: &str = "log.";

/// The format of a line.
pub(super) struct ForPeople;

impl<S, N> FormatEvent<S, N> for ForPeople
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'fields> FormatFields<'fields> + 'static,
{
    fn format_event(&self, _: &FmtContext<'_, S, N>, mut line: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut fields = Fields::default();
        event.record(&mut fields);
        let style = |style: Style| style.force_styling(line.has_ansi_escapes());
        let (faint, coloured) = (style(Style::new().dim()), style(colour(event, &fields)));
        let text = if event.metadata().target() == REQUESTS && fields.get("status").is_some() {
            request(&fields, &coloured)
        } else {
            message(event, &fields, &coloured)
        };
        writeln!(line, "{} {text}", faint.apply_to(time()?))
    }
}

/// Hours, minutes and seconds, in UTC.
fn time() -> Result<String, fmt::Error> {
    let mut time = String::new();
    SystemTime.format_time(&mut Writer::new(&mut time))?;
    let (_, time) = time.split_once('T').ok_or(fmt::Error)?;
    Ok(time.chars().take("00:00:00".len()).collect())
}

/// The colour of a status, or of a level.
fn colour(event: &Event<'_>, fields: &Fields) -> Style {
    let is = |first: char| fields.get("status").is_some_and(|status| status.starts_with(first));
    match *event.metadata().level() {
        Level::ERROR => Style::new().red(),
        Level::WARN => Style::new().yellow(),
        _ if is('5') => Style::new().red(),
        _ if is('4') => Style::new().yellow(),
        _ => Style::new().green(),
    }
}

/// `PUT /products/a 201 12 ms recorded v1`, or what was wrong with the request.
fn request(fields: &Fields, status: &Style) -> String {
    let get = |name| fields.get(name).unwrap_or_default();
    let path =
        fields.get("path").map_or_else(|| get("route").replace("{id}", get("product_id")), str::to_owned);
    let mut line =
        format!("{} {path} {} {} ms", get("method"), status.apply_to(get("status")), get("millis"));
    match (fields.get("problem"), fields.get("detail")) {
        (Some(problem), Some(detail)) => line.extend([" ", problem, ": ", detail]),
        (Some(problem), None) => line.extend([" ", problem]),
        (None, _) => {
            line.extend(fields.get("outcome").into_iter().flat_map(|outcome| [" ", outcome]));
            line.extend(fields.get("version").into_iter().flat_map(|version| [" v", version]));
        }
    }
    line
}

/// Any other line: its level, unless it is only informative, the library that wrote it, if it is not ours, and what it says.
fn message(event: &Event<'_>, fields: &Fields, coloured: &Style) -> String {
    let (level, target) = (event.metadata().level(), event.metadata().target());
    let target = fields.get("log.target").unwrap_or(target);
    let mut line = String::new();
    if *level != Level::INFO {
        let _ = write!(line, "{} ", coloured.apply_to(level));
    }
    if !target.starts_with(OURS) {
        let _ = write!(line, "{target}: ");
    }
    line.push_str(fields.get("message").unwrap_or_default());
    for (name, value) in &fields.0 {
        if *name != "message" && !name.starts_with(OF_RECORDS) {
            let _ = write!(line, " {name}={value}");
        }
    }
    line
}

/// The fields of a line, safe to print.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| *field == name).map(|(_, value)| value.as_str())
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.push((field.name(), harmless(value)));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// The text on one line, with what a terminal would act on or not show escaped.
fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\'' | '\\' => shown.push(letter),
            _ => shown.extend(letter.escape_debug()),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What `log` writes, each line without its time.
    fn lines(colours: bool, log: impl FnOnce()) -> Vec<String> {
        let written = Written::default();
        let writer = written.clone();
        let layer = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
        let layer = layer.with_ansi(colours).event_format(ForPeople);
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let mut lines = Vec::new();
        for line in text.lines() {
            let (time, rest) = line.split_once(' ').unwrap();
            let shape: String = time.chars().map(|c| if c.is_ascii_digit() { '0' } else { c }).collect();
            assert!(shape.contains("00:00:00"), "{line}");
            lines.push(rest.to_owned());
        }
        lines
    }

    macro_rules! answered {
        ($($field:tt)*) => {
            tracing::info!(target: "ledger::request", $($field)*, "request")
        };
    }

    #[test]
    fn a_request_is_one_short_line() {
        let written = lines(false, || {
            answered!(correlation_id = "c", actor = "anonymous", method = %"PUT", route = "/products/{id}",
                product_id = "a", outcome = "recorded", version = 1_u64, status = 201_u16, millis = 12_u64);
            answered!(method = %"GET", route = "/products", status = 200_u16, millis = 0_u64);
            answered!(method = %"POST", route = "/products/{id}/restore", product_id = "a", outcome = "refused",
                problem = "product-not-deleted", detail = "There is no deletion to undo.", status = 409_u16,
                millis = 1_u64);
            answered!(method = %"GET", route = "unmatched", path = "/nothing", problem = "not-found",
                status = 404_u16, millis = 0_u64);
        });
        assert_eq!(
            written,
            [
                "PUT /products/a 201 12 ms recorded v1",
                "GET /products 200 0 ms",
                "POST /products/a/restore 409 1 ms product-not-deleted: There is no deletion to undo.",
                "GET /nothing 404 0 ms not-found",
            ]
        );
    }

    #[test]
    fn other_lines_name_their_level_and_the_library_that_is_not_ours() {
        let written = lines(false, || {
            tracing::info!(target: "ledger::server", "stopping");
            tracing::warn!(target: "ledger::server", error = %"no space", lines = 2, "a file is full");
            tracing::event!(target: "hyper", Level::ERROR, "broken");
        });
        assert_eq!(
            written,
            ["stopping", "WARN a file is full error=no space lines=2", "ERROR hyper: broken"]
        );
    }

    #[test]
    fn nothing_reaches_the_terminal_that_it_would_act_on() {
        let evil = "a\u{1b}[2Jb\nc\u{202e}d \"e\"";
        let written = lines(false, || {
            answered!(method = %"GET", route = "/products/{id}", product_id = evil, status = 400_u16, millis = 0_u64);
            tracing::warn!(target: "ledger::server", reason = %evil, "{evil}");
        });
        let shown = r#"a\u{1b}[2Jb\nc\u{202e}d "e""#;
        let expected = [format!("GET /products/{shown} 400 0 ms"), format!("WARN {shown} reason={shown}")];
        assert_eq!(written, expected);
    }

    #[test]
    fn colours_tell_how_it_went() {
        let written = lines(true, || {
            for status in [200_u16, 404, 500] {
                answered!(method = %"GET", route = "/products", status = status, millis = 0_u64);
            }
        });
        for (line, colour) in written.iter().zip(["\u{1b}[32m200", "\u{1b}[33m404", "\u{1b}[31m500"]) {
            assert!(line.contains(colour), "{line:?}");
        }
    }
}
