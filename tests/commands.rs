//! Every subcommand once: on the ledger that it was given and no other, and with nobody reading its output. A new
//! subcommand fails these tests until it is added here.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use clap::CommandFactory;
use ledger_log::files::LogFiles;
use ledger_log::{Leaf, LogCheckpoint, NoteSigner, ProofFile};
use serde_json::Value;

use crate::scenario::{Ledger, on_dynamodb, printed, program};

/// Which ledger a subcommand works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asks {
    /// The one of `--data`, or of the AWS environment.
    Either,
    /// A data directory alone.
    Directory,
    /// A server, by its URL.
    Server,
    /// None.
    Nothing,
}

/// A way to call a subcommand: its arguments, what it asks, and the exit code on a ledger with the product `p`.
type Call = (Vec<&'static str>, Asks, i32);

/// On tables there is no log, and nothing to prove.
const PROVE: [&str; 6] = ["prove", "p", "--sequence", "1", "--wait", "60"];

/// How a listing of the whole ledger is called.
fn listings(subcommand: &str) -> Vec<Call> {
    let server = |arguments: &[&'static str]| (arguments.to_vec(), Asks::Server, 0);
    let files = |arguments: &[&'static str]| (arguments.to_vec(), Asks::Directory, 0);
    match subcommand {
        "commits" => vec![
            server(&["commits"]),
            server(&["commits", "--descending", "--limit", "1", "--format", "json"]),
            files(&["commits", "--product", "p", "--format", "csv"]),
        ],
        "catalogue" => vec![
            server(&["catalogue", "--as-of", "2999-01-01"]),
            server(&["catalogue", "--in-force", "2999-01-01", "--format", "json"]),
            files(&["catalogue", "--as-of", "2999-01-01", "--format", "csv"]),
        ],
        _ => vec![
            server(&["diff", "2020-01-01", "2999-01-01"]),
            files(&["diff", "2020-01-01", "2999-01-01", "--by", "recorded", "--format", "json"]),
        ],
    }
}

/// How `ledger log` is called.
fn log_calls() -> Vec<Call> {
    vec![
        (vec!["log", "verify", "log", "--key", "log.vkey", "--keep", "kept"], Asks::Nothing, 0),
        (vec!["log", "key"], Asks::Directory, 0),
        // A server runs on the directory.
        (vec!["log", "rotate-key"], Asks::Directory, 2),
        (vec!["log", "new", "--log-origin", "example.com/other"], Asks::Directory, 2),
        (vec!["log", "restore"], Asks::Directory, 2),
        (vec!["log", "accept-restore", "--reason", "none"], Asks::Directory, 2),
    ]
}

/// How a subcommand is called.
fn calls(subcommand: &str) -> Vec<Call> {
    let either = |arguments: &[&'static str]| (arguments.to_vec(), Asks::Either, 0);
    let server = |arguments: &[&'static str]| (arguments.to_vec(), Asks::Server, 0);
    match subcommand {
        // The servers of these tests are `serve`; `watch` ends only when it is interrupted: tests/watch.rs.
        "serve" | "watch" => vec![],
        "import" => vec![server(&["import", "lines.ndjson"])],
        "list" => vec![server(&["list"]), server(&["list", "--sort", "name", "--limit", "1", "--json"])],
        "status" => vec![server(&["status"]), server(&["status", "--format", "json"])],
        "find" => {
            vec![server(&["find", "p"]), server(&["find", "nothing there"]), server(&["find", "p", "--json"])]
        }
        "show" => vec![
            server(&["show", "p"]),
            server(&["show", "p", "--as-of", "2999-01-01", "--time-zone", "Europe/Berlin"]),
        ],
        "history" => vec![server(&["history", "p"])],
        "prices" => vec![
            server(&["prices", "p"]),
            server(&["prices", "p", "--anchor", "2999-01-01", "--known-at", "2999-01-01"]),
        ],
        "commits" | "catalogue" | "diff" => listings(subcommand),
        "export" => vec![
            either(&["export"]),
            either(&["export", "-o", "export.ndjson", "--receipts", "receipts.ndjson"]),
        ],
        "verify" => vec![
            either(&["verify"]),
            either(&["verify", "p", "--heads"]),
            either(&["verify", "--receipts", "--views"]),
            server(&["verify", "--heads"]),
            server(&["verify", "p"]),
            (vec!["verify", "--proof", "proof", "--key", "log.vkey", "--hash", PROVED], Asks::Nothing, 0),
        ],
        "prove" => vec![(PROVE.to_vec(), Asks::Server, i32::from(on_dynamodb()))],
        "log" => log_calls(),
        "rebuild" => vec![
            either(&["rebuild", "products", "--overlap", "6"]),
            either(&["rebuild", "prices", "--dry-run", "--json"]),
        ],
        "reconcile" => vec![either(&["reconcile"]), either(&["reconcile", "--repair", "--json"])],
        "replay" => vec![
            either(&["replay", "--product", "p"]),
            either(&["replay", "--all", "--dry-run"]),
            either(&["replay", "--from", "2020-01-01T00:00:00Z", "--json"]),
            either(&["replay", "--from", "2020-01-01", "--to", "2020-01-31", "--time-zone", "Asia/Tokyo"]),
        ],
        "parked" => vec![
            either(&["parked"]),
            either(&["parked", "list", "--json"]),
            either(&["parked", "retry", "p"]),
            either(&["parked", "retry", "--all"]),
        ],
        "restore" => vec![(vec!["restore", "export.ndjson"], Asks::Directory, 2)],
        "backup" => vec![(vec!["backup", "copy"], Asks::Directory, 0)],
        "migrate" => vec![(vec!["migrate", "nothing-there"], Asks::Nothing, 2)],
        "completions" => vec![(vec!["completions", "bash"], Asks::Nothing, 0)],
        "man" => vec![(vec!["man"], Asks::Nothing, 0), (vec!["man", "parked", "retry"], Asks::Nothing, 0)],
        other => panic!("say here how `ledger {other}` is called, and what it asks"),
    }
}

fn every_call() -> Vec<Call> {
    let program = cli::Arguments::command();
    let subcommands: Vec<String> = program.get_subcommands().map(|one| one.get_name().to_owned()).collect();
    assert!(subcommands.len() > 10, "{subcommands:?}");
    subcommands.iter().filter(|name| *name != "help").flat_map(|name| calls(name)).collect()
}

/// A call on this ledger, from a folder with a file to import.
fn call(ledger: &Ledger, folder: &Path, (arguments, asks, _): &Call) -> Command {
    let mut command = match asks {
        Asks::Either => ledger.operator(arguments),
        Asks::Server | Asks::Nothing | Asks::Directory => {
            let mut command = program();
            command.args(arguments);
            command
        }
    };
    match asks {
        Asks::Server => command.args(["--url", &ledger.url]),
        Asks::Directory if !on_dynamodb() => command.arg("--data").arg(&ledger.data),
        _ => &mut command,
    };
    command.current_dir(folder).stdin(Stdio::null());
    command
}

/// A ledger that has published the product `p`, and a folder for the commands.
async fn given() -> (Ledger, tempfile::TempDir) {
    let ledger = Ledger::start();
    ledger.send("PUT", "/products/p", r#"{"name":"n","price":"1"}"#).await;
    let published = |page: &Value| !page["commits"][0]["receipts"][0].is_null();
    ledger.until("/products/p/history", |_, page| published(page)).await;
    ledger.until("/products/p", |status, _| status == 200).await;
    while !ledger.operate(&["reconcile"]).status.success() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let line = r#"{"command":"create","product_id":"q","name":"n","price":"1"}"#;
    std::fs::write(folder.path().join("lines.ndjson"), line).unwrap();
    given_log(folder.path());
    (ledger, folder)
}

/// The hash of the commit of [`given_log`].
const PROVED: &str = "0707070707070707070707070707070707070707070707070707070707070707";

/// A log of one commit in `log`, its key in `log.vkey`, and the proof of the commit in `proof`.
pub fn given_log(folder: &Path) {
    let signer = NoteSigner::from_seed("example.com/ledger", &[1; 32]).unwrap();
    let leaf = Leaf { parent: [6; 32], hash: [7; 32] };
    let LogFiles { files, root, size } = LogFiles::of(&[leaf.to_bytes()]).unwrap();
    let text = LogCheckpoint { origin: "example.com/ledger".to_owned(), size, root }.to_string();
    let checkpoint = signer.sign(text).unwrap().to_string();
    for (path, bytes) in files {
        let path = folder.join("log").join(path.to_string());
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    std::fs::write(folder.join("log/checkpoint"), &checkpoint).unwrap();
    std::fs::write(folder.join("log.vkey"), signer.verifier_key().to_string()).unwrap();
    let proof = ProofFile { extra: Some(leaf.parent.to_vec()), index: 0, hashes: Vec::new(), checkpoint };
    std::fs::write(folder.join("proof"), proof.to_string()).unwrap();
}

/// A ledger that nobody is told of, where a command without `--data` might look.
async fn decoy(folder: &Path) -> BTreeMap<OsString, Vec<u8>> {
    use event_store::Journal;
    let data = folder.join("ledger-data");
    let orders = schema::Orders::default();
    let directory = server::directory::DataDirectory::open(&data, &orders, || "decoy".into()).await.unwrap();
    let created = vec![schema::fixtures::helmet_created()];
    let commit = schema::fixtures::commit_after(None, &schema::fixtures::id("decoy"), created);
    directory.journal().await.unwrap().append(&event_store::seal(commit).unwrap().1).await.unwrap();
    directory.close().await;
    files(&data)
}

/// Every file of a directory.
fn files(directory: &Path) -> BTreeMap<OsString, Vec<u8>> {
    let entries = std::fs::read_dir(directory).unwrap().map(Result::unwrap);
    entries.map(|entry| (entry.file_name(), std::fs::read(entry.path()).unwrap())).collect()
}

#[tokio::test]
async fn every_subcommand_asks_the_ledger_it_was_told_of_and_says_which() {
    let (ledger, folder) = given().await;
    let untouched = decoy(folder.path()).await;
    let asked = if on_dynamodb() { "asked: AWS at http://127.0.0.1:" } else { "asked: the " };
    for one in every_call() {
        let output = call(&ledger, folder.path(), &one).output().unwrap();
        let (arguments, asks, code) = &one;
        let text = printed(&output);
        let of_files_alone = *asks == Asks::Directory;
        let code = if on_dynamodb() && of_files_alone { 2 } else { *code };
        let code = if !on_dynamodb() && arguments[0] == "restore" { 2 } else { code };
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(!text.contains("decoy"), "{arguments:?} asked another ledger: {text}");
        let says = String::from_utf8_lossy(&output.stderr).lines().any(|line| line.starts_with(asked));
        let lists = ["commits", "catalogue", "diff"].contains(&arguments[0]);
        let reads_files = lists && *asks == Asks::Directory && !on_dynamodb();
        assert_eq!(says, *asks == Asks::Either || reads_files, "{arguments:?}: {text}");
        if code == 2 && *asks == Asks::Directory {
            assert!(text.contains("--data"), "{arguments:?}: {text}");
        }
    }
    assert!(files(&folder.path().join("ledger-data")) == untouched, "the other ledger was touched");
}

/// Where nobody reads: the other end of a pipe is closed.
fn closed() -> Stdio {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    writer.into()
}

#[tokio::test]
async fn no_subcommand_minds_that_nobody_reads_what_it_prints() {
    let (ledger, folder) = given().await;
    // An overlap lasts, and another rebuild prints the same.
    let skipped = |arguments: &[&str]| arguments.contains(&"--overlap");
    for one in every_call().iter().filter(|(arguments, ..)| !skipped(arguments)) {
        let (arguments, asks, code) = one;
        let copy = folder.path().join("copy");
        let run = |out: Stdio, err: Stdio| -> Output {
            let _ = std::fs::remove_dir_all(&copy);
            call(&ledger, folder.path(), one)
                .stdout(out)
                .stderr(err)
                .spawn()
                .unwrap()
                .wait_with_output()
                .unwrap()
        };
        let of_files_alone = *asks == Asks::Directory;
        let code = if on_dynamodb() && of_files_alone { 2 } else { *code };
        for output in [run(closed(), Stdio::piped()), run(Stdio::piped(), closed()), run(closed(), closed())]
        {
            let text = printed(&output);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
            assert!(!text.contains("panicked") && !text.contains("Broken pipe"), "{arguments:?}: {text}");
        }
    }
}

/// A full disk, say: what a command prints is its result, and nobody would have it.
#[tokio::test]
async fn a_command_whose_output_cannot_be_written_says_so_and_ends_with_2() {
    let (ledger, folder) = given().await;
    for one in every_call().iter().filter(|(arguments, ..)| !arguments.contains(&"--overlap")) {
        let printed_to = |out: Stdio| call(&ledger, folder.path(), one).stdout(out).output().unwrap();
        let _ = std::fs::remove_dir_all(folder.path().join("copy"));
        if printed_to(Stdio::piped()).stdout.is_empty() {
            continue;
        }
        let _ = std::fs::remove_dir_all(folder.path().join("copy"));
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        let output = printed_to(full.into());
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{:?}: {text}", one.0);
        assert!(text.contains("cannot be written") && text.contains("No space left"), "{:?}: {text}", one.0);
    }
}

/// Without a ledger that is named nobody is asked, and at once: not the address where machines on AWS learn who they are.
#[tokio::test]
async fn where_nothing_names_a_ledger_the_option_that_does_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    decoy(folder.path()).await;
    for (arguments, ..) in every_call().iter().filter(|(_, asks, _)| *asks == Asks::Either) {
        let mut command = program();
        // An empty variable is none.
        command.args(arguments).current_dir(folder.path()).env("HOME", folder.path()).env("AWS_REGION", "");
        let output = command.output().unwrap();
        let text = printed(&output);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
        assert!(text.contains("--data") && text.trim().lines().count() == 1, "{arguments:?}: {text}");
    }
}

/// Nobody asks for credentials but the request that lacks them, and that says so in one line.
#[test]
fn that_there_are_no_credentials_is_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = program();
    command.args(["verify"]).current_dir(folder.path()).env("HOME", folder.path());
    command.env("AWS_REGION", "us-east-1").env("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:1");
    let output = command.output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!((output.status.code(), lines.len()), (Some(2), 2), "{text}");
    assert!(lines[0].starts_with("asked: AWS, us-east-1"), "{text}");
    let advice =
        "no AWS credentials were found; set AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";
    assert_eq!(lines[1], format!("ledger: the event table failed: {advice}"));
}

/// What is not the URL of an endpoint is said before anything is asked.
#[test]
fn a_wrong_endpoint_is_one_line_that_names_its_variable_and_the_form() {
    let folder = tempfile::tempdir().unwrap();
    let serve = ["serve", "--dynamodb", "aws", "--listen", "127.0.0.1:0"];
    for variable in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_DYNAMODB", "AWS_ENDPOINT_URL_EVENTBRIDGE"] {
        for arguments in [&["parked"][..], &["verify"], &serve] {
            let mut command = program();
            command.args(arguments).current_dir(folder.path()).env("HOME", folder.path());
            command.env("AWS_REGION", "us-east-1").env(variable, "localhost:8000");
            command.env("AWS_ACCESS_KEY_ID", "a").env("AWS_SECRET_ACCESS_KEY", "b");
            let output = command.output().unwrap();
            let text = printed(&output);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
            let told = format!(
                "ledger: {variable}: \"localhost:8000\" is not the URL of an endpoint, which has the form http://host:port\n"
            );
            assert_eq!(text, told, "{arguments:?}");
        }
    }
}

/// No request could be sent with it, whoever is asked.
#[test]
fn a_token_with_a_character_that_no_token_has_is_refused_at_once_and_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("lines.ndjson"), "{}").unwrap();
    for token in ["s3cr3t\nx", "s3cr3t\u{7f}", "s3cr3t x", "s3cr3té"] {
        for arguments in
            [&["import", "lines.ndjson"][..], &["verify"], &["list"], &["history", "p"], &["watch"]]
        {
            let mut command = program();
            command.args(arguments).args(["--url", "http://127.0.0.1:1"]);
            let output = command.current_dir(folder.path()).env("LEDGER_TOKEN", token).output().unwrap();
            let text = printed(&output);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {text}");
            assert!(text.starts_with("ledger: LEDGER_TOKEN: is not a token"), "{arguments:?}: {text}");
            assert!(text.lines().count() == 1 && !text.contains("s3cr3t"), "{arguments:?}: {text}");
        }
    }
}

/// Tables that are not there, nobody who listens, nobody who may: one line with what AWS said, and nothing of libraries.
#[tokio::test]
async fn what_aws_refuses_is_one_line_with_its_code_or_why_it_said_nothing() {
    let (ledger, folder) = given().await;
    for one in every_call().iter().filter(|(_, asks, _)| *asks == Asks::Either) {
        for (name, value, says) in [
            ("AWS_ENDPOINT_URL", "http://127.0.0.1:1", "Connection refused"),
            ("LEDGER_EVENTS_TABLE", "not-there", "ResourceNotFoundException"),
        ] {
            if !on_dynamodb() || one.0[0] == "parked" && name == "LEDGER_EVENTS_TABLE" {
                continue;
            }
            let mut command = call(&ledger, folder.path(), one);
            let output = command.env(name, value).env("AWS_MAX_ATTEMPTS", "1").output().unwrap();
            let text = String::from_utf8_lossy(&output.stderr);
            let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("ledger: ")).collect();
            assert_eq!(output.status.code(), Some(2), "{:?}: {text}", one.0);
            assert!(lines.len() == 1 && lines[0].contains(says), "{:?}: {text}", one.0);
            assert!(lines[0].matches(says).count() == 1 && !lines[0].contains(" { "), "{text}");
        }
    }
}
