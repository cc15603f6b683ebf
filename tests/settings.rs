//! Wrong settings and environments give one clear line and exit code 2, never a panic. Every setting is documented.

use std::fmt::Write;
use std::process::Command;

use clap::CommandFactory;
use schema::settings::Variable;

use crate::auth::issuer::{Key, key_set};
use crate::scenario::{Ledger, printed, program, repository};

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
        ("LEDGER_LOG_FORMAT", "pretty"),
    ] {
        refused(program().args(["serve", "--in-memory", "--listen", "127.0.0.1:0"]).env(name, value), name);
    }
}

#[test]
fn a_variable_that_nothing_reads_is_warned_of_with_the_name_that_was_probably_meant() {
    let output =
        program().arg("parked").env("LEDGER_EVNETS_TABLE", "events").env("LEDGER_URL", "x").output().unwrap();
    let text = printed(&output);
    assert!(
        text.contains("LEDGER_EVNETS_TABLE is no setting and is ignored; did you mean LEDGER_EVENTS_TABLE?"),
        "{text}"
    );
    assert!(!text.contains("LEDGER_URL"), "{text}");
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
    for part in [address, "Address already in use (os error 98)", "port 0 picks a free one"] {
        refused(program().args(["serve", "--in-memory", "--listen", address]), part);
    }
    let data = ledger.data.to_str().unwrap();
    refused(program().args(["serve", "--listen", "127.0.0.1:0", "--data", data]), data);
    assert_eq!(ledger.get("/health").await.0, 200);
}

#[test]
fn an_address_of_another_machine_is_named() {
    let (key, file) = (Key::ed("k"), tempfile::NamedTempFile::new().unwrap());
    std::fs::write(file.path(), key_set(&[&key])).unwrap();
    let mut command = program();
    // An address for documentation (RFC 5737).
    command.args([
        "serve",
        "--in-memory",
        "--listen",
        "192.0.2.1:8080",
        "--auth-issuer",
        "i",
        "--auth-audience",
        "a",
    ]);
    refused(command.arg("--auth-jwks").arg(file.path()), "it is no address of this machine");
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

/// A flag of the server as a row of docs/settings.md.
fn row_of_flag(flag: &clap::Arg) -> String {
    let takes_value = flag.get_action().takes_values();
    let possible: Vec<_> =
        flag.get_possible_values().iter().map(|value| value.get_name().to_owned()).collect();
    let value = if !takes_value {
        String::new()
    } else if possible.is_empty() {
        format!(" {}", flag.get_value_names().map_or("VALUE", |names| names[0].as_str()))
    } else {
        format!(" {}", possible.join("|"))
    };
    let variable = flag.get_env().map_or("—".to_owned(), |name| format!("`{}`", name.to_string_lossy()));
    let default = flag.get_default_values().first().filter(|_| takes_value);
    let default = default.map_or("—".to_owned(), |value| format!("`{}`", value.to_string_lossy()));
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    let name = format!("--{}{value}", flag.get_long().unwrap()).replace('|', "\\|");
    format!("| `{name}` | {variable} | {default} | {help} |\n")
}

/// Variables as rows of docs/settings.md.
fn rows_of_variables(variables: &[Variable]) -> String {
    let rows = variables.iter().map(|variable| {
        let default = variable.default.map_or("—".to_owned(), |value| format!("`{value}`"));
        format!("| `{}` | {default} | {} | {} |\n", variable.name, variable.effect, variable.read_by)
    });
    rows.collect()
}

#[test]
fn the_page_of_settings_lists_every_flag_of_the_server_and_every_variable() {
    let command = cli::Arguments::command();
    let serve = command.find_subcommand("serve").unwrap();
    let mut flags = "| flag | variable | default | effect |\n|---|---|---|---|\n".to_owned();
    for flag in serve.get_arguments().filter(|flag| flag.get_long().is_some_and(|name| name != "help")) {
        write!(flags, "{}", row_of_flag(flag)).unwrap();
    }
    let heading = "| variable | default | effect | read by |\n|---|---|---|---|\n";
    let ours = [&schema::settings::VARIABLES[..], &cli::environment::VARIABLES].concat();
    let variables = format!("{heading}{}", rows_of_variables(&ours));
    let path = repository().join("docs/settings.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let mut expected = page.clone();
    for (begin, table) in [("\n\n| flag |", flags), ("\n\n| variable |", variables)] {
        let before = expected.find(begin).unwrap() + 2;
        let length = expected[before..].split("\n\n").next().unwrap().len();
        expected.replace_range(before..before + length, table.trim_end());
    }
    if std::env::var_os("LEDGER_ACCEPT").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(page == expected, "docs/settings.md differs from the program; `just accept` writes it again");
}

#[test]
fn a_variable_of_a_flag_is_known_to_the_program() {
    let known = cli::environment::VARIABLES.map(|variable| variable.name);
    for command in cli::Arguments::command().get_subcommands() {
        for name in command.get_arguments().filter_map(clap::Arg::get_env) {
            assert!(known.contains(&&*name.to_string_lossy()), "{name:?} of {}", command.get_name());
        }
    }
}

/// The value of a directive in a unit file.
fn directive<'a>(unit: &'a str, name: &str) -> &'a str {
    let line = unit.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('='));
    line.unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn the_documented_unit_starts_the_server_again_and_waits_for_its_stop() {
    let page = std::fs::read_to_string(repository().join("docs/one-machine.md")).unwrap();
    let unit = page.split("```ini\n").nth(1).unwrap().split("```").next().unwrap();
    let command = cli::Arguments::command();
    let started = command.try_get_matches_from(directive(unit, "ExecStart").split(' ')).unwrap();
    let (name, serve) = started.subcommand().unwrap();
    let stop_timeout: u64 = *serve.get_one("stop_timeout").unwrap();
    assert_eq!(name, "serve");
    assert!(directive(unit, "TimeoutStopSec").parse::<u64>().unwrap() > stop_timeout);
    assert_eq!(directive(unit, "Restart"), "on-failure");
    assert_eq!(directive(unit, "StartLimitIntervalSec"), "0", "systemd gives up otherwise");
}
