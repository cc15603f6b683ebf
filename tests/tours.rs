//! The tours of the documents: every command is run as it is written there, and prints what is shown, ids and times
//! aside.

use std::process::Command;
use std::time::Duration;

use crate::scenario::{LEDGER, Ledger, any_program, repository};

/// The tour's steps: a command and the output shown under it.
fn steps(readme: &str) -> Vec<(String, String)> {
    let mut steps: Vec<(String, String)> = Vec::new();
    let mut inside = false;
    for line in readme.lines() {
        match line {
            "```console" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => match line.strip_prefix("$ ") {
                Some(command) => steps.push((command.to_owned(), String::new())),
                None => steps.last_mut().unwrap().1.extend([line, "\n"]),
            },
        }
    }
    steps
}

/// Hashes, ids, fingerprints, times and durations differ from run to run, and the name and the root of a log.
fn without_what_varies(text: &str) -> String {
    let mut text = text.to_owned();
    for before in ["product-ledger.invalid/", ", root "] {
        let mut parts = text.split(before);
        let first = parts.next().unwrap_or_default().to_owned();
        text = parts.fold(first, |done, rest| {
            let end = rest.find([',', ' ', '\n']).unwrap_or(rest.len());
            format!("{done}{before}…{}", &rest[end..])
        });
    }

    let is_word = |c: char| c.is_ascii_alphanumeric() || "-_:.".contains(c);
    let mut plain = String::new();
    let mut word = String::new();
    for c in text.chars().chain(['\n']) {
        if is_word(c) {
            word.push(c);
            continue;
        }
        let is_time = word.len() >= 8
            && word.starts_with(|c: char| c.is_ascii_digit())
            && word.chars().all(|c| c.is_ascii_digit() || "-:.TZ".contains(c));
        let is_id = word.len() >= 26 && word.chars().any(|c| c.is_ascii_digit()) && !word.starts_with("urn:");
        let is_seconds = word.contains('.') && text.contains(" failures; ") && word.parse::<f64>().is_ok();
        plain.push_str(if is_time || is_id || is_seconds { "…" } else { &word });
        word.clear();
        plain.push(c);
    }
    plain
}

/// The command as this test can run it: this server, this program, this data, the repository's files.
fn adapted(command: &str, ledger: &Ledger) -> String {
    let repository = repository();
    let mut here = command
        .replace("localhost:8080", ledger.url.trim_start_matches("http://"))
        .replace("cargo run -q --", LEDGER)
        .replace("ledger-data", ledger.data.to_str().unwrap());
    for folder in ["tests/data/", "docs/audit/"] {
        here = here.replace(folder, repository.join(folder).to_str().unwrap());
    }
    here
}

/// What a command is about is there a moment after the command before it was answered.
async fn settled(command: &str, ledger: &Ledger) {
    if command.contains(" log verify ") || command.contains(" backup ") {
        // Everything is in a checkpoint.
        while !ledger.operate(&["verify", "--log"]).status.success() {}
    }
    if command.contains("/events") {
        ledger.bus(|entries| entries.len() >= 2).await;
    }
    let reads = ["history", "prices", "/products?", "catalogue", "diff", "docs/audit/verify.py http"];
    if reads.iter().any(|what| command.contains(what)) {
        while !ledger.operate(&["reconcile"]).status.success() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
    if command.contains("history") || command.contains("verify --receipts") {
        while !ledger.operate(&["verify", "--receipts"]).status.success() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// Runs a document's tour on a ledger of its own, in a directory of its own.
async fn tour(document: &str) {
    if ["curl", "python3"].iter().any(|tool| Command::new(tool).arg("--version").output().is_err()) {
        println!("skipped: the tour needs curl and python3, of which one is not installed");
        return;
    }
    let path = repository().join(document);
    let text = std::fs::read_to_string(&path).unwrap();
    let steps = steps(&text);
    assert!(steps.len() >= 10, "{} steps", steps.len());
    let (ledger, directory) = (Ledger::start(), tempfile::tempdir().unwrap());
    let (mut accepted, mut from) = (text.clone(), 0);
    for (command, shown) in steps {
        settled(&command, &ledger).await;
        let mut bash = any_program("bash");
        bash.arg("-c").arg(adapted(&command, &ledger));
        let output = bash.current_dir(&directory).env("LEDGER_URL", &ledger.url).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        if std::env::var_os("LEDGER_ACCEPT").is_some() {
            let printed = if printed.is_empty() { printed } else { format!("{}\n", printed.trim_end()) };
            let (old, new) = (format!("$ {command}\n{shown}"), format!("$ {command}\n{printed}"));
            let at = from + accepted[from..].find(&old).unwrap();
            accepted.replace_range(at..at + old.len(), &new);
            from = at + new.len();
            continue;
        }
        assert_eq!(
            without_what_varies(printed.trim_end()),
            without_what_varies(shown.trim_end()),
            "{command}"
        );
    }
    if accepted != text {
        std::fs::write(path, accepted).unwrap();
    }
}

#[tokio::test]
async fn every_command_of_the_readme_prints_what_it_shows() {
    tour("README.md").await;
}

#[tokio::test]
async fn every_command_of_the_auditors_page_prints_what_it_shows() {
    tour("docs/audit.md").await;
}

#[tokio::test]
async fn every_answer_to_the_questions_of_auditors_is_what_the_page_shows() {
    tour("docs/questions.md").await;
}
