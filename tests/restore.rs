//! A restore gives back what was exported: byte for byte, with its receipts, interrupted or not, and without publishing
//! it again.

mod refused;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use event_store::seal;
use schema::{Commit, fixtures};
use serde_json::{Value, json};
use sqlite::rusqlite::{Connection, OpenFlags};

use crate::scenario::{Ledger, adventure_works, printed, program};

/// A ledger with the sample in it, all of it published, and what was exported of it.
async fn exported() -> (Ledger, PathBuf, PathBuf) {
    let ledger = Ledger::start();
    let imported = ledger.import(&adventure_works()).output().unwrap();
    assert!(imported.status.success(), "{}", printed(&imported));
    until("every receipt is there", || ledger.operate(&["verify", "--receipts"]).status.success()).await;
    let (export, receipts) =
        (ledger.data.with_file_name("export.ndjson"), ledger.data.with_file_name("receipts.ndjson"));
    let (export_name, receipts_name) = (export.to_str().unwrap(), receipts.to_str().unwrap());
    let output = ledger.operate(&["export", "-o", export_name, "--receipts", receipts_name]);
    assert!(output.status.success(), "{}", printed(&output));
    (ledger, export, receipts)
}

fn restore(export: &Path, data: &Path) -> Command {
    let mut command = program();
    command.arg("restore").arg(export).arg("--data").arg(data);
    command
}

/// The restore is done, and this is what it said.
fn restored(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// The exit code and what was said.
fn ended(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), printed(output))
}

/// The hash over all heads, of a ledger or an export that is whole.
fn heads(arguments: &[&str], of: &Path) -> String {
    let output = program().arg("verify").args(arguments).arg(of).output().unwrap();
    assert!(output.status.success(), "{}", printed(&output));
    String::from_utf8(output.stdout).unwrap().trim().rsplit(' ').next().unwrap().to_owned()
}

/// The first column of a query on a file of a data directory.
pub fn asked(file: &Path, query: &str) -> Vec<String> {
    let Ok(connection) = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_ONLY) else {
        return Vec::new();
    };
    connection.busy_timeout(Duration::from_secs(5)).unwrap();
    let Ok(mut statement) = connection.prepare(query) else { return Vec::new() };
    let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
    rows.map(Result::unwrap).collect()
}

pub fn count(file: &Path, what: &str) -> u64 {
    asked(file, &format!("SELECT CAST(count(*) AS TEXT) FROM {what}"))
        .first()
        .map_or(0, |n| n.parse().unwrap())
}

/// Waits until the publisher has passed every commit.
pub async fn until_passed(data: &Path, commits: u64) {
    let publishing = data.join("publishing.sqlite3");
    let passed = "SELECT CAST(position AS TEXT) FROM checkpoints WHERE consumer = 'publisher'";
    until("the publisher has passed every commit", || {
        asked(&publishing, passed).first() == Some(&(commits - 1).to_string())
    })
    .await;
}

/// Waits for what has to come, but not for ever.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < Duration::from_mins(3), "timed out waiting: {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn the_sample_comes_back_with_its_receipts_and_nothing_of_it_is_published_again() {
    let (mut ledger, export, receipts) = exported().await;
    ledger.terminate();
    let was = heads(&["--receipts", "--data"], &ledger.data);
    let data = ledger.data.with_file_name("restored");
    let said = restored(restore(&export, &data).arg("--receipts").arg(&receipts));
    assert!(said.starts_with("696 commits: 696 written, 0 there before; 696 receipts, 0 products"), "{said}");
    assert_eq!(heads(&["--receipts", "--data"], &data), was);
    let again = restored(restore(&export, &data).arg("--receipts").arg(&receipts));
    assert!(again.starts_with("696 commits: 0 written, 696 there before"), "{again}");

    let lines = std::fs::read_to_string(&export).unwrap();
    let mut stored =
        asked(&data.join("ledger.sqlite3"), "SELECT line FROM commits ORDER BY product_id, sequence");
    assert_eq!(stored.join("\n") + "\n", lines);
    stored = asked(
        &data.join("ledger.sqlite3"),
        "SELECT CAST(position AS TEXT) FROM commits ORDER BY recorded_at, product_id, sequence",
    );
    assert_eq!(stored, (0..696).map(|n| n.to_string()).collect::<Vec<_>>());

    ledger.data = data;
    ledger.restart();
    until_passed(&ledger.data, 696).await;
    ledger.until("/products?limit=1", |status, _| status == 200).await;
    assert_eq!(ledger.list(100).await.len(), 406);
    let publishing = ledger.data.join("publishing.sqlite3");
    assert_eq!((count(&publishing, "bus"), count(&publishing, "receipts")), (0, 696));
    let (mut theirs, mut ours) = (Vec::new(), asked(&publishing, "SELECT record FROM receipts"));
    for line in std::fs::read_to_string(&receipts).unwrap().lines() {
        let mut receipt: Value = serde_json::from_str(line).unwrap();
        receipt.as_object_mut().unwrap().retain(|name, _| name != "product_id" && name != "sequence");
        theirs.push(receipt.to_string());
    }
    ours = ours.iter().map(|record| serde_json::from_str::<Value>(record).unwrap().to_string()).collect();
    theirs.sort();
    ours.sort();
    assert_eq!(ours, theirs);
}

#[tokio::test]
async fn without_receipts_events_count_as_published_until_the_commit_is_another_one() {
    let directory = tempfile::tempdir().unwrap();
    let export = directory.path().join("export.ndjson");
    std::fs::write(&export, generated(2, 3)).unwrap();
    let data = directory.path().join("data");
    let said = restored(&mut restore(&export, &data));
    assert!(said.contains("0 receipts, 2 products with events that count as published"), "{said}");
    assert_eq!(heads(&["--receipts", "--data"], &data), heads(&["--file"], &export));

    let mut ledger = Ledger::on(data);
    let history = ledger.history("p-0").await;
    let marked = json!([{"restored": true}]);
    assert_eq!(history.iter().map(|commit| &commit["receipts"]).collect::<Vec<_>>(), [&marked; 3]);
    let shown = program().args(["history", "p-0", "--url", &ledger.url]).output().unwrap();
    assert_eq!(printed(&shown).matches("restored").count(), 3 + 1, "{}", printed(&shown));
    // What comes after is published, and has a receipt.
    ledger.send("PATCH", "/products/p-0", r#"{"price":"77"}"#).await;
    let entries = ledger.bus(|entries| !entries.is_empty()).await;
    assert_eq!(entries[0]["detail"]["metadata"]["sequence"], 4);
    until("every receipt is there", || ledger.operate(&["verify", "--receipts"]).status.success()).await;
    let history = ledger.history("p-0").await;
    assert_eq!(history[0]["receipts"], marked);
    assert_eq!(history[3]["receipts"][0]["attempts"], 1);
    ledger.terminate();
    assert_eq!(count(&ledger.data.join("publishing.sqlite3"), "bus"), 1);

    // A mark that does not fit covers nothing.
    let publishing = Connection::open(ledger.data.join("publishing.sqlite3")).unwrap();
    publishing.execute("UPDATE restored SET hash = ?1 WHERE product_id = 'p-1'", ["0".repeat(64)]).unwrap();
    drop(publishing);
    assert_eq!(ledger.operate(&["verify", "--receipts"]).status.code(), Some(1));
    ledger.restart();
    assert_eq!(ledger.history("p-0").await[0]["receipts"], marked);
    assert_eq!(ledger.history("p-1").await[0]["receipts"], json!([null]));
}

#[tokio::test]
async fn on_request_what_has_no_receipt_is_published_after_the_start() {
    let directory = tempfile::tempdir().unwrap();
    let export = directory.path().join("export.ndjson");
    std::fs::write(&export, generated(2, 3)).unwrap();
    let data = directory.path().join("data");
    restored(restore(&export, &data).arg("--publish"));
    let ledger = Ledger::on(data);
    let entries = ledger.bus(|entries| entries.len() == 6).await;
    assert_eq!(entries.len(), 6);
    until("every receipt is there", || ledger.operate(&["verify", "--receipts"]).status.success()).await;
    assert_eq!(count(&ledger.data.join("publishing.sqlite3"), "receipts"), 6);
}

#[tokio::test]
async fn what_stands_behind_a_missing_receipt_is_published_again_in_order() {
    let (_ledger, export, receipts) = exported().await;
    let text = std::fs::read_to_string(&receipts).unwrap();
    let of = |line: &str| -> (String, u64) {
        let receipt: Value = serde_json::from_str(line).unwrap();
        (receipt["product_id"].as_str().unwrap().to_owned(), receipt["sequence"].as_u64().unwrap())
    };
    let (product, _) = text.lines().map(of).find(|(_, sequence)| *sequence == 3).unwrap();
    let lost = (product.clone(), 2);
    let left: Vec<&str> = text.lines().filter(|line| of(line) != lost).collect();
    std::fs::write(&receipts, left.join("\n")).unwrap();

    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    restored(restore(&export, &data).arg("--publish").arg("--receipts").arg(&receipts));
    let ledger = Ledger::on(data);
    until("every receipt is there", || ledger.operate(&["verify", "--receipts"]).status.success()).await;
    let entries = ledger.bus(|entries| entries.len() == 2).await;
    let metadata = |entry: &Value| entry["detail"]["metadata"].clone();
    let places: Vec<_> =
        entries.iter().map(metadata).map(|of| (of["product_id"].clone(), of["sequence"].clone())).collect();
    assert_eq!(places, [(json!(product), json!(2)), (json!(product), json!(3))]);
}

#[tokio::test]
async fn killed_again_and_again_a_restore_goes_on_where_it_was() {
    killed(5, 700, 2).await;
}

/// `cargo test -p cli --test whole -- --ignored killed_twenty`: some minutes.
#[tokio::test]
#[ignore = "100,000 commits and twenty kills take minutes"]
async fn killed_twenty_times_a_restore_of_100_000_commits_goes_on_where_it_was() {
    killed(100, 1_000, 20).await;
}

async fn killed(products: usize, each: usize, kills: u64) {
    let directory = tempfile::tempdir().unwrap();
    let export = directory.path().join("export.ndjson");
    std::fs::write(&export, generated(products, each)).unwrap();
    let total = (products * each) as u64;
    let at_once = directory.path().join("at-once");
    restored(&mut restore(&export, &at_once));
    let data = directory.path().join("data");
    let file = data.join("ledger.sqlite3");
    for kill in 1..=kills {
        let mut child = restore(&export, &data).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while count(&file, "commits") < kill * total / (kills + 2) && child.try_wait().unwrap().is_none() {
            std::thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        assert_eq!(child.wait().unwrap().code(), None, "the restore ended before the kill");
        let serve = program().args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(&data).output();
        let (code, said) = ended(&serve.unwrap());
        assert!(code == Some(2) && said.contains("ledger restore"), "{said}");
        let copy = directory.path().join("copy");
        let backup = program().arg("backup").arg(&copy).arg("--data").arg(&data).output();
        assert!(ended(&backup.unwrap()).0 == Some(1) && !copy.exists(), "a copy of half a restore");
    }
    let said = restored(&mut restore(&export, &data));
    assert!(said.starts_with(&format!("{total} commits: ")) && !said.contains(": 0 written"), "{said}");
    let said = restored(&mut restore(&export, &data));
    assert!(said.contains(&format!(": 0 written, {total} there before")), "{said}");

    let places = "SELECT position || ' ' || product_id || ' ' || sequence || ' ' || hash FROM commits ORDER BY position";
    assert!(asked(&file, places) == asked(&at_once.join("ledger.sqlite3"), places), "other positions");
    assert_eq!(heads(&["--receipts", "--data"], &data), heads(&["--file"], &export));
    let ledger = Ledger::on(data);
    until_passed(&ledger.data, total).await;
    ledger.until("/products?limit=1", |status, _| status == 200).await;
    let publishing = ledger.data.join("publishing.sqlite3");
    assert_eq!((count(&publishing, "bus"), count(&publishing, "receipts")), (0, 0));
    assert_eq!(heads(&["--receipts", "--data"], &ledger.data), heads(&["--file"], &export));
}

/// Ends a restore like Ctrl-C, as soon as it waits or works as `ready` says, and returns what it said.
fn interrupted<T>(command: &mut Command, ready: impl FnOnce() -> T) -> String {
    let child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let _held = ready();
    assert!(Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap().success());
    let (code, said) = ended(&child.wait_with_output().unwrap());
    assert_eq!(code, Some(2), "{said}");
    said
}

/// Before anything is written, a server starts on what was there before; from then on none does.
#[test]
fn an_interrupted_restore_says_whether_anything_was_written() {
    let directory = tempfile::tempdir().unwrap();
    let [export, pipe, data] = ["export.ndjson", "receipts", "data"].map(|name| directory.path().join(name));
    std::fs::write(&export, generated(5, 700)).unwrap();
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    // It opens the receipts, which come first, and waits for them.
    let waits = || std::fs::OpenOptions::new().write(true).open(&pipe).unwrap();
    let said = interrupted(restore(&export, &data).arg("--receipts").arg(&pipe), waits);
    assert!(said.contains("stopped: nothing was written yet; run it again"), "{said}");
    assert!(!data.exists());

    let unfinished = "stopped: not everything was written; run it again to go on";
    let file = data.join("ledger.sqlite3");
    let writes = || while count(&file, "commits") == 0 {};
    let said = interrupted(&mut restore(&export, &data), writes);
    assert!(said.contains(unfinished), "{said}");
    assert!(count(&file, "commits") < 3_500, "it was interrupted too late");
    let said = interrupted(restore(&export, &data).arg("--receipts").arg(&pipe), waits);
    assert!(said.contains(unfinished), "{said}");
    restored(&mut restore(&export, &data));
}

/// Nobody builds the views before a server starts.
#[test]
fn after_a_restore_the_views_are_said_to_be_built_at_the_next_start() {
    let directory = tempfile::tempdir().unwrap();
    let [export, data] = ["export.ndjson", "data"].map(|name| directory.path().join(name));
    std::fs::write(&export, generated(2, 3)).unwrap();
    restored(&mut restore(&export, &data));
    let output = program().args(["verify", "--views", "--data"]).arg(&data).output().unwrap();
    let (code, said) = ended(&output);
    let told = "the views are not built yet: they are built at the next start of the server";
    assert!(code == Some(2) && said.contains(told), "{said}");
}

/// An export of so many products, each created, deleted and restored until it has so many commits.
fn generated(products: usize, each: usize) -> String {
    let mut text = String::new();
    let mut ids: Vec<String> = (0..products).map(|n| format!("p-{n}")).collect();
    ids.sort();
    for id in ids {
        let mut last: Option<Commit> = None;
        for n in 0..each {
            let event = match n {
                0 => fixtures::helmet_created(),
                n if n % 2 == 1 => fixtures::helmet_deleted(),
                _ => fixtures::helmet_restored(),
            };
            let (commit, stored) =
                seal(fixtures::commit_after(last.as_ref(), &fixtures::id(&id), vec![event])).unwrap();
            let line = String::from_utf8(event_store::export::canonical(&stored).unwrap()).unwrap();
            writeln!(text, "{line}").unwrap();
            last = Some(commit);
        }
    }
    text
}
