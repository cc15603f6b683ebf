//! `ledger status`: how a ledger does and what waits for somebody, as its server tells it.

use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::Value;

use crate::counts::counted;
use crate::out;
use crate::remote::{LedgerClient, RemoteServer};
use crate::text_table::{TextTable, escaped, moment, terminal_width};

/// Problems that a table shows, the newest first.
const MOST_REFUSED: usize = 10;

const UNKNOWN: &str = "not known here";

/// Which server, and how it is shown.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  ledger status
  ledger status --url https://ledger.example.com --format json")]
pub struct StatusArgs {
    /// Tables for people, or the answer of the server as JSON.
    #[arg(long, value_enum, default_value_t)]
    format: StatusFormat,
    #[command(flatten)]
    server: RemoteServer,
}

/// How the status is shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum StatusFormat {
    /// For people.
    #[default]
    Table,
    /// As the server answers.
    Json,
}

/// Shows the status.
///
/// # Errors
/// When the server cannot be reached, or refuses.
pub async fn run(arguments: StatusArgs) -> anyhow::Result<ExitCode> {
    let client: LedgerClient = arguments.server.client()?;
    let status = client.get(&["status"], &[]).await?;
    if arguments.format == StatusFormat::Json {
        out::json(&status)?;
        return Ok(ExitCode::SUCCESS);
    }
    let tables = [Some(state(&status)), parked(&status), refused(&status)];
    let drawn: Vec<String> = tables.into_iter().flatten().map(|table| table.draw(terminal_width())).collect();
    out::print(&drawn.join("\n"))?;
    Ok(ExitCode::SUCCESS)
}

/// How each part does.
fn state(status: &Value) -> TextTable {
    let mut table = TextTable::new(&["part", "state"]);
    let build = &status["build"];
    let commit = build["commit"].as_str().map(|commit| format!(", commit {}", escaped(commit)));
    let rows = [
        ("commits", commits(status)),
        ("products", products(&status["products"])),
        ("views", views(&status["views"])),
        ("bus", lag(&status["bus"])),
        ("log", log(&status["log"])),
        ("commands", commands(&status["commands"])),
        ("tampering", tampering(&status["tampering"])),
        ("parked", parked_count(&status["parked"])),
        ("build", text(&build["version"]) + &commit.unwrap_or_default()),
    ];
    for (part, words) in rows {
        table.row(vec![part.to_owned(), words]);
    }
    table
}

fn commits(status: &Value) -> String {
    let Some(count) = status["commits"].as_u64() else { return UNKNOWN.to_owned() };
    match status["newest_recorded_at"].as_str() {
        Some(newest) => format!("{count}, the newest {} UTC", moment(Some(newest))),
        None => count.to_string(),
    }
}

fn products(products: &Value) -> String {
    let Some(active) = products["active"].as_u64() else { return "not counted yet".to_owned() };
    let deleted = products["deleted"].as_u64().unwrap_or_default();
    let counted_at = moment(products["counted_at"].as_str());
    format!("{active}, and {deleted} deleted, counted {counted_at} UTC")
}

/// The view that is further behind.
fn views(views: &Value) -> String {
    let [products, prices] = ["products", "prices"].map(|view| lag(&views[view]));
    if products == prices { products } else { format!("products: {products}\nprices: {prices}") }
}

fn lag(lag: &Value) -> String {
    let newest = lag["lag_ms"].as_u64().map(|millis| format!("the newest commit took {}", span(millis)));
    let behind = match lag["oldest_behind_ms"].as_u64() {
        Some(0) => Some("nothing is behind".to_owned()),
        Some(millis) => Some(format!("{} behind", span(millis))),
        None => None,
    };
    let known: Vec<String> = behind.into_iter().chain(newest).collect();
    if known.is_empty() { UNKNOWN.to_owned() } else { known.join("; ") }
}

fn log(log: &Value) -> String {
    let Some(size) = log["size"].as_u64() else { return "none is kept, or not known here".to_owned() };
    let signed = log["signed_at"].as_str().map(|at| format!(", signed {} UTC", moment(Some(at))));
    let unlogged = match log["unlogged"].as_u64() {
        Some(waiting @ 1..) => {
            let oldest = span(log["oldest_unlogged_ms"].as_u64().unwrap_or_default());
            format!("; {} not logged yet, the oldest for {oldest}", counted(waiting, "commit"))
        }
        _ => "; everything is logged".to_owned(),
    };
    let witnesses: Vec<String> = log["witnesses"].as_array().into_iter().flatten().map(text).collect();
    let cosigned =
        if witnesses.is_empty() { String::new() } else { format!("; cosigned by {}", witnesses.join(", ")) };
    let entries = counted(size, "entry");
    format!("{entries}{}{unlogged}{cosigned}", signed.unwrap_or_default())
}

fn commands(commands: &Value) -> String {
    let Some(recorded) = commands["recorded"].as_u64() else { return UNKNOWN.to_owned() };
    let without = commands["without_effect"].as_u64().unwrap_or_default();
    let refused = commands["refused"].as_object().into_iter().flatten();
    let refused: Vec<String> = refused.map(|(kind, count)| format!("{count} {}", escaped(kind))).collect();
    let refused = if refused.is_empty() {
        "none refused".to_owned()
    } else {
        format!("refused: {}", refused.join(", "))
    };
    format!("since the start {recorded} recorded, {without} without effect, {refused}")
}

fn tampering(found: &Value) -> String {
    match found.as_u64() {
        None => UNKNOWN.to_owned(),
        Some(0) => "none seen".to_owned(),
        Some(times) => format!("{times} seen: run `ledger verify`"),
    }
}

fn parked_count(parked: &Value) -> String {
    match parked.as_array() {
        None => UNKNOWN.to_owned(),
        Some(rows) if rows.is_empty() => "nothing".to_owned(),
        Some(rows) => {
            let waiting = rows.iter().filter(|row| row["retryable"] == false).count() as u64;
            let told = counted(rows.len() as u64, "row");
            if waiting == 0 {
                format!("{told}, tried again by itself")
            } else {
                format!("{told}, {waiting} of which only `ledger parked retry` releases")
            }
        }
    }
}

fn parked(status: &Value) -> Option<TextTable> {
    let rows = status["parked"].as_array().filter(|rows| !rows.is_empty())?;
    let mut table = TextTable::new(&["parked", "by", "from event", "since (UTC)", "why"]);
    for row in rows {
        table.row(vec![
            text(&row["product_id"]),
            text(&row["consumer"]),
            row["sequence"].to_string(),
            moment(row["since"].as_str()),
            text(&row["reason"]),
        ]);
    }
    Some(table)
}

fn refused(status: &Value) -> Option<TextTable> {
    let rows = status["refused"].as_array().filter(|rows| !rows.is_empty())?;
    let mut table = TextTable::new(&["refused (UTC)", "request", "kind", "why"]);
    for row in rows.iter().take(MOST_REFUSED) {
        table.row(vec![
            moment(row["at"].as_str()),
            format!("{} {}", text(&row["method"]), text(&row["route"])),
            text(&row["kind"]),
            why(row),
        ]);
    }
    Some(table)
}

/// What is wrong with a request, field by field if the server said so, and its correlation id.
fn why(row: &Value) -> String {
    let errors = row["errors"].as_array().into_iter().flatten();
    let errors: Vec<String> =
        errors.map(|error| format!("{} {}", text(&error["pointer"]), text(&error["detail"]))).collect();
    let said = if errors.is_empty() { text(&row["detail"]) } else { errors.join("; ") };
    format!("{said}\n{}", text(&row["correlation_id"]))
}

fn text(value: &Value) -> String {
    escaped(value.as_str().unwrap_or("-"))
}

/// How long something took or lasts, in one unit.
fn span(millis: u64) -> String {
    match millis {
        0..10_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        10_000..120_000 => format!("{} s", millis / 1_000),
        120_000..7_200_000 => counted(millis / 60_000, "minute"),
        7_200_000..172_800_000 => counted(millis / 3_600_000, "hour"),
        _ => counted(millis / 86_400_000, "day"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A status in which much waits, with a reason that would control a terminal.
    fn troubled() -> Value {
        json!({
            "commits": 705, "newest_recorded_at": "2026-11-30T08:15:00.000Z",
            "products": {"active": 503, "deleted": 1, "counted_at": "2026-11-30T08:15:30.000Z"},
            "views": {"products": {"lag_ms": 4, "oldest_behind_ms": 0}, "prices": {"lag_ms": 4, "oldest_behind_ms": 0}},
            "bus": {"lag_ms": 600, "oldest_behind_ms": 240_000},
            "parked": [{"product_id": "helmet", "consumer": "publisher", "sequence": 4,
                        "reason": "the bus refused the event: AccessDeniedException \u{1b}[31m of a policy that nobody knows",
                        "retryable": false, "since": "2026-11-30T08:14:00.000Z", "next_try": null}],
            "log": {"size": 702, "signed_at": "2026-11-30T08:06:01.000Z", "unlogged": 3, "oldest_unlogged_ms": 540_000,
                    "witnesses": ["witness.example"]},
            "tampering": 0, "build": {"version": "0.1.0", "commit": "552861c"},
            "commands": {"recorded": 705, "without_effect": 2, "refused": {"invalid": 1}},
            "refused": [{"at": "2026-11-30T08:12:00.000Z", "method": "PUT", "route": "/products/{id}", "status": 422,
                         "kind": "invalid", "detail": "Correct every error.", "correlation_id": "01M841K9DC3M5ZQYPS2Y3BRKSE",
                         "errors": [{"pointer": "/name", "detail": "has 0 characters; 1 to 200 are allowed"}]}],
        })
    }

    fn drawn(status: &Value, width: usize) -> String {
        let tables = [Some(state(status)), parked(status), refused(status)];
        tables.into_iter().flatten().map(|table| table.draw(Some(width))).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_waits_is_told_in_every_width_and_nothing_controls_the_terminal() {
        for width in [80, 200] {
            let text = drawn(&troubled(), width);
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(widest <= Some(width), "{widest:?}\n{text}");
            assert!(!text.contains('\u{1b}'), "{text}");
            for told in
                ["helmet", "publisher", "4 minutes behind", "3 commits not logged", "/name has 0 characters"]
            {
                let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
                assert!(flat.contains(told), "{told}\n{text}");
            }
        }
    }

    #[test]
    fn what_the_server_does_not_know_is_said_to_be_not_known() {
        let text = drawn(&json!({"build": {"version": "0.1.0"}}), 80);
        assert_eq!(text.matches(UNKNOWN).count(), 7, "{text}");
        assert!(
            text.contains("not counted yet") && !text.contains("none seen") && !text.contains("nothing"),
            "{text}"
        );
    }

    #[test]
    fn times_have_one_unit() {
        let told = [0, 4, 650, 59_999, 240_000, 7_200_000, 259_200_000].map(span);
        assert_eq!(told, ["0.0 s", "0.0 s", "0.6 s", "59 s", "4 minutes", "2 hours", "3 days"]);
    }
}
