//! Architecture and style as tests: which crate may depend on which, no circles between files, no name for two types, what is
//! linked into the programs, the length of functions (that of files is a matter of judgement), and that every file opens with
//! its purpose.

mod circles;
mod names;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::scenario::repository;

const LONGEST_FUNCTION: usize = 70;

/// The packages of the functions on AWS Lambda, and the one that they share.
const FUNCTIONS: [&str; 5] = ["commands", "lambda", "projections", "publisher", "sequencer"];

/// The crates of the workspace that each crate may depend on, except in tests.
fn allowed() -> BTreeMap<&'static str, Vec<&'static str>> {
    let middle = ["event-store", "lambda", "schema", "telemetry", "web"];
    BTreeMap::from([
        ("schema", vec![]),
        ("telemetry", vec![]),
        ("web", vec!["schema", "telemetry"]),
        ("engine", vec![]),
        ("ledger-subscriber", vec![]),
        ("price-list", vec!["ledger-subscriber"]),
        ("loopback", vec!["engine"]),
        ("sqlite", vec![]),
        ("ledger-log", vec!["schema"]),
        ("event-store", vec!["schema", "sqlite", "telemetry"]),
        ("sequencer", vec!["event-store", "lambda", "ledger-log", "schema", "telemetry", "web"]),
        ("lambda", vec!["schema", "telemetry", "web"]),
        ("commands", middle.to_vec()),
        ("projections", [&middle[..], &["sequencer", "sqlite"]].concat()),
        ("publisher", [&middle[..], &["sqlite"]].concat()),
        (
            "server",
            [
                "commands",
                "event-store",
                "ledger-log",
                "projections",
                "publisher",
                "schema",
                "sequencer",
                "sqlite",
                "telemetry",
                "web",
            ]
            .to_vec(),
        ),
        (
            "cli",
            [
                "commands",
                "event-store",
                "ledger-log",
                "projections",
                "publisher",
                "schema",
                "sequencer",
                "server",
                "sqlite",
                "web",
            ]
            .to_vec(),
        ),
        (
            "fuzz",
            vec!["cli", "commands", "event-store", "ledger-log", "projections", "schema", "server", "web"],
        ),
    ])
}

pub fn sources() -> Vec<(PathBuf, String)> {
    let listed = Command::new("git")
        .args(["ls-files", "-co", "--exclude-standard", "*.rs"])
        .current_dir(repository())
        .output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    let read = |path: &str| {
        std::fs::read_to_string(repository().join(path)).ok().map(|text| (PathBuf::from(path), text))
    };
    let sources: Vec<_> = listed.lines().filter_map(read).collect();
    assert!(sources.len() > 50, "git listed {} files", sources.len());
    sources
}

#[test]
fn the_arrows_between_the_crates_are_those_of_the_design() {
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(repository())
        .output()
        .unwrap();
    let metadata: Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let ours: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let allowed = allowed();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        for dependency in package["dependencies"].as_array().unwrap() {
            let other = dependency["name"].as_str().unwrap();
            if ours.contains(&other) && dependency["kind"].is_null() {
                assert!(allowed[name].contains(&other), "{name} may not depend on {other}");
            }
        }
    }
}

/// The packages that are linked into what `-p package` builds.
fn linked(package: &str) -> BTreeSet<String> {
    let tree = Command::new(env!("CARGO"))
        .args(["tree", "-p", package, "-e", "normal", "--prefix", "none", "--format", "{p}", "--offline"])
        .current_dir(repository())
        .output()
        .unwrap();
    let tree = String::from_utf8(tree.stdout).unwrap();
    let linked: BTreeSet<String> =
        tree.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    assert!(linked.contains(package) && linked.contains("serde"), "{package}: {tree}");
    linked
}

#[test]
fn the_double_of_dynamodb_is_linked_into_nothing_that_is_shipped_and_sqlite_into_no_function() {
    for package in [&["cli"], &FUNCTIONS[..]].concat() {
        let linked = linked(package);
        for double in ["dynoxide-rs", "engine", "loopback"] {
            assert!(!linked.contains(double), "{package} links {double}");
        }
        assert_eq!(linked.contains("rusqlite"), package == "cli", "{package}: rusqlite");
    }
}

#[test]
fn the_contract_brings_neither_a_runtime_nor_a_web_server_nor_metrics() {
    let linked = linked("schema");
    for other in ["axum", "tokio", "metrics", "tracing", "http", "hyper"] {
        assert!(!linked.contains(other), "schema links {other}");
    }
}

#[test]
fn every_file_opens_with_its_promise() {
    for (path, text) in sources() {
        assert!(text.starts_with("//! "), "{} must open with a `//!` sentence", path.display());
    }
}

#[test]
fn every_function_is_short() {
    for (path, text) in sources() {
        for (name, lines) in functions(&text) {
            assert!(lines <= LONGEST_FUNCTION, "{}: {name} has {lines} lines", path.display());
        }
    }
}

/// The first line and the length of each function, found by the indentation of its closing brace.
fn functions(text: &str) -> Vec<(String, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut functions = Vec::new();
    for (start, line) in lines.iter().enumerate() {
        let code = line.trim_start();
        let is_function = [
            "fn ",
            "pub fn ",
            "async fn ",
            "pub async fn ",
            "pub(super) fn ",
            "pub(super) async fn ",
            "pub(crate) fn ",
        ]
        .iter()
        .any(|head| code.starts_with(head));
        // A function in a trait may have no body.
        let has_body = lines[start..]
            .iter()
            .find(|line| line.ends_with(['{', ';']))
            .is_some_and(|line| line.ends_with('{'));
        if is_function && has_body {
            let closing = format!("{}}}", " ".repeat(line.len() - code.len()));
            if let Some(length) = lines[start..].iter().position(|line| **line == closing) {
                functions.push((code.to_owned(), length + 1));
            }
        }
    }
    functions
}

/// The files that make clients of AWS: each gives them limits (`event-store/src/limits.rs`, or its own).
const CLIENTS: [&str; 6] = [
    "event-store/src/metering.rs",
    "publisher/src/bus/eventbridge.rs",
    "publisher/src/bus/fifo.rs",
    "sequencer/src/kms.rs",
    "sequencer/src/s3.rs",
    "server/src/mapping/settings.rs",
];

#[test]
fn every_client_of_aws_is_made_where_it_gets_its_limits_on_time() {
    let mut made = BTreeSet::new();
    for (path, text) in sources() {
        let path = path.display().to_string();
        let shipped = path.split('/').any(|part| part == "src") && !path.starts_with("tests/");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default();
        let services = ["aws_sdk_dynamodb", "aws_sdk_eventbridge", "aws_sdk_kms", "aws_sdk_s3"];
        let of_aws = services.iter().any(|service| code.contains(service));
        let makes = ["Client::new(", "Client::from_conf(", "Streams::new(", "Streams::from_conf("];
        if shipped && of_aws && makes.iter().any(|call| code.contains(call)) {
            made.insert(path);
        }
    }
    assert_eq!(made, CLIENTS.map(str::to_owned).into());
}

/// Log filters must keep working when a file moves.
#[test]
fn every_log_line_and_span_has_a_target_of_its_own() {
    let mut seen = 0;
    for (path, text) in
        sources().into_iter().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "src"))
    {
        for level in ["trace", "debug", "info", "warn", "error"] {
            for call in [format!("tracing::{level}!("), format!("tracing::{level}_span!(")] {
                for after in text.split(&call).skip(1) {
                    assert!(
                        after.trim_start().starts_with("target: \"ledger::"),
                        "{}: {call}",
                        path.display()
                    );
                    seen += 1;
                }
            }
        }
    }
    assert!(seen > 50, "{seen} lines and spans");
}

#[test]
fn no_file_is_named_utils_or_the_like() {
    for (path, _) in sources() {
        let name = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or_default();
        for vague in ["utils", "util", "helpers", "helper", "common", "misc", "manager", "service"] {
            assert_ne!(
                name,
                vague,
                "{}: name it after what it does, or write a decision record",
                path.display()
            );
        }
    }
}

#[test]
fn no_unfinished_code_is_left() {
    for (path, text) in sources().into_iter().filter(|(path, _)| path != Path::new("tests/architecture.rs")) {
        for mark in ["todo!(", "unimplemented!(", "dbg!("] {
            assert!(!text.contains(mark), "{} contains {mark}", path.display());
        }
    }
}
