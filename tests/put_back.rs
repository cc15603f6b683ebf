//! A data directory is put back from a backup: its log goes on without taking back what was signed, on record, or another log
//! begins. These are the rehearsals of docs/operations.md.

use std::path::Path;
use std::process::Output;

use serde_json::json;

use crate::logged::{assert_whole, key, log, put, refused, until_logged, until_stopped};
use crate::restore::until;
use crate::scenario::{Ledger, printed, program};
use crate::watched::{Witness, backup, checkpoint, ledger_log};

const CHANGED: &str = r#"{"name":"changed","price":"2"}"#;
const OTHERWISE: &str = r#"{"name":"changed otherwise","price":"3"}"#;

async fn change(ledger: &Ledger, products: &[&str], body: &str) {
    for product in products {
        let (status, answer) = ledger.send("PUT", &format!("/products/{product}"), body).await;
        assert!(status == 200 || status == 201, "{answer}");
    }
}

fn log_verify(log: &Path, key: &str, kept: &Path) -> Output {
    program().args(["log", "verify"]).arg(log).args(["--key", key, "--keep"]).arg(kept).output().unwrap()
}

#[tokio::test]
async fn a_log_that_was_brought_back_goes_on_behind_what_the_ledger_lost_on_record() {
    let witness = Witness::serve("witness.example/one");
    let (folder, option) = (tempfile::tempdir().unwrap(), witness.option());
    let (kept, readers) = (folder.path().join("kept"), folder.path().join("readers"));
    let options = ["--log-keep", kept.to_str().unwrap(), "--log-witness", &option];
    let mut ledger = Ledger::start_with(&options, &[]);
    put(&ledger, 0..260).await;
    until_logged(&ledger, 260).await;
    let copy = backup(&ledger, "back");
    // Two commits of p1 and one of p2 are lost, and the whole of a new product.
    change(&ledger, &["p1", "p2", "new"], CHANGED).await;
    change(&ledger, &["p1"], OTHERWISE).await;
    until_logged(&ledger, 264).await;
    let (key, hash) = (key(&ledger.data), ledger.history("p1").await[1]["hash"].as_str().unwrap().to_owned());
    assert_whole(&log(&ledger), &key, &[("--keep", &readers)]);
    until("it is kept", || std::fs::read(&kept).unwrap() == checkpoint(&ledger.data)).await;
    assert_eq!(ledger.terminate(), Some(0));

    assert!(refused(&copy, &options).contains("ledger log restore"));
    let said = ledger_log(&copy, &["accept-restore", "--reason", "too early"], 1);
    assert!(said.contains("log restore"), "the log is an older one too: {said}");
    let said = ledger_log(&copy, &["restore", log(&ledger).to_str().unwrap()], 0);
    assert!(said.contains("264 entries"), "{said}");
    assert_eq!(checkpoint(&copy), checkpoint(&ledger.data));
    let said = ledger_log(&copy, &["accept-restore", "--reason", "disk lost"], 0);
    assert!(said.contains("4 commits lost by 3 products") && said.contains("264"), "{said}");
    let said = ledger_log(&copy, &["accept-restore", "--reason", "again"], 1);
    assert!(said.contains("nothing to accept"), "{said}");

    let mut back = Ledger::on_with(copy, &options);
    change(&back, &["p1", "p2", "new"], OTHERWISE).await;
    until_logged(&back, 268).await;
    until("it has cosigned", || witness.has_cosigned(&back)).await;
    let output = log_verify(&log(&back), &key, &readers);
    let said = printed(&output);
    assert_eq!(output.status.code(), Some(0), "{said}");
    for part in ["entry 264 accepts a restore", "disk lost", "takes the place of entry 260", "grown from 264"]
    {
        assert!(said.contains(part), "{part} in {said}");
    }
    // The feed shows the positions of lost commits, and why.
    let (status, page) = back.get("/commits?after=259").await;
    assert_eq!(status, 200, "{page}");
    let items = page["commits"].as_array().unwrap();
    assert_eq!(items.len(), 8);
    assert_eq!(
        items[0],
        json!({"position": 260, "commit": null, "missing": {"product_id": null, "sequence": null, "hash": hash}})
    );
    assert_eq!(
        items[4],
        json!({"position": 264, "commit": null, "entry": {"kind": "restore-accepted", "reason": "disk lost"}})
    );
    assert_eq!(items[5]["commit"]["product_id"], "p1");
    let (_, page) = back.get("/commits?after=259&actor=anonymous").await;
    assert_eq!(page["commits"].as_array().unwrap().len(), 3, "they are nothing of a commit: {page}");
    // The ledger itself is whole, also with its positions, and once more behind a start.
    assert_eq!(back.terminate(), Some(0));
    back.restart();
    change(&back, &["p3"], OTHERWISE).await;
    until_logged(&back, 269).await;
    let verified = back.operate(&["verify", "--receipts", "--views", "--wait", "60"]);
    assert_eq!(verified.status.code(), Some(0), "{}", printed(&verified));
    assert_eq!(log_verify(&log(&back), &key, &readers).status.code(), Some(0));
    let again = backup(&back, "again");
    assert_whole(&again.join("log"), &key, &[("--keep", &readers)]);
}

#[tokio::test]
async fn a_restore_is_accepted_only_before_anything_else_is_recorded_and_only_of_an_earlier_state() {
    let mut ledger = Ledger::start();
    put(&ledger, 0..5).await;
    until_logged(&ledger, 5).await;
    assert_eq!(ledger.terminate(), Some(0));
    let said = ledger_log(&ledger.data, &["accept-restore", "--reason", "none"], 1);
    assert!(said.contains("nothing to accept"), "{said}");
    ledger.restart();
    ledger_log(&ledger.data, &["accept-restore", "--reason", "it runs"], 2);
    let copy = backup(&ledger, "back");
    put(&ledger, 5..9).await;
    until_logged(&ledger, 9).await;
    let key = key(&ledger.data);
    assert_eq!(ledger.terminate(), Some(0));
    ledger_log(&copy, &["restore", log(&ledger).to_str().unwrap()], 0);
    // The server records behind the positions that were logged, and signs nothing.
    let before = checkpoint(&copy);
    let mut early = Ledger::on(copy.clone());
    let said = until_stopped(&early).await;
    assert!(said.contains("9 entries") && said.contains("5 commits"), "{said}");
    put(&early, 100..103).await;
    assert_eq!(early.terminate(), Some(0));
    assert_eq!(checkpoint(&copy), before);
    let said = ledger_log(&copy, &["accept-restore", "--reason", "too late"], 1);
    assert!(said.contains("from position 9 on") && said.contains("ledger log new"), "{said}");
    // A new log has the lost commits too, as far as the log before has them.
    let said = ledger_log(&copy, &["new", "--log-origin", "example.com/second"], 0);
    assert!(said.contains("example.com/second+"), "{said}");
    let again = Ledger::on(copy);
    until_logged(&again, 12).await;
    assert_whole(&log(&again), &self::key_of(&said), &[]);
    // Nothing on record accepts their loss.
    let verified = again.operate(&["verify", "--log", "--wait", "60"]);
    let told = printed(&verified);
    assert!(
        verified.status.code() == Some(1) && told.contains("cut_off") && told.contains("4 faults"),
        "{told}"
    );
    let former = std::fs::read_dir(&again.data).unwrap().map(|entry| entry.unwrap().path());
    let former: Vec<_> = former
        .filter(|path| path.is_dir() && path.file_name().unwrap().to_str().unwrap().starts_with("log."))
        .collect();
    assert_eq!(former.len(), 1);
    assert_whole(&former[0], &key, &[]);
    let bytes = |log: &Path| std::fs::read(log.join("tile/entries/000.p/9")).unwrap();
    let logged = std::fs::read(log(&again).join("tile/entries/000.p/12")).unwrap();
    assert_eq!(logged[..bytes(&former[0]).len()], bytes(&former[0]));
}

/// The key in what `ledger log new` prints.
fn key_of(said: &str) -> String {
    said.lines().find(|line| line.contains(" from 0")).unwrap().to_owned()
}

#[tokio::test]
async fn another_log_begins_under_a_new_name_and_the_one_before_is_kept() {
    let mut ledger = Ledger::start_with(&["--log-origin", "example.com/log"], &[]);
    put(&ledger, 0..300).await;
    until_logged(&ledger, 300).await;
    let first = key(&ledger.data);
    assert_eq!(ledger.terminate(), Some(0));
    let said = refused(&ledger.data, &["--log-origin", "example.com/second"]);
    assert!(said.contains("ledger log new --log-origin example.com/second"), "{said}");
    let said = ledger_log(&ledger.data, &["new", "--log-origin", "example.com/log"], 1);
    assert!(said.contains("already"), "{said}");
    ledger_log(&ledger.data, &["new", "--log-origin", "https://example.com"], 2);
    let second = key_of(&ledger_log(&ledger.data, &["new", "--log-origin", "example.com/second"], 0));
    let former = ledger.data.join("log.example.com%2Flog");
    assert_whole(&former, &first, &[]);
    assert!(ledger.data.join("log.example.com%2Flog.key").exists());
    let again = Ledger::on_with(ledger.data.clone(), &["--log-origin", "example.com/second"]);
    put(&again, 300..301).await;
    until_logged(&again, 301).await;
    assert_eq!(key(&again.data), second);
    assert_whole(&log(&again), &second, &[]);
}

#[tokio::test]
async fn tiles_are_made_again_from_entries_and_what_is_no_later_state_of_the_log_is_not_taken() {
    let mut ledger = Ledger::start();
    put(&ledger, 0..300).await;
    until_logged(&ledger, 300).await;
    let (key, shorter) = (key(&ledger.data), backup(&ledger, "shorter"));
    put(&ledger, 300..310).await;
    until_logged(&ledger, 310).await;
    assert_eq!(ledger.terminate(), Some(0));
    let files = || {
        [
            "tile/0/000",
            "tile/0/001.p/54",
            "tile/1/000.p/1",
            "tile/entries/000",
            "tile/entries/001.p/54",
            "checkpoint",
        ]
        .map(|file| std::fs::read(log(&ledger).join(file)).unwrap())
    };
    let before = files();
    std::fs::remove_file(log(&ledger).join("tile/0/000")).unwrap();
    std::fs::remove_dir_all(log(&ledger).join("tile/1")).unwrap();
    std::fs::write(log(&ledger).join("tile/0/001.p/54"), "damaged").unwrap();
    ledger_log(&ledger.data, &["restore"], 0);
    assert_eq!(files(), before);
    assert_whole(&log(&ledger), &key, &[]);
    let said = ledger_log(&ledger.data, &["restore", shorter.join("log").to_str().unwrap()], 1);
    assert!(said.contains("310 entries") && said.contains("only 300"), "{said}");
    // A second history under the same key.
    let other = Ledger::on(shorter.clone());
    put(&other, 1000..1020).await;
    until_logged(&other, 320).await;
    drop(other);
    let said = ledger_log(&ledger.data, &["restore", shorter.join("log").to_str().unwrap()], 1);
    assert!(said.contains("second history"), "{said}");
    // A copy whose entries were altered, and one of another log.
    let bundle = shorter.join("log/tile/entries/000");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[10] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    let said = ledger_log(&ledger.data, &["restore", shorter.join("log").to_str().unwrap()], 1);
    assert!(said.contains("do not give the root"), "{said}");
    let foreign = Ledger::start();
    put(&foreign, 0..1).await;
    until_logged(&foreign, 1).await;
    let said = ledger_log(&ledger.data, &["restore", log(&foreign).to_str().unwrap()], 1);
    assert!(said.contains("not the log of this ledger"), "{said}");
    assert_eq!(files(), before);
}
