//! Wrong settings and environments give one clear line and exit code 2, never a panic.

use std::process::Command;

use crate::scenario::{Ledger, printed, program};

fn refused(command: &mut Command, part: &str) {
    let output = command.output().unwrap();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.contains(part), "{part} in {text}");
    assert_eq!(text.trim().lines().count(), 1, "{text}");
}

#[test]
fn each_wrong_setting_is_named() {
    for (name, value) in [
        ("LEDGER_DEFAULT_CURRENCY", "dollars"),
        ("LEDGER_EVENTS_TABLE", "a b"),
        ("LEDGER_EVENT_BUS", ""),
        ("LEDGER_EVENT_SOURCE", " "),
        ("LEDGER_ORDERS", "id,sku"),
        ("LEDGER_ORDERS", "name"),
    ] {
        refused(program().args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]).env(name, value), name);
    }
}

#[test]
fn an_address_that_others_could_reach_is_refused_without_authentication() {
    for address in ["0.0.0.0:0", "[::]:0", "192.168.1.1:8080"] {
        refused(program().args(["serve", "--in-memory", "--listen", address]), address);
    }
}

#[tokio::test]
async fn a_port_or_a_data_directory_in_use_is_named() {
    let ledger = Ledger::start();
    let address = ledger.url.trim_start_matches("http://");
    refused(program().args(["serve", "--in-memory", "--listen", address]), address);
    let data = ledger.data.to_str().unwrap();
    refused(program().args(["serve", "--listen", "127.0.0.1:0", "--data", data]), data);
    assert_eq!(ledger.get("/health").await.0, 200);
}

#[test]
fn a_data_directory_that_cannot_be_written_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let inside = file.path().join("data");
    let inside = inside.to_str().unwrap();
    refused(program().args(["serve", "--listen", "127.0.0.1:0", "--data", inside]), inside);
    let proc = "/proc/ledger-data";
    refused(program().args(["serve", "--listen", "127.0.0.1:0", "--data", proc]), proc);
}

#[test]
fn a_data_directory_that_holds_something_else_is_named_and_left_alone() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("ledger.sqlite3");
    std::fs::write(&file, "this is no database, but it may be dear to somebody").unwrap();
    let data = directory.path().to_str().unwrap();
    refused(program().args(["serve", "--listen", "127.0.0.1:0", "--data", data]), data);
    assert_eq!(std::fs::read_to_string(file).unwrap(), "this is no database, but it may be dear to somebody");
}

#[test]
fn arguments_that_exclude_each_other_are_refused() {
    for arguments in [
        vec!["serve", "--in-memory", "--data", "x"],
        vec!["serve", "--create-tables"],
        vec!["serve", "--listen", "nowhere"],
        vec!["import"],
        vec!["unknown"],
    ] {
        assert_eq!(program().args(&arguments).output().unwrap().status.code(), Some(2), "{arguments:?}");
    }
}
