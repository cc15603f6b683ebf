//! README's tour is run: every command as it stands there, and its output, ids and times aside, is what README shows.

use std::process::Command;

use crate::scenario::{LEDGER, Ledger, repository};

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

/// Hashes, ids, fingerprints, times and durations differ from run to run.
fn without_what_varies(text: &str) -> String {
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

#[tokio::test]
async fn every_command_of_the_tour_prints_what_readme_shows() {
    if Command::new("curl").arg("--version").output().is_err() {
        println!("skipped: the tour needs curl, which is not installed");
        return;
    }
    let path = repository().join("README.md");
    let readme = std::fs::read_to_string(&path).unwrap();
    let steps = steps(&readme);
    assert!(steps.len() >= 10, "{} steps", steps.len());
    let ledger = Ledger::start();
    let address = ledger.url.trim_start_matches("http://");
    let (mut accepted, mut from) = (readme.clone(), 0);
    for (command, shown) in steps {
        let here = command.replace("localhost:8080", address).replace("cargo run -q --", LEDGER);
        let here = here.replace("ledger-data", ledger.data.to_str().unwrap());
        let mut bash = Command::new("bash");
        bash.arg("-c").arg(&here).current_dir(repository()).env("LEDGER_URL", &ledger.url);
        if command.contains("/events") {
            // A subscriber may come a moment after the last event was published.
            ledger.bus(|entries| entries.len() >= 2).await;
        }
        if command.contains("verify --receipts") {
            ledger.bus(|entries| entries.len() >= 698).await;
        }
        if command.contains("/products?") {
            ledger.until("/products?limit=100", |_, page| !page["next"].is_null()).await;
        }
        let output = bash.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        if std::env::var_os("LEDGER_ACCEPT").is_some() {
            let (old, new) =
                (format!("$ {command}\n{shown}"), format!("$ {command}\n{}\n", printed.trim_end()));
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
    if accepted != readme {
        std::fs::write(path, accepted).unwrap();
    }
}
