//! An import and the answers of servers, proxies and anything else, including bytes that would control a terminal.

use std::process::Output;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use axum::body::Body;
use axum::http::Response;
use serde_json::json;

use super::between::{Between, Fate, answer};
use super::{file, import_at, summary};
use crate::scenario::{Ledger, printed, program};

fn create(product: &str) -> String {
    format!(r#"{{"command":"create","product_id":"{product}","name":"n","price":"1"}}"#)
}

#[test]
fn a_server_that_answers_anything_but_receipts_has_taken_nothing() {
    let products: Vec<String> = (0..150).map(|n| create(&format!("p-{n}"))).collect();
    let lines = file(&products.iter().map(String::as_str).collect::<Vec<_>>());
    for body in ["{}", "[]", "null", "", "<html>Sign in</html>", r#"{"products":[],"next":null}"#] {
        let between = Between::answering(200, body);
        let output = import_at(&between.url, lines.path()).output().unwrap();
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert_eq!(
            summary(&output),
            "150 commands: 0 written, 0 imported before, 0 without effect, 150 failures"
        );
        assert!(text.contains("line 7: 200, but with no receipt or history of product p-6"), "{text}");
    }
}

#[test]
fn a_receipt_of_another_product_or_of_a_redirected_question_is_none() {
    let receipt = json!({
        "product_id": "q", "version": 1, "commit_id": "c", "hash": "0".repeat(64), "recorded_at":
        "2026-11-23T05:20:00.001Z", "events": [{"event_id": "e", "type": "ProductCreated", "sequence": 1}],
    });
    let (lines, unknown) =
        (file(&[&create("p")]), json!({"type": "urn:product-ledger:problem:product-not-found"}));
    for (status, to) in [(201, ""), (303, "/elsewhere")] {
        let (receipt, unknown) = (receipt.to_string(), unknown.to_string());
        let between = Between::start("", move |seen| {
            if seen.path.contains("/history") {
                return Fate::Answer(answer(404, unknown.clone()));
            }
            let status = if seen.is_command() { status } else { 200 };
            let mut answer = answer(status, receipt.clone());
            answer.headers_mut().insert("location", to.parse().unwrap());
            Fate::Answer(answer)
        });
        let output = import_at(&between.url, lines.path()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{status}");
        assert!(printed(&output).contains("no receipt or history of product p"), "{}", printed(&output));
    }
}

/// A problem as API Gateway and the firewall in front of it answer.
fn problem(status: u16, kind: &str) -> Response<Body> {
    let kind = format!("urn:product-ledger:problem:{kind}");
    answer(status, json!({"type": kind, "title": "No", "status": status, "detail": "Never."}).to_string())
}

#[tokio::test]
async fn a_server_that_asks_for_time_gets_it() {
    for (status, kind) in [(503, "unavailable"), (429, "too-many-requests")] {
        let (ledger, asked) = (Ledger::start(), AtomicU32::new(0));
        let between = Between::start(&ledger.url, move |seen| {
            if seen.is_command() && asked.fetch_add(1, Ordering::Relaxed) == 0 {
                let mut busy = problem(status, kind);
                busy.headers_mut().insert("retry-after", "2".parse().unwrap());
                return Fate::Answer(busy);
            }
            Fate::Pass
        });
        let output = import_at(&between.url, file(&[&create("p")]).path()).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
        let commands = between.commands();
        assert_eq!(commands.len(), 2, "{status}");
        assert!(commands[1].at - commands[0].at >= Duration::from_secs(2), "{status}");
        assert_eq!(commands[0].header("idempotency-key"), commands[1].header("idempotency-key"));
    }
}

/// The firewall may refuse the question for the history, because of the id, or the command, because of its body.
#[tokio::test]
async fn a_line_that_the_firewall_blocks_is_a_failure_of_its_product_alone() {
    for (blocked, written) in [("/history", 2), ("PUT or POST", 3)] {
        let ledger = Ledger::start();
        let between = Between::start(&ledger.url, move |seen| {
            let is_blocked = match blocked {
                "/history" => seen.path.contains("/products/b/history"),
                _ => seen.is_command() && seen.path.contains("/products/b") && seen.body.contains("\"2\""),
            };
            if is_blocked { Fate::Answer(problem(403, "blocked-by-firewall")) } else { Fate::Pass }
        });
        let change = |price: u32| format!(r#"{{"command":"update","product_id":"b","price":"{price}"}}"#);
        let lines = [create("a"), create("b"), change(2), change(3), create("c")];
        let lines = file(&lines.each_ref().map(String::as_str));
        let output = import_at(&between.url, lines.path()).args(["--concurrency", "1"]).output().unwrap();
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(summary(&output).starts_with(&format!("5 commands: {written} written")), "{text}");
        let line = if written == 2 { "line 2" } else { "line 3" };
        let failed: Vec<_> = text.lines().filter(|told| told.contains(": 403 No: Never.")).collect();
        assert!(matches!(*failed, [told] if told.contains(line) && told.contains("(product b)")), "{text}");
        assert!(!text.contains("stopped early") && !text.contains("LEDGER_TOKEN"), "{text}");
        for (product, commits) in [("a", 1), ("b", written - 2), ("c", 1)] {
            let asked = ledger.operate(&["export", product]);
            let lines = String::from_utf8_lossy(&asked.stdout).lines().count();
            assert_eq!(lines, commits, "{product}: {}", printed(&asked));
        }
    }
}

#[tokio::test]
async fn any_other_403_ends_the_import_because_every_line_would_get_it() {
    for (kind, of_commands) in [("forbidden", true), ("forbidden", false), ("foreign-origin", true)] {
        let ledger = Ledger::start();
        let between = Between::start(&ledger.url, move |seen| {
            if seen.is_command() || !of_commands { Fate::Answer(problem(403, kind)) } else { Fate::Pass }
        });
        let lines = [create("a"), create("b"), create("c")];
        let lines = file(&lines.each_ref().map(String::as_str));
        let output = import_at(&between.url, lines.path()).args(["--concurrency", "1"]).output().unwrap();
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("refuses access (403 No: Never.)") && text.contains("LEDGER_TOKEN"), "{text}");
        assert_eq!(between.commands().len(), 1, "{text}");
    }
}

#[tokio::test]
async fn a_line_whose_answer_was_lost_was_written_by_this_run() {
    let (ledger, lost) = (Ledger::start(), AtomicU32::new(0));
    let between = Between::start(&ledger.url, move |seen| {
        if seen.is_command() && lost.fetch_add(1, Ordering::Relaxed) == 0 { Fate::Lose } else { Fate::Pass }
    });
    let update = r#"{"command":"update","product_id":"p","price":"2"}"#;
    let output = import_at(&between.url, file(&[&create("p"), update]).path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert_eq!(summary(&output), "2 commands: 2 written, 0 imported before, 0 without effect, 0 failures");
    assert_eq!((ledger.history("p").await.len(), between.commands().len()), (2, 3));
}

#[tokio::test]
async fn a_lost_answer_of_the_first_question_is_asked_for_again() {
    let (ledger, lost) = (Ledger::start(), AtomicU32::new(0));
    let between = Between::start(&ledger.url, move |_| {
        if lost.fetch_add(1, Ordering::Relaxed) == 0 { Fate::Lose } else { Fate::Pass }
    });
    let output = import_at(&between.url, file(&[&create("p")]).path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
}

fn is_harmless(output: &Output, part: &str) {
    let text = printed(output);
    assert!(text.contains(part), "{part} in {text:?}");
    let steers = |letter: char| (letter.is_control() && letter != '\n') || letter == '\u{202e}';
    assert!(!text.contains(steers), "{text:?}");
}

#[test]
fn nothing_of_the_input_or_the_server_steers_the_terminal() {
    let evil = r"\u001b[2J\u202e\u0007";
    let shown = r"\u{1b}[2J\u{202e}\u{7}";
    let lines = [
        format!(r#"{{"command":"delete","product_id":"a","x{evil}":1}}"#),
        format!(r#"{{"command":"{evil}","product_id":"b"}}"#),
        format!(r#"{{"command":"delete","product_id":"{evil}"}}"#),
        format!(r#"{{"{evil}":1,"{evil}":2}}"#),
        format!(r#"{{"command":"update","product_id":"c","x{evil}":1}}"#),
        "\u{1b}[2J".to_owned(),
    ];
    let lines = file(&lines.each_ref().map(String::as_str));
    let problem = |status: u16| {
        let fault = format!(r#"{{"pointer":"{evil}","detail":"{evil}"}}"#);
        format!(r#"{{"status":{status},"title":"{evil}","detail":"{evil}","errors":[{fault}]}}"#)
    };
    // Of a line, of every line, and of the whole import.
    for status in [422, 401, 500] {
        let between = Between::answering(status, &problem(status));
        let one = file(&[r#"{"command":"delete","product_id":"a"}"#]);
        is_harmless(&import_at(&between.url, one.path()).output().unwrap(), shown);
    }
    let between = Between::answering(422, &problem(422));
    is_harmless(&import_at(&between.url, lines.path()).output().unwrap(), shown);
    is_harmless(&program().arg("import").arg(lines.path()).arg("--dry-run").output().unwrap(), shown);
    let missing = program().args(["import", "no\u{1b}[2Jfile"]).output().unwrap();
    is_harmless(&missing, r"no\u{1b}[2Jfile");
    let odd = program().args(["import", "--batch", "a\u{1b}[2J"]).arg(lines.path()).output().unwrap();
    assert_eq!(odd.status.code(), Some(2));
}

#[test]
fn a_dry_run_sends_nothing_and_lists_refusals_by_reason() {
    let between = Between::answering(500, "{}");
    let wrong = |product: &str| format!(r#"{{"command":"update","product_id":"{product}","price":"x"}}"#);
    let lines = file(&[&create("a"), &wrong("a"), &wrong("b"), "nonsense", "", &create("c")]);
    let run = |lines: &tempfile::NamedTempFile| {
        import_at(&between.url, lines.path()).arg("--dry-run").output().unwrap()
    };
    let output = run(&lines);
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let told: Vec<&str> = text.lines().collect();
    assert!(told[0].starts_with("2 refused: 422 ") && told[0].ends_with("(lines 2, 3)"), "{text}");
    assert!(
        told[1].starts_with("1 refused: is not a JSON object") && told[1].ends_with("(line 4)"),
        "{text}"
    );
    assert_eq!(told[2..], ["5 commands: 2 would be sent, 3 refused; nothing was sent"]);
    let clean = run(&file(&[&create("a")]));
    assert_eq!(clean.status.code(), Some(0), "{}", printed(&clean));
    assert_eq!(printed(&clean), "1 command: 1 would be sent, 0 refused; nothing was sent\n");
    assert!(between.seen().is_empty());
}

#[test]
fn a_dry_run_does_not_refuse_what_a_server_may_accept() {
    let read =
        r#"{"command":"put","product_id":"a","id":"a","name":"n","price":"1","status":"active","version":3}"#;
    let stale = r#"{"command":"update","product_id":"b","version":3,"price":"2"}"#;
    let output = program().arg("import").arg(file(&[read, stale]).path()).arg("--dry-run").output().unwrap();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    let told = [
        "1 may be refused: must match the product: version, status (line 1)",
        "1 may be refused: must match the product: version (line 2)",
        "2 commands: 2 would be sent (2 may be refused), 0 refused; nothing was sent",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), told);
}

#[tokio::test]
async fn a_server_that_stops_answering_in_the_middle_is_exit_code_1_and_the_same_import_goes_on() {
    let (ledger, taken) = (Ledger::start(), AtomicU32::new(0));
    let between = Between::start(&ledger.url, move |seen| {
        if seen.is_command() && taken.fetch_add(1, Ordering::Relaxed) > 0 { Fate::Lose } else { Fate::Pass }
    });
    let update = r#"{"command":"update","product_id":"p","price":"2"}"#;
    let lines = file(&[&create("p"), update]);
    let output = import_at(&between.url, lines.path()).output().unwrap();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("stopped early, because the server does not answer") && text.contains("to go on"),
        "{text}"
    );
    let again = ledger.import(lines.path()).output().unwrap();
    assert_eq!(again.status.code(), Some(0), "{}", printed(&again));
    assert_eq!(summary(&again), "2 commands: 0 written, 2 imported before, 0 without effect, 0 failures");
}

#[test]
fn the_lines_that_the_help_shows_can_be_imported() {
    let help = program().args(["import", "--help"]).output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let shown: Vec<&str> = help.lines().map(str::trim).filter(|line| line.starts_with('{')).collect();
    assert!(shown.len() >= 3, "{help}");
    let output = program().arg("import").arg(file(&shown).path()).arg("--dry-run").output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    for word in ["create", "update", "put", "delete", "restore", "--batch", "--dry-run", "Exit codes"] {
        assert!(help.contains(word), "{word} in {help}");
    }
}
