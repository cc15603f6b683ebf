//! An export by position is the log of its ledger: whoever has it can check the order that was signed, and a ledger that is restored
//! from it goes on with that order, under the same log or another one.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ledger_log::{LogCheckpoint, SignedNote};
use serde_json::{Value, json};

use crate::logged::{assert_whole, key, log, put, until_logged, until_stopped};
use crate::restore::{asked, count, until};
use crate::scenario::{Ledger, client, printed, program, repository};
use crate::watched::{backup, checkpoint, ledger_log};

const ORIGIN: &str = "example.com/log";

fn run(command: &mut Command, code: i32) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{command:?}: {}", printed(&output));
    printed(&output)
}

/// An export of a data directory in a new file beside it.
fn export(data: &Path, by: &str) -> PathBuf {
    let file = data.with_extension(format!("by-{by}"));
    run(program().args(["export", "--by", by, "--data"]).arg(data).arg("-o").arg(&file), 0);
    file
}

fn restore(export: &Path, data: &Path, more: &[&str], code: i32) -> String {
    run(program().arg("restore").arg(export).arg("--data").arg(data).args(more), code)
}

fn verified(arguments: &[&str], path: &Path) -> Output {
    program().arg("verify").args(arguments).arg(path).output().unwrap()
}

/// The hash over all heads of what is whole.
fn heads(arguments: &[&str], path: &Path) -> String {
    let output = verified(arguments, path);
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    String::from_utf8(output.stdout).unwrap().trim().rsplit(' ').next().unwrap().to_owned()
}

/// The same by the documented verifier.
fn by_python(file: &Path) -> Option<(i32, String)> {
    let script = repository().join("docs/audit/verify.py");
    let output = Command::new("python3").arg(script).arg(file).output().ok()?;
    Some((output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).trim().to_owned()))
}

fn positions(data: &Path) -> Vec<String> {
    let query = "SELECT position || ' ' || hash FROM commits UNION ALL SELECT position || ' ' || hex(entry) FROM log_entries ORDER BY 1";
    asked(&data.join("ledger.sqlite3"), query)
}

/// Changes products in turn, so that no product's commits stand together.
async fn change(ledger: &Ledger, products: &[&str], prices: std::ops::Range<usize>) {
    for price in prices {
        for product in products {
            let body = format!(r#"{{"name":"{product}","price":"{price}"}}"#);
            let (status, answer) = ledger.send("PUT", &format!("/products/{product}"), &body).await;
            assert!(status == 200 || status == 201, "{answer}");
        }
    }
}

/// A ledger with a log of so many entries, which is stopped.
async fn stopped(origin: &str, prices: usize) -> Ledger {
    let mut ledger = Ledger::start_with(&["--log-origin", origin], &[]);
    change(&ledger, &["z", "a", "m"], 1..1 + prices).await;
    until_logged(&ledger, 3 * prices as u64).await;
    assert_eq!(ledger.terminate(), Some(0));
    ledger
}

#[tokio::test]
async fn an_export_by_position_has_the_order_and_the_checkpoint_of_the_log_and_the_same_heads() {
    let ledger = Ledger::start();
    change(&ledger, &["z", "a", "m"], 1..100).await;
    until_logged(&ledger, 297).await;
    // The server goes on meanwhile.
    let (file, by_product) = (export(&ledger.data, "position"), export(&ledger.data, "product"));
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0], json!({"checkpoint": String::from_utf8(checkpoint(&ledger.data)).unwrap()}));
    let mut stored = asked(&ledger.data.join("ledger.sqlite3"), "SELECT line FROM commits ORDER BY position");
    assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), stored);
    let by_product_text = std::fs::read_to_string(&by_product).unwrap();
    stored.sort();
    let mut sorted: Vec<&str> = by_product_text.lines().collect();
    sorted.sort_unstable();
    assert_eq!(sorted, stored);

    let ours = heads(&["--file"], &file);
    assert_eq!(heads(&["--file"], &by_product), ours);
    let [position, product] = [&file, &by_product].map(|file| file.to_str().unwrap());
    heads(&["--against", product, "--file"], &file);
    heads(&["--against", position, "--file"], &by_product);
    heads(&["--against", position, "--data"], &ledger.data);
    let mut piped = program();
    piped.args(["verify", "--file", "-"]).stdin(std::fs::File::open(&file).unwrap());
    assert!(run(&mut piped, 0).contains(&ours));
    for question in [&["history", "a"][..], &["show", "m", "--version", "7"], &["prices", "z"]] {
        let told = |file| run(program().args(question).args(["--json", "--file", file]), 0);
        let answers = [position, product]
            .map(|file| told(file).lines().filter(|line| !line.contains(file)).collect::<String>());
        assert_eq!(answers[0], answers[1], "{question:?}");
    }
    let key = key(&ledger.data);
    for file in [&file, &by_product] {
        assert_whole(&log(&ledger), &key, &[("--export", file)]);
        if let Some((code, said)) = by_python(file) {
            assert!(code == 0 && said.ends_with(&ours), "{said}");
        }
    }
}

#[tokio::test]
async fn an_export_by_position_that_was_altered_does_not_give_the_root_that_was_signed() {
    let ledger = stopped(ORIGIN, 4).await;
    let file = export(&ledger.data, "position");
    let text = std::fs::read_to_string(&file).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let without = |place: usize| [&lines[..place], &lines[place + 1..]].concat();
    let mut exchanged = lines.clone();
    exchanged.swap(2, 3);
    let entry = format!(r#"{{"position":11,"entry":"{}"}}"#, STANDARD.encode([7; 64]));
    let misplaced = format!(r#"{{"position":3,"entry":"{}"}}"#, STANDARD.encode([7; 64]));
    for (what, altered, told) in [
        ("exchanged", exchanged, "have the root"),
        ("cut off", lines[..12].to_vec(), "covers 12 positions, and the export has 11 positions"),
        ("without its newest commit of a product", without(10), "covers 12 positions"),
        ("an entry for a commit", [&lines[..12], &[entry.as_str()]].concat(), "have the root"),
        ("an entry elsewhere", [&lines[..12], &[misplaced.as_str()]].concat(), "stands at position 11"),
        ("two checkpoints", [&lines[..], &lines[..1]].concat(), "can only be the first line"),
    ] {
        std::fs::write(&file, altered.join("\n") + "\n").unwrap();
        let output = verified(&["--file"], &file);
        assert!(
            output.status.code() == Some(1) && printed(&output).contains(told),
            "{what}: {}",
            printed(&output)
        );
        if let Some((code, said)) = by_python(&file) {
            assert_eq!(code, 1, "{what}: {said}");
        }
        let data = ledger.data.with_file_name("refused");
        assert!(
            restore(&file, &data, &["--log-origin", "example.com/other"], 1).contains("nothing was written")
        );
        assert!(!data.exists(), "{what}");
    }
}

/// Without a checkpoint only the lines tell their order, also of commits that many clients wrote at once.
#[tokio::test]
async fn without_a_log_the_order_is_kept_too() {
    let mut ledger = Ledger::start_with(&[], &[("LEDGER_LOG", "off")]);
    let http = client().build().unwrap();
    let writers = (0..8).map(|writer| {
        let (http, url) = (http.clone(), ledger.url.clone());
        async move {
            for number in 0..30 {
                let product = (writer * 7 + number * 5) % 23;
                let put =
                    http.put(format!("{url}/products/p{product}")).header("content-type", "application/json");
                let body = format!(r#"{{"name":"{writer}-{number}","price":"{number}"}}"#);
                assert!(put.body(body).send().await.unwrap().status().as_u16() < 500);
            }
        }
    });
    futures::future::join_all(writers).await;
    assert_eq!(ledger.terminate(), Some(0));
    let (file, by_product) = (export(&ledger.data, "position"), export(&ledger.data, "product"));
    assert!(!std::fs::read_to_string(&file).unwrap().contains("checkpoint"));
    let ours = heads(&["--file"], &by_product);
    assert_eq!(heads(&["--file"], &file), ours);
    if let Some((code, said)) = by_python(&file) {
        assert!(code == 0 && said.ends_with(&ours), "{said}");
    }
    let data = ledger.data.with_file_name("restored");
    let said = restore(&file, &data, &["--log-origin", ORIGIN], 2);
    assert!(said.contains("--log-origin") && !data.exists(), "{said}");
    restore(&file, &data, &[], 0);
    assert_eq!(positions(&data), positions(&ledger.data));
}

#[tokio::test]
async fn a_restored_ledger_goes_on_with_the_log_where_its_key_is_and_begins_another_where_not() {
    let ledger = stopped(ORIGIN, 100).await;
    let [kept, first, new, other] =
        ["kept", "first", "new", "other"].map(|name| ledger.data.with_file_name(name));
    let key = key(&ledger.data);
    assert_whole(&log(&ledger), &key, &[("--keep", &kept)]);
    let file = export(&ledger.data, "position");
    let said = restore(&file, &new, &[], 2);
    assert!(said.contains(ORIGIN) && said.contains("--log-origin") && !new.exists(), "{said}");
    let said = restore(&file, &new, &["--log-origin", ORIGIN], 2);
    assert!(said.contains(ORIGIN) && !new.exists(), "{said}");

    // The first 250 positions, and then all: what is there must be the beginning.
    std::fs::create_dir(&new).unwrap();
    std::fs::copy(ledger.data.join("log.key"), new.join("log.key")).unwrap();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&first, text.lines().skip(1).take(250).collect::<Vec<_>>().join("\n")).unwrap();
    let said = restore(&first, &new, &[], 0);
    assert!(said.contains("250 written, 0 there before"), "{said}");
    let said = restore(&file, &new, &[], 0);
    assert!(said.contains("50 written, 250 there before"), "{said}");
    assert!(said.contains("goes on behind 300 entries"), "{said}");
    assert_eq!((positions(&new), checkpoint(&new)), (positions(&ledger.data), checkpoint(&ledger.data)));
    let said = restore(&file, &new, &[], 0);
    assert!(said.contains(": 0 written, 300 there before"), "{said}");
    assert_whole(&new.join("log"), &key, &[("--keep", &kept), ("--export", &file)]);
    let again = Ledger::on(new.clone());
    put(&again, 0..5).await;
    until_logged(&again, 305).await;
    assert_whole(&new.join("log"), &key, &[("--keep", &kept)]);
    drop(again);
    let said = restore(&file, &new, &[], 1);
    assert!(said.contains("holds 5 positions behind"), "{said}");
    heads(&["--log", "--data"], &new);

    // Another log has the same order.
    let said = restore(&file, &other, &["--log-origin", "example.com/second"], 0);
    assert!(said.contains("the log example.com/second begins"), "{said}");
    let said = restore(&file, &other, &["--log-origin", "example.com/second"], 0);
    assert!(said.contains(": 0 written"), "{said}");
    let second = Ledger::on(other.clone());
    until_logged(&second, 300).await;
    let of_second = self::key(&other);
    assert!(of_second.starts_with("example.com/second+") && !key.contains(&of_second), "{of_second}");
    assert_whole(&log(&second), &of_second, &[("--export", &file)]);
    assert_eq!(
        std::fs::read(log(&second).join("tile/entries/000")).unwrap(),
        std::fs::read(log(&ledger).join("tile/entries/000")).unwrap()
    );
}

#[tokio::test]
async fn a_ledger_with_other_commits_and_a_longer_log_are_left_alone() {
    let mut ledger = stopped(ORIGIN, 2).await;
    let file = export(&ledger.data, "position");
    let mut foreign = Ledger::start();
    put(&foreign, 0..2).await;
    assert_eq!(foreign.terminate(), Some(0));
    let held = positions(&foreign.data);
    let said = restore(&file, &foreign.data, &[], 1);
    assert!(said.contains("at position 0 the ledger holds something else"), "{said}");
    assert_eq!(positions(&foreign.data), held);
    ledger.restart();
    put(&ledger, 0..1).await;
    until_logged(&ledger, 7).await;
    assert_eq!(ledger.terminate(), Some(0));
    let longer = ledger.data.with_file_name("longer");
    std::fs::create_dir(&longer).unwrap();
    run(Command::new("cp").arg("-r").arg(log(&ledger)).arg(ledger.data.join("log.key")).arg(&longer), 0);
    let said = restore(&file, &longer, &[], 1);
    assert!(said.contains("7 entries") && said.contains("only 6"), "{said}");
    assert_eq!(count(&longer.join("ledger.sqlite3"), "commits"), 0);
}

/// The way of docs/operations.md from one data directory to another one with a key of its own.
#[tokio::test]
async fn a_log_moves_to_another_machine_whose_first_checkpoint_both_keys_have_signed() {
    let mut ledger = stopped(ORIGIN, 90).await;
    let [kept, keys, new] = ["kept", "keys", "new"].map(|name| ledger.data.with_file_name(name));
    assert_whole(&log(&ledger), &key(&ledger.data), &[("--keep", &kept)]);
    // The new machine makes its key.
    let mut place = Ledger::on_with(new.clone(), &["--log-origin", ORIGIN]);
    until_logged(&place, 0).await;
    assert_eq!(place.terminate(), Some(0));
    let vkey = key(&new).split(' ').next().unwrap().to_owned();
    let before = export(&ledger.data, "position");
    let too_early = ledger.data.with_file_name("too-early");
    std::fs::copy(before, &too_early).unwrap();
    ledger.restart();
    put(&ledger, 0..2).await;
    until_logged(&ledger, 272).await;
    assert_eq!(ledger.terminate(), Some(0));
    // The old machine hands the log over; repeated, it says the same.
    let said = ledger_log(&ledger.data, &["rotate-key", "--to", &vkey], 0);
    assert_eq!(ledger_log(&ledger.data, &["rotate-key", "--to", &vkey], 0), said);
    assert!(said.contains(" to 272") && said.contains(&format!("{vkey} from 272")), "{said}");
    let said = ledger_log(&ledger.data, &["rotate-key", "--lost"], 1);
    assert!(said.contains("handed over"), "{said}");
    std::fs::write(&keys, key(&ledger.data)).unwrap();
    let file = export(&ledger.data, "position");

    let given = ["--key", keys.to_str().unwrap()];
    assert!(restore(&file, &new, &[], 2).contains("--key"));
    let said = restore(&too_early, &new, &given, 2);
    assert!(said.contains("signs only larger ones"), "{said}");
    let said = restore(&file, &new, &given, 0);
    assert!(said.contains("goes on behind 272 entries"), "{said}");
    let note = SignedNote::read(&checkpoint(&new)).unwrap();
    assert_eq!(note.signatures.len(), 2);
    assert_eq!(LogCheckpoint::read(&note.text).unwrap().size, 272);
    for line in key(&ledger.data).lines() {
        assert_whole(&new.join("log"), line, &[("--export", &file)]);
    }
    assert_eq!(key(&new), key(&ledger.data));
    let goes_on = Ledger::on(new.clone());
    put(&goes_on, 2..4).await;
    until_logged(&goes_on, 274).await;
    assert_whole(&new.join("log"), &keys.display().to_string(), &[("--keep", &kept)]);
    heads(&["--log", "--data"], &new);
    // The old one records and serves, and signs nothing.
    let last = checkpoint(&ledger.data);
    ledger.restart();
    let said = until_stopped(&ledger).await;
    assert!(said.contains("handed over to the key") && !said.contains("log verify"), "{said}");
    put(&ledger, 5..6).await;
    assert_eq!(checkpoint(&ledger.data), last);
}

#[tokio::test]
async fn what_a_restored_ledger_lost_on_record_comes_along_by_position() {
    let mut ledger = Ledger::start();
    change(&ledger, &["a", "b"], 1..3).await;
    until_logged(&ledger, 4).await;
    let copy = backup(&ledger, "back");
    change(&ledger, &["b", "a"], 3..5).await;
    until_logged(&ledger, 8).await;
    let kept = ledger.data.with_file_name("kept");
    assert_whole(&log(&ledger), &key(&ledger.data), &[("--keep", &kept)]);
    assert_eq!(ledger.terminate(), Some(0));
    ledger_log(&copy, &["restore", log(&ledger).to_str().unwrap()], 0);
    let early = program().args(["export", "--by", "position", "--data"]).arg(&copy).output().unwrap();
    assert!(
        early.status.code() == Some(1) && printed(&early).contains("accept-restore"),
        "{}",
        printed(&early)
    );
    ledger_log(&copy, &["accept-restore", "--reason", "disk lost"], 0);
    let mut back = Ledger::on(copy.clone());
    change(&back, &["a", "b", "c"], 7..9).await;
    until_logged(&back, 15).await;
    assert_eq!(back.terminate(), Some(0));
    let (file, by_product) = (export(&copy, "position"), export(&copy, "product"));
    let text = std::fs::read_to_string(&file).unwrap();
    let entries: Vec<Value> =
        text.lines().skip(5).take(5).map(|line| serde_json::from_str(line).unwrap()).collect();
    for (position, entry) in (4..).zip(&entries) {
        let bytes = STANDARD.decode(entry["entry"].as_str().unwrap()).unwrap();
        assert_eq!((&entry["position"], bytes.len() == 64), (&json!(position), position < 8), "{entry}");
    }
    assert_eq!(heads(&["--file"], &file), heads(&["--file"], &by_product));
    if let Some((code, said)) = by_python(&file) {
        assert!(code == 0 && said.ends_with(&heads(&["--file"], &by_product)), "{said}");
    }
    let new = copy.with_file_name("new");
    std::fs::create_dir(&new).unwrap();
    std::fs::copy(copy.join("log.key"), new.join("log.key")).unwrap();
    restore(&file, &new, &[], 0);
    assert_eq!((positions(&new), checkpoint(&new)), (positions(&copy), checkpoint(&copy)));
    for (log, export) in
        [&copy, &new].into_iter().flat_map(|data| [&file, &by_product].map(|file| (data.join("log"), file)))
    {
        assert_whole(&log, &key(&copy), &[("--export", export), ("--keep", &kept)]);
    }
    heads(&["--log", "--data"], &new);
    let again = Ledger::on(new.clone());
    change(&again, &["b"], 9..10).await;
    until_logged(&again, 16).await;
    assert_whole(&new.join("log"), &key(&copy), &[("--keep", &kept)]);
    drop(again);
    // An entry that is not the one that was logged.
    until("it is free", || program().args(["verify", "--data"]).arg(&new).output().unwrap().status.success())
        .await;
    let connection = sqlite::rusqlite::Connection::open(new.join("ledger.sqlite3")).unwrap();
    connection
        .execute_batch(
            "DROP TRIGGER log_entries_are_not_changed; UPDATE log_entries SET entry = x'00' WHERE position = 8;
             CREATE TRIGGER log_entries_are_not_changed BEFORE UPDATE ON log_entries\nBEGIN SELECT RAISE(ABORT, 'an entry is never changed'); END;",
        )
        .unwrap();
    drop(connection);
    let output = verified(&["--log", "--data"], &new);
    assert!(
        output.status.code() == Some(1) && printed(&output).contains("at position 8"),
        "{}",
        printed(&output)
    );
}
