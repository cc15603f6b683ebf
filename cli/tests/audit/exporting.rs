//! `ledger export`.

use std::process::Stdio;

use schema::fixtures;

use super::given::{Ledger, lives, program, read};

fn lines() -> String {
    let line = |commit| String::from_utf8(event_store::export::line(commit).unwrap()).unwrap();
    lives().iter().map(line).collect()
}

#[tokio::test]
async fn the_whole_ledger_is_exported_while_a_server_has_it_open() {
    let ledger = Ledger::of_two().await;
    let ran = ledger.run(&["export"]);
    assert_eq!((ran.code, ran.out), (0, lines()), "{}", ran.err);
    assert!(ran.err.contains("exported 8 commits"), "{}", ran.err);
}

#[tokio::test]
async fn one_product_is_exported_alone() {
    let ledger = Ledger::of_two().await;
    let ran = ledger.run(&["export", "lamp"]);
    let all = lines();
    let lamp: String = all.split_inclusive('\n').skip(6).collect();
    assert_eq!((ran.code, ran.out), (0, lamp), "{}", ran.err);
}

#[tokio::test]
async fn a_file_appears_when_it_is_complete_and_replaces_an_earlier_one() {
    let ledger = Ledger::of_two().await;
    let file = ledger.path("ledger.ndjson");
    std::fs::write(&file, "earlier").unwrap();
    let ran = ledger.run(&["export", "nobody", "-o", "ledger.ndjson"]);
    assert_eq!(ran.code, 1, "{}", ran.err);
    assert_eq!(read(&file), "earlier", "nothing was exported, so nothing was replaced");
    let ran = ledger.run(&["export", "-o", "ledger.ndjson"]);
    assert_eq!((ran.code, read(&file)), (0, lines()), "{}", ran.err);
    assert!(!ledger.path("ledger.ndjson.partial").exists());
}

#[tokio::test]
async fn an_empty_ledger_is_exported_as_an_empty_file() {
    let directory = tempfile::tempdir().unwrap();
    let _open = super::given::open(directory.path()).await;
    let data = directory.path().to_str().unwrap();
    let file = directory.path().join("empty.ndjson");
    let status = program().args(["export", "--data", data, "-o"]).arg(&file).status().unwrap();
    assert!(status.success());
    assert_eq!(read(&file), "");
}

#[tokio::test]
async fn a_reader_that_stops_reading_does_not_make_it_fail() {
    let ledger = Ledger::of_two().await;
    for n in 0..40 {
        for commit in super::given::life(&format!("p{n}"), fixtures::helmet_story()) {
            ledger.append(&commit).await;
        }
    }
    let mut export = program();
    export.args(["export", "--data", ledger.path("data").to_str().unwrap()]).stdout(Stdio::piped());
    let mut running = export.stderr(Stdio::piped()).spawn().unwrap();
    drop(running.stdout.take());
    let output = running.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn a_line_is_standard_output_and_no_file() {
    let ledger = Ledger::of_two().await;
    let (plain, named) = (ledger.run(&["export"]), ledger.run(&["export", "-o", "-"]));
    assert_eq!((named.code, &named.out), (0, &plain.out), "{}", named.err);
    assert_eq!(named.out.lines().count(), 8);
    let receipts = ledger.run(&["export", "--receipts", "-"]);
    assert_eq!((receipts.code, receipts.out.as_str()), (2, ""), "{}", receipts.err);
    assert!(receipts.err.starts_with("ledger: --receipts -: name a file"), "{}", receipts.err);
    assert!(!ledger.path("-").exists() && !ledger.path("-.partial").exists());
}

#[tokio::test]
async fn what_cannot_be_exported_is_said_in_one_line() {
    let ledger = Ledger::of_two().await;
    for (arguments, code, says) in [
        (vec!["export", "nobody"], 1, "there is no product nobody"),
        (vec!["export", "-o", "no/such/place"], 2, "cannot be written"),
    ] {
        let ran = ledger.run(&arguments);
        assert_eq!((ran.code, ran.out.as_str()), (code, ""), "{ran:?}");
        assert!(
            ran.err.lines().any(|line| line.starts_with("ledger: ") && line.contains(says)),
            "{}",
            ran.err
        );
    }
    for arguments in [vec!["export"], vec!["export", "--data", "nowhere"]] {
        let ran = ledger.run_without(&arguments);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.err.contains("--data"), "{}", ran.err);
    }
}
