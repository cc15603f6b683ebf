//! The inputs of an import: a file, standard input, a pipe; none is held in memory.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use serde_json::json;
use sha2::{Digest, Sha256};

use super::between::{Between, Fate, answer};
use super::{file, import_at, summary};
use crate::scenario::{LEDGER, Ledger, any_program, printed, program};

const LINES: [&str; 2] = [
    r#"{"command":"create","product_id":"p","name":"n","price":"1"}"#,
    r#"{"command":"update","product_id":"p","price":"2"}"#,
];

/// An import that reads standard input, given to it through a pipe.
fn piped(ledger: &Ledger, arguments: &[&str]) -> Output {
    let mut command = program();
    command.arg("import").args(arguments).args(["--url", &ledger.url]);
    let mut import =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    import.stdin.take().unwrap().write_all(LINES.join("\n").as_bytes()).unwrap();
    import.wait_with_output().unwrap()
}

fn bash(ledger: &Ledger, script: &str) -> Output {
    let script = script.replace("IMPORT", &format!("{LEDGER} import --url {}", ledger.url));
    let mut command = any_program("bash");
    command.arg("-c").arg(format!("set -e; lines='{}'; {script}", LINES.join("\n")));
    let directory = tempfile::tempdir().unwrap();
    command.current_dir(&directory).output().unwrap()
}

#[tokio::test]
async fn what_comes_through_a_pipe_is_imported_as_a_file_of_the_same_bytes_is() {
    let ledger = Ledger::start();
    let first = piped(&ledger, &["-"]);
    assert_eq!(first.status.code(), Some(0), "{}", printed(&first));
    assert_eq!(summary(&first), "2 commands: 2 written, 0 imported before, 0 without effect, 0 failures");
    let lines = file(&LINES);
    let directory = tempfile::tempdir().unwrap();
    let fifo = directory.path().join("fifo");
    let fifo = fifo.to_str().unwrap();
    for again in [
        piped(&ledger, &["/dev/stdin"]),
        ledger.import(lines.path()).output().unwrap(),
        bash(&ledger, "IMPORT <(echo -n \"$lines\")"),
        bash(&ledger, &format!("mkfifo {fifo}; (echo -n \"$lines\" > {fifo} &) ; IMPORT {fifo}")),
        bash(&ledger, &format!("IMPORT - < {}", lines.path().display())),
        bash(
            &ledger,
            "echo -n \"$lines\" | TMPDIR=/nowhere IMPORT - --batch b --dry-run | grep '2 would be sent' >/dev/null; IMPORT <(echo -n \"$lines\")",
        ),
    ] {
        assert_eq!(again.status.code(), Some(0), "{}", printed(&again));
        assert_eq!(
            summary(&again),
            "2 commands: 0 written, 2 imported before, 0 without effect, 0 failures",
            "{}",
            printed(&again)
        );
    }
}

#[tokio::test]
async fn a_pipe_with_a_batch_s_name_is_not_copied_and_one_without_says_where_it_cannot_be() {
    let ledger = Ledger::start();
    let there =
        |rest: &str| bash(&ledger, &format!("export TMPDIR=/nowhere; echo -n \"$lines\" | IMPORT - {rest}"));
    let copied = there("");
    let text = printed(&copied);
    assert_eq!(copied.status.code(), Some(2), "{text}");
    assert!(text.contains("/nowhere") && text.contains("--batch"), "{text}");
    let direct = there("--batch b");
    assert_eq!(direct.status.code(), Some(0), "{}", printed(&direct));
    assert_eq!(summary(&direct), "2 commands: 2 written, 0 imported before, 0 without effect, 0 failures");
    let again = there("--batch b");
    assert!(printed(&again).contains("2 imported before"), "{}", printed(&again));
}

#[test]
fn an_input_that_changes_while_it_is_read_is_told() {
    let update = r#"{"command":"update","product_id":"p","price":"1"}"#;
    let lines = file(&[&format!("{update}\n").repeat(8_000)]);
    let path = lines.path().to_owned();
    // Far more than is read ahead, and the first question is answered after the change.
    let between = Between::start("", move |_| {
        let length = std::fs::metadata(&path).unwrap().len();
        std::fs::write(&path, "\n".repeat(usize::try_from(length).unwrap())).unwrap();
        Fate::Answer(answer(422, "{}".into()))
    });
    let output = import_at(&between.url, lines.path()).output().unwrap();
    let text = printed(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("was changed while being read") && !text.contains("to go on"), "{text}");
}

#[tokio::test]
async fn an_import_of_which_nobody_reads_what_it_says_is_done_all_the_same() {
    let ledger = Ledger::start();
    let output = bash(
        &ledger,
        "set +e; (echo nonsense; echo -n \"$lines\") > f; IMPORT f 2>&1 | true; echo ${PIPESTATUS[0]}",
    );
    assert_eq!(printed(&output), "1\n");
    assert_eq!(ledger.history("p").await.len(), 2);
}

/// The most memory a process has had, in KB; nothing where the system does not tell.
fn most_memory(process: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().trim_end_matches(" kB").parse().ok()
}

/// A page of the history of the import `big`: its commits at these places.
fn page(places: std::ops::RangeInclusive<u64>, next: Option<u64>) -> String {
    let mut commits = String::new();
    for place in places {
        let command = Sha256::digest(format!("update p\n{{\"price\":\"{place}\"}}"));
        let hash = schema::Hash::of_digest(&command.into());
        let comma = if commits.is_empty() { "" } else { "," };
        write!(
            commits,
            r#"{comma}{{"product_id":"p","sequence":{place},"events":[{{}}],"metadata":{{"idempotency_key":"import/batch:big/{place}/{hash}"}}}}"#
        )
        .unwrap();
    }
    let next = next.map_or("null".to_owned(), |next| next.to_string());
    format!(r#"{{"commits":[{commits}],"next":{next}}}"#)
}

/// A server on which the import `big` is done up to a place, every line of it or none but the last with an effect, and which takes
/// one more line. It looks at the memory of the process when it is first asked and when that line comes.
fn resumed(place: u64, all: bool, process: &Arc<AtomicU32>, grown: &Arc<AtomicU64>) -> Between {
    const PAGE: u64 = 100;
    let (process, grown, before) = (process.clone(), grown.clone(), AtomicU64::new(0));
    Between::start("", move |seen| {
        let memory = most_memory(process.load(Ordering::Acquire)).unwrap_or(0);
        if let Some((_, after)) = seen.path.split_once("/history?limit=100&after=") {
            let after: u64 = after.parse().unwrap();
            if after == 0 {
                before.store(memory, Ordering::Relaxed);
            }
            let (first, last) = if all { (after + 1, place.min(after + PAGE)) } else { (place, place) };
            let next = Some(last).filter(|last| *last < place);
            return Fate::Answer(answer(200, page(first..=last, next)));
        }
        grown.store(memory - before.load(Ordering::Relaxed), Ordering::Relaxed);
        let receipt = json!({
            "product_id": "p", "version": place, "commit_id": "c", "hash": "0".repeat(64),
            "recorded_at": "2026-11-23T05:20:00.001Z", "events": [],
        });
        Fate::Answer(answer(200, receipt.to_string()))
    })
}

/// By how many KB an import grows that goes on behind this many lines of one product; 400,000 lines alone are 20 MB, and each of
/// them as a line of the program is several times that.
fn grown_behind(many: u64, all: bool) -> u64 {
    let (process, grown) = (Arc::<AtomicU32>::default(), Arc::<AtomicU64>::default());
    let between = resumed(many, all, &process, &grown);
    let mut text = String::new();
    for price in 1..=many + 1 {
        writeln!(text, r#"{{"command":"update","product_id":"p","price":"{price}"}}"#).unwrap();
    }
    let lines = file(&[&text]);
    let mut command = import_at(&between.url, lines.path());
    command.args(["--batch", "big"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let import = command.spawn().unwrap();
    process.store(import.id(), Ordering::Release);
    let output = import.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", printed(&output));
    assert_eq!(
        summary(&output),
        format!("{} commands: 0 written, {many} imported before, 1 without effect, 0 failures", many + 1)
    );
    grown.load(Ordering::Relaxed)
}

#[test]
fn memory_is_bounded_by_products_and_not_by_lines() {
    let grown = grown_behind(400_000, false);
    assert!(grown < 8 * 1024, "it grew by {grown} KB");
}

#[test]
fn of_the_recorded_lines_of_a_batch_a_few_bytes_each_are_kept() {
    // The keys alone are 17 MB, and each of them as the program reads it is several times that.
    let grown = grown_behind(200_000, true);
    assert!(grown < 16 * 1024, "it grew by {grown} KB");
}
