//! The table of exit codes is what the commands answer: each command ends once with each of its codes.

use std::collections::BTreeSet;
use std::fs::OpenOptions;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use clap::CommandFactory;
use cli::exit::{EXIT_CODES, ExitCodes, for_docs};
use sqlite::rusqlite::Connection;

use crate::beneath;
use crate::commands::given_log;
use crate::scenario::{Ledger, PATIENCE, printed, program, repository};

/// Where nobody listens.
const NOBODY: [&str; 2] = ["--url", "http://127.0.0.1:1"];

/// What was tried, and how it ended.
#[derive(Default)]
struct Tried(BTreeSet<(&'static str, usize)>);

impl Tried {
    fn ends(&mut self, name: &'static str, code: usize, mut command: Command) {
        let output = command.stdin(Stdio::null()).output().unwrap();
        assert_eq!(output.status.code(), i32::try_from(code).ok(), "{command:?}: {}", printed(&output));
        self.0.insert((name, code));
    }
}

/// A command in a folder; its first argument is its name.
fn called(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = program();
    command.args(arguments).current_dir(folder);
    command
}

/// What asks a server: reached, refused because of the ledger, not reached.
fn ask_a_server(ledger: &Ledger, folder: &Path, tried: &mut Tried) {
    let there = ["--url", &ledger.url];
    let with = |arguments: &[&str], url: [&str; 2]| called(folder, &[arguments, &url].concat());
    for name in ["show", "history", "prices"] {
        tried.ends(name, 0, with(&[name, "p"], there));
        tried.ends(name, 1, with(&[name, "nosuch"], there));
        tried.ends(name, 2, with(&[name, "p"], NOBODY));
    }
    for (name, arguments) in [("list", &["list"][..]), ("find", &["find", "nosuch"])] {
        tried.ends(name, 0, with(arguments, there));
        tried.ends(name, 2, with(arguments, NOBODY));
    }
    for (name, arguments) in [
        ("catalogue", &["catalogue", "--as-of", "2999-01-01"][..]),
        ("diff", &["diff", "2020-01-01", "2999-01-01"]),
    ] {
        tried.ends(name, 0, with(arguments, there));
        tried.ends(name, 2, with(arguments, NOBODY));
    }
    tried.ends("status", 0, with(&["status"], there));
    tried.ends("status", 2, with(&["status"], NOBODY));
    tried.ends("commits", 0, with(&["commits"], there));
    tried.ends("commits", 1, with(&["commits", "--after", "99"], there));
    tried.ends("commits", 2, with(&["commits"], NOBODY));
    // A ledger, but nothing of it has this path.
    let elsewhere = format!("{}/elsewhere", ledger.url);
    for arguments in [&["show", "p"][..], &["list"], &["verify", "p"], &["verify"]] {
        let name = EXIT_CODES.iter().flat_map(|codes| codes.commands).find(|name| **name == arguments[0]);
        tried.ends(name.unwrap(), 2, with(arguments, ["--url", &elsewhere]));
    }
    tried.ends("import", 0, with(&["import", "lines"], there));
    tried.ends("import", 1, with(&["import", "no-lines"], there));
    tried.ends("import", 2, with(&["import", "lines"], NOBODY));
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let mut watch = with(&["watch"], there);
    let mut watch = watch.stdout(writer).stderr(Stdio::null()).spawn().unwrap();
    let begun = Instant::now();
    while watch.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < PATIENCE, "nobody reads what it prints");
        std::thread::sleep(Duration::from_millis(10));
    }
    assert_eq!(watch.wait().unwrap().code(), Some(0));
    tried.0.insert(("watch", 0));
    tried.ends("watch", 2, with(&["watch"], NOBODY));
    let mut unwritten = with(&["watch", "--from", "start"], there);
    unwritten.stdout(OpenOptions::new().write(true).open("/dev/full").unwrap());
    tried.ends("watch", 2, unwritten);
}

/// What works on files: done, refused because of what they hold, not there.
fn work_on_files(ledger: &Ledger, folder: &Path, tried: &mut Tried) {
    let call = |arguments: &[&str]| called(folder, arguments);
    tried.ends("export", 0, ledger.operator(&["export", "-o", folder.join("whole").to_str().unwrap()]));
    tried.ends("export", 1, ledger.operator(&["export", "nosuch"]));
    tried.ends("export", 2, call(&["export", "--data", "none"]));
    let whole = std::fs::read_to_string(folder.join("whole")).unwrap();
    std::fs::write(folder.join("changed"), whole.replacen("\"1.00\"", "\"1.01\"", 1)).unwrap();
    for (code, export) in [(0, "whole"), (1, "changed"), (2, "none")] {
        tried.ends("verify", code, call(&["verify", "--file", export]));
        tried.ends("restore", code, call(&["restore", export, "--data", &format!("restored-{code}")]));
    }
    for source in [["--url", &ledger.url], ["--file", "whole"]] {
        tried.ends("verify", 1, call(&[&["verify", "nosuch"], &source[..]].concat()));
    }
    tried.ends("verify", 1, ledger.operator(&["verify", "nosuch"]));
    given_log(folder);
    for (code, log) in [(0, "log"), (2, "none")] {
        tried.ends("log", code, call(&["log", "verify", log, "--key", "log.vkey"]));
    }
    std::fs::remove_dir_all(folder.join("log/tile")).unwrap();
    tried.ends("log", 1, call(&["log", "verify", "log", "--key", "log.vkey"]));
    let copy = folder.join("copy");
    tried.ends("backup", 0, ledger.operator(&["backup", copy.to_str().unwrap()]));
    tried.ends("migrate", 0, call(&["migrate", "copy"]));
    tried.ends("migrate", 2, call(&["migrate", "none"]));
    let connection = Connection::open(copy.join("publishing.sqlite3")).unwrap();
    let foreign = "UPDATE receipts SET record = json_set(record, '$.event_id', '01K9XFT9EG0000000000004001')";
    assert_eq!(connection.execute(foreign, []).unwrap(), 1);
    drop(connection);
    tried.ends("backup", 1, call(&["backup", "another", "--data", "copy"]));
    tried.ends("backup", 2, call(&["backup", "another", "--data", "none"]));
}

/// What operators do: done, no such product, no such ledger.
fn operate(ledger: &Ledger, folder: &Path, tried: &mut Tried) {
    tried.ends("parked", 0, ledger.operator(&["parked"]));
    tried.ends("parked", 1, ledger.operator(&["parked", "retry", "nosuch"]));
    tried.ends("replay", 0, ledger.operator(&["replay", "--all", "--dry-run"]));
    tried.ends("replay", 1, ledger.operator(&["replay", "--product", "nosuch"]));
    tried.ends("rebuild", 0, ledger.operator(&["rebuild", "products", "--dry-run"]));
    tried.ends("reconcile", 0, ledger.operator(&["reconcile"]));
    for arguments in [&["parked"][..], &["replay", "--all"], &["rebuild", "prices"], &["reconcile"]] {
        let name = EXIT_CODES.iter().flat_map(|codes| codes.commands).find(|name| **name == arguments[0]);
        tried.ends(name.unwrap(), 2, called(folder, &[arguments, &["--data", "none"]].concat()));
    }
}

/// Proofs: fetched, of nothing, of nobody, and of what is in no checkpoint yet.
async fn fetch_proofs(ledger: &Ledger, folder: &Path, tried: &mut Tried) {
    let prove =
        |id: &str, url: &str| called(folder, &["prove", id, "--sequence", "1", "--wait", "1", "--url", url]);
    let waiting = ["prove", "p", "--sequence", "1", "--wait", "120", "--url", &ledger.url];
    tried.ends("prove", 0, called(folder, &waiting));
    tried.ends("prove", 1, prove("nosuch", &ledger.url));
    tried.ends("prove", 2, prove("p", NOBODY[1]));
    let unlogged = Ledger::start_with(&["--log-interval", "3600"], &[]);
    let body = r#"{"name":"n","price":"1"}"#;
    unlogged.send("PUT", "/products/p", body).await;
    tried.ends("prove", 0, called(folder, &[&waiting[..7], &[unlogged.url.as_str()]].concat()));
    unlogged.send("PUT", "/products/q", body).await;
    tried.ends("prove", 3, prove("q", &unlogged.url));
}

#[tokio::test]
async fn each_command_ends_with_each_code_that_the_table_gives_it_and_with_no_other() {
    let mut ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    ledger.bus(|entries| entries.len() == 1).await;
    while !ledger.operate(&["reconcile"]).status.success() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let (folder, mut tried) = (folder.path(), Tried::default());
    std::fs::write(folder.join("no-lines"), "{}").unwrap();
    std::fs::write(folder.join("lines"), "").unwrap();
    ask_a_server(&ledger, folder, &mut tried);
    work_on_files(&ledger, folder, &mut tried);
    operate(&ledger, folder, &mut tried);
    fetch_proofs(&ledger, folder, &mut tried).await;
    for (name, good, wrong) in [("completions", "bash", "csh"), ("man", "show", "nosuch")] {
        tried.ends(name, 0, called(folder, &[name, good]));
        tried.ends(name, 2, called(folder, &[name, wrong]));
    }
    tried.ends("serve", 2, called(folder, &["serve", "--listen", "nowhere"]));
    assert_eq!(ledger.terminate(), Some(0));
    tried.0.insert(("serve", 0));
    beneath::misprice_view(&ledger, "p").await;
    tried.ends("rebuild", 1, ledger.operator(&["rebuild", "products", "--dry-run"]));
    tried.ends("reconcile", 1, ledger.operator(&["reconcile"]));
    let of = |codes: &'static ExitCodes| {
        codes.commands.iter().flat_map(|name| codes.told().map(|(code, _)| (*name, code)))
    };
    assert_eq!(tried.0, EXIT_CODES.iter().flat_map(of).collect());
}

#[test]
fn every_command_is_in_the_table_and_shows_its_codes_in_its_help() {
    let help = |arguments: &[&str]| {
        let output = program().args(arguments).arg("--help").output().unwrap();
        printed(&output).split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let all = help(&[]);
    for command in cli::Arguments::command().get_subcommands() {
        let name = command.get_name();
        let codes = ExitCodes::of(name).unwrap_or_else(|| panic!("the table of exit codes lacks {name}"));
        assert!(help(&[name]).contains(&codes.line()), "{name}: {}", help(&[name]));
        for (_, meaning) in codes.told() {
            assert!(all.contains(meaning), "{name}: {meaning}");
        }
    }
}

#[test]
fn the_page_of_the_interface_has_the_table() {
    let path = repository().join("docs/interface.md");
    let page = std::fs::read_to_string(&path).unwrap();
    let begin = page.find("\n\n| command | 0 | 1 | 2 |").unwrap() + 2;
    let length = page[begin..].split("\n\n").next().unwrap().trim_end().len();
    let mut expected = page.clone();
    expected.replace_range(begin..begin + length, for_docs().trim_end());
    if std::env::var_os("LEDGER_ACCEPT").is_some() {
        std::fs::write(&path, &expected).unwrap();
    }
    let page = std::fs::read_to_string(path).unwrap();
    assert!(
        page == expected,
        "docs/interface.md has another table of exit codes; `just accept` writes it again"
    );
}
